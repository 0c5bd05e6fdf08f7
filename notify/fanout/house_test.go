package fanout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/notify/fanout"
	"tocsin/templates"
)

var person = evidence.Scope{
	Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: "usr_1"},
	Roles: []string{access.Responder, access.Approver, access.Auditor},
}

// house is a store with one approved notice and its audience, and channels whose verdicts are scripted.
type house struct {
	t     testing.TB
	ctx   context.Context
	clock *clock.Fake
	store notify.Store
	svc   *notify.Service
	codec *notify.Codec
	email *channel
	sms   *channel
	more  []notify.Provider // besides the first ones
	d     notify.Dispatch

	options func(dir string) fanout.Options
}

func messages(notice string) []notify.FrozenMessage {
	var out []notify.FrozenMessage
	for _, m := range []templates.Message{
		{Channel: templates.Email, Locale: "en", Subject: "Notice [[ref]]", Text: "Code [[code]]", Brand: "Example Company"},
		{Channel: templates.Email, Locale: "zh-Hans", Subject: "通知 [[ref]]", Text: "校验码 [[code]]"},
		{Channel: templates.SMS, Locale: "zh-Hans", Sign: "示例", Template: "SMS_1", Params: map[string]string{"code": "[[code]]"}},
	} {
		raw, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		out = append(out, notify.FrozenMessage{Document: notice, Version: 3, Message: m, Hash: sha(raw)})
	}
	return out
}

// newHouse imports people, releases a notice to them and makes the channels.
func newHouse(t testing.TB, people []notify.Recipient, course ...notify.Course) *house {
	h := &house{t: t, ctx: context.Background(), clock: clock.NewFake(storetest.Start), email: newChannel("email"), sms: newChannel("sms")}
	h.options = h.plainOptions
	db := storetest.SQLite(t, storetest.WithClock(h.clock))
	h.store = store.Of[notify.Tx](db)
	key, err := db.OperatorKey(h.ctx, "acme")
	require.NoError(t, err)
	h.codec = notify.NewCodec(key)
	catalog, err := templates.Load()
	require.NoError(t, err)
	h.svc = notify.New(h.store, catalog, key)
	h.release(people, append(course, notify.Course{})[0])
	return h
}

func (h *house) tx(fn func(notify.Tx) error) {
	h.t.Helper()
	require.NoError(h.t, h.store.InTx(h.ctx, evidence.System("acme"), fn))
}

