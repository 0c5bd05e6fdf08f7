package playbooks_test

import (
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

func fact(path string, value any) incident.FactInput {
	return incident.FactInput{Path: path, Value: value}
}

// safe is a leak of encrypted data with its keys safe: an exemption from telling individuals could apply.
func safe(more ...incident.FactInput) incident.Finding {
	return leak(1_200_000, append(more, fact("encrypted_safe", true), fact("people.under_14", int64(0)), fact("people.under_18", int64(0)))...)
}

func (h *house) propose(by evidence.Scope, duty string, kind playbooks.DecisionKind, p playbooks.Proposal) playbooks.DecisionView {
	h.t.Helper()
	v, err := h.books.Propose(ctx, by, duty, kind, p)
	require.NoError(h.t, err)
	require.Equal(h.t, playbooks.DecisionProposed, v.State)
	return v
}

func (h *house) confirm(by evidence.Scope, id string) playbooks.DecisionView {
	h.t.Helper()
	v, err := h.books.ConfirmDecision(ctx, by, id, "read and agreed")
	require.NoError(h.t, err)
	return v
}

func (h *house) individuals(id incident.ID) playbooks.Duty {
	h.t.Helper()
	return duty(h.t, h.view(id).Duties, "cn-pipl-57-individuals")
}

// open tasks of a kind, by decision.
func (h *house) decides(id incident.ID, decision string) (open []playbooks.Task) {
	h.t.Helper()
	for _, t := range h.view(id).Tasks {
		if t.Decision == decision && t.State == playbooks.TaskOpen {
			open = append(open, t)
		}
	}
	return open
}

func TestExemptionTakesTwoPersonsAndReopensByItself(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	h.pump()
	d := h.individuals(id)
	proof := playbooks.Attachment{Name: "kms-audit.txt", ContentType: "text/plain", Body: []byte("key never left the module")}
	p := h.propose(lin, d.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "AES-256, key in the module", Evidence: []playbooks.Attachment{proof}})
	require.Equal(t, "pipl-57-2", p.Exemption.ID)
	require.NotEmpty(t, p.Facts, "it says what it rests on")
	require.Equal(t, obligation.Running, h.individuals(id).State, "a proposal changes nothing")
	require.Len(t, h.decides(id, p.ID), 1)

	own, err := h.books.ConfirmDecision(ctx, person("usr_lin", []string{"responder", "approver"}, nil), p.ID, "")
	require.True(t, incident.IsFault(err, incident.Forbidden), "the proposer is not the second person: %v", own.State)
	_, err = h.books.ConfirmDecision(ctx, siem, p.ID, "")
	require.True(t, incident.IsFault(err, incident.Forbidden), "a tool decides nothing")
	_, err = h.books.CompleteTask(ctx, lin, h.decides(id, p.ID)[0].ID, "", nil)
	require.True(t, incident.IsFault(err, incident.Conflict))

	h.confirm(wei, p.ID)
	exempt := h.individuals(id)
	require.Equal(t, obligation.Exempt, exempt.State)
	require.Equal(t, p.ID, exempt.Decision)
	require.Empty(t, h.decides(id, p.ID))
	require.Equal(t, obligation.Running, duty(t, h.view(id).Duties, "cn-pipl-57-authority").State, "the exemption keeps the notice to the authority")

	h.amend(lin, id, "", fact("measures", []any{map[string]any{"text": "rotated the keys"}}))
	h.pump()
	require.Equal(t, obligation.Exempt, h.individuals(id).State, "a fact that does not matter reopens nothing")

	h.amend(lin, id, "", fact("encrypted_safe", false))
	back := h.individuals(id)
	require.Equal(t, obligation.Running, back.State)
	require.Equal(t, playbooks.ReasonGroundGone+": encrypted_safe", back.Reason)
	require.Empty(t, back.Decision)
	v, err := h.books.Decision(ctx, min, p.ID)
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionReopened, v.State)
	again := h.decides(id, p.ID)
	require.Len(t, again, 1)
	require.Equal(t, []string{"usr_lin", "usr_wei"}, again[0].For, "who decided is asked again")
	kinds := h.ledger(id)
	for _, kind := range []string{"decision.proposed", "decision.confirmed", "decision.reopened"} {
		require.Equal(t, 1, count(kinds, kind), kind)
	}
	h.pump()
	require.Equal(t, playbooks.StepOpen, step(t, h.view(id), "tell-people").State, "work on the notice begins")
}

