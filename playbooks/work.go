package playbooks

import (
	"context"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/playbooks/obligation"
)

// work derives what follows from an incident's facts, brings its register in line and takes its runs as
// far as they go. It does nothing when nothing has changed. later accepts deadlines that move back; drafts
// says whether documents may be made in this transaction.
func (s *Service) work(ctx context.Context, tx Tx, id incident.ID, later, drafts bool) (*situation, error) {
	return s.workWith(ctx, tx, id, later, drafts, false)
}

// workWith is work that may move the incident to this program's rules.
func (s *Service) workWith(ctx context.Context, tx Tx, id incident.ID, later, drafts, newRules bool) (*situation, error) {
	for {
		in, err := observe(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		in.accepted = newRules
		if err := s.register(ctx, tx, in, later); err != nil {
			return nil, err
		}
		if in.incident.Mode != incident.Imported {
			if err := s.advance(ctx, tx, in, drafts); err != nil {
				return nil, err
			}
		}
		if len(in.submitted) == 0 {
			return in, conclude(ctx, tx, in)
		}
		// A filed report is a fact that other duties start from: derive again with it.
		facts := incident.Amendment{Source: "tocsin", At: tx.Now(), Facts: in.submitted}
		if _, err := incident.Amend(ctx, tx, id, facts); err != nil {
			return nil, err
		}
	}
}

// conclude keeps on the incident what lists show of it, and sets the timer for what time alone changes.
func conclude(ctx context.Context, tx Tx, in *situation) error {
	next := in.incident
	next.Grade, next.NextAt, next.NextRule = highest(in.derived.Result.Grades), nil, ""
	var wake *time.Time
	consider := func(at *time.Time) {
		if at != nil && at.After(tx.Now()) {
			wake = earliest(wake, at)
		}
	}
	if in.incident.Mode != incident.Imported {
		consider(in.derived.Result.NextChange)
	}
	for _, d := range in.duties {
		deadline := d.Obligation.Deadline
		counts := running(d) || d.State == obligation.AssessmentOpen // the law gives no time off for assessing
		if !counts || deadline == nil {
			continue
		}
		past := deadline.Add(time.Microsecond)
		consider(&past) // a deadline that stands against the derived one is not in NextChange
		if next.NextAt == nil || deadline.Before(*next.NextAt) {
			next.NextAt, next.NextRule = deadline, d.Obligation.ID
		}
	}
	if err := setTimer(ctx, tx, Timer{ID: "derive/" + string(next.ID), Incident: next.ID, Kind: timerDerive}, wake); err != nil {
		return err
	}
	if next.Grade == in.incident.Grade && next.NextRule == in.incident.NextRule && sameTime(next.NextAt, in.incident.NextAt) {
		return nil
	}
	in.incident = next
	return tx.UpdateIncident(ctx, next)
}

// The kinds of timer.
const (
	timerDerive = "derive" // the derivation may change
	timerStep   = "step"   // a step's time passes

	timerDecision = "decision" // a hold ends by itself
)

func setTimer(ctx context.Context, tx Tx, t Timer, at *time.Time) error {
	if at == nil {
		return tx.DeleteTimer(ctx, t.ID)
	}
	t.DueAt = *at
	return tx.PutTimer(ctx, t)
}

var gradeOrder = []string{"", "general", "larger", "major", "extreme"}

func highest(grades []obligation.Grade) string {
	top := 0
	for _, g := range grades {
		top = max(top, slices.Index(gradeOrder, g.Grade))
	}
	return gradeOrder[top]
}
