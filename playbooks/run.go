package playbooks

import (
	"context"
	"slices"

	"tocsin/incident"
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
	before []*Definition // of earlier runs: what they work off is theirs
	rows   []Step
	made
	drafts bool // documents may be made now
}

// made is what an incident's runs have made so far; they share it.
type made struct {
	docs  map[string]notify.Document
	filed map[string][]notify.Filing // document → its filings
	tasks map[string]Task
	sent  []notify.Dispatch
}

// advance opens the runs that an incident needs and takes each as far as it goes.
func (s *Service) advance(ctx context.Context, tx Tx, in *situation, drafts bool) error {
	runs, err := s.openRuns(ctx, tx, in)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		return nil
	}
	all, err := loadMade(ctx, tx, in.incident.ID)
	if err != nil {
		return err
	}
	var before []*Definition
	for _, run := range runs {
		r := &runner{Service: s, tx: tx, in: in, run: run, made: all, drafts: drafts, before: before}
		if r.def, err = s.definitionOf(ctx, tx, run); err != nil {
			return err
		}
		if r.rows, err = tx.Steps(ctx, run.ID); err != nil {
			return err
		}
		before = append(before, r.def)
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
	return s.substitutes(ctx, tx, in, all)
}

// openRuns starts the playbooks that an incident needs and has not yet. One starts because its condition
// holds and it shares no rule with a run that is there; or because nobody else works off a duty: no duty is
// without a run because a fact of a condition is still unknown. Of several that could, the one whose condition
// holds comes first, then one whose condition may yet hold.
func (s *Service) openRuns(ctx context.Context, tx Tx, in *situation) ([]Run, error) {
	runs, err := tx.Runs(ctx, in.incident.ID)
	if err != nil {
		return nil, err
	}
	var open []*Definition
	for _, run := range runs {
		def, err := s.definitionOf(ctx, tx, run)
		if err != nil {
			return nil, err
		}
		open = append(open, def)
	}
	for _, wish := range []truth{yes, unknown, no} {
		for _, def := range s.defs.all {
			if slices.ContainsFunc(runs, func(r Run) bool { return r.Playbook == def.ID }) || !def.starts(in, wish, open) {
				continue
			}
			run, err := startRun(ctx, tx, in.incident.ID, def)
			if err != nil {
				return nil, err
			}
			runs, open = append(runs, run), append(open, def)
		}
	}
	return runs, nil
}

func startRun(ctx context.Context, tx Tx, id incident.ID, def *Definition) (Run, error) {
	run := Run{ID: evidence.NewID("run"), Incident: id, Playbook: def.ID, Revision: def.Revision,
		Hash: def.Hash, State: "running", StartedAt: tx.Now()}
	if err := tx.Freeze(ctx, templates.Artefact{Kind: "playbook", Name: def.ID, Hash: def.Hash, Body: def.Source, At: tx.Now()}); err != nil {
		return run, err
	}
	if err := tx.InsertRun(ctx, run); err != nil {
		return run, err
	}
	note(tx, id, "run.started", map[string]string{"run": run.ID, "playbook": run.Playbook, "digest": run.Hash}, nil)
	return run, nil
}

// starts reports that a playbook whose condition has this answer is needed beside those that run.
func (d *Definition) starts(in *situation, wish truth, open []*Definition) bool {
	answer, _, err := d.when.eval(in.object)
	switch {
	case d.when == nil:
		answer = no // it has no condition of its own
	case err != nil:
		answer = unknown
	}
	if answer != wish {
		return false
	}
	left := func(duty Duty) bool {
		idle := duty.Obligation.Voluntary && !duty.Undertaken
		return live(duty) && !idle && d.worker(duty.Obligation) != nil && !worked(open, duty.Obligation)
	}
	return answer == yes && !slices.ContainsFunc(open, d.shares) || slices.ContainsFunc(in.duties, left)
}

// shares reports that two playbooks work off the same rule.
func (d *Definition) shares(other *Definition) bool {
	return slices.ContainsFunc(d.written, func(s *stepDef) bool {
		return slices.ContainsFunc(s.rules, func(rule string) bool {
			return slices.ContainsFunc(other.written, func(o *stepDef) bool { return slices.Contains(o.rules, rule) })
		})
	})
}

// definitionOf is the definition that a run keeps to.
func (s *Service) definitionOf(ctx context.Context, tx Tx, run Run) (*Definition, error) {
	return s.defs.at(run.Hash, func() ([]byte, error) {
		a, err := tx.Artefact(ctx, "playbook", run.Hash)
		return a.Body, err
	})
}

// loadMade reads what an incident's runs have made so far.
func loadMade(ctx context.Context, tx Tx, id incident.ID) (made, error) {
	m := made{docs: map[string]notify.Document{}, filed: map[string][]notify.Filing{}, tasks: map[string]Task{}}
	docs, err := tx.Documents(ctx, id)
	if err != nil {
		return m, err
	}
	for _, d := range docs {
		m.docs[d.ID] = d
		if !canBeFiled(d) {
			continue
		}
		if m.filed[d.ID], err = tx.Filings(ctx, d.ID); err != nil {
			return m, err
		}
	}
	tasks, err := tx.Tasks(ctx, id)
	if err != nil {
		return m, err
	}
	for _, t := range tasks {
		m.tasks[t.ID] = t
	}
	m.sent, err = tx.Dispatches(ctx, id)
	return m, err
}

// end marks the run done when nothing waits any more, and running again when something does. After an incident
// is closed a clock that has not started starts only from outside: it holds nothing up.
func (r *runner) end(ctx context.Context) error {
	state := "done"
	closed := r.in.incident.State == incident.Closed
	waits := func(s Step) bool { return !settled(s) && (!closed || s.Reason != ReasonNoClock) }
	if slices.ContainsFunc(r.rows, waits) {
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
