package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/clock"
	"tocsin/internal/outbox"
)

// memory is a store of events only.
type memory struct {
	mu      sync.Mutex
	waiting []incident.Event
	events  []incident.Event
	cursors map[string]int64
	hooks   []func()
	taken   map[string]bool
	down    bool
}

var errDown = errors.New("down")

func (m *memory) OnCommit(fn func()) { m.hooks = append(m.hooks, fn) }

func (m *memory) Alone(ctx context.Context, name string, fn func(context.Context) error) (bool, error) {
	if !m.take(name, true) {
		return false, nil
	}
	defer m.take(name, false)
	return true, fn(ctx)
}

func (m *memory) take(name string, hold bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.taken[name]
	m.taken[name] = hold
	return !was
}

func (m *memory) commit(kinds ...string) {
	m.mu.Lock()
	for _, k := range kinds {
		m.waiting = append(m.waiting, incident.Event{ID: "evt_" + k, Kind: k})
	}
	m.mu.Unlock()
	for _, hook := range m.hooks {
		hook()
	}
}

func (m *memory) Sequence(_ context.Context, limit int) ([]incident.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, errDown
	}
	n := min(limit, len(m.waiting))
	for i := range n {
		m.waiting[i].Seq = int64(len(m.events)) + 1
		m.events = append(m.events, m.waiting[i])
	}
	m.waiting = m.waiting[n:]
	return m.events[len(m.events)-n:], nil
}

func (m *memory) EventsAfter(_ context.Context, _ string, after int64, limit int) ([]incident.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, errDown
	}
	rest := m.events[min(after, int64(len(m.events))):]
	return rest[:min(limit, len(rest))], nil
}

func (m *memory) LastEvent(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.events)), nil
}

func (m *memory) Cursor(_ context.Context, name string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[name], nil
}

func (m *memory) SetCursor(_ context.Context, name string, seq int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cursors[name] = seq
	return nil
}

func newMemory() *memory { return &memory{cursors: map[string]int64{}, taken: map[string]bool{}} }

// reader notes what it was given; fail says how often the next events fail.
type reader struct {
	mu   sync.Mutex
	got  []string
	fail map[string]int
}

func (r *reader) take(_ context.Context, e incident.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail[e.Kind] > 0 {
		r.fail[e.Kind]--
		return errors.New("not now")
	}
	if r.fail[e.Kind] < 0 {
		panic("broken")
	}
	r.got = append(r.got, e.Kind)
	return nil
}

func (r *reader) read() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.got...)
}

func start(t *testing.T, m *memory, subscribe func(*outbox.Relay)) *outbox.Relay {
	t.Helper()
	r := outbox.New(m, clock.NewFake(time.Unix(0, 0)), slog.New(slog.DiscardHandler))
	subscribe(r)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-done) })
	synctest.Wait()
	return r
}

func TestSubscribersGetEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a, b := newMemory(), &reader{}, &reader{}
		m.cursors["b"] = 1
		m.events = []incident.Event{{Seq: 1, Kind: "old"}}
		start(t, m, func(r *outbox.Relay) { r.Subscribe("a", a.take); r.Subscribe("b", b.take) })
		m.commit("one", "two")
		m.commit("three")
		synctest.Wait()
		require.Equal(t, []string{"old", "one", "two", "three"}, a.read(), "a new reader starts at the beginning")
		require.Equal(t, []string{"one", "two", "three"}, b.read(), "a known one where it was")
		require.Equal(t, map[string]int64{"a": 4, "b": 4}, m.cursors)
	})
}

