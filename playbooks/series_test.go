package playbooks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

func (h *house) record(id string, state notify.FilingState, note string) {
	h.t.Helper()
	h.clock.Advance(time.Second)
	_, err := h.notify.RecordFiling(ctx, lin, notify.Filing{Report: id, State: state, Receipt: "2026-0001", FiledAt: h.clock.Now(), Contact: "desk", Note: note}, nil)
	require.NoError(h.t, err)
	h.pump()
}

// firstReport has the first report to the provincial CAC approved and answers with its id.
func (h *house) firstReport(id incident.ID, open bool) string {
	h.t.Helper()
	h.pump()
	doc := step(h.t, h.view(id), "report-cac").Document
	h.complement(doc, open)
	h.pump()
	return doc
}

// but is a leak with some of its facts replaced.
func but(facts ...incident.FactInput) incident.Finding {
	f := leak(1_200_000, known()...)
	for _, fact := range facts {
		f.Facts = slices.DeleteFunc(f.Facts, func(have incident.FactInput) bool { return have.Path == fact.Path })
	}
	f.Facts = append(f.Facts, facts...)
	return f
}

func anchors(v playbooks.View, name string) (out []string) {
	for path, f := range v.Snapshot.Facts {
		if f.Value != nil && strings.HasPrefix(path, "anchors."+name) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func TestACallMeetsAReportThatMayBeSpoken(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, known()...)).ID
	doc := h.firstReport(id, true)
	called := h.clock.Now().Add(time.Second)
	h.record(doc, notify.Spoken, "")
	v := h.view(id)
	d := duty(t, v.Duties, "cn-cac-incident-initial")
	require.Equal(t, []any{obligation.Met, doc, called}, []any{d.State, d.MetBy, d.MetAt.UTC()})
	require.Equal(t, []string{"anchors.submitted:cn-cac-incident-initial", "anchors.submitted:cn-cac-incident-initial:provincial-cac:CN-SH"},
		anchors(v, "submitted:cn-cac"), "what follows starts here")
	require.Equal(t, playbooks.TaskFile, openTask(t, v, "report-cac").Kind, "the written report follows the call")
	h.record(doc, notify.Written, "")
	v = h.view(id)
	require.Equal(t, called, duty(t, v.Duties, "cn-cac-incident-initial").MetAt.UTC())
	require.Equal(t, playbooks.StepDone, step(t, v, "report-cac").State)
}

func TestAuthoritysReturnReopensTheDuty(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, known()...)).ID
	doc := h.firstReport(id, true)
	h.record(doc, notify.Written, "")
	require.Equal(t, obligation.Met, duty(t, h.view(id).Duties, "cn-cac-incident-initial").State)
	h.record(doc, notify.ReturnedBy, "the place is missing")
	v := h.view(id)
	d := duty(t, v.Duties, "cn-cac-incident-initial")
	require.Equal(t, []any{obligation.Running, playbooks.ReasonReturned, ""}, []any{d.State, d.Reason, d.MetBy})
	task := openTask(t, v, "report-cac")
	require.Equal(t, []string{playbooks.TaskCorrect, doc}, []string{task.Kind, task.Document})
	_, err := h.books.CompleteTask(ctx, lin, task.ID, "", nil)
	require.True(t, incident.IsFault(err, incident.Conflict), "it is done when the report is out again")

	h.clock.Advance(5 * time.Hour)
	h.wake()
	require.Equal(t, obligation.Overdue, duty(t, h.view(id).Duties, "cn-cac-incident-initial").State, "its time runs on")
	h.approve(doc)
	h.pump()
	h.record(doc, notify.Written, "")
	v = h.view(id)
	require.Equal(t, obligation.Met, duty(t, v.Duties, "cn-cac-incident-initial").State)
	require.Equal(t, []any{playbooks.StepDone, ""}, []any{step(t, v, "report-cac").State, step(t, v, "report-cac").Reason})
	kinds := h.ledger(id)
	require.GreaterOrEqual(t, count(kinds, "report.filed"), 3)
	require.Equal(t, 1, len(slices.DeleteFunc(v.Steps, func(s playbooks.Step) bool { return s.ID != "report-cac" })), "the same report, a new version")
}

