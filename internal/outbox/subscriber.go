package outbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"tocsin/incident"
)

// The pause before an event is tried again doubles from first to longest.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = time.Minute
)

// subscriber is one durable reader. It keeps the order, so an event that fails holds up those behind it,
// of this reader only; Stuck tells the watchdog.
type subscriber struct {
	relay *Relay
	name  string
	fn    func(context.Context, incident.Event) error
	wake  chan struct{}

	mu    sync.Mutex
	stuck *Stuck
}

// Stuck is a subscriber that cannot get past an event.
type Stuck struct {
	Subscriber string
	Event      string // id
	Seq        int64
	Kind       string
	Tries      int
	Since      time.Time
}

// Stuck lists the subscribers that are failing at present.
func (r *Relay) Stuck() []Stuck {
	var out []Stuck
	for _, s := range r.subscribers {
		s.mu.Lock()
		if s.stuck != nil {
			out = append(out, *s.stuck)
		}
		s.mu.Unlock()
	}
	return out
}

func (s *subscriber) run(ctx context.Context) {
	var at int64
	s.persist(ctx, "read cursor", func() (err error) {
		at, err = s.relay.db.Cursor(ctx, s.name)
		return err
	})
	for ctx.Err() == nil {
		var events []incident.Event
		s.persist(ctx, "read events", func() (err error) {
			events, err = s.relay.db.EventsAfter(ctx, "", at, batch)
			return err
		})
		if len(events) == 0 {
			select {
			case <-s.wake:
			case <-ctx.Done():
			}
			continue
		}
		at = s.work(ctx, at, events)
	}
}

// work hands on a batch and returns how far it came. The cursor is kept once for the batch, and before
// every wait.
func (s *subscriber) work(ctx context.Context, at int64, events []incident.Event) int64 {
	kept := at
	keep := func() {
		if at == kept {
			return
		}
		// Also when ctx has ended: what is done need not be done again.
		if err := s.relay.db.SetCursor(context.WithoutCancel(ctx), s.name, at); err != nil {
			s.relay.log.Error("keep cursor", "subscriber", s.name, "error", err)
			return // the events come once more
		}
		kept = at
	}
	defer keep()
	for _, e := range events {
		pause := firstPause
		for {
			if ctx.Err() != nil {
				return at
			}
			err := s.call(ctx, e)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return at
			}
			s.failed(e, err)
			keep()
			wait(ctx, pause)
			pause = min(2*pause, longestPause)
		}
		s.passed()
		at = e.Seq
	}
	return at
}

// call is fn, its panic turned into an error.
func (s *subscriber) call(ctx context.Context, e incident.Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in subscriber: %T\n%s", r, debug.Stack())
		}
	}()
	return s.fn(ctx, e)
}

func (s *subscriber) failed(e incident.Event, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck == nil {
		s.stuck = &Stuck{Subscriber: s.name, Event: e.ID, Seq: e.Seq, Kind: e.Kind, Since: s.relay.clock.Now()}
	}
	s.stuck.Tries++
	s.relay.log.Error("handle event", "subscriber", s.name, "event", e.ID, "kind", e.Kind, "tries", s.stuck.Tries, "error", err)
}

func (s *subscriber) passed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck = nil
}

// persist does what needs the database until it succeeds or ctx ends.
func (s *subscriber) persist(ctx context.Context, what string, do func() error) {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longestPause) {
		err := do()
		if err == nil || ctx.Err() != nil {
			return
		}
		s.relay.log.Error(what, "subscriber", s.name, "error", err)
		wait(ctx, pause)
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
