package playbooks

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/playbooks/obligation"
)

// itemOf names the n-th repetition: "", "2", … or, per addressee, "A", "A#2", ….
func itemOf(base string, n int) string {
	switch {
	case n == 1:
		return base
	case base == "":
		return strconv.Itoa(n)
	}
	return base + "#" + strconv.Itoa(n)
}

func splitItem(item string) (base string, n int) {
	base, last, marked := strings.Cut(item, "#")
	if !marked {
		last = item
	}
	n, err := strconv.Atoi(last)
	switch {
	case err != nil:
		return item, 1
	case !marked:
		return "", n
	}
	return base, n
}

// rowsOf are a step's repetitions for a group, in order.
func (r *runner) rowsOf(def *stepDef, g group) (rows []Step) {
	for _, s := range r.rows {
		if base, _ := splitItem(s.Item); s.ID == def.id && base == g.base {
			rows = append(rows, s)
		}
	}
	slices.SortFunc(rows, func(a, b Step) int {
		_, m := splitItem(a.Item)
		_, n := splitItem(b.Item)
		return m - n
	})
	return rows
}

// take brings one step of a group to where it should be: repetitions that are not through or were called
// back, then the newest, and the next one when the last has left something owed.
func (r *runner) take(ctx context.Context, def *stepDef, g group) error {
	rows := r.rowsOf(def, g)
	for _, row := range rows[:max(0, len(rows)-1)] {
		if err := r.moveOn(ctx, def, g, row); err != nil {
			return err
		}
	}
	row := Step{Run: r.run.ID, ID: def.id, Item: itemOf(g.base, 1)}
	n := len(rows)
	if n > 0 {
		row = rows[n-1]
	}
	for {
		if n > 0 && r.again(def, g, row) {
			row = Step{Run: r.run.ID, ID: def.id, Item: itemOf(g.base, n+1)}
		}
		was := row
		if err := r.move(ctx, def, g, &row); err != nil {
			return err
		}
		if was.State == "" && row.State == StepSkipped && len(def.rules) > 0 {
			return nil // nothing was ever asked of this step
		}
		if err := r.put(ctx, was, row); err != nil {
			return err
		}
		if was.State == row.State || !r.again(def, g, row) {
			return nil
		}
		_, n = splitItem(row.Item)
	}
}

// moveOn moves an earlier repetition.
func (r *runner) moveOn(ctx context.Context, def *stepDef, g group, row Step) error {
	was := row
	if err := r.move(ctx, def, g, &row); err != nil {
		return err
	}
	return r.put(ctx, was, row)
}

// calledBack reports that a document that was out has to go out again: the authority or a review returned it.
func (r *runner) calledBack(row Step) bool {
	doc, ok := r.docs[row.Document]
	return ok && row.State == StepDone && len(r.filed[doc.ID]) > 0 &&
		slices.Contains([]notify.DocumentState{notify.DocReturned, notify.DocDraft, notify.DocSubmitted}, doc.State)
}

// again reports that duties are owed which no repetition meets: the given one, the newest, is over, and no
// earlier one is at work.
func (r *runner) again(def *stepDef, g group, row Step) bool {
	over := row.State == StepDone || row.State == StepSkipped && row.Reason == ReasonWithdrawn
	if !over || r.calledBack(row) || len(g.owed()) == 0 {
		return false
	}
	return !slices.ContainsFunc(r.rowsOf(def, g), func(s Step) bool { return s.Item != row.Item && !settled(s) })
}

// move decides a row's state and does what the state asks for.
func (r *runner) move(ctx context.Context, def *stepDef, g group, row *Step) error {
	if row.State == StepDone && !r.calledBack(*row) {
		return nil
	}
	if err := r.complete(ctx, def, g); err != nil {
		return err
	}
	row.DueAt = r.due(def, g)
	state, reason := r.gate(def, g)
	begun := row.State == StepOpen
	switch {
	case state == StepDone && !r.inHand(*row):
		row.State, row.Reason = StepDone, reason
		return r.drop(ctx, row)
	case state == StepSkipped:
		row.State, row.Reason = StepSkipped, reason
		return r.drop(ctx, row)
	case state == StepWaiting && !begun:
		row.State, row.Reason = StepWaiting, reason
		return nil
	}
	row.Reason = ""
	if def.doc == nil || def.doc.byHand {
		return r.workTask(ctx, def, g, row)
	}
	return r.workDocument(ctx, def, g, row)
}

// inHand reports that a row's work goes on although nothing is owed any more: its document is with people.
func (r *runner) inHand(row Step) bool {
	doc, ok := r.docs[row.Document]
	return ok && (len(r.filed[doc.ID]) > 0 || doc.State != notify.DocDraft && doc.State != notify.DocReturned)
}

