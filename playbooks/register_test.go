package playbooks_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/store"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

func TestReportStartsClocksAndRun(t *testing.T) {
	h := open(t)
	r := h.report(leak(1_200_000))
	require.True(t, r.Created)
	require.NotNil(t, r.Run)
	initial := duty(t, r.Duties, "cn-cac-incident-initial")
	require.Equal(t, obligation.Running, initial.State)
	require.True(t, initial.Obligation.Provisional, "nobody has decided yet when we became aware")
	require.Equal(t, signal.Add(4*time.Hour), initial.Obligation.Deadline.UTC())

	v := h.view(r.ID)
	require.Equal(t, "larger", v.Incident.Grade)
	require.Equal(t, "cn-cac-incident-initial", v.Incident.NextRule)
	require.Equal(t, signal.Add(4*time.Hour), v.Incident.NextAt.UTC())
	require.Equal(t, playbooks.StepOpen, step(t, v, "establish").State, "people can start at once")
	require.Equal(t, playbooks.ReasonDrafting, step(t, v, "tell-people").Reason, "drafts follow")

	h.pump()
	v = h.view(r.ID)
	for _, id := range []string{"report-cac", "report-pi-authority", "tell-people"} {
		require.NotEmpty(t, step(t, v, id).Document, id)
	}
	doc, err := h.notify.Document(ctx, lin, step(t, v, "tell-people").Document)
	require.NoError(t, err)
	require.Equal(t, []string{"email", "sms", "announcement"}, doc.Channels, "the operator's channels, and the public page")
	rules := map[string]bool{}
	for _, q := range doc.Policy.Requirements {
		rules[q.Rule] = true
	}
	for _, rule := range []string{"cn-pipl-57-individuals", "cn-csl-44", "cn-privacy-promise"} {
		require.True(t, rules[rule], "laws and promise together: "+rule)
	}
}

func TestRepeatsChangeNothing(t *testing.T) {
	h := open(t)
	r := h.report(leak(1_200_000))
	h.pump()
	before := h.ledger(r.ID)
	for range 3 {
		again := h.report(leak(1_200_000))
		require.Equal(t, r.ID, again.ID)
		require.NoError(t, h.books.Handle(ctx, incident.Event{Kind: "incident.recorded", Operator: "acme", Incident: r.ID}))
		require.NoError(t, h.books.Handle(ctx, incident.Event{Kind: "document.edited", Operator: "acme", Incident: r.ID}))
		h.pump()
	}
	require.Equal(t, before, h.ledger(r.ID))
}

func TestDutyLapsesWithReasonAndComesBack(t *testing.T) {
	h := open(t)
	r := h.report(leak(1_200_000))
	first := duty(t, r.Duties, "cn-pipl-57-individuals")
	r = h.amend(lin, r.ID, "", incident.FactInput{Path: "data_event", Value: "none"})
	lapsed := duty(t, r.Duties, "cn-pipl-57-individuals")
	require.Equal(t, obligation.Lapsed, lapsed.State)
	require.Equal(t, "facts changed: data_event", lapsed.Reason)
	require.Equal(t, "事实已变更：数据发生了什么", playbooks.Say(lapsed.Reason, "zh-Hans"))
	require.Equal(t, "facts changed: what happened to the data", playbooks.Say(lapsed.Reason, "en"))
	require.Equal(t, "closed by hand: done", playbooks.Say("closed by hand: done", "zh-Hans"), "a person's own words stay")
	h.pump()
	tell := step(t, h.view(r.ID), "tell-people")
	require.Equal(t, playbooks.StepSkipped, tell.State)
	require.Equal(t, playbooks.ReasonLapsed, tell.Reason)

	r = h.amend(lin, r.ID, "", incident.FactInput{Path: "data_event", Value: "stolen"})
	back := duty(t, r.Duties, "cn-pipl-57-individuals")
	require.Equal(t, obligation.Running, back.State)
	require.Equal(t, first.ID, back.ID, "the same duty")
	h.pump()
	require.Equal(t, playbooks.StepOpen, step(t, h.view(r.ID), "tell-people").State, "the step comes back")
	require.Equal(t, len(r.Duties)+count(h.ledger(r.ID), "duty.lapsed"), count(h.ledger(r.ID), "duty.appeared"))
}

