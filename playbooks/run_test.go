package playbooks_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// approve takes a document from draft to approved: gaps that may stay open are marked so, the others
// written.
func (h *house) approve(id string) notify.DocumentView {
	h.t.Helper()
	return h.complement(id, true)
}

// complement does the same; open says whether anything stays open.
func (h *house) complement(id string, open bool) notify.DocumentView {
	h.t.Helper()
	d, err := h.notify.Document(ctx, lin, id)
	require.NoError(h.t, err)
	var edit notify.Edit
	for _, gap := range d.Gaps {
		p := notify.EditPassage{Locale: gap.Locale, Block: gap.Requirement.Block, Text: "Written by a person."}
		if gap.Requirement.MayBeOpen && open {
			p.Open, p.Text = true, ""
		}
		if !slices.ContainsFunc(edit.Passages, func(q notify.EditPassage) bool { return q.Locale == p.Locale && q.Block == p.Block }) {
			edit.Passages = append(edit.Passages, p)
		}
	}
	if len(edit.Passages) > 0 {
		d, err = h.notify.Edit(ctx, lin, id, d.Version, edit)
		require.NoError(h.t, err)
	}
	d, err = h.notify.Submit(ctx, lin, id, d.Version, "")
	require.NoError(h.t, err)
	for _, by := range []evidence.Scope{wei, min} {
		if d.State == notify.DocSubmitted {
			d, err = h.notify.Approve(ctx, by, id, d.Digest.All, "")
			require.NoError(h.t, err)
		}
	}
	require.Equal(h.t, notify.DocApproved, d.State)
	return d
}

func (h *house) file(id string) {
	h.t.Helper()
	_, err := h.notify.RecordFiling(ctx, lin, notify.Filing{Report: id, State: notify.Written, Receipt: "2026-0001", FiledAt: h.clock.Now(), Contact: "desk"}, nil)
	require.NoError(h.t, err)
}

// send dispatches a notice and ends the dispatch, as the fan-out does when each person has an outcome.
func (h *house) send(id string) {
	h.t.Helper()
	p, err := h.notify.Dispatch(ctx, lin, id)
	require.NoError(h.t, err)
	h.pump()
	require.NoError(h.t, store.Of[playbooks.Tx](h.db).InTx(ctx, system, func(tx playbooks.Tx) error {
		d, err := tx.Dispatch(ctx, p.ID)
		if err != nil {
			return err
		}
		now := tx.Now()
		d.State, d.EndedAt = notify.DispDone, &now
		tx.Emit(incident.Event{Kind: "dispatch.done", Incident: d.Incident, Refs: map[string]string{"dispatch": d.ID, "document": d.Notice}})
		return tx.UpdateDispatch(ctx, d)
	}))
}

func (h *house) complete(task, note string, answers ...incident.FactInput) {
	h.t.Helper()
	_, err := h.books.CompleteTask(ctx, lin, task, note, answers)
	require.NoError(h.t, err)
}

// finish takes every open document and task to its end.
func (h *house) finish(id incident.ID) {
	h.t.Helper()
	for _, s := range h.view(id).Steps {
		switch {
		case s.State != playbooks.StepOpen:
		case strings.HasPrefix(s.Document, "rpt_"):
			h.complement(s.Document, false)
			h.file(s.Document)
		case s.Document != "":
			h.approve(s.Document)
			h.send(s.Document)
		default:
			h.complete(s.Task, "done")
		}
	}
}

