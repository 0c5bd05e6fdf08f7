package playbooks_test

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

func TestPlanIsOneRevisionWithItsOwnEntry(t *testing.T) {
	h := open(t)
	r := h.report(leak(1_200_000))
	plan := playbooks.Plan{Name: "网络安全事件应急预案", Version: "3.2", Level: "II", By: "王五", At: signal}
	_, err := h.books.ActivatePlan(ctx, lin, r.ID, playbooks.Plan{Level: "II", At: storetest.Start.Add(time.Hour)}, "")
	for _, pointer := range []string{"/name", "/by", "/at"} {
		require.ErrorContains(t, err, pointer)
	}
	after, err := h.books.ActivatePlan(ctx, lin, r.ID, plan, "")
	require.NoError(t, err)
	require.Equal(t, r.Revision+1, after.Revision)
	object := h.view(r.ID).Snapshot.Object()
	require.Equal(t, map[string]any{"name": plan.Name, "version": "3.2", "level": "II", "by": "王五"}, object["plan"])
	require.Equal(t, 1, count(h.ledger(r.ID), "plan.activated"))

	h.clock.Advance(time.Hour)
	_, err = h.books.EndPlan(ctx, lin, r.ID, h.clock.Now(), "contained")
	require.NoError(t, err)
	_, err = h.books.EndPlan(ctx, lin, r.ID, h.clock.Now(), "again")
	require.True(t, incident.IsFault(err, incident.Conflict))
	require.NotNil(t, h.view(r.ID).Snapshot.Object()["plan_activated_at"], "that it was started stays a fact")
}

func TestReliefNamesWhatIsMissing(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	relief := func() playbooks.Relief {
		r, err := h.books.Relief(ctx, admin, id)
		require.NoError(t, err)
		require.Len(t, r.Grounds, 4)
		return r
	}
	r := relief()
	require.False(t, r.Complete)
	require.Contains(t, r.Grounds[0].Missing[0]["en"], "not recorded")
	require.NotEmpty(t, r.Grounds[3].Missing, "nothing is reported yet")

	_, err := h.books.ActivatePlan(ctx, lin, id, playbooks.Plan{Name: "Plan", Version: "1", Level: "I", By: "Wang", At: signal}, "")
	require.NoError(t, err)
	h.amend(lin, id, "", fact("relief.protection", "MLPS level 3, backups"), fact("relief.handled", "as the plan says"), fact("relief.reduced", "no spread"),
		fact("measures", []any{map[string]any{"text": "closed the leak"}}))
	meet := func(at time.Time) {
		require.NoError(t, store.Of[playbooks.Tx](h.db).InTx(ctx, system, func(tx playbooks.Tx) error {
			for _, d := range mustDuties(t, tx, id) {
				if d.Obligation.Source.Title == r.Source.Title && d.State != obligation.Waiting && d.State != obligation.Lapsed {
					d.State, d.MetAt = obligation.Met, &at
					require.NoError(t, tx.PutDuty(ctx, d))
				}
			}
			return nil
		}))
	}
	meet(signal.Add(5 * time.Hour))
	late := relief()
	require.False(t, late.Complete)
	require.False(t, *late.Grounds[3].Duties[0].InTime)
	meet(signal.Add(3 * time.Hour))
	in := relief()
	require.True(t, in.Complete, "%v", in.Grounds)
	require.True(t, *in.Grounds[3].Duties[0].InTime)
	for _, locale := range []string{"zh-Hans", "en"} {
		page, err := in.HTML(locale)
		require.NoError(t, err)
		require.Contains(t, string(page), in.Grounds[1].Title[locale])
		require.Contains(t, string(page), "MLPS level 3, backups")
	}
}

