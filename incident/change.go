package incident

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tocsin/incident/evidence"
)

// change is one step in an incident's facts: what is held, and what is said now.
type change struct {
	inc         Incident
	held, added []Fact
	created     bool
	kind        string // of ledger entry and event
	reason      string
	original    *Original
}

// commit writes the step. The revision counts only when a winner changes; a newer statement of what is
// held already is kept, at the revision it affirms, so that what arrives late finds its place.
func (c change) commit(ctx context.Context, tx Tx) (Recorded, error) {
	added := c.news()
	if len(added) == 0 && !c.created {
		return Recorded{ID: c.inc.ID, Revision: c.inc.Revision}, nil
	}
	before := Resolve(c.held)
	next := c.inc.Revision + 1
	for i, f := range added {
		added[i].Revision = next
		if w, ok := before.Facts[f.Path]; ok && unchanged(w, f) && f.Path != reasonPath {
			added[i].Revision = w.Revision
		}
	}
	after := Resolve(slices.Concat(c.held, added))
	changed := changes(before, after)
	if len(changed) == 0 && !c.created {
		for i := range added {
			added[i].Revision = min(added[i].Revision, c.inc.Revision)
		}
		if err := tx.InsertFacts(ctx, c.inc.ID, added); err != nil {
			return Recorded{}, fmt.Errorf("insert facts: %w", err)
		}
		return Recorded{ID: c.inc.ID, Revision: c.inc.Revision}, nil
	}
	c.inc.Revision = next
	c.inc.UpdatedAt = tx.Now()
	c.inc.show(after)
	if err := c.write(ctx, tx, added); err != nil {
		return Recorded{}, err
	}
	c.announce(tx, after, changed)
	return Recorded{ID: c.inc.ID, Created: c.created, Revision: next, Changed: changed}, nil
}

// news are the statements that were not made before: not at the same time, nor, where order is by
// arrival, as the last word of the same source.
func (c change) news() []Fact {
	var out []Fact
	for _, f := range c.added {
		var last *Fact
		repeat, heard := false, false
		for i, h := range c.held {
			heard = heard || h.Path == f.Path
			if h.Path != f.Path || h.Source != f.Source || h.Source == SourcePerson && h.Actor != f.Actor {
				continue
			}
			repeat = repeat || h.At.Equal(f.At) && sameStatement(h, f)
			if last == nil || order(*last, h) < 0 {
				last = &c.held[i]
			}
		}
		byArrival := f.At.Equal(f.RecordedAt)
		nothingNew := repeat || byArrival && last != nil && sameStatement(*last, f) || byArrival && !heard && !known(f)
		if !nothingNew || f.Path == reasonPath {
			out = append(out, f)
		}
	}
	return out
}

func sameStatement(a, b Fact) bool { return sameValue(a.Value, b.Value) && a.Certainty == b.Certainty }

// unchanged tells whether a new statement leaves the winner as it is, for whoever reads the value.
// A person's word on what only a tool said counts as a change: somebody vouches for it now.
func unchanged(w, f Fact) bool {
	return sameStatement(w, f) && (rank(w) == rank(f) || rank(f) < rank(w))
}

// changes lists the paths whose winner says something else, or has become a person's.
func changes(before, after Snapshot) []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(after.Facts)) {
		a, held := before.Facts[path]
		b := after.Facts[path]
		switch {
		case path == reasonPath, !held && !known(b):
		case !held, !unchanged(a, b):
			out = append(out, path)
		}
	}
	return out
}

// show copies the incident's own words from their winning facts.
func (i *Incident) show(s Snapshot) {
	set := func(to *string, path string) {
		if v, ok := s.Facts[path].Value.(string); ok {
			*to = v
		}
	}
	set(&i.Title, TitlePath)
	set(&i.Summary, SummaryPath)
	set(&i.Severity, SeverityPath)
	if tags, ok := s.Facts[TagsPath].Value.([]any); ok {
		i.Tags = i.Tags[:0:0]
		for _, t := range tags {
			if tag, ok := t.(string); ok {
				i.Tags = append(i.Tags, tag)
			}
		}
	}
}

func (c change) write(ctx context.Context, tx Tx, added []Fact) error {
	put, verb := tx.UpdateIncident, "update"
	if c.created {
		put, verb = tx.InsertIncident, "insert"
	}
	if err := put(ctx, c.inc); err != nil {
		return fmt.Errorf("%s incident: %w", verb, err)
	}
	if err := tx.InsertFacts(ctx, c.inc.ID, added); err != nil {
		return fmt.Errorf("insert facts: %w", err)
	}
	return keepOriginal(ctx, tx, c.inc.ID, c.original)
}

// announce commits the ledger to the changed values by salted hash, and emits the event.
func (c change) announce(tx Tx, after Snapshot, changed []string) {
	commit := make(map[string]string, len(changed)+2)
	for _, path := range changed {
		commit["fact:"+path] = jsonOf(after.Facts[path].Value)
	}
	if c.original != nil {
		commit["original"] = hashOf(c.original.Body)
	}
	if c.reason != "" {
		commit["reason"] = c.reason
	}
	refs := revisionRefs(c.inc.Revision, len(changed))
	tx.AppendLedger(evidence.Draft{Chain: string(c.inc.ID), Kind: c.kind, Refs: refs, Commit: commit})
	tx.Emit(Event{Kind: c.kind, Incident: c.inc.ID, Refs: refs})
}