// Who works off how things stand gets the last of what waits about the same thing, and that one also after an
// earlier failure of something else.
func TestLatestOfASubjectIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(), &reader{fail: map[string]int{"b/bad": 2}}
		subject := func(e incident.Event) string {
			about, _, _ := strings.Cut(e.Kind, "/")
			return strings.TrimPrefix(about, "nobody")
		}
		for i, kind := range []string{"a/one", "nobody/one", "a/two", "b/bad", "nobody/two", "a/three"} {
			m.events = append(m.events, incident.Event{Seq: int64(i + 1), ID: "evt_" + kind, Kind: kind})
		}
		start(t, m, func(r *outbox.Relay) { r.SubscribeLatest("a", subject, a.take) })
		require.Equal(t, []string{"nobody/one"}, a.read())
		at, err := m.Cursor(t.Context(), "a")
		require.NoError(t, err)
		require.EqualValues(t, 3, at, "what waits about a stands behind the cursor")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"nobody/one", "b/bad", "nobody/two", "a/three"}, a.read())
		m.commit("a/four")
		synctest.Wait()
		require.Equal(t, "a/four", a.read()[4])
	})
}

// Two processes on one store give each event to one of them, also while the first is stuck.
func TestOneProcessReadsUnderAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a, b := newMemory(), &reader{fail: map[string]int{"bad": 3}}, &reader{}
		start(t, m, func(r *outbox.Relay) { r.Subscribe("reader", a.take) })
		m.commit("bad")
		synctest.Wait()
		start(t, m, func(r *outbox.Relay) { r.Subscribe("reader", b.take) })
		m.commit("next")
		synctest.Wait()
		require.Empty(t, b.read(), "the order is the name's, not the process's")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"bad", "next"}, append(a.read(), b.read()...))
		for range 50 {
			m.commit("more")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		require.Len(t, append(a.read(), b.read()...), 52)
	})
}

func TestFailingEventIsRepeatedAndHoldsUpItsReaderOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a, b := newMemory(), &reader{fail: map[string]int{"bad": 3}}, &reader{}
		r := start(t, m, func(r *outbox.Relay) { r.Subscribe("a", a.take); r.Subscribe("b", b.take) })
		m.commit("good", "bad", "next")
		synctest.Wait()
		require.Equal(t, []string{"good"}, a.read())
		require.EqualValues(t, 1, m.cursors["a"], "what was done is kept before the wait")
		require.Equal(t, []string{"good", "bad", "next"}, b.read())
		require.Len(t, r.Stuck(), 1)
		require.Equal(t, "evt_bad", r.Stuck()[0].Event)
		time.Sleep(100*time.Millisecond + 200*time.Millisecond + 400*time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"good", "bad", "next"}, a.read())
		require.Empty(t, r.Stuck())
	})
}

func TestPauseIsCappedAndPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(), &reader{fail: map[string]int{"bad": -1}}
		r := start(t, m, func(r *outbox.Relay) { r.Subscribe("a", a.take) })
		m.commit("bad")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.InDelta(t, 360+7, r.Stuck()[0].Tries, 3, "once in ten seconds in the end")
	})
}

func TestLostHintIsMadeUpByThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(), &reader{}
		start(t, m, func(r *outbox.Relay) { r.Subscribe("a", a.take) })
		m.hooks = nil
		m.commit("one")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"one"}, a.read())
	})
}

func TestStoreDownIsOutlived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(), &reader{}
		m.down = true
		start(t, m, func(r *outbox.Relay) { r.Subscribe("a", a.take) })
		m.commit("one")
		time.Sleep(10 * time.Second)
		m.mu.Lock()
		m.down = false
		m.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"one"}, a.read())
	})
}

func TestListenersHearNewEventsAndSlowOnesLoseSome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.events = []incident.Event{{Seq: 1, Kind: "old"}}
		r := start(t, m, func(*outbox.Relay) {})
		live, cancel := r.Listen()
		slow, cancelSlow := r.Listen()
		defer cancelSlow()
		for range 1000 {
			m.commit("new")
			require.Equal(t, "new", (<-live).Kind)
		}
		require.Len(t, slow, cap(slow))
		require.EqualValues(t, 2, (<-slow).Seq)
		cancel()
		cancel()
		_, open := <-live
		require.False(t, open)
	})
}
