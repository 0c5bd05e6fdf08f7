package store

import (
	"context"
	"encoding/json"
	"fmt"

	"tocsin/notify"
)

// ProviderStates lists what is known of the operator's providers.
func (t *Tx) ProviderStates(ctx context.Context) ([]notify.ProviderState, error) {
	scan := func(s scanner) (p notify.ProviderState, err error) {
		var body []byte
		if err = s.Scan(&body); err != nil {
			return p, err
		}
		return p, json.Unmarshal(body, &p)
	}
	return all(ctx, t, "read providers", scan, `SELECT body FROM provider WHERE operator_id = $1 ORDER BY id`, t.op)
}

// PutProviderState writes what is known of one.
func (t *Tx) PutProviderState(ctx context.Context, p notify.ProviderState) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("put provider: %w", err)
	}
	_, err = t.exec(ctx, "put provider", `
		INSERT INTO provider (operator_id, id, body) VALUES ($1, $2, $3)
		ON CONFLICT (operator_id, id) DO UPDATE SET body = excluded.body`, t.op, p.ID, string(body))
	return err
}
