package notify

import (
	"context"
	"slices"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

const walkSpan = 500 // recipients looked at together

// waiting lists who has not been sent to: pending while the dispatch can still reach them, stopped after
// it was stopped. Everybody in a range that is done has an outcome, so only what is not worked off is walked,
// and the rows that wait for another try.
func waiting(ctx context.Context, tx Tx, d Dispatch, state DeliveryState, afterSeq int64, limit int) ([]Delivery, error) {
	var stretches [][2]int64
	if (state == Stopped) == (d.State == DispStopped) { // else nobody without a row is listed
		var err error
		if stretches, err = tx.OpenStretches(ctx, d.No); err != nil {
			return nil, err
		}
		stretches = append(stretches, [2]int64{d.Flow.Cut, d.Total})
	} else if state == Pending {
		return nil, nil
	}
	var out []Delivery
	for from := afterSeq + 1; from < d.Total && len(out) < limit; {
		look, known, err := toLookAt(ctx, tx, d, state, from, limit)
		if err != nil {
			return nil, err
		}
		for _, s := range stretches {
			if s[0], s[1] = max(s[0], from), min(s[1], known); s[0] < s[1] {
				look = append(look, s)
			}
		}
		slices.SortFunc(look, func(a, b [2]int64) int { return int(a[0] - b[0]) })
		for _, s := range look {
			for s[0] = max(s[0], from); s[0] < s[1] && len(out) < limit; s[0] = from {
				from = min(s[0]+walkSpan, s[1])
				if out, err = waitingIn(ctx, tx, d, state, s[0], from, out); err != nil {
					return nil, err
				}
			}
		}
		from = max(from, known)
	}
	return wholePeople(out, limit, -1), nil
}

// toLookAt are the places from a recipient on with a row that may be listed, and up to where they are all known.
func toLookAt(ctx context.Context, tx Tx, d Dispatch, state DeliveryState, from int64, limit int) (look [][2]int64, known int64, err error) {
	known = d.Total
	var seqs []int64
	for _, s := range []DeliveryState{Pending, Stopped} {
		if s == Stopped && state != Stopped || s == Pending && state == Stopped && d.State != DispStopped {
			continue
		}
		rows, err := tx.Deliveries(ctx, d.No, &s, from-1, limit)
		if err != nil {
			return nil, 0, err
		}
		for _, row := range rows {
			seqs = append(seqs, row.Seq)
		}
		if len(rows) == limit {
			known = min(known, rows[len(rows)-1].Seq+1)
		}
	}
	slices.Sort(seqs)
	end, _ := slices.BinarySearch(seqs, known)
	return windows(seqs[:end]), known, nil
}

// waitingIn adds who waits among the recipients from ≤ seq < to.
func waitingIn(ctx context.Context, tx Tx, d Dispatch, state DeliveryState, from, to int64, out []Delivery) ([]Delivery, error) {
	rows, err := tx.DeliveriesOf(ctx, d.No, from, to)
	if err != nil {
		return nil, err
	}
	for seq := from; seq < to; seq++ {
		n := 0
		for n < len(rows) && rows[n].Seq == seq {
			n++
		}
		out = append(out, waitingRows(d, seq, rows[:n], state)...)
		rows = rows[n:]
	}
	return out, nil
}

func waitingRows(d Dispatch, seq int64, rows []Delivery, state DeliveryState) []Delivery {
	if len(rows) == 0 {
		rows = []Delivery{{Dispatch: d.No, Seq: seq}}
	}
	var out []Delivery
	for _, row := range rows {
		if row.State = shown(d.State, row.State); row.State == state && !row.Superseded {
			out = append(out, row)
		}
	}
	return out
}

// Unreachable pages by recipient through the people whom no channel of the plan has reached, every row of theirs.
func (s *Service) Unreachable(ctx context.Context, sc evidence.Scope, id string, afterSeq int64, limit int) ([]Delivery, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	limit = pageOf(limit)
	var out []Delivery
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, id)
		if err != nil {
			return err
		}
		failed := Failed
		for more := true; more && len(out) < limit; {
			rows, err := tx.Deliveries(ctx, d.No, &failed, afterSeq, limit)
			if err != nil {
				return err
			}
			more = len(rows) == limit
			var seqs []int64
			for _, row := range rows {
				seqs, afterSeq = append(seqs, row.Seq), row.Seq
			}
			if out, err = unreached(ctx, tx, d, slices.Compact(seqs), out); err != nil {
				return err
			}
		}
		out = wholePeople(out, limit, -1)
		return nil
	})
	return out, err
}

// unreached adds the rows of those of some people who stand at failed.
func unreached(ctx context.Context, tx Tx, d Dispatch, seqs []int64, out []Delivery) ([]Delivery, error) {
	for _, w := range windows(seqs) {
		rows, err := tx.DeliveriesOf(ctx, d.No, w[0], w[1])
		if err != nil {
			return nil, err
		}
		for len(rows) > 0 {
			n := samePerson(rows)
			p := person{seq: rows[0].Seq, rows: rows[:n:n]}
			if _, asked := slices.BinarySearch(seqs, p.seq); asked && p.state() == Failed {
				for i := range p.rows {
					p.rows[i].State = shown(d.State, p.rows[i].State)
				}
				out = append(out, p.rows...)
			}
			rows = rows[n:]
		}
	}
	return out, nil
}

// pageOf is how many rows a page has.
func pageOf(limit int) int {
	if limit <= 0 {
		return pageDefault
	}
	return min(limit, pageMost)
}
