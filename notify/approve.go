package notify

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strconv"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

const maxReason = 2000 // runes of a reason or note

// refusals are the faults of whyNot.
var refusals = map[string]*incident.Fault{
	whyState:       incident.NewFault(incident.Conflict, "the document is not waiting for approval"),
	whyNotApprover: incident.NewFault(incident.Forbidden, "only a person with the role approver may approve"),
	whyAuthor:      incident.NewFault(incident.Forbidden, "who wrote or submitted a document may not approve it"),
	whyAlready:     incident.NewFault(incident.Conflict, "you have approved this already"),
	whyNotInTeam:   incident.NewFault(incident.Forbidden, "this document is for another team to approve"),
}

// Approve adds the person's approval of exactly digest (Digest.All).
func (s *Service) Approve(ctx context.Context, sc evidence.Scope, id, digest, note string) (DocumentView, error) {
	return s.alter(ctx, sc, id, access.Approve, func(c *change) error {
		approvals, err := c.tx.Approvals(ctx, id)
		if err != nil {
			return fmt.Errorf("read approvals: %w", err)
		}
		gaps := s.gaps(c.doc, c.facts)
		switch why := whyNot(sc, c.doc, c.doc.living(approvals), gaps); why {
		case "":
		case whyIncomplete:
			return &incident.Fault{Kind: incident.Conflict, Message: "the document is no longer complete", Problems: problems(gaps)}
		default:
			return refusals[why]
		}
		if subtle.ConstantTimeCompare([]byte(digest), []byte(c.doc.Digest.All)) != 1 {
			return incident.NewFault(incident.Stale, "this is not what is submitted now; read the document again")
		}
		if problem := plain("/note", note, maxReason); problem != nil {
			return incident.InvalidInput([]incident.Problem{*problem})
		}
		a := Approval{
			ID: evidence.NewID("apr"), Document: id, Version: c.doc.Frozen, User: sc.Actor.ID,
			Digest: c.doc.Digest.All, Note: note, At: c.tx.Now(),
		}
		if err := c.tx.InsertApproval(ctx, a); err != nil {
			return fmt.Errorf("insert approval: %w", err)
		}
		return c.approved(ctx, append(approvals, a), note)
	})
}

// approved records one approval and moves the document when it completes the quorum.
func (c *change) approved(ctx context.Context, all []Approval, note string) error {
	if settle(&c.doc, all) {
		if err := save(ctx, c.tx, &c.doc); err != nil {
			return err
		}
	}
	commit := map[string]string{}
	if note != "" {
		commit["note"] = note
	}
	enter(c.tx, "document.approved", c.doc, map[string]string{
		"digest": c.doc.Digest.All, "count": strconv.Itoa(len(c.doc.living(all))),
	}, commit)
	return nil
}

// settle moves a document between submitted and approved as its approvals suffice under its policy, ends the
// review of what was filed ahead, and reports whether it did.
func settle(d *Document, all []Approval) bool {
	switch enough := d.missing(all) == 0; {
	case d.State == DocSubmitted && enough:
		d.Voided, d.Ahead = nil, ""
		return d.take(stepApprove) == nil
	case d.underReview() && enough:
		d.Voided, d.Ahead = nil, ""
		return true
	case d.State == DocApproved && !enough:
		return d.take(stepReopen) == nil
	}
	return false
}

// Return sends a submitted or approved document back with a reason. What was filed ahead of its approval it
// sends back for correction.
func (s *Service) Return(ctx context.Context, sc evidence.Scope, id, reason string) (DocumentView, error) {
	return s.decide(ctx, sc, id, access.Approve, stepReturn, "document.returned", reason)
}

// Withdraw takes a document out for good, with a reason.
func (s *Service) Withdraw(ctx context.Context, sc evidence.Scope, id, reason string) (DocumentView, error) {
	return s.decide(ctx, sc, id, access.Work, stepWithdraw, "document.withdrawn", reason)
}

func (s *Service) decide(ctx context.Context, sc evidence.Scope, id string, p access.Permission, st step, kind, reason string) (DocumentView, error) {
	if err := byPerson(sc); err != nil {
		return DocumentView{}, err
	}
	if err := because(reason); err != nil {
		return DocumentView{}, err
	}
	return s.alter(ctx, sc, id, p, func(c *change) error {
		if err := c.doc.take(st); err != nil {
			return err
		}
		c.doc.ReturnReason = reason
		if err := save(ctx, c.tx, &c.doc); err != nil {
			return err
		}
		enter(c.tx, kind, c.doc, nil, map[string]string{"reason": reason})
		return nil
	})
}
