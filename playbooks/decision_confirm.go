package playbooks

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// ConfirmDecision is the second person's yes, which makes a proposal count.
func (s *Service) ConfirmDecision(ctx context.Context, sc evidence.Scope, id, note string) (DecisionView, error) {
	return s.settle(ctx, sc, id, func(tx Tx, in *situation, d *Decision) error {
		if err := mayConfirm(sc, *d); err != nil {
			return err
		}
		if len(in.problems) > 0 {
			return unsettled()
		}
		if err := d.take(stepConfirm, tx.Now(), ""); err != nil {
			return err
		}
		if note = strings.TrimSpace(note); note != "" {
			if problems := reasonProblems("/note", note); len(problems) > 0 {
				return incident.InvalidInput(problems)
			}
		}
		d.decided(sc, tx.Now(), note)
		if err := s.takeEffect(ctx, tx, in, d); err != nil {
			return err
		}
		if err := endTaskOf(ctx, tx, &d.Task, TaskDone, sc.Actor.ID); err != nil {
			return err
		}
		noteDecision(tx, *d, "decision.confirmed", map[string]string{"note": note, "reason": d.Reason})
		return tx.PutDecision(ctx, *d)
	})
}

// RefuseDecision is the second person's no, or the first person's withdrawal.
func (s *Service) RefuseDecision(ctx context.Context, sc evidence.Scope, id, reason string) (DecisionView, error) {
	return s.settle(ctx, sc, id, func(tx Tx, _ *situation, d *Decision) error {
		step := stepRetract
		if sc.Actor.ID != d.ProposedBy {
			step = stepRefuse
			if err := mayConfirm(sc, *d); err != nil {
				return err
			}
		}
		reason = strings.TrimSpace(reason)
		if problems := reasonProblems("/reason", reason); len(problems) > 0 {
			return incident.InvalidInput(problems)
		}
		if err := d.take(step, tx.Now(), ""); err != nil {
			return err
		}
		d.decided(sc, tx.Now(), reason)
		if err := endTaskOf(ctx, tx, &d.Task, TaskDropped, ""); err != nil {
			return err
		}
		noteDecision(tx, *d, "decision."+string(d.State), map[string]string{"note": reason})
		return tx.PutDecision(ctx, *d)
	})
}

// settle ends a proposal one way or the other, and has the register follow.
func (s *Service) settle(ctx context.Context, sc evidence.Scope, id string, fn func(Tx, *situation, *Decision) error) (DecisionView, error) {
	if sc.Actor.Kind != evidence.Person {
		return DecisionView{}, incident.NewFault(incident.Forbidden, "only a named person can decide about a duty")
	}
	if err := access.Require(sc, access.Read); err != nil {
		return DecisionView{}, err
	}
	var v DecisionView
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		d, err := tx.Decision(ctx, id)
		if err != nil {
			return err
		}
		in, err := s.work(ctx, tx, d.Incident, false, false)
		if err != nil {
			return err
		}
		if d, err = tx.Decision(ctx, id); err != nil { // facts may have overtaken it
			return err
		}
		d.UpdatedAt = tx.Now()
		if err := fn(tx, in, &d); err != nil {
			return err
		}
		if _, err := s.work(ctx, tx, d.Incident, false, false); err != nil {
			return err
		}
		v, err = s.viewDecision(ctx, tx, sc, d)
		return err
	})
	return v, err
}

// mayConfirm wants a second named person who may approve.
func mayConfirm(sc evidence.Scope, d Decision) error {
	if err := access.Require(sc, access.Approve); err != nil {
		return err
	}
	if sc.Actor.ID == d.ProposedBy {
		return incident.NewFault(incident.Forbidden, "you proposed this: another person must confirm it")
	}
	return nil
}

func (d *Decision) decided(sc evidence.Scope, now time.Time, note string) {
	d.DecidedBy, d.DecidedAt, d.Note = sc.Actor.ID, &now, note
}

// takeEffect does to the register what a confirmed decision means.
func (s *Service) takeEffect(ctx context.Context, tx Tx, in *situation, d *Decision) error {
	row := in.duty(d.Duty)
	if row == nil && d.Kind != DecideNotNotify {
		return incident.NewFault(incident.Conflict, "the duty is gone")
	}
	if err := s.doneDeciding(ctx, tx, *d); err != nil {
		return err
	}
	switch d.Kind {
	case DecideExempt:
		if err := nothingStands(row); err != nil { // something may have been confirmed since this was proposed
			return err
		}
		row.State, row.Decision, row.Reason = obligation.Exempt, d.ID, ReasonExempt+": "+d.Exemption.ID
		return putDuty(ctx, tx, row, "duty.changed")
	case DecideHold:
		if err := allowHold(row); err != nil {
			return err
		}
		return s.takeHold(ctx, tx, in, d, row)
	case DecideDeadline:
		row.Obligation, _ = in.obligation(row.Obligation)
		row.Reason, row.Later = ReasonLaterAccepted, nil
		if row.Decision == "" {
			row.State = row.Obligation.State
		}
		return putDuty(ctx, tx, row, "duty.changed")
	case DecideRelease:
		ended, err := tx.Decision(ctx, d.Ends)
		if err != nil {
			return err
		}
		return s.end(ctx, tx, in, &ended, stepRelease, ReasonReleased)
	}
	return nil
}

// takeHold holds a duty, or, where its law stops no clock, records the request beside it. It replaces an
// earlier hold.
func (s *Service) takeHold(ctx context.Context, tx Tx, in *situation, d *Decision, row *Duty) error {
	all, err := tx.Decisions(ctx, d.Incident)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.Kind == DecideHold && o.Duty == d.Duty && o.Standing() && o.ID != d.ID {
			if err := s.end(ctx, tx, in, &o, stepRelease, ReasonReplaced); err != nil {
				return err
			}
		}
	}
	d.StopsClock = row.Obligation.Hold != nil
	if err := setTimer(ctx, tx, Timer{ID: "decision/" + d.ID, Incident: d.Incident, Kind: timerDecision}, d.ExpiresAt); err != nil {
		return err
	}
	if d.StopsClock && row.Decision == "" {
		row.State, row.Decision, row.Reason = obligation.OnHold, d.ID, ReasonHeld
		return putDuty(ctx, tx, row, "duty.changed")
	}
	row.Conflict = ConflictHold
	return putDuty(ctx, tx, row, "duty.conflict")
}

// doneDeciding ends the tasks of earlier decisions that asked to decide about the same again.
func (s *Service) doneDeciding(ctx context.Context, tx Tx, d Decision) error {
	all, err := tx.Decisions(ctx, d.Incident)
	if err != nil {
		return err
	}
	for _, o := range all {
		again := slices.Contains([]DecisionState{DecisionReopened, DecisionExpired}, o.State)
		if !again || o.Task == "" || o.Rule != d.Rule || o.Duty != d.Duty {
			continue
		}
		if err := endTaskOf(ctx, tx, &o.Task, TaskDone, d.DecidedBy); err != nil {
			return err
		}
		if err := tx.PutDecision(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
