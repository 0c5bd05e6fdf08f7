package store

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/notify"
)

// listed is the state in which the queue lists a document: what was filed ahead waits for approval like what
// is submitted.
func listed(d notify.Document) string {
	if d.State == notify.DocFiled && d.Ahead != "" {
		return string(notify.DocSubmitted)
	}
	return string(d.State)
}

// InsertDocument adds a notice or report; a Fault Conflict when its step has one already.
func (t *Tx) InsertDocument(ctx context.Context, d notify.Document) error {
	body, err := t.sealFor(ctx, d.Incident, "document", d.ID, d)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert document", `
		INSERT INTO document (operator_id, id, incident_id, run_id, step, item, state, version, due_at, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		t.op, d.ID, string(d.Incident), d.Run, d.Step, d.Item, listed(d), d.Version, dueOrder(d.Policy.Deadline), body)
	return err
}

// UpdateDocument writes the row whose version is d.Version-1; a Fault Stale when it is another by now.
func (t *Tx) UpdateDocument(ctx context.Context, d notify.Document) error {
	body, err := t.sealFor(ctx, d.Incident, "document", d.ID, d)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update document", `
		UPDATE document SET state = $4, version = $5, due_at = $6, body = $7
		WHERE operator_id = $1 AND id = $2 AND incident_id = $3 AND version = $5 - 1`,
		t.op, d.ID, string(d.Incident), listed(d), d.Version, dueOrder(d.Policy.Deadline), body)
	if err != nil || n == 1 {
		return err
	}
	if _, err := t.owner(ctx, "document", d.ID); err != nil {
		return err
	}
	return incident.NewFault(incident.Stale, "the document has changed since it was read; read it again")
}

// Document reads one.
func (t *Tx) Document(ctx context.Context, id string) (notify.Document, error) {
	return sealedRow[notify.Document](ctx, t, "document", id)
}

// DocumentAt reads the document of a step; nil when there is none.
func (t *Tx) DocumentAt(ctx context.Context, run, step, item string) (*notify.Document, error) {
	d, err := sealed[notify.Document](ctx, t, "document",
		`x.run_id = $2 AND x.run_id <> '' AND x.step = $3 AND x.item = $4`, run, step, item)
	if err != nil || len(d) == 0 {
		return nil, err
	}
	return &d[0], nil
}

// Documents lists an incident's, in order of creation.
func (t *Tx) Documents(ctx context.Context, id incident.ID) ([]notify.Document, error) {
	return sealed[notify.Document](ctx, t, "document", `x.incident_id = $2 ORDER BY x.id`, string(id))
}

// Queue lists documents of a state over all incidents, the nearest deadline first.
func (t *Tx) Queue(ctx context.Context, state notify.DocumentState, p incident.Page) ([]notify.Document, error) {
	return sealed[notify.Document](ctx, t, "document", `x.state = $2
		AND ($3 = '' OR (x.due_at, x.id) > ((SELECT due_at FROM document WHERE operator_id = $1 AND id = $3), $3))
		ORDER BY x.due_at, x.id LIMIT $4`, string(state), p.After, limited(p.Limit, 50, 500))
}

// InsertApproval adds a person's yes.
func (t *Tx) InsertApproval(ctx context.Context, a notify.Approval) error {
	owner, err := t.owner(ctx, "document", a.Document)
	if err != nil {
		return err
	}
	body, err := t.sealFor(ctx, owner, "approval", a.ID, a.Note)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert approval", `
		INSERT INTO approval (operator_id, id, document_id, version, user_id, digest, at, voided_at, voided_by, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		t.op, a.ID, a.Document, a.Version, a.User, a.Digest, at(&a.At), maybe(&a.VoidedAt), a.VoidedBy, body)
	return err
}

