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
		var measured float64
		if err = s.Scan(&body, &measured); err != nil {
			return p, err
		}
		err = json.Unmarshal(body, &p)
		p.Rate = measured
		return p, err
	}
	return all(ctx, t, "read providers", scan, `SELECT body, measured FROM provider WHERE operator_id = $1 ORDER BY id`, t.op)
}

// PutProviderState writes what was decided about one. What is measured stays as it is.
func (t *Tx) PutProviderState(ctx context.Context, p notify.ProviderState) error {
	p.Rate = 0
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("put provider: %w", err)
	}
	_, err = t.exec(ctx, "put provider", `
		INSERT INTO provider (operator_id, id, body) VALUES ($1, $2, $3)
		ON CONFLICT (operator_id, id) DO UPDATE SET body = excluded.body`, t.op, p.ID, string(body))
	return err
}

// PutProviderRate writes what was measured of one. What was decided stays as it is, whoever decides meanwhile.
func (t *Tx) PutProviderRate(ctx context.Context, id, channel string, rate float64) error {
	body, err := json.Marshal(notify.ProviderState{ID: id, Channel: channel})
	if err != nil {
		return fmt.Errorf("put provider's rate: %w", err)
	}
	_, err = t.exec(ctx, "put provider's rate", `
		INSERT INTO provider (operator_id, id, body, measured) VALUES ($1, $2, $3, $4)
		ON CONFLICT (operator_id, id) DO UPDATE SET measured = excluded.measured`, t.op, id, string(body), rate)
	return err
}
