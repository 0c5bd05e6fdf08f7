package fanout_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/notify/fanout"
)

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestEverybodyIsToldOnce(t *testing.T) {
	h := newHouse(t, mailboxes(1203))
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())

	require.Equal(t, notify.DispDone, p.State)
	require.EqualValues(t, 1203, p.People.Accepted)
	require.Len(t, h.email.sent, 1203)
	require.Empty(t, h.sms.sent)
	for address, n := range h.email.sent {
		require.Equal(t, 1, n, address)
	}
	require.Equal(t, "zh-Hans", h.email.locale["u0@example.com"])
	require.Equal(t, "en", h.email.locale["u1@example.com"])
	code := h.email.values["u7@example.com"]["code"]
	a, ok, err := h.svc.Genuine(h.ctx, "acme", code)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, h.email.values["u8@example.com"]["ref"], a.No, "the number people see")
	_, ok, err = h.svc.Genuine(h.ctx, "acme", "0000000000000")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestLadderAndRetries(t *testing.T) {
	people := mailboxes(300)
	people[5].Phones = nil
	people[6].Channels = []string{"sms"}
	people = append(people, notify.Recipient{PersonKey: "u-none", Push: []notify.PushTarget{{Provider: "aliyun", Target: "DEVICE", ID: "d1"}}})
	h := newHouse(t, people)
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		switch {
		case o.Seq < 20:
			return notify.Verdict{Class: notify.ClassRcptPerm, Code: "5.1.1"}
		case o.Seq < 40 && o.Attempt < 3:
			return notify.Verdict{Class: notify.ClassRetry, Code: "421"}
		case o.Seq == 41:
			return notify.Verdict{Class: notify.ClassInDoubt}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())

	require.Equal(t, notify.DispDone, p.State)
	require.EqualValues(t, 2, p.People.Failed, "no phone after a dead mailbox, and only an app without a push channel")
	require.EqualValues(t, 1, p.People.InDoubt)
	require.EqualValues(t, 1, p.Duplicates)
	require.EqualValues(t, 298, p.People.Accepted)
	require.EqualValues(t, 1, p.ByChannel["none"]["failed"])
	require.Len(t, h.sms.sent, 19, "who has a dead mailbox, and who asked for SMS")
	rows := h.deliveries()
	require.Len(t, rows, 301)
	require.Len(t, rows[6], 1)
	require.Len(t, rows[7], 2)
	require.True(t, rows[7][0].Superseded)
	require.Equal(t, 3, rows[25][0].Attempt)
	require.Equal(t, 3, h.email.sent["u41@example.com"], "sent again twice with the same id, then left in doubt")
	listed, err := h.svc.Deliveries(h.ctx, person, h.d.ID, nil, true, -1, 100)
	require.NoError(t, err)
	require.Len(t, listed, 1)
	found, err := h.svc.Find(h.ctx, person, h.d.ID, notify.Who{PersonKey: "u-7"})
	require.NoError(t, err)
	require.Len(t, found[0].Deliveries, 2)
}

func TestReceiptsMoveOnAndReopen(t *testing.T) {
	h := newHouse(t, mailboxes(10))
	s := h.stepper(t.TempDir())
	h.settle(s)
	receipt := func(seq int64, c notify.Class) notify.Receipt {
		return notify.Receipt{OutID: h.codec.OutID(h.d.No, seq, "email"), Class: c}
	}
	forged := receipt(3, notify.ClassRcptPerm)
	last := map[bool]string{true: "3", false: "2"}[strings.HasSuffix(forged.OutID, "2")] // never the true one
	forged.OutID = forged.OutID[:len(forged.OutID)-1] + last
	all := []notify.Receipt{receipt(0, notify.ClassDelivered), receipt(0, notify.ClassAccepted), forged, receipt(1, notify.ClassRcptPerm), receipt(99, notify.ClassDelivered)}
	n, err := h.svc.ApplyReceipts(h.ctx, "acme", all)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	p := h.adds()
	require.EqualValues(t, 1, p.People.Delivered)
	require.Equal(t, notify.DispRunning, p.State, "somebody is on the way to the next channel")
	n, err = h.svc.ApplyReceipts(h.ctx, "acme", all)
	require.NoError(t, err)
	require.Zero(t, n, "repeated receipts change nothing")

	p = h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State)
	require.Equal(t, map[string]int{"+8613900000001": 1}, h.sms.sent)
	require.EqualValues(t, 9, p.People.Accepted)
}

