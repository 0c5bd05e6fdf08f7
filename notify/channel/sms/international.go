package sms

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/call"
	"tocsin/notify"
	"tocsin/notify/codes"
	"tocsin/templates"
)

// International sends text messages to numbers outside the mainland through Aliyun. A message in doubt cannot
// be asked about: the provider knows it only by an id that came with the answer.
type International struct {
	client *aliyun.Client
	opt    Options
	calls  calls
}

var _ notify.Coverer = (*International)(nil)

// NewInternational makes the channel.
func NewInternational(client *aliyun.Client, o Options) *International {
	o = o.filled()
	if o.Provider == "" {
		o.Provider = "aliyun-intl"
	}
	return &International{client: client, opt: o, calls: make(calls, o.Calls)}
}

// Name is the channel's id.
func (c *International) Name() string { return templates.SMS }

// Covers numbers with another country code than the mainland's.
func (c *International) Covers() notify.Coverage { return notify.Abroad }

// maxText is more than any approved text has; a longer one is a mistake that costs for each part.
const maxText = 1000

// Prepare checks the words: abroad they go out themselves, not the id of a template.
func (c *International) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.SMS, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	f := m.Providers[c.opt.Provider]
	text := f.Text
	if text == "" {
		text = m.SMSText
	}
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return nil, refuse(notify.ClassStop, "no-text")
	case n > maxText:
		return nil, refuse(notify.ClassBug, "too-long")
	}
	words := notify.ParseWords(text, slot)
	if err := impersonal(m, words); err != nil {
		return nil, err
	}
	return &globalSender{channel: c, from: f.Sign, words: words}, nil
}

type globalSender struct {
	channel *International
	from    string
	words   notify.Words
}

// Close does nothing: connections are the client's.
func (s *globalSender) Close() error { return nil }

// Send makes one call per delivery, as many at once as the channel allows: the call for many takes a
// thousand numbers, but one call a second and one text for all.
func (s *globalSender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	return s.channel.calls.send(ctx, out, begin, done, s.one)
}

func (s *globalSender) one(ctx context.Context, o *notify.Outgoing, begin func()) notify.Verdict {
	if !s.channel.Covers().Reaches(o.Address) {
		return notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-abroad"}
	}
	text, missing := s.words.Fill(o)
	switch missing {
	case "":
	case "brand":
		return notify.Verdict{Class: notify.ClassRcptSoft, Code: "slot-missing"}
	default:
		return notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"}
	}
	begin()
	id, err := s.channel.client.SendGlobe(ctx, aliyun.Globe{To: o.Address[1:], From: s.from, Text: text, OutID: o.OutID})
	if err != nil {
		return judgeGlobal(err, s.channel.opt.Clock.Now())
	}
	return notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: id}
}

// judgeGlobal knows codes that come with and without the provider's isv. and isp.
func judgeGlobal(err error, now time.Time) notify.Verdict {
	v := codes.Global.Judge(err, now)
	var e *call.Error
	if errors.As(err, &e) && e.Class == call.Business {
		code := strings.TrimPrefix(strings.TrimPrefix(e.Code, "isv."), "isp.")
		v = codes.Global.Verdict(code, e.Window, now)
		v.Code = e.Code
	}
	return v
}
