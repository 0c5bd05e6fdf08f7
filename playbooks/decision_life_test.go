package playbooks_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// Whatever two persons, tools and the clock do: a duty is exempt or on hold exactly while a decision of two
// different persons stands on it, and no decision ends twice.
func TestDecisionsHoldTheirInvariants(t *testing.T) {
	h := open(t)
	runs, most := 0, 3 // each run is many transactions
	switch {
	case os.Getenv("SOAK") != "":
		most = 60
	case testing.Short():
		most = 1
	}
	rapid.Check(t, func(r *rapid.T) {
		if runs++; runs > most && !t.Failed() {
			return
		}
		f := safe(fact("jurisdictions.DE", int64(800)), fact("role", "pi_processor"), fact("risk", "high"),
			fact("first_signal_at", h.clock.Now().Add(-time.Hour).Format(time.RFC3339)))
		f.Identity = fmt.Sprintf("native:test:run-%d", runs)
		id := h.report(f).ID
		people := []evidence.Scope{wei, min, person("usr_lin", []string{"responder", "approver"}, nil)}
		someone := rapid.SampledFrom(people)
		rules := rapid.SampledFrom([]string{"cn-pipl-57-individuals", "eu-gdpr-34-individuals", "eu-gdpr-33-authority"})
		decisions := func() []playbooks.DecisionView {
			all, err := h.books.IncidentDecisions(ctx, wei, id)
			require.NoError(t, err)
			return all
		}
		refusable := func(err error) {
			if err != nil && !incident.IsFault(err, incident.Conflict) && !incident.IsFault(err, incident.Forbidden) && !incident.IsFault(err, incident.Invalid) {
				require.NoError(t, err)
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"propose": func(r *rapid.T) {
				rule := rules.Draw(r, "rule")
				kind := rapid.SampledFrom([]playbooks.DecisionKind{playbooks.DecideExempt, playbooks.DecideHold, playbooks.DecideRelease,
					playbooks.DecideNotNotify, playbooks.DecideDeadline}).Draw(r, "kind")
				until := h.clock.Now().Add(time.Duration(rapid.IntRange(1, 20).Draw(r, "hours")) * time.Hour)
				exemption := map[string]string{"eu-gdpr-34-individuals": "gdpr-34-3-a"}[rule]
				_, err := h.books.Propose(ctx, someone.Draw(r, "who"), duty(t, h.view(id).Duties, rule).ID, kind,
					playbooks.Proposal{Reason: "because", Exemption: exemption, Authority: "police", Until: &until})
				refusable(err)
			},
			"settle": func(r *rapid.T) {
				if all := decisions(); len(all) > 0 {
					d := rapid.SampledFrom(all).Draw(r, "decision")
					by := someone.Draw(r, "who")
					if rapid.IntRange(0, 4).Draw(r, "refuse") == 0 {
						_, err := h.books.RefuseDecision(ctx, by, d.ID, "no")
						refusable(err)
						return
					}
					_, err := h.books.ConfirmDecision(ctx, by, d.ID, "")
					refusable(err)
				}
			},
			"fact": func(r *rapid.T) {
				change := rapid.SampledFrom([]incident.FactInput{fact("encrypted_safe", true), fact("encrypted_safe", false), fact("encrypted_safe", nil),
					fact("risk", "unlikely"), fact("risk", "high"), fact("data_event", "none"), fact("data_event", "leaked"), fact("people.under_14", int64(3)),
					fact("people.under_14", int64(0)), fact("people.count", int64(2_000_000)), fact("people.count", int64(12_000_000))}).Draw(r, "fact")
				h.clock.Advance(time.Second)
				_, err := h.books.Amend(ctx, lin, id, 0, incident.Amendment{At: h.clock.Now(), Facts: []incident.FactInput{change}})
				refusable(err)
			},
			"time": func(r *rapid.T) {
				h.clock.Advance(time.Duration(rapid.IntRange(1, 10).Draw(r, "hours")) * time.Hour)
				h.wake()
			},
			"": func(r *rapid.T) {
				standing := map[string]playbooks.DecisionKind{}
				for _, d := range decisions() {
					if d.State == playbooks.DecisionConfirmed {
						require.NotEqual(t, d.ProposedBy, d.DecidedBy)
						require.NotEmpty(t, d.DecidedBy)
					}
					require.Equal(t, d.State == playbooks.DecisionReopened || d.State == playbooks.DecisionExpired || d.State == playbooks.DecisionReleased ||
						d.State == playbooks.DecisionOvertaken, d.EndedAt != nil, d.State)
					if d.Standing() && d.Duty != "" && (d.Kind == playbooks.DecideExempt || d.Kind == playbooks.DecideHold && d.StopsClock) {
						require.Empty(t, standing[d.Duty], "one at a time")
						standing[d.Duty] = d.Kind
					}
				}
				for _, d := range h.view(id).Duties {
					require.Equal(t, d.State == obligation.Exempt, standing[d.ID] == playbooks.DecideExempt, d.Obligation.ID)
					require.Equal(t, d.State == obligation.OnHold, standing[d.ID] == playbooks.DecideHold, d.Obligation.ID)
					require.Equal(t, d.Decision != "", standing[d.ID] != "", d.Obligation.ID)
				}
			},
		})
	})
}
