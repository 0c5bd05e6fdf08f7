package notify

import (
	"context"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

const (
	pageDefault = 50
	pageMost    = 500
	maxChannels = 8 // rows one person can have in a dispatch
)

// Deliveries pages through a dispatch by recipient sequence; duplicates lists those once in doubt. Every
// row of a person stands on one page. Pending and stopped lists name also those who have no row yet.
func (s *Service) Deliveries(ctx context.Context, sc evidence.Scope, id string, state *DeliveryState, duplicates bool, afterSeq int64, limit int) ([]Delivery, error) {
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
		switch {
		case duplicates:
			out, err = tx.Duplicates(ctx, d.No, afterSeq, limit+maxChannels)
		case state != nil && *state == Complained:
			out, err = tx.Complaints(ctx, d.No, afterSeq, limit+maxChannels)
		case state != nil && (*state == Pending || *state == Stopped):
			out, err = waiting(ctx, tx, d, *state, afterSeq, limit)
			return err
		default:
			out, err = tx.Deliveries(ctx, d.No, state, afterSeq, limit+maxChannels)
		}
		out = wholePeople(out, limit, limit+maxChannels)
		for i := range out {
			out[i].State = shown(d.State, out[i].State)
		}
		return err
	})
	return out, err
}

// wholePeople cuts a list to about limit rows without parting a person's. asked is how many were asked
// for: a full answer may hold only part of its last person.
func wholePeople(rows []Delivery, limit, asked int) []Delivery {
	if len(rows) <= limit {
		return rows
	}
	end := limit
	for end < len(rows) && rows[end].Seq == rows[end-1].Seq {
		end++
	}
	if end == len(rows) && end == asked {
		for end > 0 && rows[end-1].Seq == rows[len(rows)-1].Seq {
			end--
		}
	}
	return rows[:end]
}
