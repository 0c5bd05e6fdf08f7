package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/notify/fanout"
	"tocsin/templates"
)

// asked is a channel that can be asked.
type asked struct {
	*channel
	answer func(o notify.Outgoing) (notify.Verdict, bool, error)
}

func (a *asked) Query(_ context.Context, o notify.Outgoing) (notify.Verdict, bool, error) {
	return a.answer(o)
}

// narrow is a channel that reaches only numbers of one kind.
type narrow struct {
	*channel
	covers notify.Coverage
}

func (n *narrow) Covers() notify.Coverage { return n.covers }

// over adds a second relay.
func (h *house) over(id string, regions ...string) *channel {
	c := newChannel("email")
	h.more = append(h.more, notify.Provider{ID: id, Channel: c, Regions: regions})
	return c
}

func (h *house) providers() map[string]notify.ProviderState {
	h.t.Helper()
	all, err := h.svc.Providers(h.ctx, person)
	require.NoError(h.t, err)
	out := map[string]notify.ProviderState{}
	for _, p := range all {
		out[p.ID] = p
	}
	return out
}

func stopAt(n int64) func(notify.Outgoing) notify.Verdict {
	return func(o notify.Outgoing) notify.Verdict {
		if o.Seq >= n {
			return notify.Verdict{Class: notify.ClassStop, Code: "535"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
}

func TestAStoppedProviderIsFollowedByTheNext(t *testing.T) {
	for name, deaf := range map[string]bool{"at once": false, "that had more in flight": true} {
		t.Run(name, func(t *testing.T) {
			people := mailboxes(600)
			for i := range people {
				people[i].Locale = "zh-CN"
			}
			h := newHouse(t, people)
			second := h.over("relay-2")
			h.email.script, h.email.deaf = stopAt(100), deaf
			s := h.stepper(t.TempDir())
			p := h.settle(s)
			require.NoError(t, s.Close())

			require.Equal(t, notify.DispDone, p.State)
			require.EqualValues(t, 600, p.People.Accepted)
			require.Zero(t, p.Duplicates, "nobody was told twice")
			require.Len(t, second.sent, 500)
			if !deaf {
				require.Len(t, h.email.sent, 101, "nothing went to it behind its refusal")
			}
			rows := h.deliveries()
			require.Equal(t, []string{"relay", "relay-2"}, []string{rows[99][0].Provider, rows[100][0].Provider})
			require.Equal(t, 1, rows[100][0].Attempt, "the refusal does not count")
			state := h.providers()["relay"]
			require.True(t, state.Paused)
			require.Equal(t, []any{notify.ClassStop, "535", ""}, []any{state.Class, state.Code, state.By})
			require.Equal(t, 1, h.ledger("provider.paused"))
		})
	}
}

// ledger counts entries of a kind in the chain of the system.
func (h *house) ledger(kind string) (n int) {
	h.t.Helper()
	require.NoError(h.t, h.store.View(h.ctx, person, func(tx notify.Tx) error {
		entries, err := tx.Ledger(h.ctx, evidence.SystemChain, 0, 1000)
		for _, e := range entries {
			if e.Kind == kind {
				n++
			}
		}
		return err
	}))
	return n
}

func TestNobodyGoesOverAForeignProvider(t *testing.T) {
	people := mailboxes(300)
	for i := range people {
		people[i].Jurisdiction = []string{"CN-SH", "DE", ""}[i%3]
	}
	h := newHouse(t, people)
	second := h.over("relay-de", "DE")
	h.email.script = stopAt(0)
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	p := h.adds()
	require.Equal(t, []any{notify.DispPaused, "stop"}, []any{p.State, p.Reason}, "somebody is left whom none takes")
	require.EqualValues(t, 100, p.People.Accepted)
	require.Len(t, second.sent, 100)
	require.EqualValues(t, 200, p.People.Pending, "not lost to another channel")

	h.email.script = nil
	_, err = h.svc.ResumeProvider(h.ctx, person, "relay")
	require.NoError(t, err)
	h.clock.Advance(time.Minute)
	p = h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State)
	require.EqualValues(t, 300, p.People.Accepted)
	require.Empty(t, h.sms.sent)
	require.Len(t, second.sent, 100)
	require.Equal(t, 1, h.ledger("provider.resumed"))
}

func TestWhomNoProviderMayServe(t *testing.T) {
	people := mailboxes(4)
	for i, where := range []string{"US", "CN", "", "CN"} {
		people[i].Jurisdiction, people[i].Channels = where, []string{templates.SMS}
	}
	people[0].Emails, people[3].Emails = nil, nil
	people[3].Phones = []string{"+493023125123"}
	h := newHouse(t, people)
	o := h.options(t.TempDir())
	o.Providers[1].Regions = []string{"CN"}
	o.Providers[1].Channel = &narrow{h.sms, notify.Mainland}
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 2, p.People.Failed)
	rows := h.deliveries()
	require.Equal(t, []any{notify.ClassNoChannel, "region"}, []any{rows[0][0].Class, rows[0][0].Code})
	require.Equal(t, []any{notify.ClassNoChannel, "coverage"}, []any{rows[3][0].Class, rows[3][0].Code})
	require.Len(t, h.sms.sent, 2, "who lives in its region, and who did not say")
}

func TestADoubtStaysWithItsProvider(t *testing.T) {
	h := newHouse(t, mailboxes(3))
	second := h.over("relay-2")
	answers := 0
	first := &asked{h.email, func(notify.Outgoing) (notify.Verdict, bool, error) {
		answers++
		return notify.Verdict{}, false, errors.New("no answer")
	}}
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq == 1 {
			return notify.Verdict{Class: notify.ClassInDoubt}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	o := h.options(t.TempDir())
	o.Providers[0].Channel = first
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	for range 9 { // minutes
		require.NoError(t, s.Tend(h.ctx))
		_, err := s.Turn(h.ctx)
		require.NoError(t, err)
		h.clock.Advance(time.Minute)
	}
	require.Empty(t, second.sent)
	require.Greater(t, answers, 3)
	require.EqualValues(t, 1, h.adds().People.InDoubt)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, map[string]int{"u1@example.com": 1}, second.sent, "after ten minutes of silence")
	require.Equal(t, 1, h.email.sent["u1@example.com"])
	row := h.deliveries()[1][0]
	require.Equal(t, []any{notify.Accepted, "relay-2", true}, []any{row.State, row.Provider, row.Doubt})
	require.EqualValues(t, 1, p.Duplicates, "and listed")
}

func TestADoubtThatIsAnsweredIsNotSentAgain(t *testing.T) {
	h := newHouse(t, mailboxes(2))
	first := &asked{h.email, func(o notify.Outgoing) (notify.Verdict, bool, error) {
		return notify.Verdict{Class: notify.ClassDelivered, ProviderID: "id-7"}, o.Seq == 0, nil
	}}
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Attempt == 1 {
			return notify.Verdict{Class: notify.ClassInDoubt}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	o := h.options(t.TempDir())
	o.Providers[0].Channel = first
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, map[string]int{"u0@example.com": 1, "u1@example.com": 2}, h.email.sent, "again only to whom it provably has not")
	require.Equal(t, notify.Delivered, h.deliveries()[0][0].State)
}

func TestAnUnreachableRelayIsPassedBy(t *testing.T) {
	h := newHouse(t, mailboxes(2500))
	second := h.over("relay-2")
	tries := 0
	h.email.refuse = func() error {
		tries++
		return &notify.Refusal{Channel: "email", Class: notify.ClassRetry, Code: "dial"}
	}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 2500, p.People.Accepted)
	require.Len(t, second.sent, 2500)
	require.LessOrEqual(t, tries, 2, "it goes last for a while")
	require.False(t, h.providers()["relay"].Paused, "out of reach is no verdict")
}