func TestExemptionIsRefusedWithItsReason(t *testing.T) {
	for _, c := range []struct {
		name    string
		finding incident.Finding
		id      string
		want    incident.FaultKind
		says    string
	}{
		{"minors are concerned", leak(1_200_000, fact("encrypted_safe", true), fact("people.under_14", int64(5))), "", incident.Conflict, "minors"},
		{"its condition fails", leak(1_200_000, fact("encrypted_safe", false), fact("harm_prevented", false), fact("people.under_14", int64(0))), "", incident.Conflict, "does not hold"},
		{"its condition is unknown", leak(1_200_000, fact("people.under_14", int64(0))), "", incident.Conflict, "encrypted_safe"},
		{"the law has none of this name", safe(), "gdpr-34-3-a", incident.Invalid, "/exemption"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t)
			id := h.report(c.finding).ID
			_, err := h.books.Propose(ctx, lin, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted", Exemption: c.id})
			require.True(t, incident.IsFault(err, c.want), "%v", err)
			require.ErrorContains(t, err, c.says)
		})
	}
}

// What the law lets an operator leave undone towards people lifts no report to an authority.
func TestExemptionIsForItsAddressee(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	for _, d := range h.view(id).Duties {
		if d.Obligation.ID != "cn-csl-44" {
			continue
		}
		p, err := h.books.Propose(ctx, lin, d.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted", Exemption: "csl-44-provided"})
		if d.Obligation.Addressee == "users" {
			require.NoError(t, err)
			require.Equal(t, []string{"users"}, p.Exemption.For)
			continue
		}
		require.Equal(t, "competent-department:CN-SH", d.Obligation.Addressee)
		require.True(t, incident.IsFault(err, incident.Invalid), "%v", err)
		require.ErrorContains(t, err, "/exemption")
	}
}

func TestProposalIsOvertakenByFacts(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	p := h.propose(lin, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted"})
	_, err := h.books.Propose(ctx, wei, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "the same"})
	require.True(t, incident.IsFault(err, incident.Conflict), "one waits already")
	h.amend(lin, id, "", fact("data", []any{"name", "phone", "health"}))
	_, err = h.books.ConfirmDecision(ctx, wei, p.ID, "")
	require.True(t, incident.IsFault(err, incident.Conflict), "what the second person would confirm is not what was proposed")
	h.pump()
	v, err := h.books.Decision(ctx, wei, p.ID)
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionOvertaken, v.State)
	require.Equal(t, "facts changed: data", v.EndReason)
	require.Empty(t, h.decides(id, p.ID))
}

func TestRefusedAndWithdrawn(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	d := h.individuals(id)
	p := h.propose(lin, d.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted"})
	_, err := h.books.RefuseDecision(ctx, admin, p.ID, "no")
	require.True(t, incident.IsFault(err, incident.Forbidden))
	v, err := h.books.RefuseDecision(ctx, wei, p.ID, "the key was on the same host")
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionRefused, v.State)
	p = h.propose(lin, d.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted"})
	v, err = h.books.RefuseDecision(ctx, lin, p.ID, "wrong duty")
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionWithdrawn, v.State)
	_, err = h.books.ConfirmDecision(ctx, wei, p.ID, "")
	require.True(t, incident.IsFault(err, incident.Conflict))
	require.Equal(t, obligation.Running, h.individuals(id).State)
}

