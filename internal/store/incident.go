package store

import (
	"context"

	"tocsin/incident"
)

// incidentBody is what of an incident may be personal.
type incidentBody struct {
	Title   string          `json:"title"`
	Summary string          `json:"summary,omitempty"`
	Source  incident.Source `json:"source"`
	Tags    []string        `json:"tags,omitempty"`
}

func bodyOf(i incident.Incident) incidentBody {
	return incidentBody{Title: i.Title, Summary: i.Summary, Source: i.Source, Tags: i.Tags}
}

func incidentPlace(id incident.ID) string { return "incident/" + string(id) }

// ClaimIdentity binds identity to id, or returns the incident that has it already.
func (t *Tx) ClaimIdentity(ctx context.Context, identity string, id incident.ID) (incident.ID, error) {
	key, err := t.operatorKey(ctx)
	if err != nil {
		return "", err
	}
	index := key.Index("identity", identity)
	n, err := t.exec(ctx, "claim identity",
		`INSERT INTO identity (operator_id, identity, incident_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		t.op, index, string(id))
	if err != nil || n == 1 {
		return id, err
	}
	holder, _, err := one(ctx, t, "read identity", value[incident.ID],
		`SELECT incident_id FROM identity WHERE operator_id = $1 AND identity = $2`, t.op, index)
	return holder, err
}

// InsertIncident writes the record, its data key and the head of its ledger chain.
func (t *Tx) InsertIncident(ctx context.Context, i incident.Incident) error {
	key, err := t.makeKey(ctx, string(i.ID))
	if err != nil {
		return err
	}
	if key == nil {
		return errConflict
	}
	body, err := sealJSON(key, incidentPlace(i.ID), bodyOf(i))
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert incident", `
		INSERT INTO incident (operator_id, id, mode, state, severity, revision, grade, next_at, next_rule, created_at, updated_at, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		t.op, string(i.ID), string(i.Mode), string(i.State), i.Severity, i.Revision, i.Grade, maybe(&i.NextAt), i.NextRule,
		at(&i.CreatedAt), at(&i.UpdatedAt), body)
	if err != nil {
		return err
	}
	return t.startChain(ctx, string(i.ID))
}

// UpdateIncident writes everything but what never changes: operator, id, mode, time of creation.
func (t *Tx) UpdateIncident(ctx context.Context, i incident.Incident) error {
	key, err := t.Key(ctx, i.ID)
	if err != nil {
		return err
	}
	body, err := sealJSON(key, incidentPlace(i.ID), bodyOf(i))
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update incident", `
		UPDATE incident SET state = $3, severity = $4, revision = $5, grade = $6, next_at = $7, next_rule = $8, updated_at = $9, body = $10
		WHERE operator_id = $1 AND id = $2`,
		t.op, string(i.ID), string(i.State), i.Severity, i.Revision, i.Grade, maybe(&i.NextAt), i.NextRule, at(&i.UpdatedAt), body)
	if err == nil && n == 0 {
		return notFound("incident")
	}
	return err
}

const selectIncident = `
	SELECT i.id, i.mode, i.state, i.severity, i.revision, i.grade, i.next_at, i.next_rule, i.created_at, i.updated_at, i.body, k.wrapped
	FROM incident i JOIN data_key k ON k.operator_id = i.operator_id AND k.owner = i.id
	WHERE i.operator_id = $1 `

func (t *Tx) scanIncident(s scanner) (i incident.Incident, err error) {
	var body, wrapped []byte
	i.Operator = t.op
	err = s.Scan(&i.ID, &i.Mode, &i.State, &i.Severity, &i.Revision, &i.Grade, maybe(&i.NextAt), &i.NextRule,
		at(&i.CreatedAt), at(&i.UpdatedAt), &body, &wrapped)
	if err != nil {
		return i, err
	}
	key, err := t.openKey(string(i.ID), wrapped)
	if err != nil {
		return i, err
	}
	var b incidentBody
	err = openJSON(key, incidentPlace(i.ID), body, &b)
	i.Title, i.Summary, i.Source, i.Tags = b.Title, b.Summary, b.Source, b.Tags
	return i, err
}

// Incident reads one.
func (t *Tx) Incident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	return t.incident(ctx, id, "")
}

// LockIncident reads one and holds it until the end of the transaction.
func (t *Tx) LockIncident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	lock := t.db.dialect.forUpdate()
	if lock != "" {
		lock += " OF i"
	}
	return t.incident(ctx, id, lock)
}

func (t *Tx) incident(ctx context.Context, id incident.ID, lock string) (incident.Incident, error) {
	i, ok, err := one(ctx, t, "read incident", t.scanIncident, selectIncident+`AND i.id = $2`+lock, t.op, string(id))
	if err == nil && !ok {
		err = notFound("incident")
	}
	return i, err
}

// Incidents pages through all, newest first: ids sort by time.
func (t *Tx) Incidents(ctx context.Context, p incident.Page) ([]incident.Incident, error) {
	return all(ctx, t, "list incidents", t.scanIncident,
		selectIncident+`AND ($2 = '' OR i.id < $2) ORDER BY i.id DESC LIMIT $3`, t.op, p.After, limited(p.Limit, 50, 500))
}

// InsertFacts appends facts in their order.
func (t *Tx) InsertFacts(ctx context.Context, id incident.ID, facts []incident.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	key, err := t.Key(ctx, id)
	if err != nil {
		return err
	}
	last, _, err := one(ctx, t, "read last fact", value[int64],
		`SELECT COALESCE(MAX(no), 0) FROM fact WHERE operator_id = $1 AND incident_id = $2`, t.op, string(id))
	if err != nil {
		return err
	}
	args := make([]any, 0, 4*len(facts))
	for n, f := range facts {
		body, err := sealJSON(key, "fact/"+string(id), f)
		if err != nil {
			return err
		}
		args = append(args, t.op, string(id), last+int64(n)+1, body)
	}
	return t.insertMany(ctx, "insert facts", `INSERT INTO fact (operator_id, incident_id, no, body) VALUES `, 4, args)
}

// Facts reads all of them in the order in which they were recorded.
func (t *Tx) Facts(ctx context.Context, id incident.ID) ([]incident.Fact, error) {
	key, err := t.Key(ctx, id)
	if err != nil {
		return nil, err
	}
	scan := func(s scanner) (f incident.Fact, err error) {
		body, err := value[[]byte](s)
		if err != nil {
			return f, err
		}
		err = openJSON(key, "fact/"+string(id), body, &f)
		f.Value = plain(f.Value)
		return f, err
	}
	return all(ctx, t, "read facts", scan,
		`SELECT body FROM fact WHERE operator_id = $1 AND incident_id = $2 ORDER BY no`, t.op, string(id))
}

// keptAnswerBody is the answer as sealed under the operator's key.
type keptAnswerBody struct {
	BodyHash string `json:"body_hash"`
	Status   int    `json:"status"`
	Body     []byte `json:"body"`
}

const keptPlace = "kept_answer"

// KeptAnswer is the stored first answer to an Idempotency-Key; nil when there is none.
func (t *Tx) KeptAnswer(ctx context.Context, route, name string) (*incident.KeptAnswer, error) {
	key, err := t.findKey(ctx, t.op)
	if err != nil || key == nil {
		return nil, err
	}
	scan := func(s scanner) (*incident.KeptAnswer, error) {
		a := &incident.KeptAnswer{Route: route, Key: name}
		var body []byte
		if err := s.Scan(at(&a.At), &body); err != nil {
			return nil, err
		}
		var b keptAnswerBody
		err := openJSON(key, keptPlace, body, &b)
		a.BodyHash, a.Status, a.Body = b.BodyHash, b.Status, b.Body
		return a, err
	}
	a, _, err := one(ctx, t, "read kept answer", scan,
		`SELECT at, body FROM kept_answer WHERE operator_id = $1 AND key = $2`, t.op, key.Index(keptPlace, route+"\x00"+name))
	return a, err
}

// KeepAnswer stores the first answer to a key.
func (t *Tx) KeepAnswer(ctx context.Context, a incident.KeptAnswer) error {
	key, err := t.operatorKey(ctx)
	if err != nil {
		return err
	}
	body, err := sealJSON(key, keptPlace, keptAnswerBody{BodyHash: a.BodyHash, Status: a.Status, Body: a.Body})
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "keep answer",
		`INSERT INTO kept_answer (operator_id, key, at, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		t.op, key.Index(keptPlace, a.Route+"\x00"+a.Key), at(&a.At), body)
	if err == nil && n == 0 {
		return incident.NewFault(incident.Conflict, "this Idempotency-Key is being answered already; ask again")
	}
	return err
}
