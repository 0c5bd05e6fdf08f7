package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"tocsin/incident"
	"tocsin/notify"
)

// record writes outcomes and tries until the store takes them or the process must end; held is false
// when the claim was lost meanwhile. It outlives ctx a little: what was in flight at a stop is recorded too. short says
// anew whether the dispatch must pause: a person may have taken a provider into use again since.
func (f *Fanout) record(ctx context.Context, d notify.Dispatch, rec notify.Recording, short func() string) (held bool, err error) {
	ctx, cancel := lasting(ctx, lastWords)
	defer cancel()
	for wait := newBackoff(); ; wait.pause(ctx) {
		err = f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) (err error) {
			if rec.Halt != "" {
				if err = f.look(ctx, tx); err != nil {
					return err
				}
				rec.Halt = short()
			}
			held, err = notify.RecordOutcomes(ctx, tx, d, rec)
			return err
		})
		if err == nil {
			return held, nil
		}
		if ctx.Err() != nil {
			return false, fmt.Errorf("record outcomes: %w", err)
		}
		f.o.Log.ErrorContext(ctx, "record outcomes", "dispatch", d.ID, "error", err)
	}
}

// recoverBatch is how many recovered outcomes one transaction takes.
const recoverBatch = 500

// sendKey names one attempt in the journal.
type sendKey struct {
	dispatch, seq int64
	channel       string
	address       int
	attempt       int
}

// recover brings what an earlier process's journal knows into the store: verdicts that were not yet
// recorded, and sends that were in flight, which are in doubt. What is recorded already changes nothing.
func (f *Fanout) recover(ctx context.Context) error {
	found := map[sendKey]entry{}
	for _, path := range f.left {
		err := readJournal(path, func(e entry) {
			k := sendKey{e.dispatch, e.seq, e.channel, e.address, e.attempt}
			if _, known := found[k]; e.ended || !known {
				found[k] = e
			}
		})
		if err != nil {
			return err
		}
	}
	for no, outcomes := range byDispatch(found) {
		for part := range slices.Chunk(outcomes, recoverBatch) {
			if err := f.recoverPart(ctx, no, part); err != nil {
				return fmt.Errorf("recover journal: %w", err)
			}
		}
	}
	for _, path := range f.left {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove journal: %w", err)
		}
	}
	f.left = nil
	return nil
}

func byDispatch(found map[sendKey]entry) map[int64][]notify.Outcome {
	out := map[int64][]notify.Outcome{}
	for _, e := range found {
		if !e.ended {
			e.verdict = notify.Verdict{Class: notify.ClassInDoubt} // begun, and nothing more is known
		}
		out[e.dispatch] = append(out[e.dispatch], notify.Outcome{
			Seq: e.seq, Channel: e.channel, Address: e.address, Provider: e.provider, Attempt: e.attempt, Verdict: e.verdict, Doubt: e.doubt,
		})
	}
	for _, outcomes := range out {
		slices.SortFunc(outcomes, func(a, b notify.Outcome) int {
			return cmp.Or(cmp.Compare(a.Seq, b.Seq), a.Address-b.Address, a.Attempt-b.Attempt)
		})
	}
	return out
}

func (f *Fanout) recoverPart(ctx context.Context, no int64, part []notify.Outcome) error {
	err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error {
		d, err := tx.DispatchByNo(ctx, no)
		if err != nil {
			return err
		}
		_, err = notify.RecordOutcomes(ctx, tx, d, notify.Recording{Outcomes: part})
		return err
	})
	if incident.IsFault(err, incident.NotFound) {
		return nil // of a store that has been replaced
	}
	return err
}