func TestProvidersArePacedTogether(t *testing.T) {
	h := newHouse(t, mailboxes(120), notify.Course{Rates: map[string]float64{templates.SMS: 5}})
	o := h.options(t.TempDir())
	o.Providers[0].Rate = 20
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	s.SetSleep(func(d time.Duration) { h.clock.Advance(d) })
	start := h.clock.Now()
	var at []time.Time
	h.email.script = func(notify.Outgoing) notify.Verdict {
		at = append(at, h.clock.Now())
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	h.settle(s)
	require.NoError(t, s.Close())
	require.Len(t, at, 120)
	for i := range at {
		require.LessOrEqual(t, i, 2+int(at[i].Sub(start).Seconds()*20+0.5), "message %d after %s", i, at[i].Sub(start))
	}
	require.Less(t, at[119].Sub(start), 8*time.Second, "and no slower")
}

func TestQuietHours(t *testing.T) {
	people := mailboxes(3)
	people[1].Channels, people[2].Channels = []string{templates.SMS}, []string{templates.SMS}
	people[1].Zone, people[2].Zone = "Asia/Shanghai", "Europe/Berlin"
	h := newHouse(t, people, notify.Course{Quiet: &notify.Quiet{From: "22:00", To: "08:00", Channels: []string{templates.SMS}}})
	h.clock.Advance(12*time.Hour + 30*time.Minute) // 23:30 in Shanghai, 16:30 in Berlin
	s := h.stepper(t.TempDir())
	require.NoError(t, s.Tend(h.ctx))
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"+8613900000002": 1}, h.sms.sent)
	row := h.deliveries()[1][0]
	require.Equal(t, []any{notify.Pending, 0, "quiet"}, []any{row.State, row.Attempt, row.Code})
	require.Equal(t, "2026-03-02T00:00:00Z", row.NextAt.Format(time.RFC3339), "eight in the morning there")
	h.clock.Advance(8*time.Hour + 31*time.Minute)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 3, p.People.Accepted)
	require.Equal(t, 1, h.deliveries()[1][0].Attempt)
}

