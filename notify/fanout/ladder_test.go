package fanout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/notify/fanout"
	"tocsin/templates"
)

// TestWhoCannotBeServedIsNoBounce: many people abroad are no sign of a bad list.
func TestWhoCannotBeServedIsNoBounce(t *testing.T) {
	people := mailboxes(150)
	for i := range people {
		people[i].Jurisdiction, people[i].Channels = "US", []string{templates.SMS, templates.Email}
	}
	h := newHouse(t, people)
	o := h.options(t.TempDir())
	o.Providers[1].Regions = []string{"CN"}
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, []any{notify.DispDone, ""}, []any{p.State, p.Reason})
	require.EqualValues(t, 150, p.People.Accepted)
	require.EqualValues(t, 150, p.ByChannel["sms"]["failed"])
	require.NotContains(t, p.ByChannel["sms"], "untried")
}

// TestWhoIsOutOfReachIsSentToOnTheNextChannelMeanwhile: a full mailbox costs its owner no quarter of an hour, and
// is tried once more all the same.
func TestWhoIsOutOfReachIsSentToOnTheNextChannelMeanwhile(t *testing.T) {
	h := newHouse(t, mailboxes(4))
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq < 3 && (o.Attempt == 1 || o.Seq == 1) {
			return notify.Verdict{Class: notify.ClassRcptSoft, Code: "452"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	h.sms.script = func(o notify.Outgoing) notify.Verdict {
		if o.Attempt < 3 && o.Seq < 2 {
			return notify.Verdict{Class: notify.ClassRetryAt, Code: "busy", RetryAt: h.clock.Now().Add(15 * time.Minute)}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	for range 2 {
		require.NoError(t, s.Tend(h.ctx))
		_, err := s.Turn(h.ctx)
		require.NoError(t, err)
	}
	require.Len(t, h.sms.sent, 3, "at once")
	_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{OutID: h.codec.OutID(h.d.No, 2, "sms"), Class: notify.ClassDelivered}})
	require.NoError(t, err)

	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State)
	require.Equal(t, map[string]int{"u0@example.com": 2, "u1@example.com": 2, "u2@example.com": 1, "u3@example.com": 1}, h.email.sent, "whom the message has reached is left alone")
	rows := h.deliveries()
	require.Equal(t, []notify.DeliveryState{notify.Accepted, notify.Accepted}, []notify.DeliveryState{rows[0][0].State, rows[0][1].State})
	require.Equal(t, []notify.DeliveryState{notify.Failed, notify.Accepted}, []notify.DeliveryState{rows[1][0].State, rows[1][1].State})
	require.EqualValues(t, 3, p.People.Accepted)
	require.EqualValues(t, 1, p.People.Delivered)
}

// TestARowThatAReceiptSettledLeavesItsRange, though the person's other one is in it still.
func TestARowThatAReceiptSettledLeavesItsRange(t *testing.T) {
	h := newHouse(t, mailboxes(2))
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Attempt == 1 {
			return notify.Verdict{Class: notify.ClassRcptSoft, Code: "452"}
		}
		dead := notify.Receipt{OutID: h.codec.OutID(h.d.No, 1, "email"), Class: notify.ClassRcptPerm}
		_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{dead})
		require.NoError(t, err)
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	due := h.clock.Now().Add(15 * time.Minute)
	h.sms.script = func(notify.Outgoing) notify.Verdict {
		if h.clock.Now().Before(due) {
			return notify.Verdict{Class: notify.ClassRetryAt, Code: "busy", RetryAt: due}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	s.SetPart(1)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 2, p.People.Accepted)
	require.Equal(t, map[string]int{"u0@example.com": 2, "u1@example.com": 1}, h.email.sent)
}
