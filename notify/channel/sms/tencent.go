package sms

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/internal/tencent"
	"tocsin/notify"
	"tocsin/notify/codes"
)

// Tencent sends text messages to mainland numbers through Tencent Cloud: abroad has templates of its own.
type Tencent struct {
	home
	client *tencent.Client
	appID  string
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
	c := &Tencent{client: client, appID: appID}
	c.home = home{opt: o, calls: make(calls, o.Calls), submit: c.send}
	return c
}

// Prepare checks the message's form at this provider.
func (c *Tencent) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	return c.prepare(m, m.Providers[c.opt.Provider], mode)
}

func (c *Tencent) send(ctx context.Context, f form, t text) notify.Verdict {
	id, err := c.client.SendSMS(ctx, tencent.SMS{Phone: "+86" + t.phone, AppID: c.appID, Sign: f.sign, Template: t.template, Params: t.values, OutID: t.outID})
	if err == nil {
		return notify.Verdict{Class: notify.ClassAccepted, Code: "Ok", ProviderID: id}
	}
	v := codes.Cloud.Judge(err, c.opt.Clock.Now())
	if _, last, cut := strings.Cut(v.Code, "."); cut && len(v.Code) > longest {
		v.Code = last // the part that tells
	}
	return v
}

// longest is what a delivery keeps of a code.
const longest = 32

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
