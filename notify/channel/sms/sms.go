// Package sms carries prepared notices as text messages, through Aliyun in the mainland and abroad and through
// Tencent: one call per person, bounded in number. A call for many would share one set of parameters, or be
// what the provider warns may be delivered late; one call per person costs no more than its connection.
package sms

import (
	"context"
	"errors"
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

// Channel sends text messages to mainland numbers through Aliyun. It is safe for concurrent use.
type Channel struct {
	client *aliyun.Client
	opt    Options
	calls  calls
}

// New makes the channel.
func New(client *aliyun.Client, o Options) *Channel {
	o = o.filled()
	return &Channel{client: client, opt: o, calls: make(calls, o.Calls)}
}

// Name is the channel's id.
func (c *Channel) Name() string { return templates.SMS }

// Covers mobile numbers of the mainland.
func (c *Channel) Covers() notify.Coverage { return notify.Mainland }

// Prepare checks the message's form at this provider.
func (c *Channel) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.SMS, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	f, ok := m.Providers[c.opt.Provider]
	if !ok {
		f = templates.SMSForm{Template: m.Template, Bare: m.Bare}
	}
	made, err := newForm(m, f)
	if err != nil {
		return nil, err
	}
	return &sender{channel: c, form: made}, nil
}

// sender sends one message version.
type sender struct {
	channel *Channel
	form    form
}

// Close does nothing: connections are the client's.
func (s *sender) Close() error { return nil }

// Send makes one call per delivery, as many at once as the channel allows.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	return s.channel.calls.send(ctx, out, begin, done, s.one)
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
	m := aliyun.SMS{Phone: phone, Sign: s.form.sign, Template: template, Params: s.form.object(values), OutID: o.OutID}
	begin()
	v := s.submit(ctx, m)
	if m.Params != "" && s.form.bare != "" && codes.RefusesValues(v.Code) {
		m.Template, m.Params = s.form.bare, ""
		v = s.submit(ctx, m)
	}
	return v
}

func (s *sender) submit(ctx context.Context, m aliyun.SMS) notify.Verdict {
	id, err := s.channel.client.SendSMS(ctx, m)
	if err != nil {
		return judge(err, codes.Submission, s.channel.opt.Clock.Now())
	}
	return notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: id}
}

// mainland is the bare form of a mainland mobile number.
func mainland(address string) (string, bool) {
	return strings.TrimPrefix(address, "+86"), notify.CoverageOf(address) == notify.Mainland
}

// judge turns a failed call into a verdict.
func judge(err error, table codes.Table, now time.Time) notify.Verdict {
	var e *aliyun.Error
	if !errors.As(err, &e) {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}
	}
	if e.Class != aliyun.Business {
		return notify.Verdict{Class: notify.Class(e.Class), Code: e.Code}
	}
	return table.Verdict(e.Code, e.Window, now)
}
