package fanout_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

// households are n people with two mailboxes, the second one the older in their file, and a phone.
func households(n int) []notify.Recipient {
	out := mailboxes(n)
	for i := range out {
		out[i].Emails = append(out[i].Emails, fmt.Sprintf("u%d@example.org", i))
	}
	return out
}

// dead has a channel refuse the mailboxes of a domain for good.
func dead(domains ...string) func(o notify.Outgoing) notify.Verdict {
	return func(o notify.Outgoing) notify.Verdict {
		for _, d := range domains {
			if strings.HasSuffix(o.Address, "@"+d) {
				return notify.Verdict{Class: notify.ClassRcptPerm, Code: "5.1.1"}
			}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
}

// word is a receipt about an address of somebody's.
func (h *house) word(seq int64, channel string, address int, c notify.Class) int {
	h.t.Helper()
	n, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{OutID: h.codec.OutIDAt(h.d.No, seq, channel, address), Class: c, Code: "5.1.1"}})
	require.NoError(h.t, err)
	h.adds()
	return n
}

// stands is what the rows of a person say: channel, address, state.
func (h *house) stands(seq int64) (out []string) {
	for _, d := range h.deliveries()[seq] {
		out = append(out, fmt.Sprintf("%s %d %s", d.Channel, d.Address, d.State))
	}
	return out
}

// TestTheNextMailboxComesBeforeThePhone, whether the first one is refused at once or comes back later; only when
// both are dead is the phone used. The proof tells which address each word is about.
func TestTheNextMailboxComesBeforeThePhone(t *testing.T) {
	h := newHouse(t, households(3), notify.Course{Limit: notify.Limits{Failed: 1}})
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if o.Seq == 1 {
			return notify.Verdict{Class: notify.ClassAccepted}
		}
		return dead("example.com", map[int64]string{2: "example.org"}[o.Seq])(o)
	}
	s := h.stepper(t.TempDir())
	require.Equal(t, notify.DispDone, h.settle(s).State)
	require.Equal(t, []string{"email 0 accepted"}, h.stands(1))
	require.Equal(t, 1, h.word(1, "email", 0, notify.ClassRcptPerm), "it came back, after all was done")
	require.Equal(t, notify.DispRunning, h.progress().State)
	require.Zero(t, h.word(1, "email", 0, notify.ClassRcptPerm), "once more")
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State)
	require.EqualValues(t, 3, p.People.Accepted)
	require.Equal(t, map[string]int{"+8613900000002": 1}, h.sms.sent)
	for seq, want := range map[int64][]string{0: {"email 1 accepted"}, 1: {"email 1 accepted"}, 2: {"email 1 failed", "sms 0 accepted"}} {
		require.Equal(t, want, h.stands(seq))
		require.Equal(t, 1, h.email.sent[fmt.Sprintf("u%d@example.com", seq)])
		require.Equal(t, 1, h.email.sent[fmt.Sprintf("u%d@example.org", seq)])
	}

	proof, err := h.svc.Proof(h.ctx, person, h.d.ID, 1, "email")
	require.NoError(t, err)
	require.Empty(t, evidence.VerifyProof(proof))
	var told []string
	for _, e := range proof.Events {
		told = append(told, fmt.Sprintf("%d %d %s", e.Event.Address, e.Event.Attempt, e.Event.State))
	}
	require.Equal(t, []string{"0 1 accepted", "0 1 failed", "2 2 accepted"}, told)
	proof.Events[2].Event.Address = 0
	require.NotEmpty(t, evidence.VerifyProof(proof))
}

// TestWordOfAnEarlierAddress: that it failed says nothing of the present one; that it arrived there counts.
func TestWordOfAnEarlierAddress(t *testing.T) {
	h := newHouse(t, households(3), notify.Course{Limit: notify.Limits{Failed: 1}})
	h.email.script = dead("example.com")
	s := h.stepper(t.TempDir())
	h.settle(s)
	require.Zero(t, h.word(0, "email", 0, notify.ClassRcptPerm))
	require.Zero(t, h.word(0, "email", 0, notify.ClassAccepted))
	require.Equal(t, []string{"email 1 accepted"}, h.stands(0))
	require.Equal(t, 1, h.word(1, "email", 0, notify.ClassDelivered))
	require.Equal(t, []string{"email 0 delivered"}, h.stands(1))
	require.Zero(t, h.word(1, "email", 1, notify.ClassRcptPerm), "who was reached is not told again")
	require.Equal(t, 1, h.word(2, "email", 1, notify.ClassRcptPerm))
	require.Equal(t, 1, h.word(2, "email", 0, notify.ClassRead), "the phone is due and not used yet")
	h.settle(s)
	require.NoError(t, s.Close())
	require.Empty(t, h.sms.sent)
	require.Equal(t, []string{"email 0 read", "sms 0 stopped"}, h.stands(2))
}

