package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// change is one use case at work on one document.
type change struct {
	tx    Tx
	doc   Document
	inc   incident.Incident
	facts incident.Snapshot
}

// alter runs fn on a document in one transaction and answers with the view of what became of it. The
// incident is locked first, so that the steps of two people come one after the other.
func (s *Service) alter(ctx context.Context, sc evidence.Scope, id string, p access.Permission, fn func(*change) error) (DocumentView, error) {
	if err := access.Require(sc, p); err != nil {
		return DocumentView{}, err
	}
	var v DocumentView
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		c, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := fn(c); err != nil {
			return err
		}
		v, err = s.view(ctx, tx, c.doc, c.facts)
		return err
	})
	return v, err
}

func lock(ctx context.Context, tx Tx, id string) (*change, error) {
	d, err := tx.Document(ctx, id)
	if err != nil {
		return nil, err
	}
	if _, err := tx.LockIncident(ctx, d.Incident); err != nil {
		return nil, err
	}
	c := &change{tx: tx}
	if c.doc, err = tx.Document(ctx, id); err != nil { // as it is now that we hold the lock
		return nil, err
	}
	if c.inc, c.facts, err = incident.Load(ctx, tx, d.Incident); err != nil {
		return nil, fmt.Errorf("load incident: %w", err)
	}
	return c, nil
}

// match holds If-Match.
func (c *change) match(version int) error {
	if c.doc.Version != version {
		return incident.NewFault(incident.Stale, "the document has changed since you read it; read it again")
	}
	return nil
}

// save stores the document as its next version.
func save(ctx context.Context, tx Tx, d *Document) error {
	d.Version++
	d.UpdatedAt = tx.Now()
	return tx.UpdateDocument(ctx, *d)
}

// enter puts what happened to a document into the ledger and, with the same refs, into the outbox.
func enter(tx Tx, kind string, d Document, refs, commit map[string]string) {
	all := map[string]string{
		"document": d.ID, "state": string(d.State), "revision": strconv.Itoa(d.Version),
	}
	if d.Run != "" {
		all["run"], all["step"] = d.Run, d.Step
	}
	maps.Copy(all, refs)
	tx.AppendLedger(evidence.Draft{Chain: string(d.Incident), Kind: kind, Refs: all, Commit: commit})
	tx.Emit(incident.Event{Kind: kind, Incident: d.Incident, Refs: maps.Clone(all)})
}

// openItems lists the items marked not yet known in any locale: each is a duty to follow up. An item is named by
// its requirements, or by its block where none asks for it.
func (d Document) openItems() string {
	var items []string
	for _, passages := range d.Content.Locales {
		for _, p := range passages {
			if p.Open {
				items = append(items, d.itemsOf(p.Block)...)
			}
		}
	}
	slices.Sort(items)
	return strings.Join(slices.Compact(items), ",")
}

func (d Document) itemsOf(block string) []string {
	var ids []string
	for _, r := range d.Policy.Requirements {
		if r.Block == block {
			ids = append(ids, r.ID)
		}
	}
	if ids == nil {
		return []string{block}
	}
	return ids
}

// byPerson refuses tools and the system, whatever their roles.
func byPerson(s evidence.Scope) error {
	if actorPerson(s) {
		return nil
	}
	return incident.NewFault(incident.Forbidden, "only a person may do this")
}

// because checks the reason a decision must carry.
func because(reason string) error {
	if problem := plain("/reason", reason, maxReason); problem != nil {
		return incident.InvalidInput([]incident.Problem{*problem})
	}
	if strings.TrimSpace(reason) == "" {
		return incident.InvalidInput([]incident.Problem{{Pointer: "/reason", Rule: "required", Message: "say why"}})
	}
	return nil
}