func TestCustomersEachHaveADuty(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, fact("role", "entrusted"))).ID
	people := int64(700)
	_, err := h.books.ImportCustomers(ctx, lin, id, []playbooks.Customer{{ID: "bad id!"}, {ID: "c-2"}, {ID: "c-2"}}, "")
	require.ErrorContains(t, err, "/customers/0/id")
	require.ErrorContains(t, err, "/customers/2/id")
	r, err := h.books.ImportCustomers(ctx, lin, id, []playbooks.Customer{{ID: "c-1", People: &people, Residents: []string{"CN"}}, {ID: "c-2", Residents: []string{"DE"}}}, "")
	require.NoError(t, err)
	towards := func(duties []playbooks.Duty, customer string) (out []playbooks.Duty) {
		for _, d := range duties {
			if d.Obligation.Addressee == "customer:"+customer {
				out = append(out, d)
			}
		}
		return out
	}
	require.NotEmpty(t, towards(r.Duties, "c-1"))
	require.NotEmpty(t, towards(r.Duties, "c-2"))

	_, err = h.books.TellCustomer(ctx, lin, id, "c-9", h.clock.Now(), "phone")
	require.True(t, incident.IsFault(err, incident.NotFound))
	r, err = h.books.TellCustomer(ctx, lin, id, "c-1", h.clock.Now(), "phone")
	require.NoError(t, err)
	for _, d := range towards(r.Duties, "c-1") {
		require.Equal(t, obligation.Met, d.State)
		require.Equal(t, h.clock.Now(), d.MetAt.UTC())
	}
	for _, d := range towards(r.Duties, "c-2") {
		require.NotEqual(t, obligation.Met, d.State)
	}
	var theirs *obligation.Customer
	for i, c := range r.Derivation.Result.Customers {
		if c.ID == "c-1" {
			theirs = &r.Derivation.Result.Customers[i]
		}
	}
	require.NotNil(t, theirs, "the customer's own clocks run from there")
	require.Equal(t, h.clock.Now(), theirs.ToldAt.UTC())

	h.clock.Advance(time.Minute)
	_, err = h.books.ImportCustomers(ctx, lin, id, []playbooks.Customer{{ID: "c-1"}, {ID: "c-3"}}, "")
	require.NoError(t, err)
	_, err = h.books.TellCustomer(ctx, lin, id, "c-1", h.clock.Now(), "mail")
	require.True(t, incident.IsFault(err, incident.Conflict), "who is told stays told")
	require.Equal(t, 1, count(h.ledger(id), "customer.told"))
}

func TestProfileNamesOfficesAndStandingAuthorisations(t *testing.T) {
	h := open(t)
	p := profile()
	p.Authorities = map[string]string{"provincial-cac:CN-SH": "12387", "nobody": "x", "pboc": " "}
	p.Standing = []obligation.Standing{
		{Rules: []string{"cn-cac-incident-initial"}, Team: "soc", SignedBy: []string{"Wang Wu", "Zhao Liu"}, Until: storetest.Start.Add(24 * time.Hour)},
		{Rules: []string{"no-such"}, Team: "", SignedBy: []string{"Wang Wu", "wang wu "}, Until: storetest.Start},
	}
	_, err := h.books.PutProfile(ctx, admin, "", p)
	var f *incident.Fault
	require.ErrorAs(t, err, &f)
	var at []string
	for _, problem := range f.Problems {
		at = append(at, problem.Pointer)
	}
	require.ElementsMatch(t, []string{"/authorities/nobody", "/authorities/pboc", "/standing/1/rules/0", "/standing/1/team", "/standing/1/signed_by", "/standing/1/until"}, at)
	p.Authorities, p.Standing = map[string]string{"provincial-cac:CN-SH": "12387"}, p.Standing[:1]
	_, err = h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
}

func TestPackHoldsDecisionsLettersAndTheirFiles(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	h.confirm(wei, h.propose(lin, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted",
		Evidence: []playbooks.Attachment{{Name: "audit.txt", Body: []byte("proof")}}}).ID)
	l := h.letter(id, playbooks.NewLetter{Kind: playbooks.LetterQuestions, Authority: "police", ReceivedAt: storetest.Start,
		File: &playbooks.Attachment{Name: "letter.txt", Body: []byte("questions")}})
	files := h.pack(id)
	require.Equal(t, "questions", string(files["files/"+l.File.File]))
	require.Contains(t, string(files["decisions.json"]), l.ID)
}

// pack is an incident's evidence pack, checked, by name of its files.
func (h *house) pack(id incident.ID) map[string][]byte {
	h.t.Helper()
	var b bytes.Buffer
	require.NoError(h.t, h.books.WriteEvidence(ctx, lin, id, &b))
	checked, err := evidence.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(h.t, err)
	require.Empty(h.t, checked.Faults)
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(h.t, err)
	files := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		require.NoError(h.t, err)
		files[f.Name], err = io.ReadAll(r)
		require.NoError(h.t, err)
	}
	return files
}

// The task that asks for the plan's activation is done by recording it.
func TestActivatingThePlanEndsItsTask(t *testing.T) {
	h := open(t)
	id := h.report(but(fact("data_event", "encrypted"))).ID
	h.pump()
	asks := func(state string) (n int) {
		for _, task := range h.view(id).Tasks {
			if len(task.Asks) == 1 && task.Asks[0] == "plan_activated_at" && task.State == state {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, asks(playbooks.TaskOpen))
	_, err := h.books.ActivatePlan(ctx, lin, id, playbooks.Plan{Name: "Plan", Version: "1", Level: "I", By: "Wang", At: signal}, "")
	require.NoError(t, err)
	require.Equal(t, 0, asks(playbooks.TaskOpen))
	require.Equal(t, 1, asks(playbooks.TaskDone))
}
