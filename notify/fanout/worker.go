package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/notify"
)

const maxSenders = 32 // prepared messages a worker keeps open

// worker works off one range at a time with senders of its own.
type worker struct {
	f       *Fanout
	senders map[senderKey]notify.Sender
}

type senderKey struct {
	dispatch        int64
	version         int
	channel, locale string
}

// errBroken says that a sender could not carry all it was given; the rest is for later.
var errBroken = errors.New("sender is broken")

// run takes turns until ctx ends. inFlight lasts longer, for what has begun.
func (w *worker) run(ctx, inFlight context.Context) error {
	t := time.NewTicker(tick)
	defer t.Stop()
	wait, idle := newBackoff(), true
	for ctx.Err() == nil {
		worked, err := w.turn(ctx, inFlight)
		switch {
		case err != nil && ctx.Err() == nil:
			w.f.o.Log.ErrorContext(ctx, "work off range", "error", err)
			wait.pause(ctx)
		case worked:
			wait, idle = newBackoff(), false
		default:
			if !idle {
				w.f.Hint() // the last range of a dispatch may have been ours
				idle = true
			}
			select {
			case <-ctx.Done():
			case <-w.f.wakes:
			case <-t.C:
			}
		}
	}
	return w.close()
}

func (w *worker) close() error {
	var err error
	for _, s := range w.senders {
		err = errors.Join(err, s.Close())
	}
	clear(w.senders)
	return err
}

// turn claims a range and works it off; worked is false when there was none.
func (w *worker) turn(ctx, inFlight context.Context) (worked bool, err error) {
	f := w.f
	var r notify.Range
	err = f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) (err error) {
		r, worked, err = tx.ClaimRange(ctx, f.o.Owner, f.until())
		return err
	})
	if err != nil || !worked {
		return false, err
	}
	err = w.work(ctx, inFlight, r)
	if err == nil {
		return true, nil
	}
	if errors.Is(err, errUnrecorded) {
		return true, err // not given back: the next process of this journal frees it, or its lease ends
	}
	if errors.Is(err, errLost) {
		err = nil
	}
	return true, errors.Join(err, f.giveBack(inFlight, r))
}

// giveBack frees a range for the next who claims, and tries until the store takes it: otherwise its people
// would wait for the end of the lease, and be in doubt.
func (f *Fanout) giveBack(ctx context.Context, r notify.Range) error {
	ctx, cancel := lasting(ctx, lastWords)
	defer cancel()
	for wait := newBackoff(); ; wait.pause(ctx) {
		err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error { return tx.ReleaseRange(ctx, r) })
		if err == nil || ctx.Err() != nil {
			return err
		}
		f.o.Log.ErrorContext(ctx, "give range back", "error", err)
	}
}

// errLost ends work on a range whose claim is lost, whose dispatch does not run, or at a stop.
var errLost = errors.New("range is no longer held")

// errUnrecorded ends work on a range when the process must end before the store took what was sent.
var errUnrecorded = errors.New("outcomes are in the journal only")

func (f *Fanout) until() time.Time { return f.o.Clock.Now().Add(f.o.Lease) }

// work sends to the members of a range, sub-batch by sub-batch, each only while the claim holds.
func (w *worker) work(ctx, inFlight context.Context, r notify.Range) error {
	rel, err := w.f.release(inFlight, r.Dispatch)
	if errors.Is(err, notify.ErrChanged) {
		return errors.Join(err, w.f.halt(inFlight, rel.Dispatch, "changed"))
	}
	if err != nil {
		return err
	}
	jobs, err := w.f.load(inFlight, rel, r)
	if err != nil {
		return err
	}
	for first := true; first || len(jobs) > 0; first = false {
		if ctx.Err() != nil {
			return errLost
		}
		n := min(w.f.part, len(jobs))
		if err := w.send(inFlight, rel, r, jobs[:n], n == len(jobs)); err != nil {
			return err
		}
		jobs = jobs[n:]
	}
	return nil
}

// halt pauses a dispatch that must not go on; people see why.
func (f *Fanout) halt(ctx context.Context, d notify.Dispatch, reason string) error {
	err := f.o.Store.InTx(ctx, f.scope, func(tx notify.Tx) error { return notify.HaltDispatch(ctx, tx, d, reason) })
	if err != nil {
		return fmt.Errorf("pause dispatch: %w", err)
	}
	return nil
}

// job is one member of a range: a person nobody has sent to yet, or a row to try again.
type job struct {
	seq    int64
	person notify.Recipient
	err    error // why the person cannot be read
	row    *notify.Delivery
}

// load reads the members of a range; a range has few enough to be held at once.
func (f *Fanout) load(ctx context.Context, rel *release, r notify.Range) ([]job, error) {
	var jobs []job
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) error {
		jobs = jobs[:0]
		if r.Again {
			return again(ctx, tx, rel, r, &jobs)
		}
		pages, err := tx.Pages(ctx, rel.AudienceNo, r.From, r.To)
		for _, p := range pages {
			people, err := notify.OpenPage(rel.key, rel.AudienceNo, p)
			for i := range int64(p.Count) {
				j := job{seq: p.From + i, err: err}
				if err == nil {
					j.person = people[i]
				}
				if j.seq >= r.From && j.seq < r.To {
					jobs = append(jobs, j)
				}
			}
		}
		if err == nil && int64(len(jobs)) != r.To-r.From {
			err = errors.New("recipients are missing from a frozen audience")
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load range: %w", err)
	}
	return jobs, nil
}

func again(ctx context.Context, tx notify.Tx, rel *release, r notify.Range, jobs *[]job) error {
	rows, err := tx.DeliveriesIn(ctx, r)
	if err != nil {
		return err
	}
	seqs := make([]int64, len(rows))
	for i := range rows {
		seqs[i] = rows[i].Seq
	}
	people, err := notify.RecipientsAt(ctx, tx, rel.key, rel.AudienceNo, seqs)
	if err != nil {
		return err
	}
	for i := range rows {
		at := slices.IndexFunc(people, func(p notify.Recipient) bool { return p.Seq == rows[i].Seq })
		if at < 0 {
			return errors.New("recipient of a delivery is missing")
		}
		*jobs = append(*jobs, job{seq: rows[i].Seq, person: people[at], row: &rows[i]})
	}
	return nil
}

// hold extends the claim and leaves out of jobs who has an outcome by now: from an earlier owner of the
// range, or because a receipt was faster.
func (f *Fanout) hold(ctx context.Context, r notify.Range, jobs []job) ([]job, error) {
	var rows []notify.Delivery
	held := false
	err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) (err error) {
		if held, err = tx.HoldRange(ctx, r, f.until()); err != nil || !held || len(jobs) == 0 {
			return err
		}
		if r.Again {
			rows, err = tx.DeliveriesIn(ctx, r)
			return err
		}
		rows, err = tx.DeliveriesOf(ctx, r.Dispatch, jobs[0].seq, jobs[len(jobs)-1].seq+1)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("hold range: %w", err)
	}
	if !held {
		return nil, errLost
	}
	there := make(map[int64]bool, len(rows))
	for _, row := range rows {
		there[row.Seq] = true
	}
	return slices.DeleteFunc(slices.Clone(jobs), func(j job) bool { return there[j.seq] != r.Again }), nil
}