func TestNoWordOpensTheNextChannel(t *testing.T) {
	h := newHouse(t, mailboxes(3), notify.Course{Waits: map[string]notify.Duration{"email": notify.Duration(15 * time.Minute)}})
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	receipt := func(seq int64, channel string, c notify.Class) {
		_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{OutID: h.codec.OutID(h.d.No, seq, channel), Class: c}})
		require.NoError(t, err)
		h.adds()
	}
	receipt(0, "email", notify.ClassDelivered)
	h.clock.Advance(14 * time.Minute)
	require.NoError(t, s.Tend(h.ctx))
	worked, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.False(t, worked)
	require.Equal(t, notify.DispRunning, h.progress().State, "it waits for word")

	h.clock.Advance(2 * time.Minute)
	require.NoError(t, s.Tend(h.ctx))
	require.EqualValues(t, 2, h.adds().People.Accepted, "what was accepted stays so")
	receipt(1, "email", notify.ClassDelivered) // just before the next channel is used
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State)
	require.Equal(t, map[string]int{"+8613900000002": 1}, h.sms.sent)
	rows := h.deliveries()
	require.Equal(t, notify.Stopped, rows[1][1].State, "called off")
	require.Equal(t, []any{notify.Accepted, notify.ClassNoWord}, []any{rows[2][0].State, rows[2][0].Class})
	receipt(2, "sms", notify.ClassRcptPerm)
	require.EqualValues(t, 1, h.progress().People.Accepted, "the mailbox may still have it")
	receipt(2, "email", notify.ClassRcptPerm)
	require.EqualValues(t, 1, h.progress().People.Failed, "only now every channel has failed")
}

// TestStopAtFullSpeed stops a dispatch in the middle of a send: who was reached is known exactly.
func TestStopAtFullSpeed(t *testing.T) {
	h := newHouse(t, mailboxes(20_000))
	o := h.options(t.TempDir())
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	s.SetBeat(time.Millisecond)
	stopped := make(chan struct{})
	h.email.after = func(n int) error {
		if n == 5500 {
			go func() {
				defer close(stopped)
				_, err := h.svc.Stop(h.ctx, person, h.d.ID, "wrong audience")
				require.NoError(h.t, err)
			}()
		}
		if n > 5500 {
			<-h.email.ended // the sender goes on until it is told to end
		}
		return nil
	}
	for {
		worked, err := s.Turn(h.ctx)
		require.NoError(t, err)
		if !worked {
			break
		}
	}
	<-stopped
	require.NoError(t, s.Close())
	p := h.adds()
	require.Equal(t, notify.DispStopped, p.State)
	require.EqualValues(t, len(h.email.sent), p.People.Accepted)
	require.InDelta(t, 5500, p.People.Accepted, 1, "whoever was begun")
	require.EqualValues(t, 20_000, p.People.Accepted+p.People.Stopped)
	reached := h.deliveries()
	for i := range 20_000 {
		_, sent := h.email.sent[fmt.Sprintf("u%d@example.com", i)]
		require.Equal(t, sent, len(reached[int64(i)]) == 1, i)
	}
}

func TestAPersonPausesAProvider(t *testing.T) {
	h := newHouse(t, mailboxes(50))
	s := h.stepper(t.TempDir())
	_, err := h.svc.PauseProvider(h.ctx, person, "relay", "maintenance")
	require.NoError(t, err)
	_, err = h.svc.PauseProvider(h.ctx, person, "nobody", "")
	require.Error(t, err)
	require.NoError(t, s.Tend(h.ctx))
	_, err = s.Turn(h.ctx)
	require.NoError(t, err)
	require.Empty(t, h.email.sent)
	p := h.progress()
	require.Equal(t, []any{notify.DispPaused, "provider"}, []any{p.State, p.Reason})
	_, err = h.svc.Resume(h.ctx, person, h.d.ID)
	require.NoError(t, err)
	require.True(t, h.providers()["relay"].Paused, "what a person has paused, only a person takes into use")
	_, err = h.svc.ResumeProvider(h.ctx, person, "relay")
	require.NoError(t, err)
	_, err = s.Turn(h.ctx) // of a worker that has not heard of it yet
	require.NoError(t, err)
	require.Equal(t, notify.DispRunning, h.progress().State, "what a person has let run on is not paused again")
	p = h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 50, p.People.Accepted)
}