// TestNobodyIsLeftBehindAtAnAddress: while another channel is under way no further address is used; when that one
// fails, the addresses left come first.
func TestNobodyIsLeftBehindAtAnAddress(t *testing.T) {
	h := newHouse(t, households(2), notify.Course{Limit: notify.Limits{Failed: 1}})
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		if strings.HasSuffix(o.Address, "@example.com") {
			return notify.Verdict{Class: notify.ClassRcptSoft, Code: "452"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	h.settle(s)
	require.Equal(t, []string{"email 0 failed", "sms 0 accepted"}, h.stands(0))
	require.Equal(t, 2, h.email.sent["u0@example.com"], "a full one is tried once more")
	h.word(0, "sms", 0, notify.ClassRcptPerm)
	p := h.settle(s)
	require.Equal(t, []string{"email 1 accepted", "sms 0 failed"}, h.stands(0))
	require.EqualValues(t, 2, p.People.Accepted)
	h.word(0, "email", 1, notify.ClassRcptPerm)
	require.EqualValues(t, 1, h.settle(s).People.Failed)
	require.NoError(t, s.Close())
}

// TestDoubtIsNotLeftForTheNextAddress: an address that may have the message keeps it until a provider has said no.
func TestDoubtIsNotLeftForTheNextAddress(t *testing.T) {
	h := newHouse(t, households(1))
	h.email.script = func(o notify.Outgoing) notify.Verdict {
		require.Equal(t, o.Attempt == 3, o.Address == "u0@example.org", o.Address)
		switch o.Attempt {
		case 1:
			return notify.Verdict{Class: notify.ClassInDoubt}
		case 2:
			return notify.Verdict{Class: notify.ClassRcptPerm, Code: "5.1.1"}
		}
		return notify.Verdict{Class: notify.ClassAccepted}
	}
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"email 1 accepted"}, h.stands(0))
	require.EqualValues(t, 1, p.Duplicates, "and it stays listed")
}

// TestDeadAddressesPauseADispatch although everybody has another one.
func TestDeadAddressesPauseADispatch(t *testing.T) {
	h := newHouse(t, households(150))
	h.email.script = dead("example.com")
	s := h.stepper(t.TempDir())
	p := h.settle(s)
	require.Equal(t, []any{notify.DispPaused, "bounces"}, []any{p.State, p.Reason})
	require.EqualValues(t, 150, p.People.Pending)
	_, err := h.svc.Resume(h.ctx, person, h.d.ID)
	require.NoError(t, err)
	p = h.settle(s)
	require.NoError(t, s.Close())
	require.Equal(t, notify.DispDone, p.State, "what a person has seen does not pause it again")
	require.EqualValues(t, 150, p.People.Accepted)
	r, err := h.svc.Recount(h.ctx, person, h.d.ID, nil)
	require.NoError(t, err)
	require.Empty(t, r.Recount.Differences)
}

// TestACrashAtTheSecondAddress is found in the journal as what it is: a doubt about that address.
func TestACrashAtTheSecondAddress(t *testing.T) {
	h := newHouse(t, households(1))
	dir := t.TempDir()
	h.email.script = dead("example.com")
	h.email.after = func(int) error {
		if h.email.sent["u0@example.org"] == 1 {
			panic("killed")
		}
		return nil
	}
	s := h.stepper(dir)
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"email 1 pending"}, h.stands(0))
	require.NoError(t, s.Tend(h.ctx))
	require.PanicsWithValue(t, "killed", func() { _, _ = s.Turn(h.ctx) })
	s.Crash()

	h.email.after = nil
	s = h.stepper(dir)
	require.Equal(t, []string{"email 1 in_doubt"}, h.stands(0))
	require.EqualValues(t, 1, h.settle(s).Duplicates)
	require.NoError(t, s.Close())
	require.Equal(t, 1, h.email.sent["u0@example.com"])
	require.Equal(t, []string{"email 1 accepted"}, h.stands(0))
}

// TestAStopLeavesTheOtherAddressAlone.
func TestAStopLeavesTheOtherAddressAlone(t *testing.T) {
	h := newHouse(t, households(2))
	s := h.stepper(t.TempDir())
	_, err := s.Turn(h.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, h.word(0, "email", 0, notify.ClassRcptPerm))
	_, err = h.svc.Stop(h.ctx, person, h.d.ID, "enough")
	require.NoError(t, err)
	require.Equal(t, 1, h.word(1, "email", 0, notify.ClassRcptPerm))
	require.NoError(t, s.Tend(h.ctx))
	_, err = s.Turn(h.ctx)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, 2, h.email.total)
	require.Equal(t, []string{"email 1 stopped"}, h.stands(0))
	require.Equal(t, []string{"email 0 failed"}, h.stands(1))
	require.EqualValues(t, 1, h.progress().People.Stopped)
}

// TestLateWordWithoutOurIDFindsTheEarlierNumber by what the batches hold of it.
func TestLateWordWithoutOurIDFindsTheEarlierNumber(t *testing.T) {
	h := newHouse(t, []notify.Recipient{{PersonKey: "u-1", Phones: []string{"+8613900000001", "+8613900000002"}}})
	h.sms.script = func(o notify.Outgoing) notify.Verdict {
		return notify.Verdict{Class: notify.ClassAccepted, ProviderID: "5000:" + o.Address}
	}
	s := h.stepper(t.TempDir())
	h.settle(s)
	say := func(phone string, c notify.Class) int {
		n, err := h.svc.ApplyReceipts(h.ctx, "acme", []notify.Receipt{{Provider: "tencent", Address: phone, ProviderID: "5000:" + phone, Class: c, At: h.clock.Now().Add(-time.Hour)}})
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 1, say("+8613900000001", notify.ClassRcptPerm))
	require.Zero(t, say("+8613900000001", notify.ClassRcptPerm), "the second number is not sent to yet")
	h.settle(s)
	require.NoError(t, s.Close())
	require.Zero(t, say("+8613900000001", notify.ClassRcptPerm), "nor is it about the second one")
	require.Equal(t, []string{"sms 1 accepted"}, h.stands(0))
	require.Equal(t, 1, say("+8613900000001", notify.ClassDelivered))
	require.Equal(t, []string{"sms 0 delivered"}, h.stands(0))
}
