package fanout_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/notify/fanout"
)

// halves are n people, every second of whom wants short messages before mail.
func halves(n int) []notify.Recipient {
	out := mailboxes(n)
	for i := range out {
		if i%2 == 1 {
			out[i].Channels = []string{"sms"}
		}
	}
	return out
}

// slowSMS is a house whose short messages go at ten a second, and waiting for them moves the clock.
func slowSMS(t *testing.T, n int) *house {
	h := newHouse(t, halves(n))
	h.options = func(dir string) fanout.Options {
		o := h.plainOptions(dir)
		o.Providers[1].Rate = 10
		return o
	}
	return h
}

func (h *house) paced(dir string) *fanout.Stepper {
	s := h.stepper(dir)
	s.SetSleep(func(d time.Duration) { h.clock.Advance(d) })
	return s
}

// told checks that half of the people got a mail and the others a short message, once or named, and returns how many
// messages there were besides.
func (h *house) told() (twice int) {
	h.t.Helper()
	require.Len(h.t, h.email.sent, int(h.d.Total+1)/2)
	require.Len(h.t, h.sms.sent, int(h.d.Total)/2)
	rows := h.deliveries()
	for seq := range h.d.Total {
		require.Len(h.t, rows[seq], 1)
		n := h.email.sent[fmt.Sprintf("u%d@example.com", seq)] + h.sms.sent[fmt.Sprintf("+86139000%05d", seq)]
		require.True(h.t, n == 1 || rows[seq][0].Doubt, "recipient %d was told %d times, and nobody knows", seq, n)
		twice += n - 1
	}
	return twice
}