// Approvals lists a document's, voided ones included, in order.
func (t *Tx) Approvals(ctx context.Context, document string) ([]notify.Approval, error) {
	owner, err := t.owner(ctx, "document", document)
	if err != nil {
		return nil, err
	}
	key, err := t.Key(ctx, owner)
	if err != nil {
		return nil, err
	}
	scan := func(s scanner) (notify.Approval, error) {
		a := notify.Approval{Document: document}
		var body []byte
		err := s.Scan(&a.ID, &a.Version, &a.User, &a.Digest, at(&a.At), maybe(&a.VoidedAt), &a.VoidedBy, &body)
		if err != nil {
			return a, err
		}
		return a, openJSON(key, "approval/"+a.ID, body, &a.Note)
	}
	return all(ctx, t, "read approvals", scan, `
		SELECT id, version, user_id, digest, at, voided_at, voided_by, body FROM approval
		WHERE operator_id = $1 AND document_id = $2 ORDER BY id`, t.op, document)
}

// VoidApprovals ends a document's living approvals and says how many there were.
func (t *Tx) VoidApprovals(ctx context.Context, document string, when time.Time, by string) (int, error) {
	n, err := t.exec(ctx, "void approvals", `
		UPDATE approval SET voided_at = $3, voided_by = $4 WHERE operator_id = $1 AND document_id = $2 AND voided_at IS NULL`,
		t.op, document, at(&when), by)
	return int(n), err
}

// InsertMessages keeps compiled messages as they go to approval.
func (t *Tx) InsertMessages(ctx context.Context, messages []notify.FrozenMessage) error {
	for _, m := range messages {
		owner, err := t.owner(ctx, "document", m.Document)
		if err != nil {
			return err
		}
		body, err := t.sealFor(ctx, owner, "frozen_message", m.Document, m.Message)
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "insert message", `
			INSERT INTO frozen_message (operator_id, document_id, version, channel, locale, hash, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7)`, t.op, m.Document, m.Version, m.Channel, m.Locale, m.Hash, body)
		if err != nil {
			return err
		}
	}
	return nil
}

// Messages reads a version's messages in order of channel and locale.
func (t *Tx) Messages(ctx context.Context, document string, version int) ([]notify.FrozenMessage, error) {
	owner, err := t.owner(ctx, "document", document)
	if err != nil {
		return nil, err
	}
	key, err := t.Key(ctx, owner)
	if err != nil {
		return nil, err
	}
	scan := func(s scanner) (notify.FrozenMessage, error) {
		m := notify.FrozenMessage{Document: document, Version: version}
		var body []byte
		if err := s.Scan(&m.Hash, &body); err != nil {
			return m, err
		}
		return m, openJSON(key, "frozen_message/"+document, body, &m.Message)
	}
	return all(ctx, t, "read messages", scan, `
		SELECT hash, body FROM frozen_message
		WHERE operator_id = $1 AND document_id = $2 AND version = $3 ORDER BY channel, locale`, t.op, document, version)
}

// InsertFiling records that a report was filed.
func (t *Tx) InsertFiling(ctx context.Context, f notify.Filing) error {
	owner, err := t.owner(ctx, "document", f.Report)
	if err != nil {
		return err
	}
	body, err := t.sealFor(ctx, owner, "filing", f.ID, f)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "insert filing",
		`INSERT INTO filing (operator_id, id, incident_id, report_id, body) VALUES ($1, $2, $3, $4, $5)`,
		t.op, f.ID, string(owner), f.Report, body)
	return err
}

// Filings lists a report's, in order.
func (t *Tx) Filings(ctx context.Context, report string) ([]notify.Filing, error) {
	return sealed[notify.Filing](ctx, t, "filing", `x.report_id = $2 ORDER BY x.id`, report)
}

// PutAnnouncement publishes a notice's page, or its new version.
func (t *Tx) PutAnnouncement(ctx context.Context, a notify.Announcement) error {
	body, err := t.sealFor(ctx, a.Incident, "announcement", a.Notice, a)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "put announcement", `
		INSERT INTO announcement (operator_id, id, incident_id, live_at, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (operator_id, id) DO UPDATE SET live_at = excluded.live_at, body = excluded.body`,
		t.op, a.Notice, string(a.Incident), at(&a.LiveAt), body)
	return err
}

// Announcements lists the live ones, newest first.
func (t *Tx) Announcements(ctx context.Context) ([]notify.Announcement, error) {
	return sealed[notify.Announcement](ctx, t, "announcement", `x.live_at <= $2 ORDER BY x.live_at DESC, x.id DESC`, at(&t.now))
}
