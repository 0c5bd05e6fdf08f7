package fanout_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

func TestAProviderIsPausedFromTheFirstMessageOn(t *testing.T) {
	h := newHouse(t, mailboxes(50))
	s := h.stepper(t.TempDir())
	_, err := h.svc.PauseProvider(h.ctx, person, "relay", "maintenance")
	require.NoError(t, err)
	require.NoError(t, s.Recover(h.ctx))
	_, err = s.Turn(h.ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Empty(t, h.email.sent)
}

func TestAProviderWithoutAFormForTheMessageIsPassedOver(t *testing.T) {
	h := newHouse(t, mailboxes(300))
	second := h.over("relay-2")
	h.email.unable = &notify.Refusal{Class: notify.ClassStop, Code: "no-template"}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State)
	require.EqualValues(t, 300, p.People.Accepted)
	require.Len(t, second.sent, 300)
	require.False(t, h.providers()["relay"].Paused, "other messages may go over it")
}

func TestADispatchPausesWhenNoProviderHasAForm(t *testing.T) {
	for name, first := range map[string]struct {
		script func(notify.Outgoing) notify.Verdict
		unable error
		reason string
	}{
		"none":              {unable: errors.New("no template"), reason: "unprepared"},
		"and the other one": {script: stopAt(0), reason: "stop"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, mailboxes(300))
			h.over("relay-2").unable = errors.New("no template")
			h.email.script, h.email.unable = first.script, first.unable
			s := h.stepper(t.TempDir())
			_, err := s.Turn(h.ctx)
			require.NoError(t, err)
			p := h.adds()
			require.Equal(t, []any{notify.DispPaused, first.reason}, []any{p.State, p.Reason})
			require.EqualValues(t, 300, p.People.Pending)
			h.email.script = nil
			if _, err = h.svc.Resume(h.ctx, person, h.d.ID); first.unable == nil {
				require.NoError(t, err)
				h.clock.Advance(time.Minute)
				require.EqualValues(t, 300, h.settle(s).People.Accepted)
			}
			require.NoError(t, s.Close())
		})
	}
}

// A plan must not take a provider for slow because little went over it.
func TestIdleTimeMakesNoProviderSlow(t *testing.T) {
	h := newHouse(t, mailboxes(1000))
	s := h.stepper(t.TempDir())
	s.SetPart(500)
	h.email.after = func(int) error { h.clock.Advance(4 * time.Millisecond); return nil }
	for range 2 {
		_, err := s.Turn(h.ctx)
		require.NoError(t, err)
		h.clock.Advance(time.Hour)
		require.NoError(t, s.Tend(h.ctx))
	}
	require.NoError(t, s.Measure(h.ctx))
	require.InDelta(t, 250, h.providers()["relay"].Rate, 50)
	require.NoError(t, s.Close())
}

func TestAFewMessagesTellNoRate(t *testing.T) {
	h := newHouse(t, mailboxes(10))
	s := h.stepper(t.TempDir())
	h.email.after = func(int) error { h.clock.Advance(time.Second); return nil } // they hang
	h.settle(s)
	require.NoError(t, s.Measure(h.ctx))
	require.Zero(t, h.providers()["relay"].Rate)
	require.NoError(t, s.Close())
}

// A business customer's users know the service by the customer's name; everybody else by ours.
func TestPeopleReadTheNameTheyKnow(t *testing.T) {
	crowd := mailboxes(4)
	crowd[3].Brand = "Example Mall"
	h := newHouse(t, crowd)
	s := h.stepper(t.TempDir())
	h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, "Example Company", h.email.values["u1@example.com"]["brand"])
	require.Equal(t, "Example Mall", h.email.values["u3@example.com"]["brand"])
}