// The whole way of one incident. The process ends and starts again between every two steps.
func TestRunSurvivesARestartBetweenEveryTwoSteps(t *testing.T) {
	h := open(t)
	var id incident.ID
	at := func(stepID string) playbooks.Step { return step(t, h.view(id), stepID) }
	state := func(rule string) obligation.State { return duty(t, h.view(id).Duties, rule).State }
	for n, next := range []func(){
		func() { id = h.report(leak(1_200_000, known()...)).ID },
		func() {
			h.amend(lin, id, "", incident.FactInput{Path: "aware_at", Value: h.clock.Now().Format(time.RFC3339)})
		},
		func() {
			h.complete(at("establish").Task, "asked the data team", incident.FactInput{Path: "encrypted_safe", Value: false},
				incident.FactInput{Path: "harm_prevented", Value: false})
		},
		func() { require.Equal(t, playbooks.StepDone, at("establish").State) },
		func() { h.approve(at("report-cac").Document) },
		func() { require.Equal(t, playbooks.TaskFile, openTask(t, h.view(id), "report-cac").Kind) },
		func() { h.file(at("report-cac").Document) },
		func() {
			require.Equal(t, playbooks.StepDone, at("report-cac").State)
			require.Equal(t, obligation.Met, state("cn-cac-incident-initial"))
			require.Equal(t, obligation.Running, state("cn-cac-incident-supplement"), "items were left open")
			require.Contains(t, at("supplement").Item, "provincial-cac")
		},
		func() { h.approve(at("supplement").Document) },
		func() { h.file(at("supplement").Document) },
		func() {
			require.True(t, strings.HasSuffix(at("supplement").Item, "#2"), "the cause is still owed")
			require.Equal(t, obligation.Running, state("cn-cac-incident-supplement"))
			h.amend(lin, id, "", incident.FactInput{Path: "cause", Value: map[string]any{"text": "an open bucket", "certainty": "confirmed"}})
		},
		func() { h.complement(at("supplement").Document, false) },
		func() { h.file(at("supplement").Document) },
		func() { require.Equal(t, obligation.Met, state("cn-cac-incident-supplement")) },
		func() {
			_, err := h.notify.Import(ctx, lin, id, "people.csv", "csv", strings.NewReader("person_key,emails\nu-1,zhang@example.org\nu-2,li@example.org\n"), nil)
			require.NoError(t, err)
		},
		func() { h.approve(at("tell-people").Document) },
		func() { h.send(at("tell-people").Document) },
		func() {
			require.Equal(t, playbooks.StepDone, at("tell-people").State)
			require.Equal(t, obligation.Met, state("cn-pipl-57-individuals"))
		},
		func() { h.finish(id) },
		func() { require.Equal(t, obligation.Met, state("cn-pipl-57-authority")) },
		func() { require.Equal(t, obligation.Waiting, state("cn-cac-incident-final")) },
		func() {
			_, err := h.books.Close(ctx, lin, id, h.clock.Now(), "handled")
			require.NoError(t, err)
		},
		func() { require.Equal(t, obligation.Running, state("cn-cac-incident-final")) },
		func() { h.finish(id) },
		func() {
			v := h.view(id)
			for _, d := range v.Duties {
				if waits := d.Obligation.Repeats && d.State == obligation.Waiting; !d.Obligation.Voluntary && !waits {
					require.Contains(t, []obligation.State{obligation.Met, obligation.Lapsed}, d.State, d.Obligation.ID+" "+d.Obligation.Addressee)
				}
			}
			for _, s := range v.Steps {
				if s.Reason != playbooks.ReasonNoClock {
					require.Contains(t, []playbooks.StepState{playbooks.StepDone, playbooks.StepSkipped}, s.State, s.ID+" "+s.Item)
				}
			}
			require.Equal(t, "done", v.Run.State)
		},
	} {
		next()
		h.clock.Advance(time.Minute)
		dies := !testing.Short() || n%4 == 0
		if dies {
			h.restart()
		}
		h.pump()
		h.wake()
		if dies {
			h.restart()
		}
	}
	kinds := h.ledger(id)
	require.Equal(t, 1, count(kinds, "run.started"))
	require.Equal(t, count(kinds, "task.opened"), count(kinds, "task.done")+count(kinds, "task.dropped"))
}

func openTask(t *testing.T, v playbooks.View, stepID string) playbooks.Task {
	t.Helper()
	i := slices.IndexFunc(v.Tasks, func(k playbooks.Task) bool { return k.Step == stepID && k.State == playbooks.TaskOpen })
	require.GreaterOrEqual(t, i, 0, "no open task of "+stepID)
	return v.Tasks[i]
}

func TestOneReportPerAddressee(t *testing.T) {
	h := open(t)
	p := profile()
	p.Roles = append(p.Roles, "cii_operator")
	_, err := h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	f := leak(1_200_000)
	f.Facts[len(f.Facts)-1].Value = []any{map[string]any{"name": "core", "cii": true, "province": "CN-SH"}}
	id := h.report(f).ID
	h.pump()
	docs, err := h.notify.Documents(ctx, lin, id)
	require.NoError(t, err)
	var to []string
	for _, d := range docs {
		if d.Step == "report-cac" {
			to = append(to, d.Addressee)
			require.Len(t, d.Duties, 2, "the law's, and the promise to report under the national plan")
		}
	}
	slices.Sort(to)
	require.Equal(t, []string{"protection-department", "public-security:CN-SH"}, to)
}

func TestWithdrawnDocumentIsMadeAgainWhileItsDutyIsOwed(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.pump()
	first := step(t, h.view(id), "tell-people").Document
	_, err := h.notify.Withdraw(ctx, lin, first, "wrong audience")
	require.NoError(t, err)
	h.pump()
	again := step(t, h.view(id), "tell-people")
	require.Equal(t, "2", again.Item)
	require.NotEqual(t, first, again.Document)
}

