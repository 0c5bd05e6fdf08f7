package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"tocsin/incident"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// Profile reads the operator's newest profile.
func (t *Tx) Profile(ctx context.Context) (p obligation.Profile, hash string, err error) {
	key, err := t.findKey(ctx, t.op)
	if err != nil {
		return p, "", err
	}
	scan := func(s scanner) (hash string, err error) {
		var version int64
		var body []byte
		if err := s.Scan(&version, &hash, &body); err != nil {
			return "", err
		}
		return hash, openJSON(key, profilePlace(version), body, &p)
	}
	hash, ok, err := one(ctx, t, "read profile", scan,
		`SELECT version, hash, body FROM profile WHERE operator_id = $1 ORDER BY version DESC LIMIT 1`, t.op)
	if err == nil && !ok {
		err = notFound("profile")
	}
	for k, v := range p.Registrations {
		p.Registrations[k] = plain(v)
	}
	return p, hash, err
}

func profilePlace(version int64) string { return fmt.Sprintf("profile/%d", version) }

// PutProfile stores a new version, unless nothing has changed. The hash is that of its JSON.
func (t *Tx) PutProfile(ctx context.Context, p obligation.Profile) (string, error) {
	p.Operator = t.op
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode profile: %w", err)
	}
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	if _, now, err := t.Profile(ctx); err == nil && now == hash || err != nil && !incident.IsFault(err, incident.NotFound) {
		return hash, err
	}
	key, err := t.operatorKey(ctx)
	if err != nil {
		return "", err
	}
	last, _, err := one(ctx, t, "read last profile", value[int64],
		`SELECT COALESCE(MAX(version), 0) FROM profile WHERE operator_id = $1`, t.op)
	if err != nil {
		return "", err
	}
	_, err = t.exec(ctx, "insert profile",
		`INSERT INTO profile (operator_id, version, hash, at, body) VALUES ($1, $2, $3, $4, $5)`,
		t.op, last+1, hash, at(&t.now), key.Seal(profilePlace(last+1), b))
	return hash, err
}

// PutDerivation keeps an incident's last derivation.
func (t *Tx) PutDerivation(ctx context.Context, d playbooks.Derivation) error {
	body, err := t.sealFor(ctx, d.Incident, "derivation", string(d.Incident), d)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "put derivation", `
		INSERT INTO derivation (operator_id, id, incident_id, body) VALUES ($1, $2, $2, $3)
		ON CONFLICT (operator_id, id) DO UPDATE SET body = excluded.body`, t.op, string(d.Incident), body)
	return err
}

// Derivation reads an incident's last derivation; nil when there was none.
func (t *Tx) Derivation(ctx context.Context, id incident.ID) (*playbooks.Derivation, error) {
	d, err := sealed[playbooks.Derivation](ctx, t, "derivation", `x.id = $2`, string(id))
	if err != nil || len(d) == 0 {
		return nil, err
	}
	return &d[0], nil
}

// PutDuty writes a duty of the register, new or changed.
func (t *Tx) PutDuty(ctx context.Context, d playbooks.Duty) error {
	body, err := t.sealFor(ctx, d.Incident, "duty", d.ID, d)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "put duty", `
		INSERT INTO duty (operator_id, id, incident_id, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (operator_id, id) DO UPDATE SET body = excluded.body`, t.op, d.ID, string(d.Incident), body)
	return err
}

// Duty reads one.
func (t *Tx) Duty(ctx context.Context, id string) (playbooks.Duty, error) {
	return sealedRow[playbooks.Duty](ctx, t, "duty", id)
}

// Duties lists an incident's, in order of appearance.
func (t *Tx) Duties(ctx context.Context, id incident.ID) ([]playbooks.Duty, error) {
	return sealed[playbooks.Duty](ctx, t, "duty", `x.incident_id = $2 ORDER BY x.id`, string(id))
}
