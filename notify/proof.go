package notify

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// proofStore is what proofs need of a store.
type proofStore interface {
	// BatchesOf pages by number through the batches that can hold events of a recipient.
	BatchesOf(ctx context.Context, dispatchNo, seq, after int64, limit int) ([]Batch, error)
	ChainHead(ctx context.Context, chain string) (evidence.Head, error)
	// OpenStretches are the parts from ≤ seq < to of the audience whose first range is not worked off.
	OpenStretches(ctx context.Context, dispatchNo int64) ([][2]int64, error)
}

const batchesAtOnce = 50

// batchesOf calls fn for each batch that can hold a recipient's events, in order and a few at a time.
func batchesOf(ctx context.Context, tx Tx, d Dispatch, seq int64, fn func(Batch) error) error {
	for after := int64(0); ; {
		batches, err := tx.BatchesOf(ctx, d.No, seq, after, batchesAtOnce)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := fn(b); err != nil {
				return err
			}
			after = b.No
		}
		if len(batches) < batchesAtOnce {
			return nil
		}
	}
}

// Proof shows what the ledger holds about one recipient, on one channel or on all (""): every outcome and
// every receipt. It names nobody.
func (s *Service) Proof(ctx context.Context, sc evidence.Scope, dispatch string, seq int64, channel string) (evidence.Proof, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return evidence.Proof{}, err
	}
	var p evidence.Proof
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, dispatch)
		if err != nil {
			return err
		}
		if seq < 0 || seq >= d.Total {
			return incident.NewFault(incident.NotFound, "the dispatch has no such recipient")
		}
		p = evidence.Proof{
			Format: evidence.ProofFormat, Operator: sc.Operator, Incident: string(d.Incident), Dispatch: d.ID,
			Recipient: seq, Channel: channel, MadeAt: tx.Now(), Events: []evidence.ProvenEvent{},
		}
		if p.Head, err = tx.ChainHead(ctx, p.Incident); err != nil {
			return err
		}
		err = batchesOf(ctx, tx, d, seq, func(b Batch) error {
			proven, err := evidence.ProveEvents(b.Events, seq, channel)
			if err != nil || len(proven) == 0 {
				return err
			}
			entry, err := batchEntry(ctx, tx, d, b, p.Head.Seq)
			for i := range proven {
				proven[i].Entry = entry
			}
			p.Events = append(p.Events, proven...)
			return err
		})
		if err == nil && len(p.Events) == 0 {
			return incident.NewFault(incident.Conflict, "nothing has happened yet that could be proved")
		}
		return err
	})
	return p, err
}

// batchEntry finds the ledger entry of a batch. Within a chain time does not run backwards, and no entry is
// older than what it is about; so the search begins at the first that is not older than the batch.
func batchEntry(ctx context.Context, tx Tx, d Dispatch, b Batch, last int64) (evidence.Entry, error) {
	var failed error
	after := sort.Search(int(last), func(n int) bool {
		entries, err := tx.Ledger(ctx, string(d.Incident), int64(n), 1)
		if err != nil || len(entries) == 0 {
			failed = err
			return true
		}
		return !entries[0].At.Before(b.At.Truncate(time.Microsecond))
	})
	for from := int64(after); failed == nil && from < last; {
		entries, err := tx.Ledger(ctx, string(d.Incident), from, ledgerPage)
		if err != nil {
			return evidence.Entry{}, err
		}
		for _, e := range entries {
			if e.Kind == kindBatch && e.Refs["dispatch"] == d.ID && e.Refs["batch"] == strconv.FormatInt(b.No, 10) {
				return e, nil
			}
			from = e.Seq
		}
		if len(entries) == 0 {
			break
		}
	}
	if failed == nil {
		failed = fmt.Errorf("the ledger has no entry of batch %d of %s", b.No, d.ID)
	}
	return evidence.Entry{}, failed
}

const (
	kindBatch  = "delivery.batch"
	ledgerPage = 200
)
