// Package sms carries prepared notices as text messages through Aliyun: one number and one set of template
// parameters per call, bounded in number, and what is in doubt is asked for by our own id.
package sms

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/incident"
	"tocsin/internal/aliyun"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/templates"
)

// Options of the channel.
type Options struct {
	Calls     int         // at once, over all sends; 0: 16
	Simulated bool        // the endpoint is the simulator; only then drills may be sent
	Clock     clock.Clock // nil: the system's
}

// Channel sends text messages to mainland numbers. It is safe for concurrent use.
type Channel struct {
	client *aliyun.Client
	opt    Options
	slots  chan struct{}
}

// New makes the channel.
func New(client *aliyun.Client, o Options) *Channel {
	if o.Calls <= 0 {
		o.Calls = 16
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	return &Channel{client: client, opt: o, slots: make(chan struct{}, o.Calls)}
}

// Name is the channel's id.
func (c *Channel) Name() string { return templates.SMS }

func refuse(class notify.Class, code string) *notify.Refusal {
	return &notify.Refusal{Channel: templates.SMS, Class: class, Code: code}
}

// Prepare checks what can be checked without a recipient: the approved template's code, the signature, and
// that no fixed parameter breaks the provider's rules.
func (c *Channel) Prepare(_ context.Context, m notify.FrozenMessage, mode incident.Mode) (notify.Sender, error) {
	if err := notify.Bar(templates.SMS, mode, c.opt.Simulated); err != nil {
		return nil, err
	}
	if m.Template == "" || m.Sign == "" {
		return nil, refuse(notify.ClassStop, "no-template-or-signature")
	}
	for _, v := range m.Params {
		if !slotPattern.MatchString(v) && !fits(v) {
			return nil, refuse(notify.ClassStop, "parameter-rule")
		}
	}
	return &sender{channel: c, message: m}, nil
}

// sender sends one message version.
type sender struct {
	channel *Channel
	message notify.FrozenMessage
}

// Close does nothing: connections are the client's.
func (s *sender) Close() error { return nil }

// Send makes one call per delivery, as many at once as the channel allows. When ctx ends, no new call begins.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	var (
		next     atomic.Int64
		mu       sync.Mutex
		wg       sync.WaitGroup
		answered int
	)
	for range min(len(out), s.channel.opt.Calls) {
		wg.Go(func() {
			for s.channel.acquire(ctx) {
				i := int(next.Add(1)) - 1
				if i >= len(out) {
					<-s.channel.slots
					return
				}
				v := s.one(ctx, out[i], func() { mu.Lock(); defer mu.Unlock(); begin(i) })
				<-s.channel.slots
				mu.Lock()
				answered++
				done(i, v)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if answered < len(out) {
		return ctx.Err()
	}
	return nil
}

func (c *Channel) acquire(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case c.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *sender) one(ctx context.Context, o notify.Outgoing, begin func()) notify.Verdict {
	phone, ok := mainland(o.Address)
	if !ok {
		return notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-mainland"}
	}
	params, code := s.params(&o)
	if code != "" {
		return notify.Verdict{Class: notify.ClassBug, Code: code}
	}
	begin()
	id, err := s.channel.client.SendSMS(ctx, aliyun.SMS{
		Phone: phone, Sign: s.message.Sign, Template: s.message.Template, Params: params, OutID: o.OutID})
	if err != nil {
		return judge(err, s.channel.opt.Clock.Now())
	}
	return notify.Verdict{Class: notify.ClassAccepted, Code: "OK", ProviderID: id}
}

var (
	slotPattern = regexp.MustCompile(`\[\[([a-z][a-z0-9_]*)\]\]`)
	mobile      = regexp.MustCompile(`^1[3-9][0-9]{9}$`)
)

// mainland is the bare form of a mainland mobile number.
func mainland(address string) (string, bool) {
	bare := strings.TrimPrefix(address, "+86")
	return bare, mobile.MatchString(bare)
}

// params fills the template's parameters and encodes them as JSON strings; code names what is wrong.
func (s *sender) params(o *notify.Outgoing) (encoded, code string) {
	if len(s.message.Params) == 0 {
		return "", ""
	}
	filled := make(map[string]string, len(s.message.Params))
	for name, v := range s.message.Params {
		filled[name] = slotPattern.ReplaceAllStringFunc(v, func(slot string) string {
			value, ok := o.Value(slot[2 : len(slot)-2])
			if !ok {
				code = "slot-missing"
			}
			return value
		})
		if code == "" && !fits(filled[name]) {
			code = "parameter-rule"
		}
	}
	b, err := json.Marshal(filled)
	if err != nil {
		return "", "parameter-rule"
	}
	return string(b), code
}

// fits is the provider's rule for a variable: 1 to 35 characters and no address of a web page.
func fits(v string) bool {
	n := len([]rune(v))
	low := strings.ToLower(v)
	return n >= 1 && n <= 35 && !strings.Contains(low, "://") && !strings.Contains(low, "www.")
}

// judge turns a failed call into a verdict.
func judge(err error, now time.Time) notify.Verdict {
	var e *aliyun.Error
	if !errors.As(err, &e) {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}
	}
	if e.Class != aliyun.Business {
		return notify.Verdict{Class: notify.Class(e.Class), Code: e.Code}
	}
	class, ok := Submission[e.Code]
	if !ok {
		class = notify.ClassRcptSoft // unknown is never permanent
	}
	v := notify.Verdict{Class: class, Code: e.Code}
	if class == notify.ClassRetryAt {
		wait := e.Window
		if wait == 0 {
			wait = time.Hour
		}
		v.RetryAt = now.Add(wait)
	}
	return v
}
