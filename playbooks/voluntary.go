package playbooks

import (
	"context"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/playbooks/obligation"
)

// Undertake has the playbook work off a voluntary duty: until a person chooses to, it only reminds.
func (s *Service) Undertake(ctx context.Context, sc evidence.Scope, id string) (Duty, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return Duty{}, err
	}
	if sc.Actor.Kind != evidence.Person {
		return Duty{}, incident.NewFault(incident.Forbidden, "only a person may do this")
	}
	var d Duty
	err := s.store.InTx(ctx, sc, func(tx Tx) (err error) {
		if d, err = tx.Duty(ctx, id); err != nil {
			return err
		}
		if _, err = tx.LockIncident(ctx, d.Incident); err != nil {
			return err
		}
		if d, err = tx.Duty(ctx, id); err != nil {
			return err
		}
		switch {
		case !d.Obligation.Voluntary:
			return incident.NewFault(incident.Conflict, "the duty is not voluntary: it is worked off anyway")
		case d.State == obligation.Lapsed || d.State == obligation.Met:
			return incident.NewFault(incident.Conflict, "the duty is %s", d.State)
		case d.Undertaken:
			return nil
		}
		d.Undertaken = true
		if err := putDuty(ctx, tx, &d, "duty.changed"); err != nil {
			return err
		}
		_, err = s.work(ctx, tx, d.Incident, false, false)
		return err
	})
	return d, err
}
