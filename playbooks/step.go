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
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// group is what one document or task of a step serves: for a report, the duties to one addressee.
type group struct {
	base   string // the addressee of a report, else ""
	duties []*Duty
}

func (g group) live() (out []*Duty) {
	for _, d := range g.duties {
		if live(*d) {
			out = append(out, d)
		}
	}
	return out
}

// owed are the duties of the group that wait for work now.
func (g group) owed() (out []*Duty) {
	for _, d := range g.duties {
		if running(*d) {
			out = append(out, d)
		}
	}
	return out
}

// perAddressee steps make one report for each body that must be told.
func (s *stepDef) perAddressee() bool {
	return s.doc != nil && s.doc.kind == templates.Report && len(s.rules) > 0
}

// serves reports that the step works off an obligation: of one of its rules, and of the kind it makes. One
// rule can ask for a notice and for a report.
func (s *stepDef) serves(o obligation.Obligation) bool {
	return slices.Contains(s.rules, o.ID) && (s.doc == nil || o.Kind == "" || o.Kind == string(s.doc.kind))
}

func (r *runner) groups(def *stepDef) []group {
	by := map[string][]*Duty{}
	if !def.perAddressee() {
		by[""] = nil
	}
	for i := range r.in.duties {
		d := &r.in.duties[i]
		if !def.serves(d.Obligation) {
			continue
		}
		base := ""
		if def.perAddressee() {
			base = d.Obligation.Addressee
		}
		by[base] = append(by[base], d)
	}
	var out []group
	for base, duties := range by {
		out = append(out, group{base, duties})
	}
	slices.SortFunc(out, func(a, b group) int { return strings.Compare(a.base, b.base) })
	return out
}

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

// last is the row of a step's newest repetition for a group.
func (r *runner) last(def *stepDef, g group) (row Step, n int) {
	for _, s := range r.rows {
		if base, k := splitItem(s.Item); s.ID == def.id && base == g.base && k > n {
			row, n = s, k
		}
	}
	return row, n
}

// take brings one step of a group to where it should be, and starts its next repetition when the last one
// has left something owed.
func (r *runner) take(ctx context.Context, def *stepDef, g group) error {
	for {
		row, n := r.last(def, g)
		if n > 0 && settled(row) && r.again(row, g) {
			row, n = Step{}, n+1
		}
		n = max(n, 1)
		was := row
		row.Run, row.ID, row.Item = r.run.ID, def.id, itemOf(g.base, n)
		if err := r.move(ctx, def, g, &row); err != nil {
			return err
		}
		if was.State == "" && row.State == StepSkipped && def.perAddressee() {
			return nil // nothing was ever asked of this addressee
		}
		if err := r.put(ctx, was, row); err != nil {
			return err
		}
		if was.State == row.State || !settled(row) || !r.again(row, g) {
			return nil
		}
	}
}

// again reports that duties are owed which a settled repetition has not met.
func (r *runner) again(row Step, g group) bool {
	if len(g.owed()) == 0 {
		return false
	}
	return row.State == StepDone || row.Reason == ReasonWithdrawn
}

// move decides a row's state and does what the state asks for.
func (r *runner) move(ctx context.Context, def *stepDef, g group, row *Step) error {
	if row.State == StepDone {
		return nil
	}
	row.DueAt = r.due(def, g)
	state, reason := r.gate(def, g)
	begun := row.State == StepOpen
	switch {
	case state == StepDone && row.Document == "" && row.Task == "":
		row.State, row.Reason = StepDone, reason
		return nil
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

// gate says whether a step may go on, and why not.
func (r *runner) gate(def *stepDef, g group) (StepState, string) {
	answer, open, err := def.when.eval(r.in.object)
	switch {
	case err != nil || answer == unknown:
		return StepWaiting, reasonWith(ReasonUnknown, open)
	case answer == no:
		return StepSkipped, ReasonCondition
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
	live := g.live()
	has := func(state obligation.State) bool {
		return slices.ContainsFunc(live, func(d *Duty) bool { return d.State == state })
	}
	switch {
	case len(g.duties) == 0:
		return StepSkipped, ReasonNoDuty
	case len(live) == 0:
		return StepSkipped, ReasonLapsed
	case len(g.owed()) > 0:
		return StepOpen, ""
	case has(obligation.OnHold):
		return StepWaiting, ReasonOnHold
	case has(obligation.Waiting) && def.repeat && r.filed(g.base) && len(r.openFacts(g.base)) == 0:
		return StepSkipped, ReasonComplete
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

// due is when a step should be through: its own target, its approval's, or a duty's time.
func (r *runner) due(def *stepDef, g group) *time.Time {
	at := def.target.due(r.in.object)
	if def.doc != nil {
		at = earliest(at, def.doc.target.due(r.in.object))
	}
	for _, d := range g.owed() {
		at = earliest(at, d.Obligation.Deadline, d.Obligation.Target)
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