func TestReleaseEndsAnExemption(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	d := h.individuals(id)
	_, err := h.books.Propose(ctx, lin, d.ID, playbooks.DecideRelease, playbooks.Proposal{Reason: "nothing stands"})
	require.True(t, incident.IsFault(err, incident.Conflict))
	h.confirm(wei, h.propose(lin, d.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted"}).ID)
	h.confirm(min, h.propose(wei, d.ID, playbooks.DecideRelease, playbooks.Proposal{Reason: "tell them anyway"}).ID)
	require.Equal(t, obligation.Running, h.individuals(id).State)
	all, err := h.books.Decisions(ctx, lin, d.ID)
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionReleased, all[0].State)
	require.Equal(t, playbooks.DecisionConfirmed, all[1].State)
}

// german is a leak with people in Germany, of unknown risk.
func german(more ...incident.FactInput) incident.Finding {
	return leak(800, append(more, fact("role", "pi_processor"), fact("jurisdictions.DE", int64(800)), fact("jurisdictions.CN", int64(0)))...)
}

func TestNotToNotifyIsADecisionThatWakesUp(t *testing.T) {
	h := open(t)
	id := h.report(german(fact("risk", "risk"))).ID
	authority := duty(t, h.view(id).Duties, "eu-gdpr-33-authority")
	_, err := h.books.Propose(ctx, lin, authority.ID, playbooks.DecideNotNotify, playbooks.Proposal{Reason: "no risk"})
	require.True(t, incident.IsFault(err, incident.Conflict), "the facts still say that it is owed")

	h.amend(lin, id, "assessed", fact("risk", "unlikely"))
	p := h.propose(lin, authority.ID, playbooks.DecideNotNotify, playbooks.Proposal{Reason: "test data only"})
	require.NotEmpty(t, p.Because["en"])
	h.confirm(wei, p.ID)
	require.Equal(t, obligation.Lapsed, duty(t, h.view(id).Duties, "eu-gdpr-33-authority").State)

	h.amend(lin, id, "", fact("risk", "high"))
	v, err := h.books.Decision(ctx, lin, p.ID)
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionReopened, v.State)
	require.Equal(t, obligation.Running, duty(t, h.view(id).Duties, "eu-gdpr-33-authority").State)
	require.Len(t, h.decides(id, p.ID), 1)
}

func TestNotToNotifyUnderARuleThatNeverGaveADuty(t *testing.T) {
	h := open(t)
	id := h.report(german(fact("risk", "unlikely"))).ID
	_, err := h.books.ProposeNotNotify(ctx, lin, id, "no-such-rule", playbooks.Proposal{Reason: "x"})
	require.True(t, incident.IsFault(err, incident.Invalid))
	p, err := h.books.ProposeNotNotify(ctx, lin, id, "eu-gdpr-34-individuals", playbooks.Proposal{Reason: "no high risk"})
	require.NoError(t, err)
	require.Empty(t, p.Duty)
	h.confirm(wei, p.ID)
	h.amend(lin, id, "", fact("risk", "high"))
	v, err := h.books.Decision(ctx, lin, p.ID)
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionReopened, v.State)
}

func TestHoldEndsByItself(t *testing.T) {
	h := open(t)
	id := h.report(german(fact("risk", "high"))).ID
	d := duty(t, h.view(id).Duties, "eu-gdpr-34-individuals")
	until := storetest.Start.Add(48 * time.Hour)
	_, err := h.books.Propose(ctx, lin, d.ID, playbooks.DecideHold, playbooks.Proposal{Reason: "the police asked"})
	require.ErrorContains(t, err, "/authority")
	require.ErrorContains(t, err, "/until")
	p := h.propose(lin, d.ID, playbooks.DecideHold, playbooks.Proposal{Reason: "the police asked", Authority: "police", Reference: "K 12/26", Until: &until})
	h.confirm(wei, p.ID)
	held := duty(t, h.view(id).Duties, "eu-gdpr-34-individuals")
	require.Equal(t, obligation.OnHold, held.State)
	h.restart()
	h.clock.Advance(48 * time.Hour)
	require.Positive(t, h.wake())
	require.Equal(t, obligation.Running, duty(t, h.view(id).Duties, "eu-gdpr-34-individuals").State)
	v, err := h.books.Decision(ctx, lin, p.ID)
	require.NoError(t, err)
	require.Equal(t, playbooks.DecisionExpired, v.State)
	require.Len(t, h.decides(id, p.ID), 1, "somebody is asked")
	require.Equal(t, 1, count(h.ledger(id), "decision.expired"))
}

