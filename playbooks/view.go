package playbooks

import (
	"context"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/notify"
)

// View is one incident with everything a responder looks at first.
type View struct {
	Incident   incident.Incident
	Snapshot   incident.Snapshot
	History    []incident.Fact
	Derivation *Derivation
	Duties     []Duty
	Filings    map[string][]notify.Filing // duty → how it was filed, in order
	Run        *Run
	Steps      []Step
	Titles     map[string]map[string]string // step id → title per locale; "" is the playbook's own
	Tasks      []Task
	Decisions  []DecisionView
	Letters    []LetterView
}

// Incident reads one incident whole.
func (s *Service) Incident(ctx context.Context, sc evidence.Scope, id incident.ID) (View, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return View{}, err
	}
	var v View
	err := s.store.View(ctx, sc, func(tx Tx) (err error) {
		if v.Incident, v.Snapshot, err = incident.Load(ctx, tx, id); err != nil {
			return err
		}
		if v.History, err = tx.Facts(ctx, id); err != nil {
			return err
		}
		if v.Derivation, err = tx.Derivation(ctx, id); err != nil {
			return err
		}
		if v.Duties, err = tx.Duties(ctx, id); err != nil {
			return err
		}
		if v.Filings, err = chains(ctx, tx, id); err != nil {
			return err
		}
		if v.Tasks, err = tx.Tasks(ctx, id); err != nil {
			return err
		}
		if v.Decisions, err = s.viewDecisions(ctx, tx, sc, id, func(Decision) bool { return true }); err != nil {
			return err
		}
		if v.Letters, err = lettersOf(ctx, tx, id); err != nil {
			return err
		}
		return s.viewRun(ctx, tx, id, &v)
	})
	return v, err
}

func (s *Service) viewRun(ctx context.Context, tx Tx, id incident.ID, v *View) error {
	runs, err := tx.Runs(ctx, id)
	if err != nil || len(runs) == 0 {
		return err
	}
	v.Run = &runs[0]
	def, err := s.definitionOf(ctx, tx, *v.Run)
	if err != nil {
		return err
	}
	v.Titles = map[string]map[string]string{"": def.Title}
	for _, step := range def.steps {
		v.Titles[step.id] = step.title
		if len(step.title) == 0 {
			v.Titles[step.id] = step.task
		}
	}
	v.Steps, err = tx.Steps(ctx, v.Run.ID)
	return err
}

// Incidents lists, newest first.
func (s *Service) Incidents(ctx context.Context, sc evidence.Scope, p incident.Page) (list []incident.Incident, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		list, err = tx.Incidents(ctx, p)
		return err
	})
	return list, err
}

// Timeline pages through an incident's ledger.
func (s *Service) Timeline(ctx context.Context, sc evidence.Scope, id incident.ID, after int64, limit int) ([]evidence.Entry, error) {
	return s.ledger(ctx, sc, id, func(tx Tx) ([]evidence.Entry, error) { return tx.Ledger(ctx, string(id), after, limit) })
}

// Landmarks pages through it without the batches of deliveries.
func (s *Service) Landmarks(ctx context.Context, sc evidence.Scope, id incident.ID, after int64, limit int) ([]evidence.Entry, error) {
	return s.ledger(ctx, sc, id, func(tx Tx) ([]evidence.Entry, error) { return tx.Landmarks(ctx, string(id), after, limit) })
}

// LatestLandmarks are the newest of them, newest first.
func (s *Service) LatestLandmarks(ctx context.Context, sc evidence.Scope, id incident.ID, limit int) ([]evidence.Entry, error) {
	return s.ledger(ctx, sc, id, func(tx Tx) ([]evidence.Entry, error) { return tx.LatestLandmarks(ctx, string(id), limit) })
}

func (s *Service) ledger(ctx context.Context, sc evidence.Scope, id incident.ID, read func(Tx) ([]evidence.Entry, error)) (entries []evidence.Entry, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		if _, err := tx.Incident(ctx, id); err != nil {
			return err
		}
		entries, err = read(tx)
		return err
	})
	return entries, err
}
