package fanout

import (
	"slices"
	"time"

	"tocsin/notify"
)

// What has become of a task.
const (
	idle    = iota
	waiting // for a provider: none takes it now
	left    // to a lane, which waits for its channel
	open    // begun
	over    // there is a verdict
)

// task is one member's message on its way: who, over which channel and provider, in which locale.
type task struct {
	seq      int64
	person   *notify.Recipient
	row      *notify.Delivery
	channel  string
	route    *route
	provider *provider
	address  string
	rank     int // of the address among the person's
	message  int // in the route
	ladder   []string
	attempt  int
	doubt    bool // an earlier attempt may have gone out
	asked    bool // the provider was, and nothing is sent
	held     bool // nothing is sent or asked: not now
	spaced   bool // its address is kept free of other messages for it
	state    byte
	verdict  notify.Verdict
}

func (t *task) settle(v notify.Verdict) { t.verdict, t.state = v, over }

// hold has a task wait, without counting it.
func (t *task) hold(code string, until time.Time) {
	t.held = true
	t.settle(notify.Verdict{Class: notify.ClassRetryAt, Code: code, RetryAt: until})
}

// address chooses channel, message and attempt for each member. Whom no channel reaches has an outcome at once,
// and so has who is not to be disturbed now: the person's order of channels stands, so the next one does not
// go first. doubt says that an owner died with the range.
func (w *worker) address(rel *release, jobs []job, doubt bool) {
	now := w.f.o.Clock.Now()
	w.tasks, w.ladders = slices.Grow(w.tasks[:0], len(jobs)), w.ladders[:0]
	for _, j := range jobs {
		w.tasks = append(w.tasks, task{seq: j.seq, person: j.person, row: j.row, channel: notify.NoChannel, attempt: 1, doubt: doubt})
		t := &w.tasks[len(w.tasks)-1]
		if t.person != nil {
			from := len(w.ladders)
			w.ladders = notify.AppendLadder(w.ladders, t.person, rel.usable)
			t.ladder = w.ladders[from:len(w.ladders):len(w.ladders)]
		}
		if len(t.ladder) > 0 {
			t.channel = t.ladder[0]
		}
		if t.row != nil {
			t.channel, t.rank, t.attempt, t.doubt = t.row.Channel, t.row.Address, t.row.Attempt+1, doubt || t.row.State == notify.InDoubt
		}
		switch {
		case t.person == nil:
			t.settle(notify.Verdict{Class: notify.ClassNoChannel, Code: "unreadable"})
			continue
		case !slices.Contains(t.ladder, t.channel):
			t.settle(notify.Verdict{Class: notify.ClassNoChannel})
			continue
		}
		if t.address = t.where(rel.usable); t.address == "" {
			t.settle(notify.Verdict{Class: notify.ClassNoChannel})
			continue
		}
		t.route = rel.routes[t.channel]
		t.message = t.route.message(t.person)
		if rel.Course.Quiet == nil {
			continue
		}
		if until, quiet := rel.QuietUntil(*t.person, t.channel, now); quiet {
			t.hold("quiet", until)
		}
	}
}

// where is the address that a task goes to; "" when a plan does not lead there any more.
func (t *task) where(plan []string) string {
	if t.rank == 0 {
		return notify.Address(t.person, t.channel)
	}
	if all := notify.Addresses(t.person, t.channel, plan); t.rank < len(all) {
		return all[t.rank]
	}
	return ""
}

// choose finds the provider that a task goes over now. A delivery in doubt stays with the provider that may
// have it until that one was asked in vain for long enough.
func (s *shift) choose(t *task, now time.Time) {
	t.provider = nil
	bound := t.bound(now)
	never, worn, why := true, false, ""
	for _, p := range t.route.order(t.row) {
		if bound != "" && p.ID != bound {
			continue
		}
		ok, reason := p.serves(t.person, t.address, s.rel.Transfers)
		if !ok {
			why = reason
			continue
		}
		never = false
		switch {
		case p.pause() != "", len(s.unready) > 0 && s.unready[s.rel.senderKey(t.route, t.message, p)]:
		case slices.Contains(s.worn, p):
			worn = true
		case t.provider == nil || t.provider.tired(now) && !p.tired(now):
			t.provider = p
		}
	}
	switch {
	case t.provider != nil || worn:
		t.state = idle
	case never:
		t.settle(notify.Verdict{Class: notify.ClassNoChannel, Code: why})
	case bound != "":
		t.hold("provider-paused", time.Time{})
	default:
		t.state = waiting
	}
}

// bound is the one provider that a delivery in doubt may go over; "" when any may.
func (t *task) bound(now time.Time) string {
	if t.row == nil || t.row.State != notify.InDoubt || now.Sub(t.row.At) >= notify.ReconcileAfter {
		return ""
	}
	for _, p := range t.route.providers {
		if p.ID == t.row.Provider {
			return p.ID
		}
	}
	return "" // it is not configured any more
}

// failover is after how many attempts that a provider put off the next one goes first.
const failover = 3

// order is the route's providers as they are tried: one that put a delivery off again and again goes last,
// and so does one that was asked in vain about it.
func (r *route) order(row *notify.Delivery) []*provider {
	if row == nil || len(r.providers) < 2 || row.Attempt < failover && row.State != notify.InDoubt {
		return r.providers
	}
	at := slices.IndexFunc(r.providers, func(p *provider) bool { return p.ID == row.Provider })
	if at < 0 {
		return r.providers
	}
	return append(slices.Delete(slices.Clone(r.providers), at, at+1), r.providers[at])
}
