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

// DocumentView is a document with what a reader of it needs at once.
type DocumentView struct {
	Document
	Gaps       []templates.Gap
	Approvals  []Approval // those that count
	Needed     int        // approvals still missing
	CanApprove bool       // the scope's person may approve now
	WhyNot     string     // message id of why not: state, not-approver, author, already, not-in-team, incomplete
	Filings    []Filing
	FileAhead  bool // the scope's person may file it before approval, under a standing authorisation
}

// Documents lists an incident's notices and reports.
func (s *Service) Documents(ctx context.Context, sc evidence.Scope, id incident.ID) ([]DocumentView, error) {
	return s.list(ctx, sc, func(tx Tx) ([]Document, error) {
		if _, err := tx.Incident(ctx, id); err != nil {
			return nil, err
		}
		return tx.Documents(ctx, id)
	})
}

// Document reads one.
func (s *Service) Document(ctx context.Context, sc evidence.Scope, id string) (DocumentView, error) {
	views, err := s.list(ctx, sc, func(tx Tx) ([]Document, error) {
		d, err := tx.Document(ctx, id)
		return []Document{d}, err
	})
	if err != nil {
		return DocumentView{}, err
	}
	return views[0], nil
}

// Queue lists documents waiting for approval or, filed ahead of it, for review, the nearest deadline first.
func (s *Service) Queue(ctx context.Context, sc evidence.Scope, p incident.Page) ([]DocumentView, error) {
	return s.list(ctx, sc, func(tx Tx) ([]Document, error) { return tx.Queue(ctx, DocSubmitted, p) })
}

// list views what read finds; documents of one incident share one reading of its facts.
func (s *Service) list(ctx context.Context, sc evidence.Scope, read func(Tx) ([]Document, error)) ([]DocumentView, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	var views []DocumentView
	err := s.store.View(ctx, sc, func(tx Tx) error {
		docs, err := read(tx)
		if err != nil {
			return err
		}
		views = make([]DocumentView, len(docs))
		known := map[incident.ID]incident.Snapshot{}
		for i, d := range docs {
			facts, ok := known[d.Incident]
			if !ok {
				if _, facts, err = incident.Load(ctx, tx, d.Incident); err != nil {
					return fmt.Errorf("load incident: %w", err)
				}
				known[d.Incident] = facts
			}
			if views[i], err = s.view(ctx, tx, d, facts); err != nil {
				return err
			}
		}
		return nil
	})
	return views, err
}

func (s *Service) view(ctx context.Context, tx Tx, d Document, facts incident.Snapshot) (DocumentView, error) {
	approvals, err := tx.Approvals(ctx, d.ID)
	if err != nil {
		return DocumentView{}, fmt.Errorf("read approvals: %w", err)
	}
	filings, err := tx.Filings(ctx, d.ID)
	if err != nil {
		return DocumentView{}, fmt.Errorf("read filings: %w", err)
	}
	v := DocumentView{
		Document:  d,
		Gaps:      s.gaps(d, facts),
		Approvals: d.living(approvals),
		Needed:    d.missing(approvals),
		Filings:   filings,
	}
	v.WhyNot = whyNot(tx.Scope(), d, v.Approvals, v.Gaps)
	v.CanApprove = v.WhyNot == ""
	v.FileAhead = access.Require(tx.Scope(), access.Work) == nil && d.mayFileAhead(tx.Scope(), tx.Now())
	return v, nil
}

// Why a person may not approve.
const (
	whyState       = "state"
	whyNotApprover = "not-approver"
	whyAuthor      = "author"
	whyAlready     = "already"
	whyNotInTeam   = "not-in-team"
	whyIncomplete  = "incomplete"
)

// whyNot is the first reason why the scope's person may not approve d, or "".
func whyNot(sc evidence.Scope, d Document, living []Approval, gaps []templates.Gap) string {
	by := func(a Approval) bool { return a.User == sc.Actor.ID }
	in := func(team string) bool { return slices.Contains(d.Policy.Teams, team) }
	switch {
	case d.State != DocSubmitted && !d.underReview():
		return whyState
	case !actorPerson(sc) || access.Require(sc, access.Approve) != nil:
		return whyNotApprover
	case slices.Contains(d.authors(), sc.Actor.ID):
		return whyAuthor
	case slices.ContainsFunc(living, by):
		return whyAlready
	case len(d.Policy.Teams) > 0 && !slices.ContainsFunc(sc.Teams, in):
		return whyNotInTeam
	case len(gaps) > 0 && !d.underReview(): // what is filed can no longer be completed, only returned
		return whyIncomplete
	}
	return ""
}
