// Package push carries prepared notices as app notifications through Aliyun: one call for up to a thousand
// devices when the text is the same for all, one call per person when it is not.
package push

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/templates"
)

const (
	maxPayload = 1800 // bytes of title and body
	maxCalls   = 16
	keptFor    = 72 * time.Hour
)

// Options of the channel.
type Options struct {
	Calls     int         // at once, over all sends; 0: 16
	Batch     int         // devices per call of a message without slots; 0: 500, at most 1000
	Simulated bool        // the endpoint is the simulator; only then drills may be sent
	Clock     clock.Clock // nil: the system's
}

// Channel sends app notifications to device ids. It is safe for concurrent use.
type Channel struct {
	client *aliyun.Client
	appKey string
	opt    Options
	slots  chan struct{}
}

// New makes the channel for one app.
func New(client *aliyun.Client, appKey string, o Options) *Channel {
	if o.Calls <= 0 {
		o.Calls = maxCalls
	}
	if o.Batch <= 0 {
		o.Batch = 500
	}
	o.Batch = min(o.Batch, aliyun.MaxTargets)
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return &Channel{client: client, appKey: appKey, opt: o, slots: make(chan struct{}, o.Calls)}
}

// Name is the channel's id.
func (c *Channel) Name() string { return templates.Push }

func refuse(class notify.Class, code string) *notify.Refusal {
	return &notify.Refusal{Channel: templates.Push, Class: class, Code: code}
}

// Prepare checks the message and decides whether it can go out in batches.
func (c *Channel) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.Push, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	switch {
	case m.Title == "" || m.Body == "":
		return nil, refuse(notify.ClassBug, "empty-message")
	case len(m.Title)+len(m.Body) > maxPayload:
		return nil, refuse(notify.ClassBug, "too-long")
	}
	if _, err := strconv.ParseInt(c.appKey, 10, 64); err != nil {
		return nil, refuse(notify.ClassStop, "bad-app-key")
	}
	s := &sender{channel: c, message: m, batch: c.opt.Batch}
	if s.personal(m.Title) || s.personal(m.Body) {
		s.batch = 1
	}
	return s, nil
}

// sender sends one message version.
type sender struct {
	channel *Channel
	message notify.FrozenMessage
	batch   int
}

// Close does nothing: connections are the client's.
func (s *sender) Close() error { return nil }

var (
	slotPattern = regexp.MustCompile(`\[\[([a-z][a-z0-9_]*)\]\]`)
	deviceID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
)

func (s *sender) known(slot string) bool {
	name := slot[2 : len(slot)-2]
	return name == "code" || name == "ref" || slices.Contains(s.message.Slots, name)
}

func (s *sender) personal(text string) bool {
	return slices.ContainsFunc(slotPattern.FindAllString(text, -1), s.known)
}

// fill puts a person's values into a text; ok is false when one is missing.
func (s *sender) fill(text string, o *notify.Outgoing) (filled string, ok bool) {
	ok = true
	filled = slotPattern.ReplaceAllStringFunc(text, func(slot string) string {
		if !s.known(slot) {
			return slot
		}
		v, found := o.Value(slot[2 : len(slot)-2])
		ok = ok && found
		return v
	})
	return filled, ok
}

// Send calls once per batch. A batch shares one verdict, since the provider answers per call and drops
// unknown devices without a word. When ctx ends, no new call begins.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	r := &run{sender: s, out: out, begin: begin, done: done}
	r.batches = s.plan(out, r.answer)
	var wg sync.WaitGroup
	for range min(len(r.batches), s.channel.opt.Calls) {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Wait()
	if r.answered < len(out) {
		return ctx.Err()
	}
	return nil
}

// plan answers those with an id that cannot be a device's and divides the others into batches. A device
// named twice goes into different calls, so that each delivery is one target.
func (s *sender) plan(out []notify.Outgoing, answer func(int, notify.Verdict)) (batches [][]int) {
	var batch []int
	named := map[string]bool{}
	for i, o := range out {
		if !deviceID.MatchString(o.Address) {
			answer(i, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-device"})
			continue
		}
		if len(batch) == s.batch || named[o.Address] {
			batches = append(batches, batch)
			batch = nil
			clear(named)
		}
		batch = append(batch, i)
		named[o.Address] = true
	}
	if len(batch) > 0 {
		batches = append(batches, batch)
	}
	return batches
}

// run is one Send.
type run struct {
	*sender
	out      []notify.Outgoing
	batches  [][]int
	next     atomic.Int64
	mu       sync.Mutex // begin and done are never called two at a time
	begin    func(int)
	done     func(int, notify.Verdict)
	answered int
}

func (r *run) answer(i int, v notify.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered++
	r.done(i, v)
}

func (r *run) work(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case r.channel.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		n := int(r.next.Add(1)) - 1
		if n >= len(r.batches) {
			<-r.channel.slots
			return
		}
		v := r.call(ctx, r.batches[n])
		<-r.channel.slots
		for _, i := range r.batches[n] {
			r.answer(i, v)
		}
	}
}

// call sends one batch.
func (r *run) call(ctx context.Context, batch []int) notify.Verdict {
	n := aliyun.Notice{AppKey: r.channel.appKey, Title: r.message.Title, Body: r.message.Body,
		Expires: r.channel.opt.Clock.Now().Add(keptFor)}
	if r.batch == 1 {
		o := r.out[batch[0]]
		var titleOK, bodyOK bool
		n.Title, titleOK = r.fill(n.Title, &o)
		n.Body, bodyOK = r.fill(n.Body, &o)
		n.Label = o.OutID
		if !titleOK || !bodyOK {
			return notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"}
		}
		if len(n.Title)+len(n.Body) > maxPayload {
			return notify.Verdict{Class: notify.ClassBug, Code: "too-long"}
		}
	}
	r.mu.Lock()
	for _, i := range batch {
		n.Devices = append(n.Devices, r.out[i].Address)
		r.begin(i)
	}
	r.mu.Unlock()
	id, err := r.channel.client.Push(ctx, n)
	if err != nil {
		return judge(err)
	}
	return notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: id}
}

// judge turns a failed call into a verdict.
func judge(err error) notify.Verdict {
	var e *aliyun.Error
	if !errors.As(err, &e) {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}
	}
	if e.Class != aliyun.Business {
		return notify.Verdict{Class: notify.Class(e.Class), Code: e.Code}
	}
	return notify.Verdict{Class: notify.ClassRcptSoft, Code: e.Code} // unknown is never permanent
}
