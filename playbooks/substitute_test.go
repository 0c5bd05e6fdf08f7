package playbooks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/store"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// notice is the incident's notice to people, approved for an audience of four.
func (h *house) notice(id incident.ID) string {
	h.t.Helper()
	a, err := h.notify.Import(ctx, lin, id, "people.csv", "csv", strings.NewReader("person_key,email\n"+
		"u-1,one@example.com\nu-2,two@example.com\nu-3,three@example.com\nu-4,four@example.com\n"), nil)
	require.NoError(h.t, err)
	require.EqualValues(h.t, 4, a.Total)
	for _, s := range h.view(id).Steps {
		if strings.HasPrefix(s.Document, "ntc_") && s.State == playbooks.StepOpen {
			h.approve(s.Document)
			return s.Document
		}
	}
	h.t.Fatal("no notice")
	return ""
}

// tell works a notice's dispatch off: the class of each of the four decides what becomes of them.
func (h *house) tell(notice string, classes ...notify.Class) notify.Dispatch {
	h.t.Helper()
	p, err := h.notify.Dispatch(ctx, lin, notice)
	require.NoError(h.t, err)
	tx := func(fn func(tx playbooks.Tx) error) {
		require.NoError(h.t, store.Of[playbooks.Tx](h.db).InTx(ctx, system, fn))
	}
	tx(func(tx playbooks.Tx) error {
		until := tx.Now().Add(time.Minute)
		r, ok, err := tx.ClaimRange(ctx, "worker", until)
		require.True(h.t, ok)
		rec := notify.Recording{Range: r, Until: until, Last: true}
		for seq, c := range classes {
			rec.Outcomes = append(rec.Outcomes, notify.Outcome{Seq: int64(seq), Channel: "email", Provider: "relay", Attempt: 1, Verdict: notify.Verdict{Class: c}})
		}
		_, recorded := notify.RecordOutcomes(ctx, tx, p.Dispatch, rec)
		require.NoError(h.t, recorded)
		return err
	})
	tx(func(tx playbooks.Tx) error {
		_, err := notify.Advance(ctx, tx, p.Dispatch)
		return err
	})
	h.pump()
	return p.Dispatch
}

func (h *house) bounce(d notify.Dispatch, seq int64) {
	h.t.Helper()
	key, err := h.db.OperatorKey(ctx, "acme")
	require.NoError(h.t, err)
	n, err := h.notify.ApplyReceipts(ctx, "acme", []notify.Receipt{{OutID: notify.NewCodec(key).OutID(d.No, seq, "email"), Class: notify.ClassRcptPerm, Code: "5.1.1"}})
	require.NoError(h.t, err)
	require.Equal(h.t, 1, n)
	h.pump()
}

func (h *house) substitutes(id incident.ID) (all []playbooks.Task) {
	h.t.Helper()
	require.NoError(h.t, store.Of[playbooks.Tx](h.db).View(ctx, system, func(tx playbooks.Tx) error {
		tasks, err := tx.Tasks(ctx, id)
		all = slices.DeleteFunc(tasks, func(t playbooks.Task) bool { return t.Kind != playbooks.TaskSubstitute })
		return err
	}))
	return all
}

func TestWhoStaysUnreachableIsToldInAnotherWay(t *testing.T) {
	h := open(t)
	p := profile()
	p.Channels = []string{"email"} // nobody can be reached in a second way
	_, err := h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	id := h.report(leak(4, append(known(), incident.FactInput{Path: "aware_at", Value: h.clock.Now().Format(time.RFC3339)})...)).ID
	h.pump()
	h.amend(lin, id, "", incident.FactInput{Path: "encrypted_safe", Value: false}, incident.FactInput{Path: "harm_prevented", Value: false})
	h.pump()
	d := h.tell(h.notice(id), notify.ClassAccepted, notify.ClassRcptPerm, notify.ClassAccepted, notify.ClassAccepted)

	tasks := h.substitutes(id)
	require.Len(t, tasks, 1)
	task := tasks[0]
	require.Equal(t, []any{int64(1), d.ID, d.Notice, "open"}, []any{task.People, task.Dispatch, task.Document, task.State})
	require.Equal(t, "Substitute notice: no channel has reached 1 people", task.Title["en"])
	require.NotEmpty(t, task.Duties)
	require.NotEmpty(t, task.Law)
	require.Equal(t, "法律未规定方式；难以逐一通知的，再以公告补充。", task.Law[0].Text["zh-Hans"], "the law's own note")

	h.bounce(d, 2)
	tasks = h.substitutes(id)
	require.Len(t, tasks, 1, "the same task")
	require.EqualValues(t, 2, tasks[0].People)
	require.Contains(t, tasks[0].Title["zh-Hans"], "2 人")
	h.restart()
	h.complete(task.ID, "a notice in the local newspaper")
	h.pump()
	require.Equal(t, "done", h.substitutes(id)[0].State)

	h.bounce(d, 3)
	tasks = h.substitutes(id)
	require.Len(t, tasks, 2, "who fails after that needs another")
	require.EqualValues(t, 3, tasks[1].People)
	require.Equal(t, "open", tasks[1].State)
}

func TestTransfersNameWhoRecordedThem(t *testing.T) {
	h := open(t)
	p := profile()
	p.Transfers = []obligation.Transfer{{Provider: "aliyun", From: "EEA", Basis: "GDPR 46(2)(c)", By: "somebody else"}, {Provider: "a b", From: "Mars", Basis: " "}}
	_, err := h.books.PutProfile(ctx, admin, "", p)
	var f *incident.Fault
	require.ErrorAs(t, err, &f)
	var at []string
	for _, problem := range f.Problems {
		at = append(at, problem.Pointer)
	}
	require.Equal(t, []string{"/transfers/1/provider", "/transfers/1/from", "/transfers/1/basis"}, at)

	p.Transfers = p.Transfers[:1]
	_, err = h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	other := admin
	other.Actor.ID = "usr_other"
	p.Transfers = append(p.Transfers, obligation.Transfer{Provider: "tencent", From: "DE", Basis: "GDPR 49(1)(d)"})
	_, err = h.books.PutProfile(ctx, other, "", p)
	require.NoError(t, err)
	kept, _, err := h.books.Profile(ctx, admin)
	require.NoError(t, err)
	require.Equal(t, []string{"usr_admin", "usr_other"}, []string{kept.Transfers[0].By, kept.Transfers[1].By})

	id := h.report(leak(4, append(known(), incident.FactInput{Path: "aware_at", Value: h.clock.Now().Format(time.RFC3339)})...)).ID
	h.pump()
	for _, s := range h.view(id).Steps {
		if strings.HasPrefix(s.Document, "ntc_") {
			d, err := h.notify.Document(ctx, lin, s.Document)
			require.NoError(t, err)
			require.Equal(t, map[string]string{"aliyun/EEA": "GDPR 46(2)(c)", "tencent/DE": "GDPR 49(1)(d)"}, d.Policy.Transfers)
			require.Regexp(t, `^中华人民共和国\p{Han}+ \(.*Law.*\) [0-9]+$`, d.Policy.AtOnce, "the law says 立即, and everybody can read which")
			require.Equal(t, d.Policy.AtOnce, d.Course.Quiet.Override)
			return
		}
	}
	t.Fatal("no notice")
}
