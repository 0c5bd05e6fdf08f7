package fanout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/notify/fanout"
)

// TestAProviderThatIsAskedTooMuchIsAskedLess: what it refuses for our haste is sent later, and nobody runs out of
// tries for it.
func TestAProviderThatIsAskedTooMuchIsAskedLess(t *testing.T) {
	h := newHouse(t, mailboxes(4000))
	s := h.stepper(t.TempDir())
	s.SetSleep(func(d time.Duration) { h.clock.Advance(d) })
	var second time.Time
	tries, taken := 0, 0
	h.email.script = func(notify.Outgoing) notify.Verdict {
		if now := h.clock.Now().Truncate(time.Second); now != second {
			second, taken = now, 0
		}
		tries++
		if taken++; taken > 150 {
			return notify.Verdict{Class: notify.ClassRetry, Code: "Throttling.User", Slower: true}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 4000, p.People.Accepted)
	require.Less(t, tries, 6000, "not tried again and again in vain")
	require.Less(t, h.clock.Now().Sub(storetest.Start), 10*time.Minute, "and not much slower than it goes")
}

// TestProcessesShareARate: what a contract allows is allowed to all of them together.
func TestProcessesShareARate(t *testing.T) {
	h := newHouse(t, mailboxes(4100))
	o := h.options(t.TempDir())
	o.Providers[0].Rate = 20
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	require.NoError(t, s.Recover(h.ctx))
	h.tx(func(tx notify.Tx) error {
		_, ok, err := tx.ClaimRange(h.ctx, "worker/other", h.clock.Now().Add(time.Minute))
		require.True(t, ok)
		return err
	})
	require.NoError(t, s.Tend(h.ctx))
	s.SetSleep(func(d time.Duration) { h.clock.Advance(d) })
	sent, start := 0, h.clock.Now()
	h.email.script = func(notify.Outgoing) notify.Verdict {
		sent++
		if at := h.clock.Now().Sub(start); at < 20*time.Second {
			require.LessOrEqual(t, sent, 2+int(at.Seconds()*10), "after %s", at)
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	_, err = s.Turn(h.ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// TestCodesThatNoTableKnowsAreCounted: what a provider says anew is for people to class.
func TestCodesThatNoTableKnowsAreCounted(t *testing.T) {
	h := newHouse(t, mailboxes(3))
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		return notify.Verdict{Class: notify.ClassRcptSoft, Code: "isv.NEW", Unknown: o.Seq == 1 && o.Attempt == 1}
	}
	s := h.stepper(t.TempDir())
	h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, map[string]int64{"relay": 1, "aliyun": 0}, s.UnknownCodes())
}
