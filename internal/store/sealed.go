package store

import (
	"context"

	"tocsin/incident"
)

// Most aggregates of an incident are rows of the same kind: operator, id, incident, the few columns they
// are found by, and a body sealed under the incident's key. The place it is sealed for is table/id.

// sealFor seals v as the body of table's row id.
func (t *Tx) sealFor(ctx context.Context, owner incident.ID, table, id string, v any) ([]byte, error) {
	key, err := t.Key(ctx, owner)
	if err != nil {
		return nil, err
	}
	return sealJSON(key, table+"/"+id, v)
}

// sealed reads rows of table, each with its incident's wrapped key, so that a list over many incidents is
// one query. The condition's parameters start at $2; the table's alias is x.
func sealed[T any](ctx context.Context, t *Tx, table, where string, args ...any) ([]T, error) {
	scan := func(s scanner) (v T, err error) {
		var owner, id string
		var body, wrapped []byte
		if err := s.Scan(&owner, &id, &body, &wrapped); err != nil {
			return v, err
		}
		key, err := t.openKey(owner, wrapped)
		if err != nil {
			return v, err
		}
		return v, openJSON(key, table+"/"+id, body, &v)
	}
	return all(ctx, t, "read "+table, scan, `
		SELECT x.incident_id, x.id, x.body, k.wrapped
		FROM `+table+` x JOIN data_key k ON k.operator_id = x.operator_id AND k.owner = x.incident_id
		WHERE x.operator_id = $1 AND `+where, append([]any{t.op}, args...)...)
}

// sealedRow reads the one row with the id.
func sealedRow[T any](ctx context.Context, t *Tx, table, id string) (v T, err error) {
	rows, err := sealed[T](ctx, t, table, `x.id = $2`, id)
	if err != nil {
		return v, err
	}
	if len(rows) == 0 {
		return v, notFound(table)
	}
	return rows[0], nil
}

// owner is the incident that a row of table belongs to.
func (t *Tx) owner(ctx context.Context, table, id string) (incident.ID, error) {
	owner, ok, err := one(ctx, t, "read "+table, value[incident.ID],
		`SELECT incident_id FROM `+table+` WHERE operator_id = $1 AND id = $2`, t.op, id)
	if err == nil && !ok {
		err = notFound(table)
	}
	return owner, err
}
