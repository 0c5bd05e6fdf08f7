// Package fanout works off claimed ranges of dispatches: it opens recipients, paces and sends their
// messages over the channels, and records every outcome.
package fanout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"tocsin/incident/evidence"
	"tocsin/internal/clock"
	"tocsin/notify"
)

// Options of a fan-out.
type Options struct {
	Store      notify.Store
	Providers  []notify.Provider // of a channel in the order of failover
	Codec      *notify.Codec
	Clock      clock.Clock
	Log        *slog.Logger
	Operator   string
	JournalDir string // of this process alone
	Workers    int    // default 4
	Owner      string // of claims; made unique to this process
	Lease      time.Duration
}

const (
	defaultWorkers = 4
	defaultLease   = time.Minute
	partSize       = 250             // deliveries between two checks of the claim
	tick           = time.Second     // between looks for work that nobody hinted at
	grace          = 8 * time.Second // for what is in flight when the process stops
	lastWords      = 4 * time.Second // then, to record it
	backoffMost    = time.Minute
)

// Fanout is the workers of one process.
type Fanout struct {
	o        Options
	scope    evidence.Scope
	channels map[string]notify.Channel
	limits   map[string]*rate.Limiter
	part     int // deliveries of a sub-batch
	journal  *journal
	left     []string // journal files of an earlier process
	before   *holder  // that process

	hints chan struct{} // to the keeper
	wakes chan struct{} // to the workers

	mu       sync.Mutex
	releases map[int64]*release
}

// New makes a fan-out and takes its journal directory.
func New(o Options) (*Fanout, error) {
	if o.Store == nil || o.Codec == nil || o.Clock == nil || o.Operator == "" || o.JournalDir == "" {
		return nil, errors.New("make fanout: store, codec, clock, operator and journal directory are needed")
	}
	if o.Workers <= 0 {
		o.Workers = defaultWorkers
	}
	if o.Lease <= 0 {
		o.Lease = defaultLease
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Owner += "/" + evidence.NewID("own")
	f := &Fanout{
		o: o, scope: evidence.System(o.Operator), part: partSize,
		channels: map[string]notify.Channel{}, limits: map[string]*rate.Limiter{}, releases: map[int64]*release{},
		hints: make(chan struct{}, 1), wakes: make(chan struct{}, o.Workers),
	}
	for _, p := range o.Providers {
		name := p.Channel.Name()
		f.channels[name] = p.Channel
		if p.Rate > 0 {
			f.limits[name] = rate.NewLimiter(rate.Limit(p.Rate), 1)
			f.part = min(f.part, max(1, int(p.Rate*o.Lease.Seconds()/4))) // a sub-batch must end well within its lease
		}
	}
	var err error
	if f.journal, f.left, err = openJournal(o.JournalDir); err != nil {
		return nil, err
	}
	if f.before, err = readHolder(o.JournalDir); err != nil {
		return nil, errors.Join(err, f.journal.close())
	}
	return f, nil
}

// Hint says that there may be work now.
func (f *Fanout) Hint() {
	select {
	case f.hints <- struct{}{}:
	default:
	}
}

// Run works until ctx ends; then it finishes what is in flight, records it and gives its claims back.
func (f *Fanout) Run(ctx context.Context) error {
	inFlight, cancel := lasting(ctx, grace)
	defer cancel()
	if err := f.start(ctx); err != nil {
		return errors.Join(err, f.journal.close())
	}
	var g errgroup.Group
	g.Go(func() error { f.keep(ctx); return nil })
	for range f.o.Workers {
		w := &worker{f: f, senders: map[senderKey]notify.Sender{}}
		g.Go(func() error { return w.run(ctx, inFlight) })
	}
	return errors.Join(g.Wait(), f.journal.close())
}

// lasting is a context that outlives ctx by a while.
func lasting(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(while)
		defer t.Stop()
		select {
		case <-t.C:
			cancel()
		case <-long.Done():
		}
	})
	return long, func() { stop(); cancel() }
}

// start takes over from an earlier process of this journal before anything is claimed. It tries until the
// store takes it: going on without would send to people twice unknowingly.
func (f *Fanout) start(ctx context.Context) error {
	for wait := newBackoff(); ; {
		err := f.succeed(ctx)
		if err == nil || ctx.Err() != nil {
			return nil
		}
		f.o.Log.ErrorContext(ctx, "fan-out cannot start yet", "error", err)
		wait.pause(ctx)
	}
}

// succeed records what the earlier process's journal knows, frees what that process held, and takes its
// place. Ranges whose owner's journal is nowhere at hand are free when their lease ends, and in doubt.
func (f *Fanout) succeed(ctx context.Context) error {
	if err := f.recover(ctx); err != nil {
		return err
	}
	if f.before != nil {
		err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error {
			_, err := tx.ReleaseOwner(ctx, f.before.owner, f.before.sure())
			return err
		})
		if err != nil {
			return fmt.Errorf("release ranges of %s: %w", f.before.owner, err)
		}
		f.before = nil
	}
	return writeHolder(f.o.JournalDir, holder{f.o.Owner, boot()})
}

// keep looks after dispatches: deliveries that are due, ranges still to cut, dispatches that are done.
func (f *Fanout) keep(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		if err := f.tend(ctx); err != nil && ctx.Err() == nil {
			f.o.Log.ErrorContext(ctx, "tend dispatches", "error", err)
		}
		f.wake()
		select {
		case <-ctx.Done():
			return
		case <-f.hints:
		case <-t.C:
		}
	}
}

func (f *Fanout) wake() {
	for range f.o.Workers {
		select {
		case f.wakes <- struct{}{}:
		default:
			return
		}
	}
}

// tend does one round of the keeper's work.
func (f *Fanout) tend(ctx context.Context) error {
	for n := 1; n > 0; {
		err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) (err error) {
			n, err = notify.Requeue(ctx, tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("requeue deliveries: %w", err)
		}
		f.wake()
	}
	var live []notify.Dispatch
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		live, err = tx.RunningDispatches(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read dispatches: %w", err)
	}
	for _, d := range live {
		if err := f.advance(ctx, d); err != nil {
			return fmt.Errorf("advance dispatch: %w", err)
		}
	}
	return nil
}

// advance moves one dispatch on, without a write while there is nothing to move.
func (f *Fanout) advance(ctx context.Context, d notify.Dispatch) error {
	can := false
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		can, err = notify.CanAdvance(ctx, tx, d)
		return err
	})
	if err != nil || !can {
		return err
	}
	return f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error {
		_, err := notify.Advance(ctx, tx, d)
		return err
	})
}

// backoff waits longer each time something goes wrong in a row.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: 100 * time.Millisecond} }

func (b *backoff) pause(ctx context.Context) {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(2*b.next, backoffMost)
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
