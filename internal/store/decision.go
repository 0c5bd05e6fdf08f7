package store

import (
	"context"

	"tocsin/incident"
	"tocsin/playbooks"
)

// PutDecision writes a decision, new or changed.
func (t *Tx) PutDecision(ctx context.Context, d playbooks.Decision) error {
	body, err := t.sealFor(ctx, d.Incident, "decision", d.ID, d)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "put decision", `
		INSERT INTO decision (operator_id, id, incident_id, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (operator_id, id) DO UPDATE SET body = excluded.body`, t.op, d.ID, string(d.Incident), body)
	return err
}

// Decision reads one.
func (t *Tx) Decision(ctx context.Context, id string) (playbooks.Decision, error) {
	return sealedRow[playbooks.Decision](ctx, t, "decision", id)
}

// Decisions lists an incident's, in order of proposal.
func (t *Tx) Decisions(ctx context.Context, id incident.ID) ([]playbooks.Decision, error) {
	return sealed[playbooks.Decision](ctx, t, "decision", `x.incident_id = $2 ORDER BY x.id`, string(id))
}

// RulesSeen is the rule set that the operator's open incidents were last held against.
func (t *Tx) RulesSeen(ctx context.Context) (string, error) {
	version, _, err := one(ctx, t, "read rules seen", value[string],
		`SELECT version FROM rules_seen WHERE operator_id = $1`, t.op)
	return version, err
}

// SeeRules remembers the rule set that open incidents are held against.
func (t *Tx) SeeRules(ctx context.Context, version string) error {
	_, err := t.exec(ctx, "put rules seen", `
		INSERT INTO rules_seen (operator_id, version) VALUES ($1, $2)
		ON CONFLICT (operator_id) DO UPDATE SET version = excluded.version`, t.op, version)
	return err
}
