package fanout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// A carrier says of an accepted message that its number has had enough for today: it goes out again tomorrow,
// once, however often and late the carrier says so.
func TestAWindowThatAReceiptNames(t *testing.T) {
	h := newHouse(t, phones(2))
	s := h.stepper(t.TempDir())
	h.turns(s)
	require.Equal(t, notify.DispDone, h.progress().State)
	first := h.deliveries()[0][0].ProviderID
	full := notify.Receipt{
		Provider: "aliyun", OutID: h.codec.OutID(h.d.No, 0, "sms"), ProviderID: first,
		Class: notify.ClassRetryAt, Code: "DB:0142", RetryAt: h.clock.Now().Add(24 * time.Hour),
	}
	word := func() {
		_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{full})
		require.NoError(t, err)
		h.adds()
		h.turns(s)
	}
	word()
	word()
	row := h.deliveries()[0][0]
	require.Equal(t, []any{notify.Pending, notify.ClassRetryAt, "DB:0142"}, []any{row.State, row.Class, row.Code})
	require.Equal(t, notify.DispRunning, h.progress().State, "somebody waits again")
	require.Equal(t, 2, h.sms.total)

	h.clock.Advance(24 * time.Hour)
	h.turns(s)
	word()
	require.NoError(t, s.Close())
	p, row := h.adds(), h.deliveries()[0][0]
	require.Equal(t, []any{notify.DispDone, int64(2), int64(0)}, []any{p.State, p.People.Accepted, p.Duplicates})
	require.Equal(t, []any{notify.Accepted, 2}, []any{row.State, row.Attempt})
	require.Equal(t, 3, h.sms.total)
	require.Zero(t, h.email.total, "the channel has not ended")
}

// What a receipt calls our own mistake would be made with everybody.
func TestAMistakeInAReceiptPausesTheProvider(t *testing.T) {
	h := newHouse(t, phones(1))
	s := h.stepper(t.TempDir())
	h.turns(s)
	require.NoError(t, s.Close())
	_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{
		Provider: "aliyun", OutID: h.codec.OutID(h.d.No, 0, "sms"), Class: notify.ClassBug, Code: "isv.INVALID_JSON_PARAM"}})
	require.NoError(t, err)
	require.Equal(t, notify.ClassBug, h.providers()["aliyun"].Class)
}
