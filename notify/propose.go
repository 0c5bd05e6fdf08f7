package notify

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/templates"
)

// Propose makes a step's document, once per (run, step, item). When facts have moved on it redrafts a
// document that no person has touched, and marks one that people have touched stale if it prints what
// changed. The policy is always replaced. It emits "document.drafted" or "document.stale".
func Propose(ctx context.Context, tx Tx, n NewDocument) (Document, error) {
	if _, err := tx.LockIncident(ctx, n.Incident); err != nil {
		return Document{}, err
	}
	if n.Run == "" { // made by hand: there is no step to make it twice for
		return draft(ctx, tx, n)
	}
	have, err := tx.DocumentAt(ctx, n.Run, n.Step, n.Item)
	switch {
	case err != nil:
		return Document{}, fmt.Errorf("find document: %w", err)
	case have == nil:
		return draft(ctx, tx, n)
	case have.State == DocWithdrawn:
		return *have, nil
	case have.State == DocDraft && len(have.Editors) == 0:
		return redraft(ctx, tx, *have, n)
	}
	return revisit(ctx, tx, *have, n)
}

func draft(ctx context.Context, tx Tx, n NewDocument) (Document, error) {
	prefix := "ntc"
	if n.Kind == templates.Report {
		prefix = "rpt"
	}
	d := Document{ID: evidence.NewID(prefix), Version: 1, State: DocDraft, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
	d.fill(n)
	if err := tx.InsertDocument(ctx, d); err != nil {
		return Document{}, fmt.Errorf("insert document: %w", err)
	}
	enter(tx, "document.drafted", d, nil, nil)
	return d, nil
}

// fill takes over everything that is proposed.
func (d *Document) fill(n NewDocument) {
	d.Kind, d.Incident, d.Run, d.Step, d.Item = n.Kind, n.Incident, n.Run, n.Step, n.Item
	d.Title, d.Addressee, d.Duties, d.Channels = n.Title, n.Addressee, n.Duties, n.Channels
	d.Content, d.Org, d.FactRevision, d.Policy = n.Content, n.Org, n.FactRevision, n.Policy
	if d.Kind == templates.Notice {
		d.Course = suggestCourse(n.Channels, n.Policy)
	}
}

// redraft replaces what no person has touched. A proposal of what is there already changes nothing, and
// one made from older facts comes too late.
func redraft(ctx context.Context, tx Tx, d Document, n NewDocument) (Document, error) {
	if n.FactRevision < d.FactRevision {
		return d, nil
	}
	next := d
	next.fill(n)
	if next.FactRevision = d.FactRevision; same(d, next) {
		return d, nil
	}
	next.FactRevision, next.Stale = n.FactRevision, nil
	if err := next.take(stepRedraft); err != nil {
		return Document{}, err
	}
	if err := save(ctx, tx, &next); err != nil {
		return Document{}, err
	}
	enter(tx, "document.drafted", next, nil, nil)
	return next, nil
}

// revisit brings policy and staleness of a document up to date without touching its words. While it can still
// be edited, a passage comes in for what has come to be required since.
func revisit(ctx context.Context, tx Tx, d Document, n NewDocument) (Document, error) {
	_, facts, err := incident.Load(ctx, tx, d.Incident)
	if err != nil {
		return Document{}, fmt.Errorf("load incident: %w", err)
	}
	next := d
	if !d.frozen() {
		next.Content = templates.Widen(d.Content, n.Content)
	}
	next.Policy, next.Duties, next.Stale = n.Policy, n.Duties, templates.StaleFacts(next.Content, facts)
	if same(d, next) {
		return d, nil
	}
	approvals, err := tx.Approvals(ctx, d.ID)
	if err != nil {
		return Document{}, fmt.Errorf("read approvals: %w", err)
	}
	moved := settle(&next, approvals)
	if err := save(ctx, tx, &next); err != nil {
		return Document{}, err
	}
	if moved {
		kind := "document.approved"
		if next.State == DocSubmitted {
			kind = "document.submitted"
		}
		enter(tx, kind, next, map[string]string{"digest": next.Digest.All}, nil)
	}
	if len(next.Stale) > 0 && !slices.Equal(d.Stale, next.Stale) {
		enter(tx, "document.stale", next, nil, nil)
	}
	return next, nil
}

// same compares as the store would keep them: an empty list and none are alike, and so are the zones of
// one instant.
func same(a, b Document) bool { return bytes.Equal(kept(a), kept(b)) }

func kept(d Document) []byte {
	for _, list := range []*[]string{&d.Duties, &d.Channels, &d.Stale, &d.Policy.Teams, &d.Policy.Proof} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(d.Policy.Requirements) == 0 {
		d.Policy.Requirements = nil
	}
	if len(d.Policy.Standing) == 0 {
		d.Policy.Standing = nil
	}
	if d.Policy.Deadline != nil {
		at := d.Policy.Deadline.UTC().Truncate(time.Microsecond)
		d.Policy.Deadline = &at
	}
	return mustJSON(d)
}
