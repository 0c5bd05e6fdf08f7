package fanout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"tocsin/notify"
)

// task is one message on its way: who, over which channel, in which locale.
type task struct {
	notify.Outgoing
	message int // in the route of its channel
	ladder  []string
	doubt   bool // an earlier attempt may have gone out
}

func (t *task) outcome(v notify.Verdict) notify.Outcome {
	return notify.Outcome{Seq: t.Seq, Channel: t.Channel, Attempt: t.Attempt, Verdict: v, Ladder: t.ladder}
}

// send carries one sub-batch: check the claim, address, ask about what is in doubt, send, record.
func (w *worker) send(ctx context.Context, rel *release, r notify.Range, jobs []job, last bool) error {
	jobs, err := w.f.hold(ctx, r, jobs)
	if err != nil {
		return err
	}
	p, err := w.f.journal.begin()
	if err != nil {
		return err
	}
	tasks, outcomes := w.f.address(rel, jobs, r.Doubt)
	tasks, asked := w.f.ask(ctx, tasks)
	outcomes = append(outcomes, asked...)

	var broken error
	slices.SortStableFunc(tasks, func(a, b task) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.message, b.message))
	})
	for len(tasks) > 0 {
		n := 1
		for n < len(tasks) && tasks[n].Channel == tasks[0].Channel && tasks[n].message == tasks[0].message {
			n++
		}
		sent, err := w.carry(ctx, rel, tasks[:n], p)
		outcomes, broken = append(outcomes, sent...), errors.Join(broken, err)
		tasks = tasks[n:]
	}
	rec := notify.Recording{Range: r, Until: w.f.until(), Last: last && broken == nil, Outcomes: outcomes}
	held, err := w.f.record(ctx, rel.Dispatch, rec)
	if err != nil {
		return errors.Join(broken, errUnrecorded, err) // the page stays open: the journal knows what the store does not
	}
	if err = errors.Join(broken, p.settled()); err == nil && !held {
		err = errLost
	}
	return err
}

// address opens each recipient and chooses channel, message and attempt. Whom no channel reaches has an
// outcome at once. doubt says that an owner died with the range.
func (f *Fanout) address(rel *release, jobs []job, doubt bool) ([]task, []notify.Outcome) {
	tasks := make([]task, 0, len(jobs))
	var lost []notify.Outcome
	for _, j := range jobs {
		t := task{Outgoing: notify.Outgoing{Dispatch: rel.No, Seq: j.seq, Attempt: 1, Channel: notify.NoChannel}, doubt: doubt}
		p := j.person
		t.ladder = notify.Ladder(p, rel.usable)
		if len(t.ladder) > 0 {
			t.Channel = t.ladder[0]
		}
		if j.row != nil {
			t.Channel, t.Attempt, t.doubt = j.row.Channel, j.row.Attempt+1, doubt || j.row.State == notify.InDoubt
		}
		if j.err != nil {
			lost = append(lost, t.outcome(notify.Verdict{Class: notify.ClassNoChannel, Code: "unreadable"}))
			continue
		}
		if !slices.Contains(t.ladder, t.Channel) {
			lost = append(lost, t.outcome(notify.Verdict{Class: notify.ClassNoChannel}))
			continue
		}
		t.Address = notify.Address(p, t.Channel)
		t.message = rel.routes[t.Channel].message(p)
		t.OutID = f.o.Codec.OutID(rel.No, j.seq, t.Channel)
		t.Code, t.Ref = f.o.Codec.Code(rel.No, j.seq), rel.ref
		tasks = append(tasks, t)
	}
	return tasks, lost
}

// ask asks providers about deliveries in doubt. Who provably got nothing is sent to again, as is
// everybody on a channel that cannot be asked.
func (f *Fanout) ask(ctx context.Context, tasks []task) (send []task, outcomes []notify.Outcome) {
	for _, t := range tasks {
		q, can := f.channels[t.Channel].(notify.Querier)
		if !t.doubt || !can {
			send = append(send, t)
			continue
		}
		v, found, err := q.Query(ctx, t.Outgoing)
		switch {
		case err != nil:
			v = notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}
		case !found:
			send = append(send, t)
			continue
		}
		o := t.outcome(v)
		o.Asked = true
		outcomes = append(outcomes, o)
	}
	return send, outcomes
}

