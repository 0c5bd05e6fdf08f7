package notify

import (
	"context"
	"slices"
	"strconv"
)

const (
	rangeSize = 2000 // people in a range
	againSize = 1000 // deliveries that are made due in one transaction
	cutSize   = 1000 // ranges cut in one transaction
	// OpenEnough is how many open ranges a dispatch has at least while there is audience left to cut.
	OpenEnough = cutSize / 2
)

// Advance lets a dispatch go on: it cuts the next ranges when few are open, and ends the dispatch when
// nothing is left to do. whole says that the audience is cut to its end.
func Advance(ctx context.Context, tx Tx, d Dispatch) (after Dispatch, whole bool, err error) {
	if d, err = lockDispatch(ctx, tx, d); err != nil || d.State != DispRunning {
		return d, false, err
	}
	openRanges, err := tx.OpenRanges(ctx, d.No)
	if err != nil || openRanges >= OpenEnough {
		return d, false, err
	}
	if made, err := cut(ctx, tx, d); err != nil || made > 0 {
		return d, made > 0 && made < cutSize, err
	}
	due, err := tx.NextDue(ctx, d.No)
	if err != nil || openRanges > 0 || due != nil {
		return d, true, err
	}
	d, err = finish(ctx, tx, d)
	return d, true, err
}

// advance is the first step of a dispatch just released, still in the transaction of its release.
func advance(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	made, err := cut(ctx, tx, d)
	if err != nil || made > 0 {
		return d, err
	}
	return finish(ctx, tx, d)
}

// cut inserts the next ranges of the audience. How far it has come is a counter of the same
// transaction, so a crash between two cuts repeats nothing and leaves nobody out.
func cut(ctx context.Context, tx Tx, d Dispatch) (made int, err error) {
	n, err := tx.NextNo(ctx, d.No, "cut")
	if err != nil {
		return 0, err
	}
	var ranges []Range
	from := (n - 1) * cutSize * rangeSize
	for ; from < d.Total && len(ranges) < cutSize; from += rangeSize {
		ranges = append(ranges, Range{
			Dispatch: d.No, No: from/rangeSize + 1, From: from, To: min(from+rangeSize, d.Total),
		})
	}
	if len(ranges) == 0 {
		return 0, nil
	}
	return len(ranges), tx.InsertRanges(ctx, ranges)
}

func finish(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	now := tx.Now()
	d.State, d.Reason, d.EndedAt = DispDone, "", &now
	if err := tx.UpdateDispatch(ctx, d); err != nil {
		return d, err
	}
	announceState(tx, d, "dispatch.done", "", map[string]string{"count": strconv.FormatInt(d.Total, 10)})
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
	firsts := (d.Total + rangeSize - 1) / rangeSize // numbers of the ranges that cut makes
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
