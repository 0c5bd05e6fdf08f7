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
	partSize       = pageSlots       // deliveries recorded together, at most
	leastPart      = partSize / 4    // where they go slowly; and at first
	tick           = time.Second     // between looks for work that nobody hinted at, and at the claim of work in hand
	grace          = 8 * time.Second // for what is in flight when the process stops
	lastWords      = 4 * time.Second // then, to record it
	backoffMost    = 10 * time.Second
)

// Fanout is the workers of one process.
type Fanout struct {
	o         Options
	scope     evidence.Scope
	providers map[string][]*provider // by channel, in the order of failover
	part      int                    // deliveries of a sub-batch, at most
	beat      time.Duration          // between two looks at a claim
	sleep     func(ctx context.Context, d time.Duration) error
	gaps      *gaps
	journal   *journal
	left      []string // journal files of an earlier process
	before    *holder  // that process

	inquired time.Time     // when the keeper last asked about stopped dispatches
	hints    chan struct{} // to the keeper
	wakes    chan struct{} // to the workers

	mu        sync.Mutex
	releases  map[int64]*release
	processes int // that send, this one included
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
		o: o, scope: evidence.System(o.Operator), part: partSize, beat: tick, sleep: sleep,
		gaps: newGaps(o.Providers), providers: map[string][]*provider{}, releases: map[int64]*release{}, processes: 1,
		hints: make(chan struct{}, 1), wakes: make(chan struct{}, o.Workers),
	}
	for _, p := range o.Providers {
		name := p.Channel.Name()
		f.providers[name] = append(f.providers[name], newProvider(p, len(f.providers[name]) == 0))
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
		w := newWorker(f)
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
	// What was paused stays so from the first message on.
	if err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) error { return f.look(ctx, tx) }); err != nil {
		return err
	}
	return writeHolder(f.o.JournalDir, holder{f.o.Owner, boot()})
}
