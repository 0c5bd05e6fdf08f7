package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"tocsin/notify"
)

// shift is one sub-batch of a range in work.
type shift struct {
	*worker
	ctx      context.Context // ends when the process is to stop
	going    context.Context // ends when the claim is lost, or the dispatch does not run
	inFlight context.Context // outlives ctx, for what has begun
	rel      *release
	r        notify.Range
	leaves   bool // to lanes, who would have to wait
	page     *page
	worn     []*provider // whose senders broke in this sub-batch
	broken   error       // how
}

// part carries the worker's jobs: address, ask about what is in doubt, send, record.
func (s *shift) part(last bool) error {
	var err error
	if s.page, err = s.f.journal.begin(); err != nil {
		return err
	}
	s.address(s.rel, s.jobs, s.r.Doubt)
	s.ask()
	broken := s.sendAll()
	outcomes, complete := s.results()
	rec := notify.Recording{Range: s.r, Until: s.f.until(), Halt: s.short(), Outcomes: outcomes, Last: complete && last}
	if rec.Last { // until then a range that is given back or taken over begins anew with whoever has no outcome
		rec.Left = s.later
	}
	held, err := s.f.record(s.inFlight, s.rel.Dispatch, rec, s.stillShort)
	if err != nil {
		return errors.Join(broken, errUnrecorded, err) // the page stays: the journal knows what the store does not
	}
	if len(rec.Left) > 0 {
		s.f.wake()
	}
	if err = errors.Join(broken, s.page.settled(len(s.tasks))); err == nil && (!held || !complete) {
		err = errLost
	}
	return err
}

// sendAll sends what is to be sent, provider by provider and message by message. What a provider that stops
// us has not taken goes over the next one.
func (s *shift) sendAll() error {
	for again := true; again; {
		again = false
		s.group()
		for i := range s.groups {
			rerouted, err := s.carry(&s.groups[i])
			if err != nil {
				return err
			}
			again = again || rerouted
		}
	}
	if s.broken == nil {
		return nil
	}
	for i := range s.tasks {
		if s.tasks[i].state == idle {
			return s.broken
		}
	}
	s.f.o.Log.WarnContext(s.going, "sent over another provider", "error", s.broken)
	return nil
}

// group is tasks that go out as the same message over the same provider.
type group struct {
	channel  string
	route    *route
	provider *provider
	message  int
	tasks    []int32
}

// group chooses a provider for each task that has none yet, and sorts the tasks into groups.
func (s *shift) group() {
	now := s.f.o.Clock.Now()
	for i := range s.groups {
		s.groups[i].tasks = s.groups[i].tasks[:0]
	}
	n := 0
	for i := range s.tasks {
		t := &s.tasks[i]
		if t.state > waiting {
			continue
		}
		if s.choose(t, now); t.provider == nil || s.tooSoon(t, now) {
			continue
		}
		at := slices.IndexFunc(s.groups[:n], func(g group) bool {
			return g.provider == t.provider && g.message == t.message && g.route == t.route
		})
		if at < 0 {
			if at, n = n, n+1; at == len(s.groups) {
				s.groups = append(s.groups, group{})
			}
			g := &s.groups[at]
			g.channel, g.route, g.provider, g.message = t.channel, t.route, t.provider, t.message
		}
		s.groups[at].tasks = append(s.groups[at].tasks, int32(i))
	}
	s.groups = s.groups[:n]
}

// short is why the dispatch must pause: somebody is left whom no provider takes now.
func (s *shift) short() string {
	for i := range s.tasks {
		if s.tasks[i].state != waiting {
			continue
		}
		for _, p := range s.tasks[i].route.providers {
			if why := p.pause(); why != "" {
				return why
			}
		}
		if len(s.unready) > 0 {
			return "unprepared"
		}
		return "provider"
	}
	return ""
}

// stillShort is short by what is known of the providers now.
func (s *shift) stillShort() string {
	now := s.f.o.Clock.Now()
	for i := range s.tasks {
		if t := &s.tasks[i]; t.state == waiting {
			s.choose(t, now)
		}
	}
	return s.short()
}

// results are the outcomes, in the order of seq; complete says that everybody has one or is left to a lane, which is
// noted. What was begun and has no verdict is in doubt, and what was sent after an attempt that may have gone out is a possible duplicate.
func (s *shift) results() (out []notify.Outcome, complete bool) {
	out, complete = slices.Grow(s.outcomes[:0], len(s.tasks)), true
	for i := range s.tasks {
		t := &s.tasks[i]
		if t.state < open {
			if t.spaced {
				s.f.gaps.leave(t, s.f.o.Clock.Now())
			}
			if t.state == left {
				s.later[t.channel] = append(s.later[t.channel], t.seq)
				continue
			}
			if !t.stopped() {
				complete = false
				continue
			}
		}
		o := notify.Outcome{
			Seq: t.seq, Channel: t.channel, Address: t.rank, Attempt: t.attempt, Verdict: t.verdict, Asked: t.asked, Held: t.held,
		}
		if t.state == open {
			o.Verdict = notify.Verdict{Class: notify.ClassInDoubt}
		}
		if t.provider != nil && !t.held {
			o.Provider = t.provider.ID
		}
		o.Doubt = t.doubt && !t.asked
		switch {
		case o.Verdict.Class != notify.ClassAccepted && t.person != nil && !t.held:
			o.Ladder = notify.Rungs(t.person, s.rel.usable)
		case s.rel.Course.Waits[t.channel] > 0:
			o.Ladder = t.ladder
		}
		out = append(out, o)
	}
	s.outcomes = out
	return out, complete
}