// TestASlowChannelHoldsUpNoOther: nobody's short message goes out in its turn before all mail is out.
func TestASlowChannelHoldsUpNoOther(t *testing.T) {
	const people = 5000
	h := slowSMS(t, people)
	mailed := make(chan struct{})
	before := 0
	h.email.after = func(n int) error {
		if n == people/2 {
			h.sms.mu.Lock()
			before = h.sms.total
			h.sms.mu.Unlock()
			close(mailed)
		}
		return nil
	}
	f, err := fanout.New(h.options(t.TempDir()))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	fanout.Step(f).SetSleep(func(d time.Duration) {
		select {
		case <-mailed:
			h.clock.Advance(d)
		case <-ctx.Done():
		}
	})
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	f.Hint()
	require.Eventually(t, func() bool { return h.progress().State == notify.DispDone }, time.Minute, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.LessOrEqual(t, before, 1, "what may go at once")
	require.EqualValues(t, people, h.adds().People.Accepted)
	require.Zero(t, h.told())
	require.Zero(t, h.progress().Duplicates)
}

// TestOneWorkerSendsTheMailFirst, and short messages as far as they may go meanwhile.
func TestOneWorkerSendsTheMailFirst(t *testing.T) {
	h := slowSMS(t, 4500)
	s := h.paced(t.TempDir())
	for range 3 {
		h.clock.Advance(time.Second)
		_, err := s.Turn(h.ctx)
		require.NoError(t, err)
	}
	require.Equal(t, 2250, h.email.total)
	require.Equal(t, 3, h.sms.total)
	begun := h.clock.Now()
	require.Equal(t, notify.DispDone, h.settle(s).State)
	require.NoError(t, s.Close())
	require.InDelta(t, 225, h.clock.Now().Sub(begun).Seconds(), 70, "ten a second")
	require.Zero(t, h.told())
}

// TestACrashAmongLanes: those whom the first parts of a range left to a lane that was never made are not forgotten.
func TestACrashAmongLanes(t *testing.T) {
	for name, c := range map[string]struct {
		next  func(dir string) string
		doubt int64
	}{
		"the same journal": {func(dir string) string { return dir }, 1},
		"another machine":  {func(string) string { return t.TempDir() }, 400 - 101},
	} {
		t.Run(name, func(t *testing.T) {
			h := slowSMS(t, 400)
			dir, died := t.TempDir(), errors.New("died")
			h.email.after = func(n int) error {
				if n == 120 {
					panic(died)
				}
				return nil
			}
			s := h.paced(dir)
			s.SetPart(100)
			require.PanicsWithValue(t, died, func() { _, _ = s.Turn(h.ctx) })
			s.Crash()
			h.email.after = nil
			s = h.paced(c.next(dir))
			p := h.settle(s)
			require.NoError(t, s.Close())
			require.EqualValues(t, 400, p.People.Accepted)
			require.EqualValues(t, c.doubt, p.Duplicates, "who may have been told by the one that died, on either channel")
			require.LessOrEqual(t, h.told(), 21)
		})
	}
}

// TestTheOwnerOfALaneDies: in doubt is who is in the lane and has no outcome, nobody else of the stretch.
func TestTheOwnerOfALaneDies(t *testing.T) {
	h := slowSMS(t, 400)
	s := h.paced(t.TempDir())
	s.SetPart(100)
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	died := errors.New("died")
	h.sms.after = func(n int) error {
		if n == 60 { // the first one went before, a part is of fifty
			panic(died)
		}
		return nil
	}
	require.PanicsWithValue(t, died, func() { _, _ = s.Turn(h.ctx) })
	s.Crash()
	h.sms.after = nil
	s = h.paced(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 400, p.People.Accepted)
	require.EqualValues(t, 149, p.Duplicates)
	for seq, rows := range h.deliveries() {
		require.True(t, seq%2 == 1 || !rows[0].Doubt)
	}
	require.Equal(t, 9, h.told(), "what was sent of the part in hand")
}

// TestAStopAmongLanesListsExactly who was not told: those in lanes of the same stretch, each once, and those behind.
func TestAStopAmongLanesListsExactly(t *testing.T) {
	h := slowSMS(t, 4500)
	h.options = func(dir string) fanout.Options {
		o := h.plainOptions(dir)
		o.Providers[0].Rate, o.Providers[1].Rate = 1000, 10
		return o
	}
	s := h.paced(t.TempDir())
	for range 2 {
		_, err := s.Turn(h.ctx)
		require.NoError(t, err)
	}
	_, err := h.svc.Stop(h.ctx, person, h.d.ID, "enough")
	require.NoError(t, err)
	worked, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.False(t, worked)
	require.NoError(t, s.Close())
	require.EqualValues(t, 4500-100-1, h.adds().People.Stopped, "but who might go at once")
	var listed, want []int64
	state := notify.Stopped
	for after := int64(-1); ; {
		rows, err := h.svc.Deliveries(h.ctx, person, h.d.ID, &state, false, after, 300)
		require.NoError(t, err)
		if len(rows) == 0 {
			break
		}
		for _, d := range rows {
			listed, after = append(listed, d.Seq), d.Seq
		}
	}
	for seq := range h.d.Total {
		if h.email.sent[fmt.Sprintf("u%d@example.com", seq)]+h.sms.sent[fmt.Sprintf("+86139000%05d", seq)] == 0 {
			want = append(want, seq)
		}
	}
	require.Equal(t, want, listed)
	r, err := h.svc.Recount(h.ctx, person, h.d.ID, nil)
	require.NoError(t, err)
	require.Empty(t, r.Recount.Differences)
}

// TestALaneWhoseProviderIsGone: who is in it is told over the next channel rather than forgotten.
func TestALaneWhoseProviderIsGone(t *testing.T) {
	h := slowSMS(t, 300)
	s := h.paced(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, 1, h.sms.total)
	o := h.plainOptions(t.TempDir())
	o.Providers = o.Providers[:1]
	f, err := fanout.New(o)
	require.NoError(t, err)
	s = fanout.Step(f)
	require.NoError(t, s.Recover(h.ctx))
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 300, p.People.Accepted)
	require.Len(t, h.email.sent, 299)
}