func TestHoldNeverStopsAClockThatTheLawDoesNotStop(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	d := h.individuals(id)
	until := storetest.Start.Add(time.Hour)
	p := h.propose(lin, d.ID, playbooks.DecideHold, playbooks.Proposal{Reason: "the police asked", Authority: "police", Until: &until})
	h.confirm(wei, p.ID)
	d = h.individuals(id)
	require.Equal(t, obligation.Running, d.State)
	require.Equal(t, playbooks.ConflictHold, d.Conflict)
	require.NotEqual(t, d.Conflict, playbooks.Say(d.Conflict, "zh-Hans"))
	h.clock.Advance(time.Hour)
	require.Positive(t, h.wake())
	require.Empty(t, h.individuals(id).Conflict)
}

func TestLaterDeadlineTakesTwoPersons(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	cac := func() playbooks.Duty { return duty(t, h.view(id).Duties, "cn-cac-incident-initial") }
	_, err := h.books.Propose(ctx, lin, cac().ID, playbooks.DecideDeadline, playbooks.Proposal{Reason: "x"})
	require.True(t, incident.IsFault(err, incident.Conflict), "no later one follows")
	h.amend(siem, id, "", fact("first_signal_at", signal.Add(30*time.Minute).Format(time.RFC3339)))
	require.Equal(t, playbooks.EarlierStands, cac().Reason)
	require.Equal(t, signal.Add(4*time.Hour+30*time.Minute), cac().Later.Deadline.UTC())
	p := h.propose(lin, cac().ID, playbooks.DecideDeadline, playbooks.Proposal{Reason: "the sensor's clock was wrong"})
	require.Equal(t, signal.Add(4*time.Hour), p.OldDeadline.UTC())
	require.Equal(t, signal.Add(4*time.Hour+30*time.Minute), p.Deadline.UTC())
	h.amend(siem, id, "", fact("first_signal_at", signal.Add(45*time.Minute).Format(time.RFC3339)))
	_, err = h.books.ConfirmDecision(ctx, wei, p.ID, "")
	require.True(t, incident.IsFault(err, incident.Conflict), "that is another deadline")
	p = h.propose(lin, cac().ID, playbooks.DecideDeadline, playbooks.Proposal{Reason: "the sensor's clock was wrong"})
	h.confirm(wei, p.ID)
	require.Equal(t, signal.Add(4*time.Hour+45*time.Minute), cac().Obligation.Deadline.UTC())
	require.Nil(t, cac().Later)
	h.pump()
	require.Equal(t, signal.Add(4*time.Hour+45*time.Minute), cac().Obligation.Deadline.UTC())
}

func TestDefenceFile(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	d := h.individuals(id)
	p := h.propose(lin, d.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "AES-256 <script>alert(1)</script>",
		Evidence: []playbooks.Attachment{{Name: "audit.txt", Body: []byte("proof")}}})
	h.confirm(wei, p.ID)
	h.amend(lin, id, "", fact("encrypted_safe", false))
	f, err := h.books.Defence(ctx, admin, p.ID)
	require.NoError(t, err)
	require.Equal(t, "usr_wei", f.Decision.Second.User)
	require.Len(t, f.Ledger, 3)
	values := map[string]any{}
	for _, fact := range f.Facts {
		values[fact.Path] = fact.Value
	}
	require.Equal(t, true, values["encrypted_safe"], "as it was then")
	for _, locale := range []string{"zh-Hans", "en"} {
		page, err := f.HTML(locale)
		require.NoError(t, err)
		text := string(page)
		require.Contains(t, text, f.Decision.Exemption.Keeps[locale], "what it never lifts")
		require.Contains(t, text, f.Evidence[0].SHA256)
		require.Contains(t, text, "pipl-57-2")
		require.NotContains(t, text, "<script>")
		require.NotContains(t, text, "ZgotmplZ")
	}
	page, err := f.HTML("en")
	require.NoError(t, err)
	require.Contains(t, string(page), "no longer holds: ")
}