func TestEarlierDeadlineStands(t *testing.T) {
	at := func(t time.Time) any { return t.Format(time.RFC3339) }
	for _, c := range []struct {
		name   string
		change func(h *house, id incident.ID)
		want   time.Time
	}{
		{"a person decides for the first time when we became aware", func(h *house, id incident.ID) {
			h.amend(lin, id, "", incident.FactInput{Path: "aware_at", Value: at(signal.Add(30 * time.Minute))})
		}, signal.Add(4*time.Hour + 30*time.Minute)},
		{"a tool corrects its signal to later", func(h *house, id incident.ID) {
			h.amend(siem, id, "", incident.FactInput{Path: "first_signal_at", Value: at(signal.Add(30 * time.Minute))})
		}, signal.Add(4 * time.Hour)},
		{"a tool corrects its signal to earlier", func(h *house, id incident.ID) {
			h.amend(siem, id, "", incident.FactInput{Path: "first_signal_at", Value: at(signal.Add(-30 * time.Minute))})
		}, signal.Add(3*time.Hour + 30*time.Minute)},
		{"the duty lapses, the signal moves to later, and the duty comes back", func(h *house, id incident.ID) {
			h.amend(lin, id, "", incident.FactInput{Path: "people.count", Value: int64(10)}, incident.FactInput{Path: "jurisdictions.CN", Value: int64(10)}, incident.FactInput{Path: "kind", Value: "threat"})
			h.amend(siem, id, "", incident.FactInput{Path: "first_signal_at", Value: at(signal.Add(30 * time.Minute))})
			h.amend(lin, id, "", incident.FactInput{Path: "people.count", Value: int64(1_200_000)}, incident.FactInput{Path: "jurisdictions.CN", Value: int64(1_200_000)}, incident.FactInput{Path: "kind", Value: "incident"})
		}, signal.Add(4 * time.Hour)},
		{"a person moves awareness to later and says why", func(h *house, id incident.ID) {
			h.amend(lin, id, "", incident.FactInput{Path: "aware_at", Value: at(signal)})
			h.amend(lin, id, "the call log shows it", incident.FactInput{Path: "aware_at", Value: at(signal.Add(20 * time.Minute))})
		}, signal.Add(4*time.Hour + 20*time.Minute)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			id := h.report(leak(1_200_000)).ID
			c.change(h, id)
			h.pump()
			d := duty(t, h.view(id).Duties, "cn-cac-incident-initial")
			require.Equal(t, c.want, d.Obligation.Deadline.UTC())
		})
	}
}

func TestLaterAwarenessNeedsAReason(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.amend(lin, id, "", incident.FactInput{Path: "aware_at", Value: signal.Format(time.RFC3339)})
	for _, value := range []any{signal.Add(time.Minute).Format(time.RFC3339), nil} {
		_, err := h.books.Amend(ctx, lin, id, 0, incident.Amendment{Facts: []incident.FactInput{{Path: "aware_at", Value: value}}})
		require.True(t, incident.IsFault(err, incident.Invalid))
		require.ErrorContains(t, err, "/reason")
	}
}

func TestMetStaysMet(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	require.NoError(t, store.Of[playbooks.Tx](h.db).InTx(ctx, system, func(tx playbooks.Tx) error {
		d := duty(t, mustDuties(t, tx, id), "cn-cac-incident-initial")
		d.State = obligation.Met
		return tx.PutDuty(ctx, d)
	}))
	r := h.amend(lin, id, "", incident.FactInput{Path: "data_event", Value: "none"})
	require.Equal(t, obligation.Met, duty(t, r.Duties, "cn-cac-incident-initial").State)
}

func mustDuties(t *testing.T, tx playbooks.Tx, id incident.ID) []playbooks.Duty {
	t.Helper()
	duties, err := tx.Duties(ctx, id)
	require.NoError(t, err)
	return duties
}

