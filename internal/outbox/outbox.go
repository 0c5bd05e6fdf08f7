// Package outbox takes committed events to their readers, in order and at least once: it numbers them
// after their commit, and hands them to durable subscribers and live listeners.
package outbox

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tocsin/incident"
	"tocsin/internal/clock"
)

// Store is what the relay needs of the store.
type Store interface {
	// Sequence numbers committed events that have no number yet.
	Sequence(ctx context.Context, limit int) ([]incident.Event, error)
	// EventsAfter reads numbered events, of every operator when operator is empty.
	EventsAfter(ctx context.Context, operator string, after int64, limit int) ([]incident.Event, error)
	LastEvent(ctx context.Context) (int64, error)
	Cursor(ctx context.Context, name string) (int64, error)
	SetCursor(ctx context.Context, name string, seq int64) error
	// Alone runs fn unless another process runs one of the same name; it never waits.
	Alone(ctx context.Context, name string, fn func(context.Context) error) (ran bool, err error)
	OnCommit(func())
}

const (
	poll     = time.Second // how late an event is at most when its hint was lost, or came in another process
	batch    = 200         // events read at once
	listened = 256         // events that a live listener may lag behind
)

// Relay is the loop that publishes committed events.
type Relay struct {
	db          Store
	clock       clock.Clock
	log         *slog.Logger
	hint        chan struct{}
	subscribers []*subscriber

	mu        sync.Mutex
	listeners map[chan incident.Event]struct{}
}

// New makes a relay that takes a hint from each commit.
func New(db Store, clk clock.Clock, log *slog.Logger) *Relay {
	r := &Relay{db: db, clock: clk, log: log, hint: make(chan struct{}, 1), listeners: map[chan incident.Event]struct{}{}}
	db.OnCommit(r.Hint)
	return r
}

// Subscribe adds a durable reader, before Run. fn gets every event in order, again from where the name's
// cursor stands after a restart, and the same event again for as long as it returns an error. Of several
// processes one at a time reads under a name. Events may come more than once.
func (r *Relay) Subscribe(name string, fn func(context.Context, incident.Event) error) {
	r.SubscribeLatest(name, func(incident.Event) string { return "" }, fn)
}

// SubscribeLatest adds a durable reader that works off how things stand, not what happened: of the events that
// wait with the same subject only the last gets to fn. A subject "" is nobody else's.
func (r *Relay) SubscribeLatest(name string, subject func(incident.Event) string, fn func(context.Context, incident.Event) error) {
	r.subscribers = append(r.subscribers, &subscriber{relay: r, name: name, subject: subject, fn: fn, wake: make(chan struct{}, 1)})
}

// Listen gives events as they are published from now on. Whoever reads too slowly loses some; the
// numbers show it, and the store has them all. cancel ends it and closes the channel.
func (r *Relay) Listen() (events <-chan incident.Event, cancel func()) {
	ch := make(chan incident.Event, listened)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners[ch] = struct{}{}
	return ch, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, ok := r.listeners[ch]; ok {
			delete(r.listeners, ch)
			close(ch)
		}
	}
}

// Hint says that there may be new events. It never blocks.
func (r *Relay) Hint() { signal(r.hint) }

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // one is waiting already
	}
}

// Run publishes until ctx ends, and returns when every subscriber has stopped.
func (r *Relay) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, s := range r.subscribers {
		running.Go(func() { s.run(ctx) })
	}
	live := follower{relay: r}
	ticks := time.NewTicker(poll)
	defer ticks.Stop()
	for ctx.Err() == nil {
		if err := r.publish(ctx, &live); err != nil && ctx.Err() == nil {
			r.log.Error("publish events", "error", err)
		}
		select {
		case <-r.hint:
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// publish numbers what is committed and tells everybody who reads.
func (r *Relay) publish(ctx context.Context, live *follower) error {
	if err := live.start(ctx); err != nil {
		return err
	}
	for {
		events, err := r.db.Sequence(ctx, batch)
		if err != nil {
			return err
		}
		if len(events) < batch {
			break
		}
	}
	for _, s := range r.subscribers {
		signal(s.wake)
	}
	return live.follow(ctx)
}

// follower hands new events to the live listeners, those too that another process has numbered.
type follower struct {
	relay   *Relay
	started bool
	at      int64
}

func (f *follower) start(ctx context.Context) (err error) {
	if f.started {
		return nil
	}
	f.at, err = f.relay.db.LastEvent(ctx)
	f.started = err == nil
	return err
}

func (f *follower) follow(ctx context.Context) error {
	for {
		events, err := f.relay.db.EventsAfter(ctx, "", f.at, batch)
		if err != nil {
			return err
		}
		f.relay.mu.Lock()
		for _, e := range events {
			f.at = e.Seq
			for ch := range f.relay.listeners {
				select {
				case ch <- e:
				default: // too slow
				}
			}
		}
		f.relay.mu.Unlock()
		if len(events) < batch {
			return nil
		}
	}
}
