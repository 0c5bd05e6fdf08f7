package playbooks

import (
	"context"
	"slices"
	"time"

	"tocsin/playbooks/obligation"
)

// review holds every proposal and every standing decision against the facts of now: what has lost its
// ground ends by itself, and its duty goes on.
func (s *Service) review(ctx context.Context, tx Tx, in *situation) error {
	all, err := tx.Decisions(ctx, in.incident.ID)
	if err != nil {
		return err
	}
	for _, d := range all {
		switch {
		case d.State == DecisionProposed:
			if why := in.overtaken(d, tx.Now(), all); why != "" {
				err = s.end(ctx, tx, in, &d, stepOvertake, why)
			}
		case d.Standing():
			if step, why := in.crossed(d, tx.Now()); step != "" {
				err = s.end(ctx, tx, in, &d, step, why)
			}
		case d.Task != "":
			err = settleAgain(ctx, tx, in, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// overtaken says why a proposal can no longer be confirmed as it was made.
func (in *situation) overtaken(d Decision, now time.Time, all []Decision) string {
	row := in.duty(d.Duty)
	switch {
	case d.Kind == DecideNotNotify:
		if _, owed := in.owes(d.Rule, d.Addressee); owed {
			return ReasonOwedNow
		}
	case row == nil || row.State == obligation.Lapsed || row.State == obligation.Met:
		return ReasonDutyEnded
	case d.Kind == DecideHold && !now.Before(*d.ExpiresAt):
		return ReasonExpired
	case d.Kind == DecideDeadline:
		o, owed := in.obligation(row.Obligation)
		if !owed || !movesBack(row.Obligation, o) || !sameTime(o.Deadline, d.Deadline) {
			return ReasonClockMoved
		}
	case d.Kind == DecideRelease:
		if !slices.ContainsFunc(all, func(o Decision) bool { return o.ID == d.Ends && o.Standing() }) {
			return ReasonDecisionEnded
		}
	case d.Kind == DecideExempt:
		if why := in.groundGone(d); why != "" {
			return why
		}
	}
	if d.Kind == DecideExempt || d.Kind == DecideNotNotify {
		if moved := in.moved(d); len(moved) > 0 {
			return reasonWith(FactsChanged, moved)
		}
	}
	return ""
}

// crossed says what ends a standing decision.
func (in *situation) crossed(d Decision, now time.Time) (decisionStep, string) {
	row := in.duty(d.Duty)
	if d.Kind == DecideNotNotify {
		if _, owed := in.owes(d.Rule, d.Addressee); owed {
			return stepReopen, ReasonOwedNow
		}
		return in.regraded(d)
	}
	switch {
	case row == nil || row.State == obligation.Lapsed || row.State == obligation.Met:
		return stepOvertake, ReasonDutyEnded
	case d.Kind == DecideHold && !now.Before(*d.ExpiresAt):
		return stepExpire, ReasonExpired
	case d.Kind == DecideHold && d.StopsClock && row.Obligation.Hold == nil:
		return stepReopen, ReasonNoHoldNow
	case d.Kind != DecideExempt:
		return "", ""
	}
	if why := in.groundGone(d); why != "" {
		return stepReopen, why
	}
	open := func(o *obligation.Obligation) bool { return o != nil && o.State == obligation.AssessmentOpen }
	if open(&row.Obligation) != open(d.Obligation) {
		return stepReopen, ReasonAssessment
	}
	return in.regraded(d)
}

// regraded reopens a decision when a grade is another than the one it was taken under.
func (in *situation) regraded(d Decision) (decisionStep, string) {
	for _, was := range d.Grades {
		for _, is := range in.derived.Result.Grades {
			if is.Scheme == was.Scheme && is.Grade != was.Grade {
				return stepReopen, ReasonRegraded + ": " + is.Scheme
			}
		}
	}
	return "", ""
}

// groundGone says that the exemption a decision applies is no longer possible, with the facts that moved.
func (in *situation) groundGone(d Decision) string {
	for _, g := range in.law.Grounds(in.input(), d.Rule) {
		switch {
		case g.ID != d.Exemption.ID:
		case g.Never:
			return reasonWith(ReasonRuledOut, in.moved(d))
		case !g.Holds:
			return reasonWith(ReasonGroundGone, in.moved(d))
		default:
			return ""
		}
	}
	return reasonWith(ReasonGroundGone, in.moved(d))
}

// moved are the facts a decision rests on that are others now.
func (in *situation) moved(d Decision) (paths []string) {
	was := map[string]string{}
	for _, f := range d.Facts {
		was[f.Path] = f.Hash
	}
	for _, f := range in.resting(in.law.RestsOn(d.Rule)) {
		if was[f.Path] != f.Hash {
			paths = append(paths, f.Path)
		}
		delete(was, f.Path)
	}
	for path := range was {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// end takes a decision's last step: its duty goes on where it would be, and who decided is asked again.
func (s *Service) end(ctx context.Context, tx Tx, in *situation, d *Decision, step decisionStep, why string) error {
	standing := d.Standing()
	if err := d.take(step, tx.Now(), why); err != nil {
		return err
	}
	d.UpdatedAt = tx.Now()
	if standing {
		if err := in.resume(ctx, tx, *d, why); err != nil {
			return err
		}
	}
	if err := tx.DeleteTimer(ctx, "decision/"+d.ID); err != nil {
		return err
	}
	if err := endTaskOf(ctx, tx, &d.Task, TaskDropped, ""); err != nil {
		return err
	}
	if step == stepReopen || step == stepExpire {
		task := Task{Kind: TaskDecide, Title: prefixed(again, d.title()), Decision: d.ID, DueAt: in.dueOf(d.Duty), For: d.signers()}
		var err error
		if d.Task, err = openTaskOf(ctx, tx, d.Incident, task); err != nil {
			return err
		}
	}
	noteDecision(tx, *d, "decision."+string(d.State), map[string]string{"why": why})
	return tx.PutDecision(ctx, *d)
}

// resume lets a duty run on whose decision no longer stands.
func (in *situation) resume(ctx context.Context, tx Tx, d Decision, why string) error {
	row := in.duty(d.Duty)
	switch {
	case row == nil:
		return nil
	case row.Decision == d.ID:
		row.Decision = ""
		if row.State != obligation.Exempt && row.State != obligation.OnHold {
			return putDuty(ctx, tx, row, "") // it lapsed or was met: that is recorded already
		}
		row.State, row.Reason = row.Obligation.State, why
		if due := row.Obligation.Deadline; row.State == obligation.Running && due != nil && !row.Obligation.Voluntary && !tx.Now().Before(*due) {
			row.State = obligation.Overdue
		}
		return putDuty(ctx, tx, row, "duty.changed")
	case d.Kind == DecideHold && row.Conflict != "":
		row.Conflict = ""
		return putDuty(ctx, tx, row, "")
	}
	return nil
}

// settleAgain drops the task of a decision that had ended when its duty no longer needs one.
func settleAgain(ctx context.Context, tx Tx, in *situation, d Decision) error {
	row := in.duty(d.Duty)
	if row == nil || row.State != obligation.Lapsed && row.State != obligation.Met {
		return nil
	}
	if err := endTaskOf(ctx, tx, &d.Task, TaskDropped, ""); err != nil {
		return err
	}
	return tx.PutDecision(ctx, d)
}
