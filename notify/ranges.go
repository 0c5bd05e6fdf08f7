package notify

import (
	"context"
	"maps"
	"slices"
	"strconv"
)

const (
	rangeSize = 2000 // people in a range; a multiple of canaryPage
	againSize = 1000 // deliveries that are made due in one transaction
	cutSize   = 1000 // ranges cut in one transaction
	// openEnough is how many open ranges a dispatch has at least while there is audience left to cut, lanes aside:
	// one that waits for its channel does not keep others from the rest of the audience.
	openEnough = cutSize / 2
)

// CanAdvance reports, without a write, whether Advance has something to do.
func CanAdvance(ctx context.Context, tx Tx, d Dispatch) (bool, error) {
	if d.State != DispRunning {
		return false, nil
	}
	open, lanes, err := tx.OpenRanges(ctx, d.No)
	switch {
	case err != nil || open-lanes >= openEnough:
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

// Requeue makes ranges of deliveries that are due to be tried: retries, deliveries in doubt, next
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

// again makes a lane of the rows of each channel.
func again(ctx context.Context, tx Tx, d Dispatch, rows []Delivery) error {
	var lanes []Range
	for i := range rows {
		row := &rows[i]
		at := slices.IndexFunc(lanes, func(r Range) bool { return r.Channel == row.Channel })
		if at < 0 {
			no, err := laterNo(ctx, tx, d)
			if err != nil {
				return err
			}
			at = len(lanes)
			lanes = append(lanes, Range{Dispatch: d.No, No: no, Again: true, Channel: row.Channel, From: row.Seq, To: row.Seq + 1})
		}
		r := &lanes[at]
		r.From, r.To = min(r.From, row.Seq), max(r.To, row.Seq+1)
		row.RangeNo, row.NextAt = r.No, nil
	}
	if err := tx.InsertRanges(ctx, lanes); err != nil {
		return err
	}
	return tx.PutDeliveries(ctx, rows)
}

// leave makes a lane of those whom a range has left on each channel. Who may have been sent to by an owner that died
// with the range is in doubt there as well.
func leave(ctx context.Context, tx Tx, d Dispatch, rec Recording) error {
	var lanes []Range
	for _, channel := range slices.Sorted(maps.Keys(rec.Left)) {
		seqs := rec.Left[channel]
		no, err := laterNo(ctx, tx, d)
		if err != nil {
			return err
		}
		r := Range{Dispatch: d.No, No: no, Channel: channel, From: seqs[0], To: seqs[len(seqs)-1] + 1, Doubt: rec.Range.Doubt}
		r.Members = make([]byte, (r.To-r.From+7)/8)
		for _, seq := range seqs {
			at := seq - r.From
			r.Members[at/8] |= 1 << (at % 8)
		}
		lanes = append(lanes, r)
	}
	return tx.InsertRanges(ctx, lanes)
}

// laterNo is the next number behind those that cut may give.
func laterNo(ctx context.Context, tx Tx, d Dispatch) (int64, error) {
	n, err := tx.NextNo(ctx, d.No, "again")
	return (d.Total+canaryPage-1)/canaryPage + n, err
}
