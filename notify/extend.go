package notify

import (
	"context"
	"fmt"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

// Extend makes an addition to a dispatched notice: the same words, to the letter, for people found later. It
// is submitted at once, needs the same approvals, and cannot be edited. Its audience must leave out everybody
// whom the notice and its other additions are for.
func (s *Service) Extend(ctx context.Context, sc evidence.Scope, notice, audience string) (DocumentView, error) {
	if err := byPerson(sc); err != nil {
		return DocumentView{}, err
	}
	return s.alter(ctx, sc, notice, access.Work, func(c *change) error {
		first := c.doc
		switch {
		case first.Kind != templates.Notice:
			return errNoNotice
		case first.Extends != "":
			return incident.NewFault(incident.Conflict, "this is an addition itself: add to %s", first.Extends)
		case first.State != DocDispatched:
			return incident.NewFault(incident.Conflict, "the notice is %s; additions are made to one that was dispatched", first.State)
		}
		to, err := c.later(ctx, audience)
		if err != nil {
			return err
		}
		return c.extend(ctx, first, to)
	})
}

// later finds an audience that leaves out everybody who was told or is about to be, and freezes it.
func (c *change) later(ctx context.Context, id string) (Audience, error) {
	a, err := c.pick(ctx, id)
	if err != nil {
		return a, err
	}
	told, err := c.told(ctx)
	if err != nil {
		return a, err
	}
	var out []string
	for base := a.Base; base != ""; {
		out = append(out, base)
		b, err := c.tx.Audience(ctx, base)
		if err != nil {
			return a, fmt.Errorf("read base: %w", err)
		}
		base = b.Base
	}
	for _, before := range told {
		if !slices.Contains(out, before) {
			return a, incident.NewFault(incident.Conflict, "the audience may hold people who were told already: import it with base=%s", told[len(told)-1])
		}
	}
	if a.Total == 0 {
		return a, incident.NewFault(incident.Conflict, "nobody is in this audience who is not in its base")
	}
	a.Frozen, a.UpdatedAt = true, c.tx.Now()
	if err := c.tx.UpdateAudience(ctx, a); err != nil {
		return a, fmt.Errorf("freeze audience: %w", err)
	}
	return a, nil
}

// told are the audiences of the notice and of its additions that are not given up, in order.
func (c *change) told(ctx context.Context) ([]string, error) {
	all, err := c.tx.Documents(ctx, c.doc.Incident)
	if err != nil {
		return nil, fmt.Errorf("read documents: %w", err)
	}
	out := []string{c.doc.Audience}
	if c.doc.Audience == "" {
		return nil, incident.NewFault(incident.Conflict, "the notice was only published: whoever comes later finds it there")
	}
	for _, d := range all {
		if d.Extends == c.doc.ID && d.State != DocWithdrawn && d.State != DocReturned {
			out = append(out, d.Audience)
		}
	}
	return out, nil
}

// extend stores the addition: a document of its own with the messages that were approved.
func (c *change) extend(ctx context.Context, first Document, to Audience) error {
	frozen, err := c.tx.Messages(ctx, first.ID, first.Frozen)
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	now := c.tx.Now()
	d := Document{
		ID: evidence.NewID("ntc"), Extends: first.ID, Kind: first.Kind, Incident: first.Incident, Title: first.Title, Duties: first.Duties,
		Content: first.Content, Org: first.Org, FactRevision: first.FactRevision, Policy: first.Policy, Editors: first.Editors,
		Version: 1, Frozen: 1, State: DocSubmitted, Submitter: c.tx.Scope().Actor.ID, SubmittedAt: &now, Audience: to.ID, CreatedAt: now, UpdatedAt: now,
	}
	d.Channels = slices.DeleteFunc(slices.Clone(first.Channels), func(ch string) bool { return ch == templates.Announcement })
	d.Course = first.Course
	d.Course.Canary, d.Course.Watch = 0, 0 // the words have been watched
	var messages []templates.Message
	var kept []FrozenMessage
	for _, m := range frozen {
		if m.Channel != templates.Announcement {
			m.Document, m.Version = d.ID, d.Frozen
			messages, kept = append(messages, m.Message), append(kept, m)
		}
	}
	d.Digest = MakeDigest(messages, to.Root, PlanHash(d.Channels, to.ID, to.Total, d.Course))
	if err := c.tx.InsertDocument(ctx, d); err != nil {
		return fmt.Errorf("insert document: %w", err)
	}
	if err := c.tx.InsertMessages(ctx, kept); err != nil {
		return fmt.Errorf("insert messages: %w", err)
	}
	enter(c.tx, "document.submitted", d, map[string]string{"digest": d.Digest.All, "audience": to.ID, "root": to.Root, "extends": first.ID}, nil)
	c.doc = d
	return nil
}

// gaps are what a document still lacks. An addition's words were complete when they were approved, and nobody
// can add to them.
func (s *Service) gaps(d Document, facts incident.Snapshot) []templates.Gap {
	if d.Extends != "" {
		return nil
	}
	return s.catalog.Check(d.Content, facts, d.Policy.Requirements)
}