// gate says whether a step may go on, and why not.
func (r *runner) gate(def *stepDef, g group) (StepState, string) {
	answer, open, err := def.when.eval(r.in.object)
	over := r.in.incident.State == incident.Closed && len(def.rules) == 0 // nobody will find out any more
	switch {
	case answer == no || answer == unknown && over:
		return StepSkipped, ReasonCondition
	case err != nil || answer == unknown:
		return StepWaiting, reasonWith(ReasonUnknown, open)
	}
	if len(def.rules) > 0 {
		if state, reason := r.owedGate(def, g); state != StepOpen {
			return state, reason
		}
	}
	for _, id := range def.after {
		if slices.ContainsFunc(r.rows, func(s Step) bool { return s.ID == id && !settled(s) }) {
			return StepWaiting, reasonWith(ReasonAfter, []string{id})
		}
	}
	return StepOpen, ""
}

// owedGate looks at the duties that a step is for.
func (r *runner) owedGate(def *stepDef, g group) (StepState, string) {
	alive := g.live()
	has := func(state obligation.State) bool {
		return slices.ContainsFunc(alive, func(d *Duty) bool { return d.State == state })
	}
	switch {
	case len(g.duties) == 0:
		return StepSkipped, ReasonNoDuty
	case len(alive) == 0 && slices.ContainsFunc(g.duties, func(d *Duty) bool { return live(*d) }):
		return StepSkipped, ReasonVoluntary
	case len(alive) == 0:
		return StepSkipped, ReasonLapsed
	case len(g.owed()) > 0:
		return StepOpen, ""
	case has(obligation.OnHold):
		return StepWaiting, ReasonOnHold
	case has(obligation.AssessmentOpen):
		return StepWaiting, ReasonAssess
	case has(obligation.Waiting):
		return StepWaiting, ReasonNoClock
	}
	return StepDone, ReasonMet
}

func reasonWith(reason string, what []string) string {
	if len(what) == 0 {
		return reason
	}
	return reason + ": " + strings.Join(what, ", ")
}

// due is when a step should be through: its own target, its approval's, or a duty's time. Voluntary duties have
// none, and that it is open whether a duty applies gives no time off.
func (r *runner) due(def *stepDef, g group) *time.Time {
	at := def.target.due(r.in.object)
	if def.doc != nil {
		at = earliest(at, def.doc.target.due(r.in.object))
	}
	for _, d := range g.live() {
		if (running(*d) || d.State == obligation.AssessmentOpen) && !d.Obligation.Voluntary {
			at = earliest(at, d.Obligation.Deadline, d.Obligation.Target)
		}
	}
	return at
}

// put stores a row that has changed, records its transition and sets the timer of its time.
func (r *runner) put(ctx context.Context, was, row Step) error {
	row.UpdatedAt = was.UpdatedAt
	if reflect.DeepEqual(was, row) {
		return nil
	}
	row.UpdatedAt = r.tx.Now()
	if i := slices.IndexFunc(r.rows, func(s Step) bool { return s.ID == row.ID && s.Item == row.Item }); i >= 0 {
		r.rows[i] = row
	} else {
		r.rows = append(r.rows, row)
	}
	if was.State != row.State && row.State != StepWaiting {
		kind := map[StepState]string{StepOpen: "step.opened", StepDone: "step.done", StepSkipped: "step.skipped"}[row.State]
		noteStep(r.tx, r.run.Incident, kind, row)
	}
	if err := r.alarm(ctx, was, row); err != nil {
		return err
	}
	return r.tx.PutStep(ctx, row)
}

// noteStep records what happened to a step.
func noteStep(tx Tx, id incident.ID, kind string, row Step) {
	refs := map[string]string{"run": row.Run, "step": row.ID, "state": string(row.State)}
	for name, value := range map[string]string{"item": row.Item, "document": row.Document, "task": row.Task} {
		if value != "" {
			refs[name] = value
		}
	}
	note(tx, id, kind, refs, nil)
}

// alarm has a step's passing time noticed exactly once: by a timer, or now when it is past already.
func (r *runner) alarm(ctx context.Context, was, row Step) error {
	t := Timer{ID: stepTimer(r.run, row), Incident: r.run.Incident, Kind: timerStep}
	switch {
	case settled(row) && !settled(was) && was.State != "":
		return r.tx.DeleteTimer(ctx, t.ID)
	case settled(row) || row.DueAt == nil || sameTime(was.DueAt, row.DueAt) && !settled(was):
		return nil
	case !row.DueAt.After(r.tx.Now()):
		noteStep(r.tx, r.run.Incident, "step.due", row)
		return nil
	}
	return setTimer(ctx, r.tx, t, row.DueAt)
}

func stepTimer(run Run, row Step) string {
	return fmt.Sprintf("step/%s/%s/%s/%s", run.Incident, run.ID, row.ID, row.Item)
}
