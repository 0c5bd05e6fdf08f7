package notify

import (
	"context"
	"slices"
	"strconv"
)

const (
	rangeSize = 2000 // people in a range; a multiple of canaryPage
	againSize = 1000 // deliveries that are made due in one transaction
	cutSize   = 1000 // ranges cut in one transaction
	// openEnough is how many open ranges a dispatch has at least while there is audience left to cut.
	openEnough = cutSize / 2
)

// CanAdvance reports, without a write, whether Advance has something to do.
func CanAdvance(ctx context.Context, tx Tx, d Dispatch) (bool, error) {
	if d.State != DispRunning {
		return false, nil
	}
	open, err := tx.OpenRanges(ctx, d.No)
	switch {
	case err != nil || open >= openEnough:
		return false, err
	case d.Flow.Cut < d.wave():
		return true, nil
	case open > 0:
		return false, nil
	case d.Flow.Phase == PhaseCanary:
		return true, nil
	case d.Flow.Phase == PhaseWatching:
		return !tx.Now().Before(*d.Flow.WatchUntil), nil
	}
	due, err := tx.NextDue(ctx, d.No)
	return due == nil, err
}

// Advance lets a dispatch go on: it cuts the next ranges when few are open, watches and judges the first wave,
// and ends the dispatch when nothing is left to do.
func Advance(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	d, err := lockDispatch(ctx, tx, d)
	if err != nil {
		return d, err
	}
	can, err := CanAdvance(ctx, tx, d)
	switch {
	case err != nil || !can:
		return d, err
	case d.Flow.Cut < d.wave():
		return cut(ctx, tx, d)
	case d.Flow.Phase == PhaseCanary:
		return watch(ctx, tx, d)
	case d.Flow.Phase == PhaseWatching:
		return judge(ctx, tx, d)
	}
	return finish(ctx, tx, d)
}

// cut inserts the next ranges of the audience. How far it has come is written in the same transaction, so a
// crash between two cuts repeats nothing and leaves nobody out. A range is numbered by its first page, which
// is its own whatever the size of ranges.
func cut(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	var ranges []Range
	end := d.wave()
	for len(ranges) < cutSize && d.Flow.Cut < end {
		from := d.Flow.Cut
		d.Flow.Cut = min(from+rangeSize, end)
		ranges = append(ranges, Range{Dispatch: d.No, No: from/canaryPage + 1, From: from, To: d.Flow.Cut})
	}
	if err := tx.InsertRanges(ctx, ranges); err != nil {
		return d, err
	}
	return d, tx.UpdateDispatch(ctx, d)
}

func finish(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	now := tx.Now()
	d.State, d.Reason, d.EndedAt = DispDone, "", &now
	if err := tx.UpdateDispatch(ctx, d); err != nil {
		return d, err
	}
	people, _, _, err := tx.Counts(ctx, d.No)
	if err != nil {
		return d, err
	}
	announceState(tx, d, "dispatch.done", "", map[string]string{
		"count": strconv.FormatInt(d.Total, 10), "unreachable": strconv.FormatInt(people[Failed], 10),
	})
	return d, nil
}

// Requeue makes a range of deliveries that are due to be tried: retries, deliveries in doubt, next
// channels. It serves one dispatch and returns how many it took; 0 when nothing is due.
func Requeue(ctx context.Context, tx Tx) (int, error) {
	due, err := tx.DueDeliveries(ctx, tx.Now(), 1)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	d, err := tx.DispatchByNo(ctx, due[0].Dispatch)
	if err != nil {
		return 0, err
	}
	if d, err = lockDispatch(ctx, tx, d); err != nil {
		return 0, err
	}
	if due, err = tx.DueDeliveries(ctx, tx.Now(), againSize); err != nil {
		return 0, err
	}
	due = slices.DeleteFunc(due, func(row Delivery) bool { return row.Dispatch != d.No })
	taken := len(due)
	if due, err = endWaits(ctx, tx, d, due); err != nil || len(due) == 0 {
		return taken, err
	}
	return taken, again(ctx, tx, d, due)
}

func again(ctx context.Context, tx Tx, d Dispatch, rows []Delivery) error {
	n, err := tx.NextNo(ctx, d.No, "again")
	if err != nil {
		return err
	}
	firsts := (d.Total + canaryPage - 1) / canaryPage // numbers that cut may give
	r := Range{Dispatch: d.No, No: firsts + n, Again: true, From: rows[0].Seq, To: rows[0].Seq + 1}
	for i := range rows {
		r.From, r.To = min(r.From, rows[i].Seq), max(r.To, rows[i].Seq+1)
		rows[i].RangeNo, rows[i].NextAt = r.No, nil
	}
	if err := tx.InsertRanges(ctx, []Range{r}); err != nil {
		return err
	}
	return tx.PutDeliveries(ctx, rows)
}
