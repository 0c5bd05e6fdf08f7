package fanout

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"tocsin/notify"
)

// carry sends a group. reroute says that its provider takes no more now, and that what it has not taken may go
// over another one.
func (s *shift) carry(g *group) (reroute bool, err error) {
	for todo := g.tasks; len(todo) > 0 && !reroute && err == nil; {
		if g.provider.pause() != "" || slices.Contains(s.worn, g.provider) {
			return true, nil
		}
		var n int
		if n, err = s.pace(g, len(todo)); err != nil {
			return false, err
		}
		if n > 0 {
			reroute, err = s.send(g, todo[:n])
		}
		if todo = todo[n:]; s.leaves {
			s.leave(todo)
			break
		}
	}
	return reroute, err
}

// leave has tasks wait in a lane, so that those of other channels need not.
func (s *shift) leave(tasks []int32) {
	for _, i := range tasks {
		s.tasks[i].state = left
	}
}

// send carries tasks of a group in one go.
func (s *shift) send(g *group, tasks []int32) (reroute bool, err error) {
	sender, key, err := s.sender(g)
	if err != nil || sender == nil {
		return sender == nil, err
	}
	ctx, cancel := context.WithCancelCause(s.going)
	defer cancel(nil)
	s.out = slices.Grow(s.out[:0], len(tasks))
	for _, i := range tasks {
		s.out = append(s.out, s.outgoing(&s.tasks[i]))
	}
	c := &carriage{shift: s, provider: g.provider, indexes: tasks, cancel: cancel}
	counted := 0
	if len(tasks) >= telling {
		counted = 1
	}
	g.provider.work.change(s.f.o.Clock.Now(), counted, 0)
	err = sender.Send(ctx, s.out, c.begin, c.done)
	complete := true
	ended := int64(0)
	for _, i := range tasks {
		switch t := &s.tasks[i]; {
		case t.state < open:
			complete = false
		case t.state == over && t.stopped():
			t.state = idle // for the next provider; without one it is put back
		default:
			ended++
		}
	}
	g.provider.work.change(s.f.o.Clock.Now(), -counted, ended*int64(counted))
	if err != nil {
		delete(s.senders, key)
		err = errors.Join(errBroken, err, sender.Close())
	}
	if unkept := c.err(); unkept != nil {
		return false, errors.Join(err, unkept)
	}
	if v := c.refused.Load(); v != nil {
		return true, s.f.stop(s.inFlight, g.provider, s.rel.Dispatch, *v)
	}
	if complete {
		if err != nil {
			s.f.o.Log.WarnContext(ctx, "sender failed after its last message", "provider", g.provider.ID, "error", err)
		}
		return false, nil
	}
	return s.unsent(g, err)
}

// unsent decides what becomes of tasks that a sender has not begun.
func (s *shift) unsent(g *group, err error) (reroute bool, _ error) {
	if s.going.Err() != nil {
		return false, errLost
	}
	var refusal *notify.Refusal
	if errors.As(err, &refusal) && (refusal.Class == notify.ClassStop || refusal.Class == notify.ClassBug) {
		return true, s.f.stop(s.inFlight, g.provider, s.rel.Dispatch, notify.Verdict{Class: refusal.Class, Code: refusal.Code})
	}
	s.worn, s.broken = append(s.worn, g.provider), errors.Join(s.broken, cmp.Or(err, errBroken))
	g.provider.tire(s.f.o.Clock.Now())
	return true, nil
}

// pace waits until at least one of n messages may go over the provider and for the dispatch, and returns how
// many may go at once; where people are left to lanes it does not wait, and none may. A stop of the process ends the
// wait.
func (s *shift) pace(g *group, n int) (int, error) {
	now := s.f.o.Clock.Now()
	limits := [...]*rate.Limiter{g.provider.pace.now(now), g.route.pace.now(now)}
	for _, l := range limits {
		switch {
		case l == nil:
		case s.leaves:
			n = max(0, min(n, int(l.TokensAt(now))))
		default:
			n = min(n, l.Burst())
		}
	}
	for _, l := range limits {
		if l == nil || n == 0 {
			continue
		}
		now := s.f.o.Clock.Now()
		slot := l.ReserveN(now, n)
		for !slot.OK() { // so many may not go at once any more
			n = (n + 1) / 2
			slot = l.ReserveN(now, n)
		}
		wait := slot.DelayFrom(now)
		if wait > 0 && s.leaves { // another worker was faster
			slot.CancelAt(now)
			return 0, nil
		}
		if wait > 0 && s.rest(wait) != nil {
			slot.CancelAt(s.f.o.Clock.Now())
			return 0, errLost
		}
	}
	return n, nil
}

// rest sleeps while the claim holds and the process is not to stop.
func (s *shift) rest(d time.Duration) error {
	ctx, cancel := context.WithCancel(s.going)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	return s.f.sleep(ctx, d)
}

// oddEvery is how many answers with unknown codes one line of the log stands for.
const oddEvery = 1000

// carriage follows the messages of one Send and keeps the journal. Messages are told apart by their index, so
// only a failure needs a lock.
type carriage struct {
	*shift
	provider *provider
	indexes  []int32
	cancel   context.CancelCauseFunc
	refused  atomic.Pointer[notify.Verdict] // by which the provider takes no more

	mu      sync.Mutex
	failure error
}

func (c *carriage) begin(i int) {
	at := c.indexes[i]
	t := &c.tasks[at]
	t.state = open
	e := entry{dispatch: c.rel.No, seq: t.seq, channel: t.channel, address: t.rank, provider: c.provider.ID, attempt: t.attempt, doubt: t.doubt}
	c.keep(c.page.begun(int(at), &e))
}

func (c *carriage) done(i int, v notify.Verdict) {
	if !slices.Contains(classes[1:], v.Class) {
		v.Class = notify.ClassInDoubt // a verdict nobody knows tells nothing
	}
	at := c.indexes[i]
	t := &c.tasks[at]
	begun := t.state == open
	if p := c.provider.pace; v.Slower || p.watched.Load() {
		p.answered(c.f.o.Clock.Now(), v.Slower)
	}
	if v.Unknown && c.provider.odd.Add(1)%oddEvery == 1 {
		c.f.o.Log.WarnContext(c.going, "a code that no table knows", "provider", c.provider.ID, "code", notify.ShortCode(v.Code))
	}
	if t.spaced {
		c.f.gaps.told(t, v, c.f.o.Clock.Now())
	}
	t.settle(v)
	t.held = !begun && v.Class == notify.ClassRetryAt // its sender put it off unsent
	if t.stopped() {
		c.refuse(v)
	}
	if begun {
		c.keep(c.page.ended(int(at), &entry{verdict: v}))
	}
}

// refuse keeps the first verdict by which the provider takes no more: what is not begun goes over another one.
func (c *carriage) refuse(v notify.Verdict) {
	if c.refused.CompareAndSwap(nil, &v) {
		c.cancel(errBroken)
	}
}

// keep remembers the first failure of the journal and stops the sender: what cannot be written down must not
// be sent.
func (c *carriage) keep(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure == nil {
		c.failure = err
		c.cancel(err)
	}
}

func (c *carriage) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}