func TestStopOfAProviderBurnsNobody(t *testing.T) {
	people := mailboxes(600)
	for i := range people {
		people[i].Locale = "zh-CN"
	}
	h := newHouse(t, people)
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq >= 100 {
			return notify.Verdict{Class: notify.ClassStop, Code: "535"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	p := h.adds()
	require.Equal(t, notify.DispPaused, p.State)
	require.Equal(t, "stop", p.Reason)
	require.EqualValues(t, 100, p.People.Accepted)
	worked, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.False(t, worked, "nothing is claimed while it is paused")

	h.email.script = nil
	_, err = h.svc.Resume(h.ctx, person, h.d.ID)
	require.NoError(t, err)
	h.clock.Advance(2 * time.Minute)
	p = h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 600, p.People.Accepted)
	require.Empty(t, h.sms.sent)
}

func TestStopByAPerson(t *testing.T) {
	h := newHouse(t, mailboxes(2700))
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	_, err = h.svc.Stop(h.ctx, person, h.d.ID, "wrong audience")
	require.NoError(t, err)
	worked, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.False(t, worked)
	p := h.adds()
	require.EqualValues(t, 700, p.People.Stopped)
	state := notify.Stopped
	listed, err := h.svc.Deliveries(h.ctx, person, h.d.ID, &state, false, -1, 3)
	require.NoError(t, err)
	require.Equal(t, int64(2000), listed[0].Seq)
	require.Len(t, listed, 3)
	_, err = h.svc.Resume(h.ctx, person, h.d.ID)
	require.Error(t, err, "stop is for good")
	require.NoError(t, s.Close())
}

// TestDeathOfTheProcess kills a fan-out in the middle of a sub-batch, whose outcomes the store never saw.
func TestDeathOfTheProcess(t *testing.T) {
	h := newHouse(t, mailboxes(700))
	dir := t.TempDir()
	died := errors.New("process died")
	h.email.after = func(n int) error {
		if n == 620 {
			panic(died) // after the last byte of the 620th message, before its verdict
		}
		return nil
	}
	s := h.stepper(dir)
	s.SetPart(100)
	func() {
		defer func() { require.Equal(t, died, recover()) }()
		for {
			_, err := s.Turn(h.ctx)
			require.NoError(t, err)
		}
	}()
	s.Crash()
	require.EqualValues(t, 600, h.adds().People.Accepted, "what was recorded before")

	h.email.after = nil // and within the dead owner's lease
	s = h.stepper(dir)
	require.EqualValues(t, 619, h.adds().People.Accepted, "the journal knew of 19 more")
	require.EqualValues(t, 1, h.progress().People.InDoubt)
	left, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	require.NoError(t, err)
	require.Empty(t, left)
	p := h.settle(s)
	require.NoError(t, s.Close())

	require.EqualValues(t, 700, p.People.Accepted)
	require.EqualValues(t, 1, p.Duplicates)
	twice := 0
	for _, n := range h.email.sent {
		twice += n - 1
	}
	require.Equal(t, 1, twice, "only the one in flight")
	require.Len(t, h.email.sent, 700)
}

// TestLossOfTheJournal has the owner of a range die whose journal nobody has, or not for sure: who was sent to
// and who was not cannot be told apart, so everyone of that range is sent to and listed.
func TestLossOfTheJournal(t *testing.T) {
	for name, lose := range map[string]func(dir string) (next string){
		"another machine": func(string) string { return t.TempDir() },
		"power cut": func(dir string) string {
			require.NoError(t, fanout.Reboot(dir))
			left, err := filepath.Glob(filepath.Join(dir, "*.journal"))
			require.NoError(t, err)
			for _, file := range left {
				require.NoError(t, os.Truncate(file, 0))
			}
			return dir
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, mailboxes(700))
			dir := t.TempDir()
			died := errors.New("machine died")
			h.email.after = func(n int) error {
				if n == 150 {
					panic(died)
				}
				return nil
			}
			s := h.stepper(dir)
			s.SetPart(100)
			require.PanicsWithValue(t, died, func() { _, _ = s.Turn(h.ctx) })
			s.Crash()
			h.email.after = nil
			s = h.stepper(lose(dir))
			s.SetPart(100)
			p := h.settle(s)
			require.NoError(t, s.Close())
			require.Equal(t, notify.DispDone, p.State)
			require.EqualValues(t, 700, p.People.Accepted)
			require.EqualValues(t, 600, p.Duplicates, "the range's members without an outcome, and nobody else")
			rows := h.deliveries()
			for seq := range int64(700) {
				require.Equal(t, seq >= 100, rows[seq][0].Doubt)
				if n := h.email.sent[fmt.Sprintf("u%d@example.com", seq)]; n > 1 {
					require.True(t, rows[seq][0].Doubt, "each repeat is listed")
				}
			}
		})
	}
}