func TestImportedStartsNoClock(t *testing.T) {
	h := open(t)
	f := leak(1_200_000)
	f.Mode = incident.Imported
	r := h.report(f)
	h.pump()
	v := h.view(r.ID)
	require.Empty(t, v.Duties)
	require.Nil(t, v.Run)
	require.Nil(t, v.Incident.NextAt)
	require.NotEmpty(t, v.Derivation.Result.Obligations, "what would have been owed can be read")
	h.clock.Advance(30 * 24 * time.Hour)
	require.Zero(t, h.wake())
}

func TestDutyBecomesOverdueByTimeAlone(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.pump()
	h.clock.Advance(3*time.Hour + time.Second)
	require.Positive(t, h.wake())
	require.Equal(t, obligation.Overdue, duty(t, h.view(id).Duties, "cn-cac-incident-initial").State)
	require.Zero(t, h.wake(), "a timer rings once")
	require.Equal(t, obligation.Overdue, duty(t, h.view(id).Duties, "cn-plan2017-promise").State, "the promise has the hours of the report that fulfils it")
	require.Equal(t, 2, count(h.ledger(id), "duty.changed"))
}

func TestOpenAssessmentCountsDown(t *testing.T) {
	h := open(t)
	id := h.report(leak(0, incident.FactInput{Path: "people.count"}, incident.FactInput{Path: "people.certainty", Value: "unknown"})).ID
	v := h.view(id)
	require.Equal(t, obligation.AssessmentOpen, duty(t, v.Duties, "cn-cac-incident-initial").State)
	require.Equal(t, "cn-cac-incident-initial", v.Incident.NextRule)
	h.amend(siem, id, "", incident.FactInput{Path: "first_signal_at", Value: signal.Add(30 * time.Minute).Format(time.RFC3339)})
	d := duty(t, h.view(id).Duties, "cn-cac-incident-initial")
	require.Equal(t, obligation.AssessmentOpen, d.State, "an earlier deadline that stands decides nothing")
	require.Equal(t, playbooks.EarlierStands, d.Reason)
	require.Equal(t, signal.Add(4*time.Hour), v.Incident.NextAt.UTC())
}

func TestStepWhoseTimePassesIsNoticedOnce(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.pump()
	before := count(h.ledger(id), "step.due") // establish and activate-plan: their targets, up to first signal + 1 h, are now
	for range 6 {
		h.clock.Advance(40 * time.Minute)
		h.wake()
		h.pump()
	}
	kinds := h.ledger(id)
	require.Equal(t, 2, before)
	require.Equal(t, 3, count(kinds, "step.due"), "and report-cac")
}

func TestContradictionIsRefusedAtTheDoorAndAQuestionLater(t *testing.T) {
	h := open(t)
	wrong := incident.FactInput{Path: "grading.loss_cny", Value: float64(1)}
	_, err := h.books.Report(ctx, siem, leak(1_200_000, wrong, incident.FactInput{Path: "loss_cny", Value: float64(2)}))
	require.True(t, incident.IsFault(err, incident.Invalid))
	list, err := h.books.Incidents(ctx, lin, incident.Page{})
	require.NoError(t, err)
	require.Empty(t, list, "nothing is half-created")

	// What came in through the bus is kept, and a person must settle it.
	var id incident.ID
	require.NoError(t, store.Of[playbooks.Tx](h.db).InTx(ctx, siem, func(tx playbooks.Tx) error {
		r, err := incident.Record(ctx, tx, leak(1_200_000, wrong, incident.FactInput{Path: "loss_cny", Value: float64(2)}))
		id = r.ID
		return err
	}))
	h.pump()
	questions := h.view(id).Derivation.Result.OpenQuestions
	require.NotEmpty(t, questions)
	require.Equal(t, "grading.loss_cny", questions[0].Fact)
	h.amend(lin, id, "", incident.FactInput{Path: "grading.loss_cny", Value: float64(2)})
	require.NotEmpty(t, h.view(id).Duties)
}
