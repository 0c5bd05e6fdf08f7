package playbooks

import (
	"context"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// Explain says for every duty of an incident, and every near miss, why it is owed or not, how its clock is
// counted and what the law asks for, under the rules that the incident keeps to.
func (s *Service) Explain(ctx context.Context, sc evidence.Scope, id incident.ID, locale string) (out []obligation.Explanation, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		out, err = s.explain(ctx, tx, id, locale)
		return err
	})
	return out, err
}

func (s *Service) explain(ctx context.Context, tx Tx, id incident.ID, locale string) ([]obligation.Explanation, error) {
	_, facts, err := incident.Load(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	profile, _, err := tx.Profile(ctx)
	if incident.IsFault(err, incident.NotFound) {
		profile, err = obligation.Profile{Operator: tx.Scope().Operator}, nil
	}
	if err != nil {
		return nil, err
	}
	engine := s.engine
	if d, err := tx.Derivation(ctx, id); err != nil {
		return nil, err
	} else if d != nil && d.RulesVersion != engine.Version() {
		old, err := s.frozenRules(ctx, tx, d.RulesVersion)
		if err != nil {
			return nil, err
		}
		if old != nil {
			engine = old
		}
	}
	explained, _, problems := engine.Explanations(obligation.Input{AsOf: tx.Now(), Facts: facts.Object(), Profile: profile}, locale)
	if len(problems) > 0 {
		return nil, incident.InvalidInput(problems)
	}
	return explained, nil
}

// Duty reads one duty with its incident.
func (s *Service) Duty(ctx context.Context, sc evidence.Scope, id string) (d Duty, v View, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return d, v, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		d, err = tx.Duty(ctx, id)
		return err
	})
	if err != nil {
		return d, v, err
	}
	v, err = s.Incident(ctx, sc, d.Incident)
	return d, v, err
}

// ExplainDuty explains one duty; nil when the facts as they stand no longer give it.
func (s *Service) ExplainDuty(ctx context.Context, sc evidence.Scope, d Duty, locale string) (*obligation.Explanation, error) {
	all, err := s.Explain(ctx, sc, d.Incident, locale)
	if incident.IsFault(err, incident.Invalid) {
		return nil, nil // contradictory facts derive nothing; the incident's page says which
	}
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(x obligation.Explanation) bool {
		return x.ID == d.Obligation.ID && x.Addressee == d.Obligation.Addressee
	})
	if i < 0 {
		return nil, nil
	}
	return &all[i], nil
}
