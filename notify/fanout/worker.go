package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/notify"
)

const maxSenders = 32 // prepared messages a worker keeps open

// worker works off one range at a time with senders of its own. What it needs for each sub-batch it keeps for
// the next one.
type worker struct {
	f       *Fanout
	most    int // deliveries of the next sub-batch
	senders map[senderKey]prepared
	unready map[senderKey]bool // messages that a provider has no form for: another one takes them

	pages    []notify.RecipientPage
	jobs     []job
	tasks    []task
	ladders  []string // of the tasks
	books    books
	groups   []group
	out      []notify.Outgoing
	outcomes []notify.Outcome
	later    map[string][]int64 // whom the range in hand leaves to lanes, by channel
}

func newWorker(f *Fanout) *worker {
	return &worker{f: f, most: leastPart, senders: map[senderKey]prepared{}, unready: map[senderKey]bool{}, later: map[string][]int64{}}
}

type senderKey struct {
	dispatch         int64
	version          int
	provider, locale string
}

// prepared is a sender and since when it is.
type prepared struct {
	notify.Sender
	at time.Time
}

// freshFor is how long a message is sent as it was prepared: what it says of its time must be about true.
const freshFor = 10 * time.Minute

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

// work sends to the members of a range, sub-batch by sub-batch, while the claim holds.
func (w *worker) work(ctx, inFlight context.Context, r notify.Range) error {
	rel, err := w.f.release(inFlight, r.Dispatch)
	if errors.Is(err, notify.ErrChanged) {
		return errors.Join(err, w.f.halt(inFlight, rel.Dispatch, "changed"))
	}
	if err != nil {
		return err
	}
	m, err := w.members(inFlight, rel, r)
	if err != nil {
		return err
	}
	going, end := w.f.follow(inFlight, r)
	defer end()
	clear(w.later)
	for last := false; !last; {
		if ctx.Err() != nil || going.Err() != nil {
			return errLost
		}
		if w.jobs, last, err = m.next(w.jobs[:0], rel.part(r, w.f.o.Clock.Now(), min(w.most, w.f.part))); err != nil {
			return err
		}
		if w.jobs, err = w.f.hold(going, r, w.jobs); err != nil {
			return err
		}
		s := shift{worker: w, ctx: ctx, going: going, inFlight: inFlight, rel: rel, r: r, leaves: rel.leaves(r)}
		begun := w.f.o.Clock.Now()
		if err := s.part(last); err != nil {
			return err
		}
		w.adapt(len(w.jobs), w.f.o.Clock.Now().Sub(begun))
	}
	return nil
}

// adapt makes the next sub-batch larger while they go fast, which costs less: twice as large, or as many as went in
// that time promise. It makes it smaller again when people would wait to see how far a dispatch has come. It stays large enough to keep all of a provider's connections busy.
func (w *worker) adapt(sent int, took time.Duration) {
	switch {
	case took < fastPart:
		w.most = min(partSize, max(2*w.most, int(float64(sent)*float64(fastPart)/float64(max(took, 1)))))
	case took > slowPart:
		w.most = max(w.most/2, leastPart)
	}
}

// follow looks at a claim as long as its range is worked off: it extends the claim, and ends what is under way
// when the claim is lost or the dispatch has been paused or stopped.
func (f *Fanout) follow(ctx context.Context, r notify.Range) (going context.Context, end func()) {
	going, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTicker(f.beat)
		defer t.Stop()
		until := r.Until
		for {
			select {
			case <-going.Done():
				return
			case <-t.C:
			}
			held, next := false, f.until()
			err := f.o.Store.InTx(going, f.scope, func(tx notify.Tx) (err error) {
				held, err = tx.HoldRange(going, r, next)
				return err
			})
			if err == nil {
				until = next
			}
			if err == nil && !held || f.o.Clock.Now().After(until) {
				cancel(errLost)
			}
		}
	}()
	return going, func() { cancel(nil); <-done }
}

// hold leaves out of the members of a range that somebody had before who has an outcome by now: from an
// earlier owner, or because a receipt was faster.
func (f *Fanout) hold(ctx context.Context, r notify.Range, jobs []job) ([]job, error) {
	if len(jobs) == 0 || !r.Again && r.Channel == "" && r.Epoch <= 1 {
		return jobs, nil // nobody has sent to these before
	}
	var rows []notify.Delivery
	held := false
	err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) (err error) {
		if held, err = tx.HoldRange(ctx, r, f.until()); err != nil || !held {
			return err
		}
		if r.Again {
			rows, err = tx.DeliveriesIn(ctx, r)
			return err
		}
		rows, err = tx.DeliveriesOf(ctx, r.Dispatch, jobs[0].seq, jobs[len(jobs)-1].seq+1)
		return err
	})
	if ctx.Err() != nil || err == nil && !held {
		return nil, errLost
	}
	if err != nil {
		return nil, fmt.Errorf("hold range: %w", err)
	}
	return stillIn(jobs, rows, r.Again), nil
}

// stillIn are the members of a range that nothing has happened to since: of the rows of one that is tried again
// those that still carry its number, else whoever has no row yet.
func stillIn(jobs []job, rows []notify.Delivery, again bool) []job {
	type place struct {
		seq     int64
		channel string
	}
	there := make(map[place]bool, len(rows))
	for i := range rows {
		at := place{seq: rows[i].Seq}
		if again { // a person may have rows on two channels
			at.channel = rows[i].Channel
		}
		there[at] = true
	}
	kept := jobs[:0]
	for _, j := range jobs {
		at := place{seq: j.seq}
		if again {
			at.channel = j.row.Channel
		}
		if there[at] == again {
			kept = append(kept, j)
		}
	}
	return kept
}

// halt pauses a dispatch that must not go on; people see why.
func (f *Fanout) halt(ctx context.Context, d notify.Dispatch, reason string) error {
	err := f.o.Store.InTx(ctx, f.scope, func(tx notify.Tx) error { return notify.HaltDispatch(ctx, tx, d, reason) })
	if err != nil {
		return fmt.Errorf("pause dispatch: %w", err)
	}
	return nil
}