func TestNothingLeftOpenMeetsTheSupplementAtOnce(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, known()...)).ID
	doc := h.firstReport(id, false)
	h.record(doc, notify.Written, "")
	v := h.view(id)
	d := duty(t, v.Duties, "cn-cac-incident-supplement")
	require.Equal(t, []any{obligation.Met, playbooks.ReasonComplete, doc}, []any{d.State, d.Reason, d.MetBy})
	require.False(t, slices.ContainsFunc(v.Steps, func(s playbooks.Step) bool { return s.ID == "supplement" && s.Document != "" }))
}

func TestSupplementAsksOnlyForWhatIsOpen(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, known()...)).ID
	doc := h.firstReport(id, true)
	h.record(doc, notify.Written, "")
	first, err := h.notify.Document(ctx, lin, doc)
	require.NoError(t, err)
	open := map[string]bool{}
	for _, p := range first.Content.Locales["zh-Hans"] {
		open[p.Block] = p.Open
	}
	supplement, err := h.notify.Document(ctx, lin, step(t, h.view(id), "supplement").Document)
	require.NoError(t, err)
	require.NotEmpty(t, supplement.Policy.Requirements)
	for _, q := range supplement.Policy.Requirements {
		require.True(t, open[q.Block], q.ID)
	}
}

func TestRepeatedDutyComesBackWhenItsStartMovesOn(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, known()...)).ID
	anew := func() incident.FactInput {
		return incident.FactInput{Path: "anchors.new-circumstances", Value: h.clock.Now().Format(time.RFC3339Nano)}
	}
	require.Equal(t, obligation.Waiting, duty(t, h.view(id).Duties, "cn-cac-incident-update").State)
	for round, item := range []string{"provincial-cac:CN-SH", "provincial-cac:CN-SH#2"} {
		h.clock.Advance(time.Hour)
		h.amend(lin, id, "found more", anew())
		h.pump()
		v := h.view(id)
		require.Equal(t, obligation.Running, duty(t, v.Duties, "cn-cac-incident-update").State, round)
		s := step(t, v, "update")
		require.Equal(t, item, s.Item)
		h.complement(s.Document, false)
		h.pump()
		h.record(s.Document, notify.Written, "")
		h.pump()
		require.Equal(t, obligation.Met, duty(t, h.view(id).Duties, "cn-cac-incident-update").State, round)
	}
	require.Equal(t, 1, len(slices.DeleteFunc(h.view(id).Duties, func(d playbooks.Duty) bool { return d.Obligation.ID != "cn-cac-incident-update" })))
}

func TestStandingAuthorisationIsReviewedAfter(t *testing.T) {
	h := open(t)
	officer := person("usr_officer", []string{"responder"}, []string{"duty-officer"})
	p := profile()
	p.Standing = []obligation.Standing{{Rules: []string{"cn-cac-incident-initial"}, Team: "duty-officer", SignedBy: []string{"usr_wei", "usr_min"},
		Until: h.clock.Now().Add(24 * time.Hour)}}
	_, err := h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	id := h.report(leak(1_200_000, known()...)).ID
	h.pump()
	doc := step(t, h.view(id), "report-cac").Document
	other, err := h.notify.Document(ctx, officer, step(t, h.view(id), "report-pi-authority").Document)
	require.NoError(t, err)
	require.False(t, other.FileAhead, "it names its rules")
	mine, err := h.notify.Document(ctx, officer, doc)
	require.NoError(t, err)
	require.True(t, mine.FileAhead)
	var minimum notify.Edit
	for _, gap := range mine.Gaps {
		if !gap.Requirement.MayBeOpen {
			minimum.Passages = append(minimum.Passages, notify.EditPassage{Locale: gap.Locale, Block: gap.Requirement.Block, Text: "Written by the officer."})
		}
	}
	_, err = h.notify.Edit(ctx, officer, doc, mine.Version, minimum)
	require.NoError(t, err)
	filed, err := h.notify.RecordFiling(ctx, officer, notify.Filing{Report: doc, State: notify.Written, Receipt: "2026-0001", FiledAt: h.clock.Now()}, nil)
	require.NoError(t, err)
	h.pump()
	v := h.view(id)
	require.Equal(t, obligation.Met, duty(t, v.Duties, "cn-cac-incident-initial").State)
	review := openTask(t, v, "report-cac")
	require.Equal(t, []string{playbooks.TaskReview, doc, "dpo-team"}, []string{review.Kind, review.Document, review.Assign})
	require.Equal(t, playbooks.StepOpen, step(t, v, "report-cac").State)

	_, err = h.notify.Return(ctx, wei, doc, "the place is wrong")
	require.NoError(t, err)
	h.pump()
	v = h.view(id)
	require.Equal(t, obligation.Met, duty(t, v.Duties, "cn-cac-incident-initial").State, "it was filed in time")
	require.Equal(t, playbooks.TaskCorrect, openTask(t, v, "report-cac").Kind)
	back, err := h.notify.Document(ctx, lin, doc)
	require.NoError(t, err)
	_, err = h.notify.Edit(ctx, lin, doc, back.Version, notify.Edit{Subject: map[string]string{"zh-Hans": "更正后的报告"}})
	require.NoError(t, err)
	again := h.approve(doc)
	require.NotEqual(t, filed.Digest, again.Digest.All)
	h.pump()
	h.record(doc, notify.Written, "")
	require.Equal(t, playbooks.StepDone, step(t, h.view(id), "report-cac").State)
}

