// Package push carries prepared notices as app notifications through Aliyun: a call for up to a thousand
// devices when the text is the same for all, a call for up to a hundred when it is not. What it shows may be
// read by anybody who sees the phone.
package push

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/templates"
)

const (
	maxPayload   = 1800 // bytes of title and body
	defaultCalls = 16
	keptFor      = 72 * time.Hour
)

// Options of the channel.
type Options struct {
	Calls   int           // at once, over all sends; 0: 16
	Batch   int           // devices per call of a message without slots; 0: 500, at most 1000
	Tasks   int           // people per call of a message with slots; 0: 100, the most there is
	Vendor  aliyun.Vendor // what the app has registered with the makers of phones
	KeptFor time.Duration // how long a notice waits for a device that is off; 0: 72 h, the most there is
	// Repeats is how often a call without a clear answer is made again at once, under the same token, which the
	// provider answers with its first result for 15 minutes. 0: twice, negative: never.
	Repeats   int
	Simulated bool        // the endpoint is the simulator; only then drills may be sent
	Clock     clock.Clock // nil: the system's
}

// Channel sends app notifications to device ids. It is safe for concurrent use.
type Channel struct {
	client *aliyun.Client
	app    aliyun.App
	opt    Options
	slots  chan struct{}
}

// New makes the channel for one app.
func New(client *aliyun.Client, appKey string, o Options) *Channel {
	if o.Calls <= 0 {
		o.Calls = defaultCalls
	}
	if o.Batch <= 0 {
		o.Batch = 500
	}
	if o.Tasks <= 0 {
		o.Tasks = aliyun.MaxTasks
	}
	if o.KeptFor <= 0 || o.KeptFor > keptFor {
		o.KeptFor = keptFor
	}
	if o.Repeats == 0 {
		o.Repeats = 2
	}
	o.Batch, o.Tasks = min(o.Batch, aliyun.MaxTargets), min(o.Tasks, aliyun.MaxTasks)
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return &Channel{client: client, app: aliyun.App{Key: appKey, Vendor: o.Vendor}, opt: o, slots: make(chan struct{}, o.Calls)}
}

// Name is the channel's id.
func (c *Channel) Name() string { return templates.Push }

func refuse(class notify.Class, code string) *notify.Refusal {
	return &notify.Refusal{Channel: templates.Push, Class: class, Code: code}
}

// Prepare checks the message and decides how many people a call can serve.
func (c *Channel) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.Push, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	switch {
	case m.Title == "" || m.Body == "":
		return nil, refuse(notify.ClassBug, "empty-message")
	case len(m.Title)+len(m.Body) > maxPayload:
		return nil, refuse(notify.ClassBug, "too-long")
	case slices.ContainsFunc(m.Slots, func(s string) bool { return !notify.ShortSlot(s) }):
		return nil, refuse(notify.ClassBug, "personal-slot")
	}
	if _, err := strconv.ParseInt(c.app.Key, 10, 64); err != nil {
		return nil, refuse(notify.ClassStop, "bad-app-key")
	}
	s := &sender{channel: c, title: notify.ParseWords(m.Title, notify.ShortSlot), body: notify.ParseWords(m.Body, notify.ShortSlot), batch: c.opt.Batch}
	if len(s.title.Slots())+len(s.body.Slots()) > 0 {
		s.batch, s.personal = c.opt.Tasks, true
	}
	return s, nil
}

// sender sends one message version.
type sender struct {
	channel     *Channel
	title, body notify.Words
	personal    bool
	batch       int         // people per call
	taken       atomic.Bool // the provider has taken the message for somebody
}

// Close does nothing: connections are the client's.
func (s *sender) Close() error { return nil }

// device tells whether an address can be a device id: 1 to 128 letters, digits, _ and -.
func device(address string) bool {
	for _, c := range []byte(address) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return address != "" && len(address) <= 128
}

// notice is the text for one person; the verdict says why there is none.
func (s *sender) notice(o *notify.Outgoing) (n aliyun.Notice, v notify.Verdict, ok bool) {
	if !device(o.Address) {
		return n, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-device"}, false
	}
	title, missing := s.title.Fill(o)
	body, also := s.body.Fill(o)
	for _, slot := range [...]string{missing, also} {
		switch slot {
		case "":
		case "brand": // of this person; the others can be told
			return n, notify.Verdict{Class: notify.ClassRcptSoft, Code: "slot-missing"}, false
		default:
			return n, notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"}, false
		}
	}
	if len(title)+len(body) > maxPayload {
		return n, notify.Verdict{Class: notify.ClassRcptSoft, Code: "too-long"}, false
	}
	n = aliyun.Notice{Devices: []string{o.Address}, Title: title, Body: body}
	if s.personal {
		n.Label = o.OutID
	}
	return n, v, true
}
