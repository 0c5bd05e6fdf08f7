package notify

import (
	"context"
	"fmt"
	"time"

	"tocsin/incident/evidence"
)

// reportedFor is how long after its end word of a dispatch may still come.
const reportedFor = 7 * 24 * time.Hour

// named gives receipts their outgoing ids where the provider does not repeat ours: the number and the
// provider's own id name one delivery together. A number alone names nobody: whoever knows one must not be able
// to move anything. What is not found stays without, and changes nothing.
func (s *Service) named(ctx context.Context, operator string, receipts []Receipt) error {
	var open []*Receipt
	for i := range receipts {
		if r := &receipts[i]; r.OutID == "" && r.Address != "" && r.ProviderID != "" {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return nil
	}
	err := s.store.View(ctx, evidence.System(operator), func(tx Tx) error {
		recent, err := tx.RecentDispatches(ctx, tx.Now().Add(-reportedFor))
		for i := 0; err == nil && i < len(recent); i++ {
			for _, r := range open {
				if r.OutID == "" && err == nil {
					err = s.name(ctx, tx, recent[i], r)
				}
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("find deliveries of receipts: %w", err)
	}
	return nil
}

func (s *Service) name(ctx context.Context, tx Tx, d Dispatch, r *Receipt) error {
	if d.Audience == "" {
		return nil
	}
	seqs, err := find(ctx, tx, d, "", r.Address)
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		rows, err := tx.DeliveriesOf(ctx, d.No, seq, seq+1)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.ProviderID == r.ProviderID {
				r.OutID = s.codec.OutID(d.No, seq, row.Channel)
			}
		}
	}
	return nil
}
