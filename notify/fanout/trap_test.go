package fanout_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// refsOf are the references of the incident's ledger entries of a kind.
func (h *house) refsOf(kind string) (out []map[string]string) {
	h.t.Helper()
	require.NoError(h.t, h.store.View(h.ctx, person, func(tx notify.Tx) error {
		entries, err := tx.Ledger(h.ctx, string(h.d.Incident), 0, 1000)
		for _, e := range entries {
			if e.Kind == kind {
				out = append(out, e.Refs)
			}
		}
		return err
	}))
	return out
}

// A trap for senders who do not know their people raises an alarm, whether the relay says so at once or in a bounce;
// the people go on to their next channel.
func TestTrapsRaiseAnAlarm(t *testing.T) {
	h := newHouse(t, mailboxes(4))
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq < 2 {
			return notify.Verdict{Class: notify.ClassRcptPerm, Code: "561/honeypot"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.EqualValues(t, 2, p.Traps)
	bounce := notify.Receipt{OutID: h.codec.OutID(h.d.No, 3, "email"), Class: notify.ClassRcptPerm, Code: "5.7.1/honeypot"}
	for range 2 {
		_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{bounce})
		require.NoError(t, err)
	}
	p = h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 3, p.Traps)
	require.EqualValues(t, 4, p.People.Accepted)
	require.Equal(t, 3, h.sms.total)
	var counts []string
	for _, refs := range h.refsOf("dispatch.trapped") {
		require.Equal(t, []string{"honeypot", h.d.ID}, []string{refs["reason_code"], refs["dispatch"]})
		counts = append(counts, refs["count"])
	}
	require.Equal(t, []string{"2", "1"}, counts, "each is told of once")
}

// A trap at the first of several addresses counts too, though the next one is good; one at each counts twice.
func TestATrapCountsThoughTheNextAddressIsGood(t *testing.T) {
	h := newHouse(t, []notify.Recipient{
		{PersonKey: "a", Emails: []string{"trap@example.com", "a@example.com"}},
		{PersonKey: "b", Emails: []string{"trap@example.net", "trap@example.org"}},
		{PersonKey: "c", Emails: []string{"c@example.com"}},
	})
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if strings.HasPrefix(o.Address, "trap@") {
			return notify.Verdict{Class: notify.ClassRcptPerm, Code: "561/honeypot"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 3, p.Traps)
	require.Equal(t, []int64{2, 1}, []int64{p.People.Accepted, p.People.Failed})
	total := 0
	for _, refs := range h.refsOf("dispatch.trapped") {
		n, err := strconv.Atoi(refs["count"])
		require.NoError(t, err)
		total += n
	}
	require.Equal(t, 3, total)
}
