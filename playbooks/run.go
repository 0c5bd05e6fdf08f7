package playbooks

import (
	"context"
	"slices"

	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// runner works off one run within one transaction. It only compares rows with what they should be, so
// that it may stop after any transaction and go on from there.
type runner struct {
	*Service
	tx     Tx
	in     *situation
	run    Run
	def    *Definition
	rows   []Step
	docs   map[string]notify.Document
	tasks  map[string]Task
	sent   []notify.Dispatch
	drafts bool // documents may be made now
}

// advance opens the runs that an incident needs and takes each as far as it goes.
func (s *Service) advance(ctx context.Context, tx Tx, in *situation, drafts bool) error {
	runs, err := s.openRuns(ctx, tx, in)
	if err != nil {
		return err
	}
	for _, run := range runs {
		r := &runner{Service: s, tx: tx, in: in, run: run, drafts: drafts}
		if err := r.load(ctx); err != nil {
			return err
		}
		for _, def := range r.def.steps {
			for _, g := range r.groups(def) {
				if err := r.take(ctx, def, g); err != nil {
					return err
				}
			}
		}
		if err := r.end(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openRuns starts each playbook whose condition holds, or that works off a duty of this incident: no duty
// is without a run because a fact of the condition is still unknown.
func (s *Service) openRuns(ctx context.Context, tx Tx, in *situation) ([]Run, error) {
	runs, err := tx.Runs(ctx, in.incident.ID)
	if err != nil {
		return nil, err
	}
	for _, def := range s.defs.all {
		if slices.ContainsFunc(runs, func(r Run) bool { return r.Playbook == def.ID }) || !def.applies(in) {
			continue
		}
		run := Run{ID: evidence.NewID("run"), Incident: in.incident.ID, Playbook: def.ID, Revision: def.Revision,
			Hash: def.Hash, State: "running", StartedAt: tx.Now()}
		if err := tx.Freeze(ctx, templates.Artefact{Kind: "playbook", Name: def.ID, Hash: def.Hash, Body: def.Source, At: tx.Now()}); err != nil {
			return nil, err
		}
		if err := tx.InsertRun(ctx, run); err != nil {
			return nil, err
		}
		note(tx, run.Incident, "run.started", map[string]string{"run": run.ID, "playbook": run.Playbook, "digest": run.Hash}, nil)
		runs = append(runs, run)
	}
	return runs, nil
}

func (d *Definition) applies(in *situation) bool {
	if answer, _, err := d.when.eval(in.object); err == nil && d.when != nil && answer == yes {
		return true
	}
	return slices.ContainsFunc(in.duties, func(duty Duty) bool {
		return live(duty) && slices.ContainsFunc(d.steps, func(s *stepDef) bool { return s.serves(duty.Obligation) })
	})
}

// load reads what the run has made so far.
func (r *runner) load(ctx context.Context) error {
	var err error
	r.def, err = r.defs.at(r.run.Hash, func() ([]byte, error) {
		a, err := r.tx.Artefact(ctx, "playbook", r.run.Hash)
		return a.Body, err
	})
	if err != nil {
		return err
	}
	if r.rows, err = r.tx.Steps(ctx, r.run.ID); err != nil {
		return err
	}
	docs, err := r.tx.Documents(ctx, r.run.Incident)
	if err != nil {
		return err
	}
	r.docs = map[string]notify.Document{}
	for _, d := range docs {
		r.docs[d.ID] = d
	}
	tasks, err := r.tx.Tasks(ctx, r.run.Incident)
	if err != nil {
		return err
	}
	r.tasks = map[string]Task{}
	for _, t := range tasks {
		r.tasks[t.ID] = t
	}
	r.sent, err = r.tx.Dispatches(ctx, r.run.Incident)
	return err
}

// end marks the run done when nothing waits any more, and running again when something does.
func (r *runner) end(ctx context.Context) error {
	state := "done"
	if slices.ContainsFunc(r.rows, func(s Step) bool { return !settled(s) }) {
		state = "running"
	}
	if r.run.State == state {
		return nil
	}
	r.run.State = state
	if state == "done" {
		note(r.tx, r.run.Incident, "run.done", map[string]string{"run": r.run.ID, "playbook": r.run.Playbook}, nil)
	}
	return r.tx.UpdateRun(ctx, r.run)
}

func settled(s Step) bool { return s.State == StepDone || s.State == StepSkipped }

// live duties are owed or were met; lapsed and exempt ones need no work.
func live(d Duty) bool { return d.State != obligation.Lapsed && d.State != obligation.Exempt }

// running duties are owed now.
func running(d Duty) bool { return d.State == obligation.Running || d.State == obligation.Overdue }