func TestVoluntaryDutyWaitsToBeUndertaken(t *testing.T) {
	h := open(t)
	id := h.report(but(incident.FactInput{Path: "harm_severity", Value: "serious"})).ID
	h.pump()
	d := duty(t, h.view(id).Duties, "cn-gbt35273-10-2")
	require.True(t, d.Obligation.Voluntary)
	covers := func() bool {
		doc, err := h.notify.Document(ctx, lin, step(t, h.view(id), "tell-people").Document)
		require.NoError(t, err)
		return slices.Contains(doc.Duties, d.ID)
	}
	require.False(t, covers())
	_, err := h.books.Undertake(ctx, siem, d.ID)
	require.True(t, incident.IsFault(err, incident.Forbidden))
	_, err = h.books.Undertake(ctx, lin, duty(t, h.view(id).Duties, "cn-pipl-57-individuals").ID)
	require.True(t, incident.IsFault(err, incident.Conflict))
	_, err = h.books.Undertake(ctx, lin, d.ID)
	require.NoError(t, err)
	require.NoError(t, h.books.Handle(ctx, incident.Event{Kind: "incident.revised", Operator: "acme", Incident: id}))
	require.True(t, covers())
}

func TestRegistersAreTasksAndEuropeIsWrittenToInEnglish(t *testing.T) {
	h := open(t)
	p := profile()
	p.Establishments = append(p.Establishments, "DE")
	_, err := h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	id := h.report(but(incident.FactInput{Path: "jurisdictions.DE", Value: int64(800)}, incident.FactInput{Path: "risk", Value: "risk"})).ID
	h.pump()
	v := h.view(id)
	register := openTask(t, v, "internal")
	require.Equal(t, duty(t, v.Duties, "eu-gdpr-33-5-register").Obligation.Title, register.Title)
	h.complete(register.ID, "entered as 2026-17")
	d := duty(t, h.view(id).Duties, "eu-gdpr-33-5-register")
	require.Equal(t, []any{obligation.Met, register.ID}, []any{d.State, d.MetBy})
	doc, err := h.notify.Document(ctx, lin, step(t, v, "report-sa").Document)
	require.NoError(t, err)
	require.Equal(t, []string{"en"}, doc.Content.Filed)
	require.Equal(t, duty(t, v.Duties, "eu-gdpr-33-authority").Obligation.Title["en"], doc.Content.Subject["en"])
}

