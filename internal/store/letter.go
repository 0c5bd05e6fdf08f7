package store

import (
	"context"

	"tocsin/incident"
	"tocsin/playbooks"
)

// PutLetter writes an authority's letter, new or changed.
func (t *Tx) PutLetter(ctx context.Context, l playbooks.Letter) error {
	body, err := t.sealFor(ctx, l.Incident, "letter", l.ID, l)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "put letter", `
		INSERT INTO letter (operator_id, id, incident_id, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (operator_id, id) DO UPDATE SET body = excluded.body`, t.op, l.ID, string(l.Incident), body)
	return err
}

// Letter reads one.
func (t *Tx) Letter(ctx context.Context, id string) (playbooks.Letter, error) {
	return sealedRow[playbooks.Letter](ctx, t, "letter", id)
}

// Letters lists an incident's, in order of recording.
func (t *Tx) Letters(ctx context.Context, id incident.ID) ([]playbooks.Letter, error) {
	return sealed[playbooks.Letter](ctx, t, "letter", `x.incident_id = $2 ORDER BY x.id`, string(id))
}