func (h *house) release(people []notify.Recipient, course notify.Course) {
	inc := incident.ID(evidence.NewID("inc"))
	h.tx(func(tx notify.Tx) error {
		return tx.InsertIncident(h.ctx, incident.Incident{ID: inc, Operator: "acme", Mode: incident.Live, State: incident.Open, Revision: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
	})
	var lines strings.Builder
	for _, p := range people {
		require.NoError(h.t, json.NewEncoder(&lines).Encode(p))
	}
	a, err := h.svc.Import(h.ctx, person, inc, "people.ndjson", "ndjson", strings.NewReader(lines.String()), nil)
	require.NoError(h.t, err)
	require.EqualValues(h.t, len(people), a.Total)

	channels := []string{templates.Email, templates.SMS}
	doc := notify.Document{
		ID: evidence.NewID("ntc"), Kind: templates.Notice, Incident: inc, Channels: channels, Version: 4, Frozen: 3,
		State: notify.DocApproved, Policy: notify.Policy{Quorum: 2}, Audience: a.ID, Course: course, CreatedAt: h.clock.Now(), UpdatedAt: h.clock.Now(),
	}
	frozen := messages(doc.ID)
	plain := make([]templates.Message, len(frozen))
	for i := range frozen {
		plain[i] = frozen[i].Message
	}
	doc.Digest = notify.MakeDigest(plain, a.Root, notify.PlanHash(channels, a.ID, a.Total, doc.Course))
	h.tx(func(tx notify.Tx) error {
		a.Frozen = true
		err := errors.Join(tx.UpdateAudience(h.ctx, a), tx.InsertDocument(h.ctx, doc), tx.InsertMessages(h.ctx, frozen))
		for _, user := range []string{"usr_2", "usr_3"} {
			err = errors.Join(err, tx.InsertApproval(h.ctx, notify.Approval{
				ID: evidence.NewID("apr"), Document: doc.ID, Version: 3, User: user, Digest: doc.Digest.All, At: tx.Now()}))
		}
		return err
	})
	p, err := h.svc.Dispatch(h.ctx, person, doc.ID)
	require.NoError(h.t, err)
	h.d = p.Dispatch
}

func (h *house) plainOptions(dir string) fanout.Options {
	return fanout.Options{
		Store: h.store, Providers: append([]notify.Provider{{ID: "relay", Channel: h.email}, {ID: "aliyun", Channel: h.sms}}, h.more...),
		Codec: h.codec, Clock: h.clock,
		Operator: "acme", JournalDir: dir, Workers: 2, Owner: "test", Lease: time.Minute,
	}
}

func (h *house) stepper(dir string) *fanout.Stepper {
	h.t.Helper()
	h.svc.SetWays(notify.Ways(h.options(dir).Providers))
	f, err := fanout.New(h.options(dir))
	require.NoError(h.t, err)
	s := fanout.Step(f)
	require.NoError(h.t, s.Recover(h.ctx))
	return s
}

// settle lets the fan-out work until nothing is left, moving the clock to whatever is due next.
func (h *house) settle(s *fanout.Stepper) notify.Progress {
	h.t.Helper()
	for range 200 {
		require.NoError(h.t, s.Tend(h.ctx))
		worked, err := s.Turn(h.ctx)
		require.NoError(h.t, err)
		h.adds()
		if !worked {
			require.NoError(h.t, s.Tend(h.ctx))
			if p := h.progress(); p.State != notify.DispRunning {
				return p
			}
			h.clock.Advance(time.Minute)
		}
	}
	h.t.Fatal("the dispatch does not end")
	return notify.Progress{}
}

func (h *house) progress() notify.Progress {
	h.t.Helper()
	p, err := h.svc.Progress(h.ctx, person, h.d.ID)
	require.NoError(h.t, err)
	return p
}

// adds checks that the states add up to the audience.
func (h *house) adds() notify.Progress {
	h.t.Helper()
	p := h.progress()
	c := p.People
	require.Equal(h.t, h.d.Total, c.Pending+c.InDoubt+c.Accepted+c.Failed+c.Delivered+c.Read+c.Stopped)
	require.GreaterOrEqual(h.t, c.Pending, int64(0))
	return p
}

func (h *house) deliveries() map[int64][]notify.Delivery {
	h.t.Helper()
	out := map[int64][]notify.Delivery{}
	after := int64(-1)
	for {
		rows, err := h.svc.Deliveries(h.ctx, person, h.d.ID, nil, false, after, 100)
		require.NoError(h.t, err)
		if len(rows) == 0 {
			return out
		}
		for _, d := range rows {
			out[d.Seq] = append(out[d.Seq], d)
			after = d.Seq
		}
	}
}

// mailboxes are n people who have mail and a phone.
func mailboxes(n int) []notify.Recipient {
	out := make([]notify.Recipient, n)
	for i := range out {
		out[i] = notify.Recipient{
			PersonKey: fmt.Sprintf("u-%d", i), Locale: []string{"zh-CN", "en-GB"}[i%2],
			Emails: []string{fmt.Sprintf("u%d@example.com", i)}, Phones: []string{fmt.Sprintf("+86139000%05d", i)},
		}
	}
	return out
}

// channel answers as it is told and remembers whom it sent to.
type channel struct {
	name   string
	mu     sync.Mutex
	sent   map[string]int // address → messages
	values map[string]map[string]string
	locale map[string]string
	script func(o notify.Outgoing) notify.Verdict
	after  func(n int) error // called after each message; an error breaks the sender
	total  int
	silent bool                               // it remembers nothing
	refuse func() error                       // it cannot be reached
	ended  <-chan struct{}                    // the last send is told to end
	deaf   bool                               // it sends on when it is told to end
	later  func(o notify.Outgoing) *time.Time // who is put off unsent, until when
	unable error                              // it cannot prepare a message
	made   []string                           // locales of the messages it has prepared
}

func newChannel(name string) *channel {
	return &channel{name: name, sent: map[string]int{}, values: map[string]map[string]string{}, locale: map[string]string{}}
}

func (c *channel) Name() string { return c.name }

func (c *channel) Prepare(_ context.Context, m notify.FrozenMessage, _ incident.Mode) (notify.Sender, error) {
	if c.unable != nil {
		return nil, c.unable
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, m.Locale)
	return &sender{c: c, m: m}, nil
}

type sender struct {
	c *channel
	m notify.FrozenMessage
}

func (s *sender) Close() error { return nil }

func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	s.c.mu.Lock()
	s.c.ended = ctx.Done()
	s.c.mu.Unlock()
	if s.c.refuse != nil {
		return s.c.refuse()
	}
	for i, o := range out {
		if ctx.Err() != nil && !s.c.deaf {
			return ctx.Err()
		}
		if s.c.later != nil {
			if at := s.c.later(o); at != nil {
				done(i, notify.Verdict{Class: notify.ClassRetryAt, Code: "domain-rate", RetryAt: *at})
				continue
			}
		}
		begin(i)
		if s.c.silent {
			done(i, notify.Verdict{Class: notify.ClassAccepted, Code: "2.0.0", ProviderID: o.OutID[len(o.OutID)-11:]})
			continue
		}
		s.c.mu.Lock()
		s.c.sent[o.Address]++
		s.c.values[o.Address], s.c.locale[o.Address] = map[string]string{"code": o.Code, "ref": o.Ref, "brand": o.Brand}, s.m.Locale
		s.c.total++
		n, script, after := s.c.total, s.c.script, s.c.after
		s.c.mu.Unlock()
		v := notify.Verdict{Class: notify.ClassAccepted, ProviderID: fmt.Sprintf("%s-%d", s.c.name, n)}
		if script != nil {
			v = script(o)
		}
		if after != nil {
			if err := after(n); err != nil {
				return err
			}
		}
		done(i, v)
	}
	return nil
}
