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
		n, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{Provider: "tencent", Address: phone, ProviderID: id, Class: notify.ClassDelivered}})
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

// Word that is faster than the provider's own answer is not acknowledged, so that it comes again and counts then;
// what can never be matched is not asked for for ever.
func TestReceiptBeforeTheAnswer(t *testing.T) {
	h := newHouse(t, []notify.Recipient{{PersonKey: "u-1", Phones: []string{"+8613900000001"}}, {PersonKey: "u-2", Phones: []string{"+8613900000002"}}})
	word := func(phone string, at time.Time, more ...notify.Receipt) (int, error) {
		r := notify.Receipt{Provider: "tencent", Address: phone, ProviderID: "5000:" + phone, Class: notify.ClassDelivered, At: at}
		return h.svc.ApplyReceipts(h.ctx, "acme", append(more, r))
	}
	h.sms.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq == 0 {
			n, err := word(o.Address, h.clock.Now(), notify.Receipt{Provider: "aliyun", OutID: h.codec.OutID(h.d.No, 1, "sms"), Class: notify.ClassDelivered})
			require.ErrorIs(t, err, notify.ErrEarly)
			require.Equal(t, 1, n, "the others of the push count")
		}
		return notify.Verdict{Class: notify.ClassAccepted, ProviderID: "5000:" + o.Address}
	}
	_, err := word("+8613900000001", h.clock.Now().Add(-11*time.Minute))
	require.NoError(t, err, "not about a message of ours")
	_, err = word("+8613900000009", h.clock.Now())
	require.NoError(t, err, "nobody's number")
	s := h.stepper(t.TempDir())
	h.settle(s)
	require.NoError(t, s.Close())
	n, err := word("+8613900000001", h.clock.Now())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.EqualValues(t, 2, h.adds().People.Delivered)
}

// A receipt by which a provider takes nothing more pauses that provider, once: not when it comes again after
// somebody has resumed it, and not when it is forged.
func TestStopInAReceiptPausesItsProvider(t *testing.T) {
	h := newHouse(t, []notify.Recipient{{PersonKey: "u-1", Phones: []string{"+8613900000001"}}})
	s := h.stepper(t.TempDir())
	h.settle(s)
	require.NoError(t, s.Close())
	stop := notify.Receipt{Provider: "aliyun", OutID: h.codec.OutID(h.d.No, 0, "sms"), Class: notify.ClassStop, Code: "isv.AMOUNT_NOT_ENOUGH"}
	say := func(r notify.Receipt) notify.ProviderState {
		_, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{r})
		require.NoError(t, err)
		require.False(t, h.providers()["relay"].Paused)
		return h.providers()["aliyun"]
	}
	forged := stop
	forged.OutID = "1.0.sms.abcdefghijklmnop"
	require.False(t, say(forged).Paused)
	p := say(stop)
	require.True(t, p.Paused)
	require.Equal(t, notify.ClassStop, p.Class)
	require.Equal(t, "isv.AMOUNT_NOT_ENOUGH", p.Code)
	_, err := h.svc.ResumeProvider(h.ctx, person, "aliyun")
	require.NoError(t, err)
	require.False(t, say(stop).Paused)
}