// stopped says that a provider has refused the task and that no other one takes it: it is put back.
func (t *task) stopped() bool {
	c := t.verdict.Class
	return c == notify.ClassStop || c == notify.ClassBug
}

// asking is how many questions to a provider are under way at once.
const asking = 8

// ask asks providers about deliveries in doubt. Who provably got nothing is sent to again, as is everybody on
// a channel that cannot be asked.
func (s *shift) ask() {
	var g errgroup.Group
	g.SetLimit(asking)
	for i := range s.tasks {
		if t := &s.tasks[i]; t.doubt && t.state == idle {
			if who := t.askable(s.rel); len(who) > 0 {
				g.Go(func() error { s.askOne(t, who); return nil })
			}
		}
	}
	_ = g.Wait() // none fails: no answer is an answer
}

// askable are the providers that may have a delivery and can be asked: the one it is with, else any.
func (t *task) askable(rel *release) []*provider {
	var out []*provider
	for _, p := range t.route.providers {
		if !p.answers() {
			continue
		}
		if t.row != nil && t.row.Provider != "" {
			if t.row.Provider == p.ID {
				return []*provider{p}
			}
			continue
		}
		if ok, _ := p.serves(t.person, t.address, rel.Transfers); ok {
			out = append(out, p)
		}
	}
	return out
}

// query asks one provider about a message. Who does not answer leaves it in doubt.
func (s *shift) query(p *provider, o notify.Outgoing) (v notify.Verdict, found bool) {
	v, found, err := p.Channel.(notify.Querier).Query(s.going, o)
	if err != nil {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}, true
	}
	return v, found
}

func (s *shift) askOne(t *task, who []*provider) {
	o := s.outgoing(t)
	for _, p := range who {
		v, found := s.query(p, o)
		if !found || v.Class == notify.ClassInDoubt && s.givenUp(t, p) {
			continue
		}
		t.provider, t.asked = p, true
		t.settle(v)
		return
	}
}

// givenUp says that a provider was asked about a delivery in vain for so long that another one may send it.
func (s *shift) givenUp(t *task, asked *provider) bool {
	return t.row != nil && t.bound(s.f.o.Clock.Now()) == "" && slices.ContainsFunc(t.route.providers, func(p *provider) bool {
		ok, _ := p.serves(t.person, t.address, s.rel.Transfers)
		return ok && p != asked
	})
}

// outgoing is a task as its channel sends it.
func (s *shift) outgoing(t *task) notify.Outgoing {
	brand := cmp.Or(t.person.Brand, t.route.messages[t.message].Brand)
	o := notify.Outgoing{
		Dispatch: s.rel.No, Seq: t.seq, Channel: t.channel, Attempt: t.attempt, Address: t.address,
		Code: s.f.o.Codec.Code(s.rel.No, t.seq), Ref: s.rel.ref, Brand: brand, Vars: t.person.Vars, OutID: s.f.o.Codec.OutIDAt(s.rel.No, t.seq, t.channel, t.rank),
	}
	if t.row != nil && t.row.State == notify.InDoubt {
		o.Since = t.row.At
	}
	return o
}

func (rel *release) senderKey(r *route, message int, p *provider) senderKey {
	m := &r.messages[message]
	return senderKey{rel.No, m.Version, p.ID, m.Locale}
}

// sender returns the prepared sender of a group's message; nil when the provider has no form for the message.
// Where no other one has, the dispatch pauses: nobody would get it.
func (s *shift) sender(g *group) (notify.Sender, senderKey, error) {
	m, key := g.route.messages[g.message], s.rel.senderKey(g.route, g.message, g.provider)
	now := s.f.o.Clock.Now()
	found, have := s.senders[key]
	if have && now.Sub(found.at) < freshFor {
		return found, key, nil
	}
	if have || len(s.senders) >= maxSenders {
		if err := s.close(); err != nil {
			return nil, key, fmt.Errorf("close senders: %w", err)
		}
	}
	made, err := g.provider.Channel.Prepare(s.going, m, s.rel.Mode)
	if err != nil && s.going.Err() != nil {
		return nil, key, fmt.Errorf("prepare %s: %w", g.provider.ID, err)
	}
	if err != nil {
		s.f.o.Log.ErrorContext(s.going, "provider cannot send the message", "provider", g.provider.ID, "dispatch", s.rel.ID, "error", err)
		s.unready[key] = true
		return nil, key, nil
	}
	s.senders[key] = prepared{made, now}
	return made, key, nil
}
