package notify

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// covers reports whether an authorisation names the scope's person now.
func (a Standing) covers(sc evidence.Scope, now time.Time) bool {
	if a.Until != nil && !now.Before(*a.Until) {
		return false
	}
	in := func(team string) bool { return slices.Contains(a.Teams, team) }
	return slices.Contains(a.Users, sc.Actor.ID) || slices.ContainsFunc(sc.Teams, in)
}

// mayFileAhead reports whether the scope's person may file the document although it is not approved.
func (d Document) mayFileAhead(sc evidence.Scope, now time.Time) bool {
	waiting := slices.Contains([]DocumentState{DocDraft, DocReturned, DocSubmitted}, d.State)
	return waiting && actorPerson(sc) && slices.ContainsFunc(d.Policy.Standing, func(a Standing) bool { return a.covers(sc, now) })
}

// mayFile says whether a filing can be recorded now, and whether it goes ahead of the approval.
func (c *change) mayFile(sc evidence.Scope, f Filing) (ahead bool, err error) {
	if _, err := c.doc.after(stepFile); err == nil || c.doc.State == DocFiled {
		return false, nil
	} else if !c.doc.mayFileAhead(sc, c.tx.Now()) {
		return false, err
	}
	if f.State != Spoken && f.State != Written {
		return false, incident.NewFault(incident.Conflict, "record how it was filed first")
	}
	return true, nil
}

// freezeAhead fixes the minimum report as it is filed before anybody has approved it: what the law lets be
// unknown is marked so by who files, and what it demands must be there. The review binds this digest.
func (s *Service) freezeAhead(ctx context.Context, sc evidence.Scope, c *change) error {
	if c.doc.State == DocSubmitted {
		c.doc.Ahead = sc.Actor.ID
		return save(ctx, c.tx, &c.doc)
	}
	if err := s.leaveOpen(ctx, sc, c); err != nil {
		return err
	}
	if gaps := s.catalog.Check(c.doc.Content, c.facts, c.doc.Policy.Requirements); len(gaps) > 0 {
		return &incident.Fault{Kind: incident.Invalid, Message: "the minimum of the first report is not complete", Problems: problems(gaps)}
	}
	if err := c.doc.take(stepSubmit); err != nil {
		return err
	}
	messages, err := s.freeze(ctx, c)
	if err != nil {
		return err
	}
	c.doc.Ahead = sc.Actor.ID
	return c.submit(ctx, sc, Audience{}, messages)
}

// leaveOpen marks every item that the law lets be unknown and that nobody has answered.
func (s *Service) leaveOpen(ctx context.Context, sc evidence.Scope, c *change) error {
	ed := editor{catalog: s.catalog, change: c, user: sc.Actor.ID}
	c.doc.Content = copyContent(c.doc.Content)
	for i, g := range s.catalog.Check(c.doc.Content, c.facts, c.doc.Policy.Requirements) {
		if g.Requirement.MayBeOpen {
			ed.passage(fmt.Sprintf("/gaps/%d", i), EditPassage{Locale: g.Locale, Block: g.Requirement.Block, Open: true})
		}
	}
	switch {
	case len(ed.problems) > 0:
		return incident.InvalidInput(ed.problems)
	case len(ed.changes) == 0:
		return nil
	}
	if err := c.doc.take(stepEdit); err != nil {
		return err
	}
	return ed.accept(ctx)
}
