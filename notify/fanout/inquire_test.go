package fanout_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/notify/fanout"
)

// After a stop nothing goes out, but who is in doubt is asked about until the provider has said what became of it.
func TestDoubtsOfAStoppedDispatchAreSettled(t *testing.T) {
	h := newHouse(t, phones(6))
	h.sms.script = func(notify.Outgoing) notify.Verdict {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "timeout"}
	}
	var mu sync.Mutex // several questions are under way at once
	questions := map[int64]int{}
	provider := &asked{channel: h.sms, answer: func(o notify.Outgoing) (notify.Verdict, bool, error) {
		mu.Lock()
		defer mu.Unlock()
		questions[o.Seq]++
		switch {
		case o.Seq == 0:
			return notify.Verdict{Class: notify.ClassDelivered}, true, nil
		case o.Seq == 1:
			return notify.Verdict{}, false, nil
		case o.Seq == 2:
			return notify.Verdict{Class: notify.ClassRcptPerm, Code: "MK:0001"}, true, nil
		case o.Seq == 3 && questions[3] < 3:
			return notify.Verdict{Class: notify.ClassInDoubt, Code: "not-listed-yet"}, true, nil
		case o.Seq == 4 && questions[4] < 2:
			return notify.Verdict{}, false, errors.New("no answer")
		case o.Seq == 5:
			return notify.Verdict{Class: notify.ClassRetryAt, Code: "DB:0142", RetryAt: h.clock.Now().Add(time.Hour)}, true, nil
		}
		return notify.Verdict{Class: notify.ClassAccepted}, true, nil
	}}
	h.options = func(dir string) fanout.Options {
		o := h.plainOptions(dir)
		o.Providers = []notify.Provider{{ID: "relay", Channel: h.email}, {ID: "aliyun", Channel: provider}}
		return o
	}
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.EqualValues(t, 6, h.adds().People.InDoubt)
	_, err = h.svc.Stop(h.ctx, person, h.d.ID, "enough")
	require.NoError(t, err)
	h.turns(s)
	require.Empty(t, questions, "a worker may have them in hand still")
	for range 20 {
		h.clock.Advance(time.Minute)
		h.turns(s)
		h.adds()
	}
	require.NoError(t, s.Close())
	p := h.progress()
	require.Equal(t, []int64{0, 1, 2, 1, 2}, []int64{p.People.InDoubt, p.People.Delivered, p.People.Accepted, p.People.Failed, p.People.Stopped})
	var states []notify.DeliveryState
	for seq := range int64(6) {
		states = append(states, h.deliveries()[seq][0].State)
	}
	require.Equal(t, []notify.DeliveryState{notify.Delivered, notify.Stopped, notify.Failed, notify.Accepted, notify.Accepted, notify.Stopped}, states)
	require.Equal(t, map[int64]int{0: 1, 1: 1, 2: 1, 3: 3, 4: 2, 5: 1}, questions)
	require.Equal(t, 6, h.sms.total)
	require.Zero(t, h.email.total)
}

// refusing is a store that does not give dispatches out while it is told not to.
type refusing struct {
	notify.Store
	refuses bool
}

type refusingTx struct{ notify.Tx }

var errRefused = errors.New("the store is busy")

func (s *refusing) View(ctx context.Context, sc evidence.Scope, fn func(notify.Tx) error) error {
	return s.Store.View(ctx, sc, func(tx notify.Tx) error {
		if s.refuses {
			tx = refusingTx{tx}
		}
		return fn(tx)
	})
}

func (refusingTx) DispatchByNo(context.Context, int64) (notify.Dispatch, error) {
	return notify.Dispatch{}, errRefused
}

// A process that has never worked on the stopped dispatch must read it first; when it cannot, it asks later.
func TestDoubtsAreAskedAboutOnceTheStoreGivesTheDispatch(t *testing.T) {
	h := newHouse(t, phones(1))
	h.sms.script = func(notify.Outgoing) notify.Verdict {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "timeout"}
	}
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	_, err = h.svc.Stop(h.ctx, person, h.d.ID, "enough")
	require.NoError(t, err)
	require.NoError(t, s.Close())

	busy := &refusing{Store: h.store, refuses: true}
	provider := &asked{channel: h.sms, answer: func(notify.Outgoing) (notify.Verdict, bool, error) {
		return notify.Verdict{Class: notify.ClassDelivered}, true, nil
	}}
	h.options = func(dir string) fanout.Options {
		o := h.plainOptions(dir)
		o.Store, o.Providers = busy, []notify.Provider{{ID: "relay", Channel: h.email}, {ID: "aliyun", Channel: provider}}
		return o
	}
	s = h.stepper(t.TempDir())
	h.clock.Advance(2 * time.Minute)
	require.ErrorIs(t, s.Tend(h.ctx), errRefused)
	require.EqualValues(t, 1, h.progress().People.InDoubt)
	busy.refuses = false
	h.clock.Advance(2 * time.Minute)
	require.NoError(t, s.Tend(h.ctx))
	require.NoError(t, s.Close())
	require.EqualValues(t, 1, h.progress().People.Delivered)
}
