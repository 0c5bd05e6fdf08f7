package sms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/internal/tencent"
	"tocsin/notify"
	"tocsin/notify/codes"
	"tocsin/templates"
)

// Tencent sends text messages to mainland numbers through Tencent Cloud.
type Tencent struct {
	client *tencent.Client
	appID  string
	opt    Options
	calls  calls
}

var (
	_ notify.Querier = (*Tencent)(nil)
	_ notify.Coverer = (*Tencent)(nil)
)

// NewTencent makes the channel for one application of the account.
func NewTencent(client *tencent.Client, appID string, o Options) *Tencent {
	o = o.filled()
	if o.Provider == "" {
		o.Provider = "tencent"
	}
	return &Tencent{client: client, appID: appID, opt: o, calls: make(calls, o.Calls)}
}

// Name is the channel's id.
func (c *Tencent) Name() string { return templates.SMS }

// Covers mobile numbers of the mainland: abroad has templates of its own.
func (c *Tencent) Covers() notify.Coverage { return notify.Mainland }

// Prepare checks the message's form at this provider.
func (c *Tencent) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.SMS, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	made, err := newForm(m, m.Providers[c.opt.Provider])
	if err != nil {
		return nil, err
	}
	return &tencentSender{channel: c, form: made}, nil
}

type tencentSender struct {
	channel *Tencent
	form    form
}

// Close does nothing: connections are the client's.
func (s *tencentSender) Close() error { return nil }

// Send makes one call per delivery, as many at once as the channel allows.
func (s *tencentSender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	return s.channel.calls.send(ctx, out, begin, done, s.one)
}

func (s *tencentSender) one(ctx context.Context, o *notify.Outgoing, begin func()) notify.Verdict {
	phone, ok := mainland(o.Address)
	if !ok {
		return notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-mainland"}
	}
	template, values, refused := s.form.choose(o)
	if refused.Class != "" {
		return refused
	}
	m := tencent.SMS{Phone: "+86" + phone, AppID: s.channel.appID, Sign: s.form.sign, Template: template, Params: values, OutID: o.OutID}
	begin()
	id, err := s.channel.client.SendSMS(ctx, m)
	if err != nil {
		return judgeTencent(err, s.channel.opt.Clock.Now())
	}
	return notify.Verdict{Class: notify.ClassAccepted, Code: "Ok", ProviderID: id}
}

// Query asks for word of a delivery. What is not named there was not provably never taken, so it stays in doubt.
func (c *Tencent) Query(ctx context.Context, o notify.Outgoing) (notify.Verdict, bool, error) {
	phone, ok := mainland(o.Address)
	if !ok {
		return notify.Verdict{}, false, nil
	}
	now := c.opt.Clock.Now()
	from := now.Add(-7*24*time.Hour + slack)
	if !o.Since.IsZero() && o.Since.Add(-slack).After(from) {
		from = o.Since.Add(-slack)
	}
	statuses, err := c.client.Statuses(ctx, c.appID, "+86"+phone, from, now)
	if err != nil {
		return notify.Verdict{}, false, fmt.Errorf("query sms: %w", err)
	}
	for _, s := range statuses {
		switch {
		case s.SessionContext != o.OutID:
		case s.ReportStatus == "SUCCESS":
			return notify.Verdict{Class: notify.ClassDelivered, Code: "DELIVRD", ProviderID: s.SerialNo}, true, nil
		default:
			v := failed(s.Description, now)
			v.ProviderID = s.SerialNo
			return v, true, nil
		}
	}
	return notify.Verdict{Class: notify.ClassInDoubt, Code: "not-listed"}, true, nil
}

// judgeTencent turns a failed call into a verdict.
func judgeTencent(err error, now time.Time) notify.Verdict {
	var e *tencent.Error
	if !errors.As(err, &e) {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}
	}
	if e.Class != tencent.Business {
		return notify.Verdict{Class: notify.Class(e.Class), Code: e.Code}
	}
	v := codes.Cloud.Verdict(e.Code, 0, now)
	if _, last, cut := strings.Cut(e.Code, "."); cut && len(e.Code) > shortest {
		v.Code = last // the part that tells, since a delivery keeps 32 characters
	}
	return v
}

const shortest = 32
