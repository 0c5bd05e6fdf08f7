package fanout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// A provider that does not repeat our id is understood by number and its own id together, until long after the
// dispatch is done; neither alone moves anything.
func TestReceiptsWithoutOurID(t *testing.T) {
	people := []notify.Recipient{{PersonKey: "u-1", Phones: []string{"+8613900000001"}}, {PersonKey: "u-2", Phones: []string{"+8613900000002"}}}
	h := newHouse(t, people)
	h.sms.script = func(o notify.Outgoing) notify.Verdict {
		return notify.Verdict{Class: notify.ClassAccepted, ProviderID: "5000:" + o.Address}
	}
	s := h.stepper(t.TempDir())
	require.Equal(t, notify.DispDone, h.settle(s).State)
	require.NoError(t, s.Close())
	word := func(phone, id string) int {
		n, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{Provider: "tencent-sms", Address: phone, ProviderID: id, Class: notify.ClassDelivered}})
		require.NoError(t, err)
		return n
	}
	require.Zero(t, word("+8613900000001", ""))
	require.Zero(t, word("", "5000:+8613900000001"))
	require.Zero(t, word("+8613900000001", "5000:+8613900000002"), "another's id")
	require.Zero(t, word("+8613900000003", "5000:+8613900000001"), "nobody's number")
	h.clock.Advance(6 * 24 * time.Hour)
	require.Equal(t, 1, word("+8613900000001", "5000:+8613900000001"))
	require.Zero(t, word("+8613900000001", "5000:+8613900000001"), "repeated")
	require.EqualValues(t, 1, h.adds().People.Delivered)
	h.clock.Advance(2 * 24 * time.Hour)
	require.Zero(t, word("+8613900000002", "5000:+8613900000002"), "too late to be about it")
}