func TestOnePlaybookPerIncident(t *testing.T) {
	for name, c := range map[string]struct {
		facts []incident.FactInput
		want  string
	}{
		"a leak":                   {nil, "cn-personal-data-leak"},
		"a leak with an outage":    {[]incident.FactInput{{Path: "systems", Value: []any{map[string]any{"name": "crm", "cii": false, "province": "CN-SH", "down_minutes": int64(200)}}}}, "cn-personal-data-leak"},
		"ransomware":               {[]incident.FactInput{{Path: "data_event", Value: "encrypted"}}, "network-incident"},
		"an outage, data unknown":  {[]incident.FactInput{{Path: "data_event", Value: "unknown"}, {Path: "systems", Value: []any{map[string]any{"name": "crm", "cii": false, "province": "CN-SH", "down_minutes": int64(200)}}}}, "network-incident"},
		"nothing known about data": {[]incident.FactInput{{Path: "data_event"}}, "cn-personal-data-leak"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			id := h.report(but(c.facts...)).ID
			h.pump()
			v := h.view(id)
			require.Equal(t, c.want, v.Run.Playbook)
			require.Equal(t, 1, count(h.ledger(id), "run.started"))
		})
	}
}

// TestTurnsOutToBeALeak: what began as an outage carries the duties of the leak that it turns out to be.
func TestTurnsOutToBeALeak(t *testing.T) {
	h := open(t)
	id := h.report(but(incident.FactInput{Path: "data_event", Value: "none"})).ID
	h.pump()
	require.Equal(t, "network-incident", h.view(id).Run.Playbook)
	h.amend(lin, id, "", incident.FactInput{Path: "data_event", Value: "leaked"})
	h.pump()
	v := h.view(id)
	require.Equal(t, 1, count(h.ledger(id), "run.started"))
	require.NotEmpty(t, step(t, v, "tell-people").Document)
	require.NotEmpty(t, step(t, v, "report-pi-authority").Document)
}

// TestBankReportsEveryTwoHours: a written brief counts when the bank's authority has confirmed it, and each
// progress report starts the time of the next, until the incident is closed.
func TestBankReportsEveryTwoHours(t *testing.T) {
	h := open(t)
	p := profile()
	p.Sectors = []string{"banking", "payment"}
	_, err := h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	many := int64(12_000_000)
	id := h.report(but(incident.FactInput{Path: "people.count", Value: many}, incident.FactInput{Path: "jurisdictions.CN", Value: many},
		incident.FactInput{Path: "records", Value: many})).ID
	h.pump()
	due := func() (brief, progress playbooks.Duty) {
		v := h.view(id)
		return duty(t, v.Duties, "cn-pboc-brief"), duty(t, v.Duties, "cn-pboc-progress")
	}
	file := func(item string, states ...notify.FilingState) {
		v := h.view(id)
		i := slices.IndexFunc(v.Steps, func(s playbooks.Step) bool { return s.ID == "report-pboc" && s.Item == item })
		require.GreaterOrEqual(t, i, 0, item)
		doc, err := h.notify.Document(ctx, lin, v.Steps[i].Document)
		require.NoError(t, err)
		if doc.State == notify.DocDraft {
			h.complement(doc.ID, false)
			h.pump()
		}
		for _, state := range states {
			h.record(doc.ID, state, "")
		}
	}
	file("cn-pboc-brief/pboc", notify.Written)
	brief, progress := due()
	require.Equal(t, []obligation.State{obligation.Overdue, obligation.Waiting}, []obligation.State{brief.State, progress.State}, "a mail that nobody confirmed is no report")
	file("cn-pboc-brief/pboc", notify.Confirmed)
	brief, progress = due()
	require.Equal(t, []obligation.State{obligation.Met, obligation.Running}, []obligation.State{brief.State, progress.State})
	for _, item := range []string{"cn-pboc-progress/pboc", "cn-pboc-progress/pboc#2"} {
		require.Equal(t, progress.Obligation.Start.Add(2*time.Hour), progress.Obligation.Deadline.UTC())
		h.clock.Advance(time.Hour)
		file(item, notify.Spoken)
		_, next := due()
		require.Equal(t, obligation.Running, next.State)
		require.Equal(t, h.clock.Now(), next.Obligation.Start.UTC(), "the next two hours run from the last report")
		progress = next
	}
	_, err = h.books.Close(ctx, lin, id, h.clock.Now(), "handled")
	require.NoError(t, err)
	_, progress = due()
	require.Equal(t, obligation.Lapsed, progress.State)
}
