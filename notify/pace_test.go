package notify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

func TestAPaceIsTheLastMinutes(t *testing.T) {
	w := newWorld(t)
	d := w.released(2000, notify.Course{Canary: 250})
	w.clock.Advance(10 * time.Second)
	require.Equal(t, 250, w.step(d, all(notify.ClassAccepted)))
	p := w.progress(d)
	require.InDelta(t, 25, p.Rate, 1e-9)
	require.Equal(t, w.clock.Now().Add(70*time.Second), *p.ETA, "1,750 more at 25 a second")
	require.EqualValues(t, []int64{2000, 250}, []int64{p.Pace["email"].First, p.Pace["email"].Tried})
	require.Equal(t, *p.ETA, *p.Pace["email"].ETA)
	require.Nil(t, p.Margin, "no deadline")

	w.clock.Advance(2 * time.Minute)
	p = w.progress(d)
	require.Zero(t, p.Rate, "what is long past tells nothing")
	require.Nil(t, p.ETA)
}

func TestNobodyIsThroughBeforeTheNextTry(t *testing.T) {
	w := newWorld(t)
	d := w.released(100, notify.Course{})
	w.clock.Advance(10 * time.Second)
	w.step(d, func(seq int64) notify.Class {
		return []notify.Class{notify.ClassAccepted, notify.ClassRcptSoft}[seq%2]
	})
	p := w.progress(d)
	require.EqualValues(t, 50, p.People.Pending)
	again := w.clock.Now().Add(15 * time.Minute)
	require.Equal(t, []time.Time{again, again}, []time.Time{*p.ETA, *p.WaitsUntil}, "the mailboxes that were full are tried again then")

	w.clock.Advance(5 * time.Minute)
	p = w.progress(d)
	require.Zero(t, p.Rate)
	require.Equal(t, again, *p.ETA, "all who are left wait, so it is known although nothing went out lately")
}
