package playbooks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// heard are the events after which an incident's register and runs may have to move.
var heard = []string{"incident.", "document.", "report.", "audience.", "dispatch.", "announcement.", "task.",
	"decision.", "letter.", "plan.", "ruleset.", "customer."}

// ours are among them those that only this package causes and that change nothing here.
var ours = []string{"document.drafted", "document.stale", "task.opened", "task.dropped"}

// Subject is the incident that Handle works on after an event, "" for none. It looks at the incident as it
// stands: of several events of one incident the last is enough.
func (s *Service) Subject(e incident.Event) string {
	matters := slices.ContainsFunc(heard, func(p string) bool { return strings.HasPrefix(e.Kind, p) })
	if !matters || e.Incident == "" || slices.Contains(ours, e.Kind) {
		return ""
	}
	return e.Operator + "/" + string(e.Incident)
}

// Handle reacts to a committed event: derives after intake, advances runs, moves duties when documents are
// filed or dispatched. It is idempotent; the outbox calls it at least once per Subject, in order.
func (s *Service) Handle(ctx context.Context, e incident.Event) error {
	if e.Kind == "profile.changed" {
		return s.deriveAll(ctx, e.Operator)
	}
	if s.Subject(e) == "" {
		return nil
	}
	err := s.store.InTx(ctx, evidence.System(e.Operator), func(tx Tx) error {
		_, err := s.work(ctx, tx, e.Incident, false, true)
		return err
	})
	if incident.IsFault(err, incident.NotFound) {
		return nil // the incident was shredded meanwhile
	}
	return err
}

// deriveAll sets a timer for every open incident, page by page: the work itself is Wake's, and survives a
// restart.
func (s *Service) deriveAll(ctx context.Context, operator string) error {
	page := incident.Page{Limit: 200}
	for {
		var list []incident.Incident
		err := s.store.InTx(ctx, evidence.System(operator), func(tx Tx) (err error) {
			if list, err = tx.Incidents(ctx, page); err != nil {
				return err
			}
			for _, inc := range list {
				if inc.State != incident.Open {
					continue
				}
				now := tx.Now()
				if err := setTimer(ctx, tx, Timer{ID: "derive/" + string(inc.ID), Incident: inc.ID, Kind: timerDerive}, &now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(list) < page.Limit {
			return err
		}
		page.After = string(list[len(list)-1].ID)
	}
}

const timersAtOnce = 100

// Wake works off the timers that are due and returns how many. One that fails stays due and does not keep
// the others.
func (s *Service) Wake(ctx context.Context, operator string, now time.Time) (int, error) {
	var failed []error
	if err := s.holdAgainstRules(ctx, operator); err != nil {
		failed = append(failed, fmt.Errorf("hold incidents against rules: %w", err))
	}
	var timers []Timer
	err := s.store.View(ctx, evidence.System(operator), func(tx Tx) (err error) {
		timers, err = tx.DueTimers(ctx, now, timersAtOnce)
		return err
	})
	if err != nil {
		return 0, errors.Join(append(failed, err)...)
	}
	rung := 0
	for _, t := range timers {
		if err := s.ring(ctx, operator, t); err != nil {
			failed = append(failed, fmt.Errorf("timer %s: %w", t.ID, err))
			continue
		}
		rung++
	}
	return rung, errors.Join(failed...)
}

// ring works off one timer.
func (s *Service) ring(ctx context.Context, operator string, t Timer) error {
	return s.store.InTx(ctx, evidence.System(operator), func(tx Tx) error {
		if err := tx.DeleteTimer(ctx, t.ID); err != nil {
			return err
		}
		in, err := s.work(ctx, tx, t.Incident, false, true)
		if incident.IsFault(err, incident.NotFound) {
			return nil // shredded: nothing will ever be due
		}
		if err != nil || t.Kind != timerStep {
			return err
		}
		return late(ctx, tx, in.incident.ID, t.ID)
	})
}

// late records that a step's time has passed while the step was not through.
func late(ctx context.Context, tx Tx, id incident.ID, timer string) error {
	runs, err := tx.Runs(ctx, id)
	if err != nil {
		return err
	}
	for _, run := range runs {
		rows, err := tx.Steps(ctx, run.ID)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if stepTimer(run, row) == timer && !settled(row) && row.DueAt != nil && !row.DueAt.After(tx.Now()) {
				noteStep(tx, id, "step.due", row)
			}
		}
	}
	return nil
}
