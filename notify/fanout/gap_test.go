package fanout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/notify/fanout"
)

// spaced has SMS keep a distance.
func (h *house) spaced(gap time.Duration) {
	h.options = func(dir string) fanout.Options {
		o := h.plainOptions(dir)
		for i := range o.Providers {
			if o.Providers[i].Channel.Name() == "sms" {
				o.Providers[i].Gap = gap
			}
		}
		return o
	}
}

func phones(n int) []notify.Recipient {
	out := mailboxes(n)
	for i := range out {
		out[i].Emails = nil
	}
	return out
}

// turns works until there is nothing more to do now.
func (h *house) turns(s *fanout.Stepper) {
	h.t.Helper()
	for worked := true; worked; {
		require.NoError(h.t, s.Tend(h.ctx))
		var err error
		worked, err = s.Turn(h.ctx)
		require.NoError(h.t, err)
	}
	require.NoError(h.t, s.Tend(h.ctx))
}

func TestTwoNoticesToOneNumberKeepADistance(t *testing.T) {
	h := newHouse(t, phones(3))
	h.spaced(30 * time.Second)
	s := h.stepper(t.TempDir())
	h.turns(s)
	require.Equal(t, notify.DispDone, h.progress().State)

	h.clock.Advance(10 * time.Second)
	people := append(phones(3), mailboxes(1)...) // the last has mail, too, and the first one's number
	people[3].PersonKey = "u-mail"
	h.release(people, notify.Course{})
	h.turns(s)
	rows := h.deliveries()
	for seq := range int64(3) {
		row := rows[seq][0]
		require.Equal(t, []any{notify.Pending, "person-gap", 0}, []any{row.State, row.Code, row.Attempt})
		require.Equal(t, h.clock.Now().Add(20*time.Second), *row.NextAt)
	}
	require.EqualValues(t, 1, h.adds().People.Accepted, "mail keeps none")
	require.Equal(t, 3, h.sms.total)

	h.clock.Advance(19 * time.Second)
	h.turns(s)
	require.Equal(t, 3, h.sms.total)
	h.clock.Advance(time.Second)
	h.turns(s)
	require.NoError(t, s.Close())
	p := h.adds()
	require.Equal(t, []any{notify.DispDone, int64(4)}, []any{p.State, p.People.Accepted})
	for address, n := range h.sms.sent {
		require.Equal(t, 2, n, address)
	}
	require.Equal(t, 1, h.deliveries()[0][0].Attempt, "waiting does not count")
}

// A provider that takes no more for a number is not called again about it, whatever the dispatch.
func TestANumberThatHadEnoughIsLeftAlone(t *testing.T) {
	h := newHouse(t, phones(2))
	h.spaced(30 * time.Second)
	until := h.clock.Now().Add(time.Hour)
	h.sms.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq == 0 && h.clock.Now().Before(until) {
			return notify.Verdict{Class: notify.ClassRetryAt, Code: "isv.BUSINESS_LIMIT_CONTROL", RetryAt: until}
		}
		return notify.Verdict{Class: notify.ClassAccepted, ProviderID: fmt.Sprint(o.Dispatch, o.Seq)}
	}
	s := h.stepper(t.TempDir())
	h.turns(s)
	h.clock.Advance(time.Minute)
	h.release(phones(2), notify.Course{})
	h.turns(s)
	row := h.deliveries()[0][0]
	require.Equal(t, []any{"person-gap", until, 0}, []any{row.Code, *row.NextAt, row.Attempt})
	require.Equal(t, notify.Accepted, h.deliveries()[1][0].State)
	require.Equal(t, 3, h.sms.total)
	_, err := h.svc.PauseProvider(h.ctx, person, "aliyun", "to see the other one")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	second := newChannel("sms")
	h.more = append(h.more, notify.Provider{ID: "tencent", Channel: second})
	h.clock.Advance(2 * time.Hour)
	s = h.stepper(t.TempDir())
	h.turns(s)
	require.NoError(t, s.Close())
	require.Equal(t, 1, second.total, "the other dispatch waits for its distance")
	require.Equal(t, 3, h.sms.total)
}

// What a provider refuses as a whole has not been sent: the next one takes it at once.
func TestFailoverKeepsNoDistance(t *testing.T) {
	h := newHouse(t, phones(2))
	second := newChannel("sms")
	h.more = append(h.more, notify.Provider{ID: "tencent", Channel: second})
	h.spaced(30 * time.Second)
	h.sms.script = stopAt(0)
	s := h.stepper(t.TempDir())
	h.turns(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, h.progress().State)
	require.Equal(t, 2, second.total)
}
