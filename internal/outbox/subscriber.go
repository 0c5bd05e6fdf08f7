package outbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"tocsin/incident"
)

// The pause before an event is tried again doubles from first to longest, which is how late readers may hear of
// anything once a disk, bus or database is back.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second
)

// subscriber is one durable reader. It keeps the order, so an event that fails holds up those behind it,
// of this reader only; Stuck tells the watchdog.
type subscriber struct {
	relay   *Relay
	name    string
	subject func(incident.Event) string
	fn      func(context.Context, incident.Event) error
	wake    chan struct{}

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

// run reads until ctx ends. While another process reads under the name, this one looks again at each wake.
func (s *subscriber) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		more := false
		_, err := s.relay.db.Alone(ctx, "outbox/"+s.name, func(ctx context.Context) (err error) {
			more, err = s.turn(ctx)
			return err
		})
		switch {
		case err != nil && ctx.Err() == nil:
			s.relay.log.Error("read events", "subscriber", s.name, "error", err)
			wait(ctx, pause)
			pause = min(2*pause, longestPause)
			continue
		case more:
			pause = firstPause
			continue
		}
		pause = firstPause
		select {
		case <-s.wake:
		case <-ctx.Done():
		}
	}
}

// turn hands on one batch from where the cursor stands; more is false when there was nothing.
func (s *subscriber) turn(ctx context.Context) (more bool, err error) {
	at, err := s.relay.db.Cursor(ctx, s.name)
	if err != nil {
		return false, err
	}
	events, err := s.relay.db.EventsAfter(ctx, "", at, batch)
	if err != nil || len(events) == 0 {
		return false, err
	}
	return true, s.work(ctx, at, events)
}

// work hands on a batch. The cursor is kept once for the batch, and before every wait.
func (s *subscriber) work(ctx context.Context, at int64, events []incident.Event) error {
	kept := at
	keep := func() error {
		if at == kept {
			return nil
		}
		// Also when ctx has ended: what is done need not be done again.
		err := s.relay.db.SetCursor(context.WithoutCancel(ctx), s.name, at)
		if err == nil {
			kept = at
		}
		return err
	}
	last := map[string]int64{}
	for _, e := range events {
		last[s.subject(e)] = e.Seq
	}
	for _, e := range events {
		if about := s.subject(e); about != "" && e.Seq < last[about] {
			at = e.Seq // the last one is still ahead of the cursor
			continue
		}
		for pause := firstPause; ; pause = min(2*pause, longestPause) {
			if ctx.Err() != nil {
				return keep()
			}
			err := s.call(ctx, e)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return keep()
			}
			s.failed(e, err)
			if err := keep(); err != nil {
				return err
			}
			wait(ctx, pause)
		}
		s.passed()
		at = e.Seq
	}
	return keep()
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

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