// carry sends tasks of one message and returns the outcome of each that was begun. An error means that
// some were not.
func (w *worker) carry(ctx context.Context, rel *release, tasks []task, p *page) ([]notify.Outcome, error) {
	s, key, err := w.sender(ctx, rel, tasks[0])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &carriage{
		tasks: tasks, page: p, cancel: cancel,
		pace:  func() error { return w.f.pace(ctx, tasks[0].Channel) },
		state: make([]byte, len(tasks)), verdicts: make([]notify.Verdict, len(tasks)),
	}
	out := make([]notify.Outgoing, len(tasks))
	for i := range tasks {
		out[i] = tasks[i].Outgoing
	}
	err = errors.Join(s.Send(ctx, out, c.begin, c.done), c.failure())
	outcomes, complete := c.outcomes()
	if err != nil || !complete {
		delete(w.senders, key)
		err = errors.Join(errBroken, err, s.Close())
	}
	if complete && err != nil {
		w.f.o.Log.WarnContext(ctx, "sender failed after its last message", "channel", tasks[0].Channel, "error", err)
		err = nil
	}
	return outcomes, err
}

// sender returns the prepared sender of a task's message. A message that cannot be prepared pauses its
// dispatch: nobody would get it.
func (w *worker) sender(ctx context.Context, rel *release, t task) (notify.Sender, senderKey, error) {
	m := rel.routes[t.Channel].messages[t.message]
	key := senderKey{rel.No, m.Version, t.Channel, m.Locale}
	if s := w.senders[key]; s != nil {
		return s, key, nil
	}
	if len(w.senders) >= maxSenders {
		if err := w.close(); err != nil {
			return nil, key, fmt.Errorf("close senders: %w", err)
		}
	}
	s, err := w.f.channels[t.Channel].Prepare(ctx, m, rel.Mode)
	if err != nil {
		return nil, key, errors.Join(fmt.Errorf("prepare %s: %w", t.Channel, err), w.f.halt(ctx, rel.Dispatch, "unprepared"))
	}
	w.senders[key] = s
	return s, key, nil
}

func (f *Fanout) pace(ctx context.Context, channel string) error {
	if l := f.limits[channel]; l != nil {
		return l.Wait(ctx)
	}
	return nil
}

// carriage follows the messages of one Send and keeps the journal.
type carriage struct {
	tasks  []task
	page   *page
	pace   func() error
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	state    []byte // 0, begun or ended
	verdicts []notify.Verdict
	err      error
}

func (c *carriage) begin(i int) {
	err := c.pace()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state[i] = begun
	c.keep(errors.Join(err, c.page.write(c.entry(begun, i))))
}

func (c *carriage) done(i int, v notify.Verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v.Class == "" || !slices.Contains(classes, v.Class) {
		v.Class = notify.ClassInDoubt // a verdict nobody knows tells nothing
	}
	c.state[i], c.verdicts[i] = ended, v
	c.keep(c.page.write(c.entry(ended, i)))
}

func (c *carriage) entry(kind byte, i int) entry {
	t := &c.tasks[i]
	return entry{kind: kind, dispatch: t.Dispatch, seq: t.Seq, channel: t.Channel, attempt: t.Attempt, verdict: c.verdicts[i]}
}

// keep remembers the first failure of the journal and stops the sender: what cannot be written down
// must not be sent.
func (c *carriage) keep(err error) {
	if err != nil && c.err == nil {
		c.err = err
		c.cancel(err)
	}
}

func (c *carriage) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// outcomes are those of every message begun: without a verdict it is in doubt, and after an earlier attempt
// that may have gone out it is a possible duplicate.
func (c *carriage) outcomes() (out []notify.Outcome, complete bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	complete = true
	for i := range c.tasks {
		v := c.verdicts[i]
		switch c.state[i] {
		case ended:
		case begun:
			v = notify.Verdict{Class: notify.ClassInDoubt}
		default:
			complete = false
			continue
		}
		o := c.tasks[i].outcome(v)
		o.Doubt = c.tasks[i].doubt
		out = append(out, o)
	}
	return out, complete
}
