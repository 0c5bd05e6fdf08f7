package fanout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// Whom a channel puts off unsent, because a domain's rate is used up, waits as often as it takes: nothing was
// tried, so nothing counts.
func TestWhoIsPutOffUnsentLosesNoAttempt(t *testing.T) {
	h := newHouse(t, mailboxes(3))
	put := 0
	h.email.later = func(o notify.Outgoing) *time.Time {
		if o.Seq != 1 || put == 20 {
			return nil
		}
		put++
		at := h.clock.Now().Add(time.Minute)
		return &at
	}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, 20, put)
	require.EqualValues(t, 3, p.People.Accepted)
	require.Zero(t, p.Duplicates)
	require.Equal(t, 1, h.deliveries()[1][0].Attempt)
	require.Empty(t, h.sms.sent)
}

// TestAMessageIsPreparedAnewFromTimeToTime: a mail that is hours old when it leaves is taken for a forged one.
func TestAMessageIsPreparedAnewFromTimeToTime(t *testing.T) {
	people := mailboxes(300)
	for i := range people {
		people[i].Locale = "en"
	}
	h := newHouse(t, people)
	s := h.stepper(t.TempDir())
	s.SetPart(100)
	h.email.after = func(n int) error {
		if n == 150 {
			h.clock.Advance(10 * time.Minute)
		}
		return nil
	}
	h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"en", "en"}, h.email.made)
}
