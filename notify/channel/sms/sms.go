// Package sms carries prepared notices as text messages, through Aliyun in the mainland and abroad and through
// Tencent: one call per person, bounded in number. A call for many would share one set of parameters, or be
// what the provider warns may be delivered late; one call per person costs no more than its connection.
package sms

import (
	"context"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/notify/codes"
	"tocsin/templates"
)

// Options of a channel.
type Options struct {
	Provider  string        // id under which a message keeps its form at this provider; "": the message's own
	Calls     int           // at once, over all sends; 0: 64
	Simulated bool          // the endpoint is the simulator; only then drills may be sent
	Settles   time.Duration // until what a provider does not list was provably never taken; 0: 2 minutes, the simulator lists at once
	Clock     clock.Clock   // nil: the system's
}

func (o Options) filled() Options {
	if o.Calls <= 0 {
		o.Calls = defaultCalls
	}
	if o.Settles <= 0 && !o.Simulated {
		o.Settles = 2 * time.Minute
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return o
}

// home is what the channels to mainland numbers share: the words were approved beforehand, and a call names
// their template and fills in its variables.
type home struct {
	opt    Options
	calls  calls
	submit func(context.Context, form, text) notify.Verdict
}

// text is one message to one number.
type text struct {
	phone    string // bare
	template string
	values   []string
	outID    string
}

// Name is the channel's id.
func (h *home) Name() string { return templates.SMS }

// Covers mobile numbers of the mainland: abroad has templates of its own.
func (h *home) Covers() notify.Coverage { return notify.Mainland }

// prepare checks the message's form at this provider.
func (h *home) prepare(m notify.FrozenMessage, f templates.SMSForm, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.SMS, mode, h.opt.Simulated); err != nil {
		return nil, err
	}
	made, err := newForm(m, f)
	if err != nil {
		return nil, err
	}
	return &sender{home: h, form: made}, nil
}

// sender sends one message version.
type sender struct {
	*home
	form form
}

// Close does nothing: connections are the client's.
func (s *sender) Close() error { return nil }

// Send makes one call per delivery, as many at once as the channel allows.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	return s.calls.send(ctx, out, begin, done, s.one)
}

func (s *sender) one(ctx context.Context, o *notify.Outgoing, begin func()) notify.Verdict {
	phone, ok := mainland(o.Address)
	if !ok {
		return notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-mainland"}
	}
	template, values, refused := s.form.choose(o)
	if refused.Class != "" {
		return refused
	}
	begin()
	return s.submit(ctx, s.form, text{phone, template, values, o.OutID})
}

// Channel sends text messages to mainland numbers through Aliyun. It is safe for concurrent use.
type Channel struct {
	home
	client *aliyun.Client
}

// New makes the channel.
func New(client *aliyun.Client, o Options) *Channel {
	o = o.filled()
	c := &Channel{client: client}
	c.home = home{opt: o, calls: make(calls, o.Calls), submit: c.send}
	return c
}

// Prepare checks the message's form at this provider.
func (c *Channel) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	f, ok := m.Providers[c.opt.Provider]
	if !ok {
		f = templates.SMSForm{Template: m.Template, Bare: m.Bare}
	}
	return c.prepare(m, f, mode)
}

// send submits a message. One whose values are refused goes out in the template without any.
func (c *Channel) send(ctx context.Context, f form, t text) notify.Verdict {
	m := aliyun.SMS{Phone: t.phone, Sign: f.sign, Template: t.template, Params: f.object(t.values), OutID: t.outID}
	v := c.call(ctx, m)
	if m.Params != "" && f.bare != "" && codes.RefusesValues(v.Code) {
		m.Template, m.Params = f.bare, ""
		v = c.call(ctx, m)
	}
	return v
}

func (c *Channel) call(ctx context.Context, m aliyun.SMS) notify.Verdict {
	id, err := c.client.SendSMS(ctx, m)
	if err != nil {
		return codes.Submission.Judge(err, c.opt.Clock.Now())
	}
	return notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: id}
}

// mainland is the bare form of a mainland mobile number.
func mainland(address string) (string, bool) {
	return strings.TrimPrefix(address, "+86"), notify.CoverageOf(address) == notify.Mainland
}
