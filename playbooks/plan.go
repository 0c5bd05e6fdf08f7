package playbooks

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// Plan is an emergency plan as it was activated.
type Plan struct {
	Name    string
	Version string
	Level   string
	By      string // who decided
	At      time.Time
}

// planEnded is the fact that the response under the plan has ended. That the plan was started stays known.
const planEnded = "anchors.plan-ended"

// ActivatePlan records that an emergency plan was started, by whom and at which level: facts of one revision.
func (s *Service) ActivatePlan(ctx context.Context, sc evidence.Scope, id incident.ID, p Plan, reason string) (Reported, error) {
	if err := mayRecord(sc); err != nil {
		return Reported{}, err
	}
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		c := &profileCheck{}
		for _, t := range []struct{ pointer, text string }{{"/name", p.Name}, {"/version", p.Version}, {"/level", p.Level}, {"/by", p.By}} {
			c.want(utf8.RuneCountInString(t.text) <= 200, t.pointer, "max-length", "at most 200 characters")
		}
		c.want(strings.TrimSpace(p.Name) != "", "/name", "required", "say which plan")
		c.want(strings.TrimSpace(p.By) != "", "/by", "required", "say who decided")
		c.want(!p.At.IsZero() && !p.At.After(tx.Now()), "/at", "past", "say when; that cannot lie in the future")
		if len(c.problems) > 0 {
			return incident.Recorded{}, false, incident.InvalidInput(c.problems)
		}
		facts := []incident.FactInput{{Path: "plan_activated_at", Value: p.At.UTC().Format(time.RFC3339Nano)}, {Path: planEnded}}
		commit := map[string]string{"at": p.At.UTC().Format(time.RFC3339Nano)}
		for _, t := range []struct{ name, text string }{{"name", p.Name}, {"version", p.Version}, {"level", p.Level}, {"by", p.By}} {
			var value any
			if text := strings.TrimSpace(t.text); text != "" {
				value, commit[t.name] = text, text
			}
			facts = append(facts, incident.FactInput{Path: "plan." + t.name, Value: value})
		}
		r, later, err := planned(ctx, tx, id, "plan.activated", commit, incident.Amendment{Source: "person", At: tx.Now(), Reason: reason, Facts: facts})
		if err != nil {
			return r, later, err
		}
		return r, later, endActivation(ctx, tx, id)
	})
}

// endActivation ends the tasks that ask for nothing but the plan's activation, which is recorded now.
func endActivation(ctx context.Context, tx Tx, id incident.ID) error {
	tasks, err := tx.Tasks(ctx, id)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if t.State != TaskOpen || !slices.Equal(t.Asks, []string{"plan_activated_at"}) {
			continue
		}
		now := tx.Now()
		t.State, t.DoneBy, t.DoneAt = TaskDone, tx.Scope().Actor.ID, &now
		if err := tx.UpdateTask(ctx, t); err != nil {
			return err
		}
		note(tx, id, "task.done", map[string]string{"task": t.ID, "run": t.Run, "step": t.Step}, nil)
	}
	return nil
}

// EndPlan records that the plan's response has ended. That it had been started stays a fact.
func (s *Service) EndPlan(ctx context.Context, sc evidence.Scope, id incident.ID, at time.Time, reason string) (Reported, error) {
	if err := mayRecord(sc); err != nil {
		return Reported{}, err
	}
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		_, held, err := incident.Load(ctx, tx, id)
		if err != nil {
			return incident.Recorded{}, false, err
		}
		started := factTime(held.Object(), "plan_activated_at")
		switch {
		case started == nil:
			return incident.Recorded{}, false, incident.NewFault(incident.Conflict, "no plan has been activated")
		case held.Facts[planEnded].Value != nil:
			return incident.Recorded{}, false, incident.NewFault(incident.Conflict, "the plan's response has ended already")
		case at.Before(*started) || at.After(tx.Now()):
			return incident.Recorded{}, false, incident.InvalidInput([]incident.Problem{{Pointer: "/at", Rule: "past", Message: "say when: after it was started, and not in the future"}})
		}
		commit := map[string]string{"at": at.UTC().Format(time.RFC3339Nano), "reason": reason}
		return planned(ctx, tx, id, "plan.ended", commit, incident.Amendment{Source: "person", At: tx.Now(), Reason: reason,
			Facts: []incident.FactInput{{Path: planEnded, Value: commit["at"]}}})
	})
}

// planned makes a plan's facts one revision, with an entry of its own.
func planned(ctx context.Context, tx Tx, id incident.ID, kind string, commit map[string]string, a incident.Amendment) (incident.Recorded, bool, error) {
	r, later, err := amend(ctx, tx, id, a)
	if err == nil && len(r.Changed) > 0 {
		note(tx, id, kind, map[string]string{"revision": revision(r)}, commit)
	}
	return r, later, err
}