// TestDoubtOutlivesOneWhoGaveUp has a dead owner's range taken over, given back by a clean stop and taken again.
func TestDoubtOutlivesOneWhoGaveUp(t *testing.T) {
	h := newHouse(t, mailboxes(300))
	var first, again notify.Range
	claim := func(r *notify.Range, owner string) {
		h.tx(func(tx notify.Tx) (err error) {
			*r, _, err = tx.ClaimRange(h.ctx, owner, h.clock.Now().Add(time.Minute))
			return err
		})
	}
	claim(&first, "dead")
	require.False(t, first.Doubt)
	h.clock.Advance(2 * time.Minute)
	claim(&again, "careful")
	require.True(t, again.Doubt)
	h.tx(func(tx notify.Tx) error { return tx.ReleaseRange(h.ctx, again) })
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 300, p.Duplicates)
}

// TestTwoOwners lets a lease run out while its owner is busy.
func TestTwoOwners(t *testing.T) {
	h := newHouse(t, mailboxes(300))
	slow, fast := h.stepper(t.TempDir()), h.stepper(t.TempDir())
	slow.SetPart(100)
	h.email.after = func(n int) error {
		if n == 150 { // the first owner stalls in its second sub-batch
			h.email.after = nil
			h.clock.Advance(5 * time.Minute)
			worked, err := fast.Turn(h.ctx)
			require.NoError(t, err)
			require.True(t, worked)
		}
		return nil
	}
	_, err := slow.Turn(h.ctx)
	require.NoError(t, err)
	p := h.settle(fast)
	require.NoError(t, slow.Close())
	require.NoError(t, fast.Close())

	require.EqualValues(t, 300, p.People.Accepted)
	twice := int64(0)
	for _, n := range h.email.sent {
		require.LessOrEqual(t, n, 2)
		twice += int64(n - 1)
	}
	require.EqualValues(t, 100, twice, "the sub-batch in hand, and nothing after it")
	require.EqualValues(t, 200, p.Duplicates, "each one is listed, and who might have been one")
}

func TestBrokenSenderLosesNobody(t *testing.T) {
	h := newHouse(t, mailboxes(50))
	h.email.after = func(n int) error {
		if n == 10 {
			h.email.after = nil
			return errors.New("connection lost")
		}
		return nil
	}
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.ErrorContains(t, err, "sender is broken")
	require.EqualValues(t, 1, h.adds().People.InDoubt)
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.EqualValues(t, 50, p.People.Accepted)
	require.EqualValues(t, 1, p.Duplicates)
}

func TestChangedMessageIsNotSent(t *testing.T) {
	h := newHouse(t, mailboxes(5))
	changed := &changedStore{Store: h.store}
	o := h.options(t.TempDir())
	o.Store = changed
	f, err := fanout.New(o)
	require.NoError(t, err)
	s := fanout.Step(f)
	_, err = s.Turn(h.ctx)
	require.ErrorIs(t, err, notify.ErrChanged)
	require.Empty(t, h.email.sent)
	require.Equal(t, notify.DispPaused, h.progress().State)
	require.Equal(t, "changed", h.progress().Reason)
	require.NoError(t, s.Close())
}

// changedStore hands out messages that differ from what was approved.
type changedStore struct{ notify.Store }

type changedTx struct{ notify.Tx }

func (s *changedStore) View(ctx context.Context, sc evidence.Scope, fn func(notify.Tx) error) error {
	return s.Store.View(ctx, sc, func(tx notify.Tx) error { return fn(changedTx{tx}) })
}

func (changedTx) Messages(_ context.Context, id string, _ int) ([]notify.FrozenMessage, error) {
	m := messages(id)
	m[0].Text += " and one more thing"
	return m, nil
}

func TestRunEndsCleanly(t *testing.T) {
	h := newHouse(t, mailboxes(800))
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	f, err := fanout.New(h.options(dir))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(h.ctx)
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	f.Hint()
	require.Eventually(t, func() bool { return h.progress().State == notify.DispDone }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
	require.EqualValues(t, 800, h.adds().People.Accepted)
	left, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	require.NoError(t, err)
	require.Empty(t, left, "everything was recorded")
	_, err = os.Stat(filepath.Join(dir, "lock"))
	require.NoError(t, err)
}

func TestJournalBelongsToOneProcess(t *testing.T) {
	h := newHouse(t, mailboxes(1))
	dir := t.TempDir()
	s := h.stepper(dir)
	_, err := fanout.New(h.options(dir))
	require.ErrorContains(t, err, "in use")
	require.NoError(t, s.Close())
}