func TestPromiseMadeAfterApprovalGetsItsOwnNotice(t *testing.T) {
	h := open(t)
	p := profile()
	p.Commitments = ""
	_, err := h.books.PutProfile(ctx, admin, "", p)
	require.NoError(t, err)
	id := h.report(leak(1_200_000, known()...)).ID
	h.amend(lin, id, "", incident.FactInput{Path: "cause", Value: map[string]any{"text": "an open bucket", "certainty": "confirmed"}})
	h.pump()
	_, err = h.notify.Import(ctx, lin, id, "people.csv", "csv", strings.NewReader("person_key,emails\nu-1,zhang@example.org\n"), nil)
	require.NoError(t, err)
	first := step(t, h.view(id), "tell-people").Document
	h.approve(first)
	_, err = h.books.PutProfile(ctx, admin, "", profile())
	require.NoError(t, err)
	h.pump()
	require.Positive(t, h.wake())
	h.send(first)
	h.pump()
	v := h.view(id)
	require.Equal(t, obligation.Met, duty(t, v.Duties, "cn-pipl-57-individuals").State)
	again := step(t, v, "tell-people")
	require.Equal(t, "2", again.Item, "what was approved before does not keep the promise")
	d, err := h.notify.Document(ctx, lin, again.Document)
	require.NoError(t, err)
	require.Subset(t, d.Duties, []string{duty(t, slices.DeleteFunc(v.Duties, func(d playbooks.Duty) bool {
		return d.Obligation.Addressee != "users"
	}), "cn-privacy-promise").ID})
}

func TestQuorumFollowsTheGrade(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.pump()
	quorum := func() int {
		d, err := h.notify.Document(ctx, lin, step(t, h.view(id), "tell-people").Document)
		require.NoError(t, err)
		return d.Policy.Quorum
	}
	require.Equal(t, 1, quorum())
	h.amend(lin, id, "", incident.FactInput{Path: "people.count", Value: int64(12_000_000)}, incident.FactInput{Path: "jurisdictions.CN", Value: int64(12_000_000)})
	h.pump()
	require.Equal(t, "major", h.view(id).Incident.Grade)
	require.Equal(t, 2, quorum(), "the policy is pushed at every derivation")
}

func TestRunOpensForDutiesOrForACondition(t *testing.T) {
	h := open(t)
	mail := incident.Finding{Mode: incident.Live, Format: "native", Title: "A flaw in a library", Facts: []incident.FactInput{
		{Path: "kind", Value: "vulnerability"}, {Path: "assessments.cn_own_product", Value: false}, {Path: "data_event", Value: "none"}}}
	r := h.report(mail)
	require.Empty(t, r.Duties)
	require.Nil(t, r.Run, "no duty and no leak")
	require.NotEmpty(t, r.Derivation.Result.NotApplied, "and it says why")

	r = h.amend(lin, r.ID, "", incident.FactInput{Path: "kind", Value: "incident"})
	require.NotEmpty(t, r.Duties, "it is open whether the incident must be reported")
	require.NotNil(t, r.Run, "the condition is unknown, but somebody must find out")
}

func TestTaskRules(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000, known()...)).ID
	h.pump()
	task := step(t, h.view(id), "establish").Task
	_, err := h.books.CompleteTask(ctx, siem, task, "", nil)
	require.True(t, incident.IsFault(err, incident.Forbidden))
	h.complete(task, "checked")
	_, err = h.books.CompleteTask(ctx, lin, task, "", nil)
	require.True(t, incident.IsFault(err, incident.Conflict))
	_, err = h.books.CompleteTask(ctx, lin, "tsk_unknown", "", nil)
	require.True(t, incident.IsFault(err, incident.NotFound))

	h.approve(step(t, h.view(id), "report-pi-authority").Document)
	h.pump()
	_, err = h.books.CompleteTask(ctx, lin, openTask(t, h.view(id), "report-pi-authority").ID, "", nil)
	require.True(t, incident.IsFault(err, incident.Conflict), "filing is recorded on the report")
}

func TestOnlyAPersonCloses(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	bot := siem
	bot.Roles = []string{"responder"}
	_, err := h.books.Close(ctx, bot, id, h.clock.Now(), "")
	require.True(t, incident.IsFault(err, incident.Forbidden))
	_, err = h.books.Close(ctx, lin, id, h.clock.Now().Add(time.Hour), "")
	require.True(t, incident.IsFault(err, incident.Invalid))
	_, err = h.books.Close(ctx, lin, id, h.clock.Now(), "")
	require.NoError(t, err)
	_, err = h.books.Close(ctx, lin, id, h.clock.Now(), "")
	require.True(t, incident.IsFault(err, incident.Conflict))
}
