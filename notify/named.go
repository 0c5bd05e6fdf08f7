package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/incident/evidence"
)

// reportedFor is how long after its end word of a dispatch may still come.
const reportedFor = 7 * 24 * time.Hour

// recordedIn is how long after a message's arrival its own answer may be unrecorded.
const recordedIn = 10 * time.Minute

// ErrEarly says that some receipts are about messages whose sending is not recorded yet: their provider shall
// push them again. The others of the same push have been applied.
var ErrEarly = errors.New("some receipts came before the answer they belong to")

// named gives receipts their outgoing ids where the provider does not repeat ours: the number and the
// provider's own id name one delivery together. A number alone names nobody: whoever knows one must not be able
// to move anything. What is not found stays without, and changes nothing.
// early are those of people whose message may be under way: their word was faster than the provider's answer.
func (s *Service) named(ctx context.Context, operator string, receipts []Receipt) (early bool, err error) {
	var open []*Receipt
	for i := range receipts {
		if r := &receipts[i]; r.OutID == "" && r.Address != "" && r.ProviderID != "" {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return false, nil
	}
	awaited := map[*Receipt]bool{}
	err = s.store.View(ctx, evidence.System(operator), func(tx Tx) error {
		recent, err := tx.RecentDispatches(ctx, tx.Now().Add(-reportedFor))
		for i := 0; err == nil && i < len(recent); i++ {
			for _, r := range open {
				if r.OutID != "" || err != nil {
					continue
				}
				var pending bool
				pending, err = s.name(ctx, tx, recent[i], r)
				awaited[r] = awaited[r] || pending
			}
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("find deliveries of receipts: %w", err)
	}
	for r, pending := range awaited {
		early = early || pending && r.OutID == ""
	}
	return early, nil
}

// name gives a receipt the outgoing id of the delivery of a dispatch that it is about. pending tells that the
// person has one whose answer is not recorded yet.
func (s *Service) name(ctx context.Context, tx Tx, d Dispatch, r *Receipt) (pending bool, err error) {
	if d.Audience == "" {
		return false, nil
	}
	seqs, err := find(ctx, tx, d, "", r.Address)
	if err != nil {
		return false, err
	}
	fresh := tx.Now().Sub(r.At) < recordedIn && (d.State == DispRunning || d.State == DispPaused)
	for _, seq := range seqs {
		rows, err := tx.DeliveriesOf(ctx, d.No, seq, seq+1)
		if err != nil {
			return false, err
		}
		unanswered, later := len(rows) == 0, false
		for _, row := range rows {
			if row.ProviderID == r.ProviderID {
				r.OutID = s.codec.OutIDAt(d.No, seq, row.Channel, row.Address)
			}
			unanswered, later = unanswered || row.State <= InDoubt, later || row.Address > 0
		}
		if later && r.OutID == "" {
			if r.OutID, err = s.earlier(ctx, tx, d, seq, r.ProviderID); err != nil {
				return false, err
			}
		}
		pending = pending || unanswered && fresh
	}
	return pending, nil
}

// earlier is the outgoing id of a message to an address that was given up, of which only the batches know; "" when
// there was none under a provider's id.
func (s *Service) earlier(ctx context.Context, tx Tx, d Dispatch, seq int64, providerID string) (id string, err error) {
	err = batchesOf(ctx, tx, d, seq, func(b Batch) error {
		events, err := evidence.EventsOf(b.Events, seq, seq+1)
		for _, e := range events {
			if e.ProviderID == providerID {
				id = s.codec.OutIDAt(d.No, seq, e.Channel, max(0, e.Address-1))
			}
		}
		return err
	})
	return id, err
}