// TestALaneIsHeldBackByAPause and goes on as if nothing had been.
func TestALaneIsHeldBackByAPause(t *testing.T) {
	h := slowSMS(t, 600)
	s := h.paced(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	var once sync.Once
	h.sms.after = func(int) error {
		once.Do(func() {
			_, err := h.svc.Pause(h.ctx, person, h.d.ID, "a look")
			require.NoError(t, err)
		})
		return nil
	}
	_, err = s.Turn(h.ctx)
	require.NoError(t, err)
	require.Equal(t, 51, h.sms.total, "the part in hand")
	require.EqualValues(t, 249, h.adds().People.Pending)
	_, err = h.svc.Resume(h.ctx, person, h.d.ID)
	require.NoError(t, err)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 600, p.People.Accepted)
	require.Zero(t, p.Duplicates)
	require.Zero(t, h.told())
}

// TestRetriesWaitInTheLaneOfTheirChannel, so that those of a fast one need not wait for those of a slow one.
func TestRetriesWaitInTheLaneOfTheirChannel(t *testing.T) {
	h := newHouse(t, halves(40))
	put := func(o notify.Outgoing) notify.Verdict {
		if o.Attempt == 1 {
			return notify.Verdict{Class: notify.ClassRetry}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	h.email.script, h.sms.script = put, put
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	h.clock.Advance(time.Minute)
	require.NoError(t, s.Tend(h.ctx))
	claimed := map[string]int{}
	for range 2 {
		h.tx(func(tx notify.Tx) error {
			r, ok, err := tx.ClaimRange(h.ctx, "other", h.clock.Now().Add(time.Second))
			require.True(t, ok)
			rows, failed := tx.DeliveriesIn(h.ctx, r)
			for _, d := range rows {
				require.Equal(t, r.Channel, d.Channel)
			}
			claimed[r.Channel] = len(rows)
			return errors.Join(err, failed)
		})
	}
	require.Equal(t, map[string]int{"email": 20, "sms": 20}, claimed)
	h.clock.Advance(time.Minute)
	require.EqualValues(t, 40, h.settle(s).People.Accepted)
	require.NoError(t, s.Close())
}

// TestALaneLeavesOutWhoWasToldSince by an owner who had lost the range that the lane came from.
func TestALaneLeavesOutWhoWasToldSince(t *testing.T) {
	h := slowSMS(t, 400)
	other := h.paced(t.TempDir())
	h.options = h.plainOptions
	late := h.paced(t.TempDir())
	late.SetPart(100)
	late.SetBeat(time.Hour)
	h.sms.after = func(n int) error {
		if n == 10 {
			h.clock.Advance(5 * time.Minute)
			worked, err := other.Turn(h.ctx)
			require.NoError(t, err)
			require.True(t, worked)
		}
		return nil
	}
	_, err := late.Turn(h.ctx)
	require.NoError(t, err)
	require.NoError(t, late.Close())
	p := h.settle(other)
	require.NoError(t, other.Close())
	require.EqualValues(t, 400, p.People.Accepted)
	require.Equal(t, 50+1, h.told(), "the mail of the part in hand, and the short message that might go at once")
}

// TestTheEndIsThatOfTheSlowestChannel: what went out quickly says nothing of how long the rest takes.
func TestTheEndIsThatOfTheSlowestChannel(t *testing.T) {
	h := slowSMS(t, 5000)
	s := h.paced(t.TempDir())
	for h.email.total < 2500 {
		_, err := s.Turn(h.ctx)
		require.NoError(t, err)
	}
	h.clock.Advance(5 * time.Second)
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	p := h.adds()
	require.EqualValues(t, 1000, p.Pace["sms"].Tried)
	require.InDelta(t, 10, p.Pace["sms"].Rate, 1)
	require.InDelta(t, 150, p.Pace["sms"].ETA.Sub(h.clock.Now()).Seconds(), 20)
	require.Equal(t, p.Pace["sms"].ETA, p.ETA)
	require.NoError(t, s.Close())
}