func TestAnotherGradeReopensADecision(t *testing.T) {
	h := open(t)
	id := h.report(safe()).ID
	p := h.propose(lin, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "encrypted"})
	h.confirm(wei, p.ID)
	h.amend(lin, id, "", fact("people.count", int64(120_000_000)), fact("jurisdictions.CN", int64(120_000_000)))
	back := h.individuals(id)
	require.Equal(t, obligation.Running, back.State)
	require.Contains(t, back.Reason, playbooks.ReasonRegraded)
	again := h.propose(lin, back.ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "still encrypted"})
	h.confirm(wei, again.ID)
	require.Empty(t, h.decides(id, p.ID), "deciding again ends the task that asked for it")
	require.Equal(t, obligation.Exempt, h.individuals(id).State)
}

func TestNothingIsConfirmedOverAnotherDecision(t *testing.T) {
	until := storetest.Start.Add(48 * time.Hour)
	hold := playbooks.Proposal{Reason: "the police asked", Authority: "police", Until: &until}
	exempt := playbooks.Proposal{Reason: "AES-256, key in the module", Exemption: "gdpr-34-3-a"}
	for _, first := range []playbooks.DecisionKind{playbooks.DecideHold, playbooks.DecideExempt} {
		t.Run(string(first), func(t *testing.T) {
			h := open(t)
			id := h.report(german(fact("risk", "high"), fact("encrypted_safe", true))).ID
			d := duty(t, h.view(id).Duties, "eu-gdpr-34-individuals")
			proposed := map[playbooks.DecisionKind]string{
				playbooks.DecideHold:   h.propose(lin, d.ID, playbooks.DecideHold, hold).ID,
				playbooks.DecideExempt: h.propose(lin, d.ID, playbooks.DecideExempt, exempt).ID,
			}
			h.confirm(wei, proposed[first])
			stands := duty(t, h.view(id).Duties, "eu-gdpr-34-individuals")
			require.Equal(t, proposed[first], stands.Decision)
			delete(proposed, first)
			for _, second := range proposed {
				_, err := h.books.ConfirmDecision(ctx, wei, second, "")
				require.True(t, incident.IsFault(err, incident.Conflict), "%v", err)
			}
			after := duty(t, h.view(id).Duties, "eu-gdpr-34-individuals")
			require.Equal(t, stands.State, after.State)
			require.Equal(t, stands.Decision, after.Decision)
			require.Empty(t, after.Conflict)
		})
	}
}

func TestNothingIsConfirmedWhileFactsContradictEachOther(t *testing.T) {
	h := open(t)
	id := h.report(safe(fact("loss_cny", float64(2)))).ID
	p := h.propose(lin, h.individuals(id).ID, playbooks.DecideExempt, playbooks.Proposal{Reason: "AES-256, key in the module"})
	require.NoError(t, store.Of[playbooks.Tx](h.db).InTx(ctx, siem, func(tx playbooks.Tx) error { // as it comes through the bus
		_, err := incident.Amend(ctx, tx, id, incident.Amendment{Source: "siem", At: tx.Now(), Facts: []incident.FactInput{fact("grading.loss_cny", float64(1))}})
		return err
	}))
	h.pump()
	_, err := h.books.ConfirmDecision(ctx, wei, p.ID, "")
	require.True(t, incident.IsFault(err, incident.Conflict))
	require.ErrorContains(t, err, "contradict")
	require.Equal(t, obligation.Running, h.individuals(id).State)
	h.amend(lin, id, "", fact("grading.loss_cny", float64(2)))
	h.confirm(wei, p.ID)
	require.Equal(t, obligation.Exempt, h.individuals(id).State)
}
