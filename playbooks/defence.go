package playbooks

import (
	"context"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// Defence is the file that explains a decision a year later: what was known, what the law said, who
// decided, and what would have reopened it.
type Defence struct {
	Incident incident.ID         `json:"incident"`
	Title    string              `json:"title"`
	Mode     incident.Mode       `json:"mode"`
	MadeAt   time.Time           `json:"made_at"`
	Decision DefendedDecision    `json:"decision"`
	Duty     *DefendedDuty       `json:"duty,omitempty"` // nil: the rule never gave one
	Because  map[string]string   `json:"because_no_duty,omitempty"`
	Grades   []obligation.Grade  `json:"grades"`
	Facts    []RestingFact       `json:"facts"` // at the time
	Evidence []Proof             `json:"evidence"`
	Reopens  []map[string]string `json:"reopens"`
	Ledger   []evidence.Entry    `json:"ledger"` // its own entries
}

// DefendedDecision is who decided what, when and why.
type DefendedDecision struct {
	ID           string                `json:"id"`
	Kind         DecisionKind          `json:"kind"`
	State        DecisionState         `json:"state"`
	Rule         string                `json:"rule"`
	Addressee    string                `json:"addressee,omitempty"`
	Exemption    *obligation.Exemption `json:"exemption,omitempty"`
	Authority    string                `json:"authority,omitempty"`
	Reference    string                `json:"reference,omitempty"`
	StopsClock   bool                  `json:"stops_clock,omitempty"`
	ExpiresAt    *time.Time            `json:"expires_at,omitempty"`
	OldDeadline  *time.Time            `json:"old_deadline,omitempty"`
	Deadline     *time.Time            `json:"deadline,omitempty"`
	Proposer     Signer                `json:"proposer"`
	Second       *Signer               `json:"second,omitempty"`
	EndedAt      *time.Time            `json:"ended_at,omitempty"`
	EndReason    string                `json:"end_reason,omitempty"`
	FactRevision int64                 `json:"fact_revision"`
	RulesVersion string                `json:"rules_version"`
	ProfileHash  string                `json:"profile_hash"`
}

// Signer is a named person and what that person said.
type Signer struct {
	User string    `json:"user"`
	Name string    `json:"name"`
	At   time.Time `json:"at"`
	Said string    `json:"said,omitempty"`
}

// DefendedDuty is the duty as it was.
type DefendedDuty struct {
	ID         string                `json:"id"`
	Obligation obligation.Obligation `json:"obligation"`
	StateNow   obligation.State      `json:"state_now"`
	Reason     string                `json:"reason,omitempty"`
}

// Defence makes the defence file of a decision.
func (s *Service) Defence(ctx context.Context, sc evidence.Scope, id string) (f Defence, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return f, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Decision(ctx, id)
		if err != nil {
			return err
		}
		inc, err := tx.Incident(ctx, d.Incident)
		if err != nil {
			return err
		}
		names, err := namesOf(ctx, tx, d.signers()...)
		if err != nil {
			return err
		}
		f = Defence{Incident: inc.ID, Title: inc.Title, Mode: inc.Mode, MadeAt: tx.Now(), Decision: d.defended(names),
			Because: d.Because, Grades: d.Grades, Facts: d.Facts, Evidence: d.Evidence, Reopens: d.reopens()}
		if d.Obligation != nil {
			row, err := tx.Duty(ctx, d.Duty)
			if err != nil {
				return err
			}
			f.Duty = &DefendedDuty{ID: row.ID, Obligation: *d.Obligation, StateNow: row.State, Reason: row.Reason}
		}
		f.Ledger, err = entriesOf(ctx, tx, d)
		return err
	})
	return f, err
}

func (d Decision) defended(names map[string]string) DefendedDecision {
	out := DefendedDecision{ID: d.ID, Kind: d.Kind, State: d.State, Rule: d.Rule, Addressee: d.Addressee, Exemption: d.Exemption,
		Authority: d.Authority, Reference: d.Reference, StopsClock: d.StopsClock, ExpiresAt: d.ExpiresAt, OldDeadline: d.OldDeadline,
		Deadline: d.Deadline, EndedAt: d.EndedAt, EndReason: d.EndReason, FactRevision: d.FactRevision, RulesVersion: d.RulesVersion,
		ProfileHash: d.ProfileHash, Proposer: Signer{User: d.ProposedBy, Name: names[d.ProposedBy], At: d.ProposedAt, Said: d.Reason}}
	if d.DecidedAt != nil {
		out.Second = &Signer{User: d.DecidedBy, Name: names[d.DecidedBy], At: *d.DecidedAt, Said: d.Note}
	}
	return out
}

// entriesOf are the ledger's entries about a decision.
func entriesOf(ctx context.Context, tx Tx, d Decision) (out []evidence.Entry, err error) {
	for after := int64(0); ; {
		entries, err := tx.Ledger(ctx, string(d.Incident), after, packPage)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if after = e.Seq; e.Refs["decision"] == d.ID && strings.HasPrefix(e.Kind, "decision.") {
				out = append(out, e)
			}
		}
		if len(entries) < packPage {
			return out, nil
		}
	}
}
