package store

import (
	"context"

	"tocsin/templates"
)

func artefactPlace(kind, hash string) string { return "artefact/" + kind + "/" + hash }

// Freeze keeps an artefact by kind and hash, once.
func (t *Tx) Freeze(ctx context.Context, a templates.Artefact) error {
	key, err := t.operatorKey(ctx)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "freeze artefact", `
		INSERT INTO artefact (operator_id, kind, hash, name, at, body) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		t.op, a.Kind, a.Hash, a.Name, at(&a.At), key.Seal(artefactPlace(a.Kind, a.Hash), a.Body))
	return err
}

// Artefact reads what was frozen.
func (t *Tx) Artefact(ctx context.Context, kind, hash string) (templates.Artefact, error) {
	key, err := t.findKey(ctx, t.op)
	if err != nil {
		return templates.Artefact{}, err
	}
	scan := func(s scanner) (templates.Artefact, error) {
		a := templates.Artefact{Kind: kind, Hash: hash}
		var body []byte
		if err := s.Scan(&a.Name, at(&a.At), &body); err != nil {
			return a, err
		}
		a.Body, err = key.Open(artefactPlace(kind, hash), body)
		return a, err
	}
	a, ok, err := one(ctx, t, "read artefact", scan,
		`SELECT name, at, body FROM artefact WHERE operator_id = $1 AND kind = $2 AND hash = $3`, t.op, kind, hash)
	if err == nil && !ok {
		err = notFound("artefact")
	}
	return a, err
}
