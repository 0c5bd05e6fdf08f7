package store

import (
	"context"
	"fmt"
	"slices"

	"tocsin/incident"
	"tocsin/notify"
)

// nextNumber gives out the next of the store's own numbers.
func (t *Tx) nextNumber(ctx context.Context, name string) (int64, error) {
	no, _, err := one(ctx, t, "take number", value[int64],
		`UPDATE number SET last = last + 1 WHERE name = $1 RETURNING last`, name)
	return no, err
}

// owns makes sure that the integer key of an audience or dispatch belongs to this operator.
func (t *Tx) owns(ctx context.Context, table string, no int64) error {
	name := fmt.Sprint(table, no)
	if t.owned[name] {
		return nil
	}
	_, ok, err := one(ctx, t, "read "+table, value[int64],
		`SELECT no FROM `+table+` WHERE no = $1 AND operator_id = $2`, no, t.op)
	if err == nil && !ok {
		err = notFound(table)
	}
	t.owned[name] = err == nil
	return err
}

// InsertAudience adds an audience and gives it its number.
func (t *Tx) InsertAudience(ctx context.Context, a notify.Audience) (int64, error) {
	no, err := t.nextNumber(ctx, "audience")
	if err != nil {
		return 0, err
	}
	a.No = no
	body, err := t.sealFor(ctx, a.Incident, "audience", a.ID, a)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, "insert audience",
		`INSERT INTO audience (operator_id, id, no, incident_id, body) VALUES ($1, $2, $3, $4, $5)`,
		t.op, a.ID, no, string(a.Incident), body)
	return no, err
}

// UpdateAudience writes everything but id and number.
func (t *Tx) UpdateAudience(ctx context.Context, a notify.Audience) error {
	body, err := t.sealFor(ctx, a.Incident, "audience", a.ID, a)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update audience",
		`UPDATE audience SET body = $5 WHERE operator_id = $1 AND id = $2 AND no = $3 AND incident_id = $4`,
		t.op, a.ID, a.No, string(a.Incident), body)
	if err == nil && n == 0 {
		return notFound("audience")
	}
	return err
}

// Audience reads one.
func (t *Tx) Audience(ctx context.Context, id string) (notify.Audience, error) {
	return sealedRow[notify.Audience](ctx, t, "audience", id)
}

// Audiences lists an incident's, newest first.
func (t *Tx) Audiences(ctx context.Context, id incident.ID) ([]notify.Audience, error) {
	return sealed[notify.Audience](ctx, t, "audience", `x.incident_id = $2 ORDER BY x.id DESC`, string(id))
}

// InsertRecipients keeps those whose identity is new in the audience and reports which are not. The kept
// ones are numbered here, densely and in their order, so that sequences have no gaps. Whoever has no
// identity is nobody's duplicate.
func (t *Tx) InsertRecipients(ctx context.Context, a notify.Audience, recipients []notify.SealedRecipient) ([]bool, error) {
	if len(recipients) == 0 {
		return nil, nil
	}
	seq, err := t.lockAudience(ctx, a.No)
	if err != nil {
		return nil, err
	}
	known, err := t.knownIdentities(ctx, a.No, recipients)
	if err != nil {
		return nil, err
	}
	duplicate := make([]bool, len(recipients))
	var rows, indexes []any
	for i, r := range recipients {
		identity := string(r.Identity)
		if duplicate[i] = known[identity]; duplicate[i] {
			continue
		}
		values := map[string]bool{} // blind index → whether it is the identity
		for _, v := range r.Indexes {
			values[string(v)] = false
		}
		if identity != "" {
			known[identity], values[identity] = true, true
		}
		rows = append(rows, a.No, seq, r.Body)
		for v, is := range values {
			indexes = append(indexes, a.No, []byte(v), seq, is)
		}
		seq++
	}
	if err := t.insertMany(ctx, "insert recipients", `INSERT INTO recipient (audience_no, seq, body) VALUES `, 3, rows); err != nil {
		return nil, err
	}
	err = t.insertMany(ctx, "insert recipient indexes",
		`INSERT INTO recipient_index (audience_no, value, seq, identity) VALUES `, 4, indexes)
	return duplicate, err
}

// lockAudience lets one import at a time write into an audience, and gives its next sequence.
func (t *Tx) lockAudience(ctx context.Context, no int64) (next int64, err error) {
	_, ok, err := one(ctx, t, "lock audience", value[int64],
		`SELECT no FROM audience WHERE no = $1 AND operator_id = $2`+t.db.dialect.forUpdate(), no, t.op)
	if err == nil && !ok {
		err = notFound("audience")
	}
	if err != nil {
		return 0, err
	}
	next, _, err = one(ctx, t, "read last recipient", value[int64],
		`SELECT COALESCE(MAX(seq) + 1, 0) FROM recipient WHERE audience_no = $1`, no)
	return next, err
}

func (t *Tx) knownIdentities(ctx context.Context, no int64, recipients []notify.SealedRecipient) (map[string]bool, error) {
	known := map[string]bool{}
	d := t.db.dialect
	for part := range slices.Chunk(recipients, 1000) {
		args := []any{no}
		for _, r := range part {
			if len(r.Identity) > 0 {
				args = append(args, r.Identity)
			}
		}
		if len(args) == 1 {
			continue
		}
		found, err := all(ctx, t, "read identities", value[[]byte],
			`SELECT value FROM recipient_index WHERE audience_no = `+d.marks(1, 1)+` AND identity AND value IN (`+d.marks(2, len(args)-1)+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			known[string(v)] = true
		}
	}
	return known, nil
}

// Recipients reads from ≤ seq < to, without their indexes.
func (t *Tx) Recipients(ctx context.Context, audienceNo, from, to int64) ([]notify.SealedRecipient, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	scan := func(s scanner) (r notify.SealedRecipient, err error) { return r, s.Scan(&r.Seq, &r.Body) }
	return all(ctx, t, "read recipients", scan,
		`SELECT seq, body FROM recipient WHERE audience_no = $1 AND seq >= $2 AND seq < $3 ORDER BY seq`, audienceNo, from, to)
}

// RecipientSeqs finds people by a blind index.
func (t *Tx) RecipientSeqs(ctx context.Context, audienceNo int64, index []byte) ([]int64, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	return all(ctx, t, "find recipients", value[int64],
		`SELECT seq FROM recipient_index WHERE audience_no = $1 AND value = $2 ORDER BY seq`, audienceNo, index)
}

// InsertRejects keeps what an import refused. Several faults of one line come in one call.
func (t *Tx) InsertRejects(ctx context.Context, a notify.Audience, rejects []notify.Reject) error {
	if err := t.owns(ctx, "audience", a.No); err != nil {
		return err
	}
	args := make([]any, 0, 6*len(rejects))
	for i, r := range rejects {
		args = append(args, a.No, r.Line, i, r.Pointer, r.Rule, r.Message)
	}
	return t.insertMany(ctx, "insert rejects",
		`INSERT INTO reject (audience_no, line, no, pointer, rule, message) VALUES `, 6, args)
}

// Rejects pages through them by line.
func (t *Tx) Rejects(ctx context.Context, audienceNo, afterLine int64, limit int) ([]notify.Reject, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	scan := func(s scanner) (r notify.Reject, err error) {
		return r, s.Scan(&r.Line, &r.Pointer, &r.Rule, &r.Message)
	}
	return all(ctx, t, "read rejects", scan, `
		SELECT line, pointer, rule, message FROM reject WHERE audience_no = $1 AND line > $2 ORDER BY line, no LIMIT $3`,
		audienceNo, afterLine, limited(limit, 100, 10000))
}
