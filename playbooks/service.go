package playbooks

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Service holds the use cases of duties, runs and tasks.
type Service struct {
	store   Store
	engine  *obligation.Engine
	defs    *Definitions
	catalog *templates.Catalog
	held    sync.Map // operator → rule set that its open incidents were held against by this process
	old     sync.Map // version → *obligation.Engine of an earlier program, or nil when it is not readable
}

// New makes the service.
func New(store Store, engine *obligation.Engine, defs *Definitions, catalog *templates.Catalog) *Service {
	return &Service{store: store, engine: engine, defs: defs, catalog: catalog}
}

// Reported is the answer to POST /incidents: what was recorded and what follows from it.
type Reported struct {
	incident.Recorded
	Derivation Derivation
	Duties     []Duty
	Run        *Run // nil: no playbook applies
}

// Report records a native finding and puts its duties and run into the same transaction. Drafts follow.
func (s *Service) Report(ctx context.Context, sc evidence.Scope, f incident.Finding) (Reported, error) {
	if err := access.Require(sc, access.Report); err != nil {
		return Reported{}, err
	}
	f.Operator = sc.Operator
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		r, err := incident.Record(ctx, tx, f)
		return r, false, err
	})
}

// Amend changes facts and derives again in one transaction. A later awareness needs a person and a reason;
// ifMatch 0 skips the check of the revision.
func (s *Service) Amend(ctx context.Context, sc evidence.Scope, id incident.ID, ifMatch int64, a incident.Amendment) (Reported, error) {
	if err := access.Require(sc, access.Report); err != nil {
		return Reported{}, err
	}
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		inc, err := tx.LockIncident(ctx, id)
		if err != nil {
			return incident.Recorded{}, false, err
		}
		if ifMatch != 0 && ifMatch != inc.Revision {
			return incident.Recorded{}, false, incident.NewFault(incident.Stale, "the incident has changed since; read it again")
		}
		return amend(ctx, tx, id, a)
	})
}

// Close ends the handling of an incident (sets closed_at) and reopens nothing. Only a person may.
func (s *Service) Close(ctx context.Context, sc evidence.Scope, id incident.ID, at time.Time, reason string) (Reported, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return Reported{}, err
	}
	if sc.Actor.Kind != evidence.Person {
		return Reported{}, incident.NewFault(incident.Forbidden, "only a person may close an incident")
	}
	return s.change(ctx, sc, func(tx Tx) (incident.Recorded, bool, error) {
		inc, err := tx.LockIncident(ctx, id)
		switch {
		case err != nil:
			return incident.Recorded{}, false, err
		case inc.State == incident.Closed:
			return incident.Recorded{}, false, incident.NewFault(incident.Conflict, "the incident is closed already")
		case at.IsZero() || at.After(tx.Now()):
			return incident.Recorded{}, false, incident.InvalidInput([]incident.Problem{{Pointer: "/closed_at", Rule: "past", Message: "must lie in the past"}})
		}
		r, later, err := amend(ctx, tx, id, incident.Amendment{Source: "person", At: tx.Now(), Reason: reason,
			Facts: []incident.FactInput{{Path: "closed_at", Value: at.UTC().Format(time.RFC3339Nano)}}})
		if err != nil {
			return r, later, err
		}
		if inc, err = tx.Incident(ctx, id); err != nil {
			return r, later, err
		}
		inc.State = incident.Closed
		note(tx, id, "incident.closed", nil, map[string]string{"reason": reason})
		return r, later, tx.UpdateIncident(ctx, inc)
	})
}

// change runs one change of facts with all that follows from it in one transaction. fn also says whether
// later deadlines are accepted.
func (s *Service) change(ctx context.Context, sc evidence.Scope, fn func(Tx) (incident.Recorded, bool, error)) (Reported, error) {
	var out Reported
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		recorded, later, err := fn(tx)
		if err != nil {
			return err
		}
		in, err := s.work(ctx, tx, recorded.ID, later, false)
		if err != nil {
			return err
		}
		if len(in.problems) > 0 {
			return incident.InvalidInput(in.problems)
		}
		out = Reported{Recorded: recorded, Derivation: in.derived, Duties: in.duties}
		runs, err := tx.Runs(ctx, recorded.ID)
		if len(runs) > 0 {
			out.Run = &runs[0]
		}
		return err
	})
	return out, err
}

// amend adds facts by hand. later is true when a person gives a reason for moving an anchor.
func amend(ctx context.Context, tx Tx, id incident.ID, a incident.Amendment) (r incident.Recorded, later bool, err error) {
	_, held, err := incident.Load(ctx, tx, id)
	if err != nil {
		return r, false, err
	}
	byPerson := tx.Scope().Actor.Kind == evidence.Person
	reasoned := byPerson && strings.TrimSpace(a.Reason) != ""
	for _, f := range a.Facts {
		later = later || reasoned && isAnchor(f.Path)
		if f.Path == "aware_at" && !reasoned && postpones(held, f) {
			return r, false, incident.InvalidInput([]incident.Problem{{Pointer: "/reason", Rule: "required",
				Message: "a later awareness moves legal deadlines: a person must say why"}})
		}
	}
	r, err = incident.Amend(ctx, tx, id, a)
	return r, later, err
}

// isAnchor reports that clocks start from a fact.
func isAnchor(path string) bool {
	return slices.Contains([]string{"aware_at", "first_signal_at", "occurred_at", "closed_at", "plan_activated_at"}, path) ||
		strings.HasPrefix(path, "anchors.")
}

// postpones reports that a fact moves a known instant to a later one, or makes it unknown.
func postpones(held incident.Snapshot, f incident.FactInput) bool {
	old := factTime(map[string]any{"at": held.Facts[f.Path].Value}, "at")
	derived := factTime(map[string]any{"at": f.Value}, "at")
	return old != nil && (derived == nil || derived.After(*old))
}
