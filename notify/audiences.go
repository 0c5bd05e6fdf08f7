package notify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

const maxRejects = 1000

// Audience reads one import.
func (s *Service) Audience(ctx context.Context, sc evidence.Scope, id string) (Audience, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return Audience{}, err
	}
	var a Audience
	err := s.store.View(ctx, sc, func(tx Tx) (err error) {
		a, err = tx.Audience(ctx, id)
		return err
	})
	return a, err
}

// Audiences lists an incident's audiences, newest first.
func (s *Service) Audiences(ctx context.Context, sc evidence.Scope, id incident.ID) ([]Audience, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	var all []Audience
	err := s.store.View(ctx, sc, func(tx Tx) (err error) {
		if _, err = tx.Incident(ctx, id); err != nil {
			return err
		}
		all, err = tx.Audiences(ctx, id)
		return err
	})
	slices.SortFunc(all, func(a, b Audience) int { return cmp.Compare(b.No, a.No) })
	return all, err
}

// Rejects pages through the lines an import refused.
func (s *Service) Rejects(ctx context.Context, sc evidence.Scope, id string, afterLine int64, limit int) ([]Reject, error) {
	if err := access.Require(sc, access.ReadPeople); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxRejects {
		limit = maxRejects
	}
	var out []Reject
	err := s.store.View(ctx, sc, func(tx Tx) error {
		a, err := tx.Audience(ctx, id)
		if err != nil {
			return err
		}
		out, err = tx.Rejects(ctx, a.No, afterLine, limit)
		return err
	})
	return out, err
}

// FailBroken marks imports failed that nothing was heard of since before: their process is gone. One
// process alone says now; of several, each must leave the others' running imports their time. It returns
// how many there were.
func (s *Service) FailBroken(ctx context.Context, sc evidence.Scope, before time.Time) (int, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return 0, err
	}
	failed, page := 0, incident.Page{Limit: 500}
	for {
		var incidents []incident.Incident
		err := s.store.View(ctx, sc, func(tx Tx) (err error) {
			incidents, err = tx.Incidents(ctx, page)
			return err
		})
		if err != nil {
			return failed, fmt.Errorf("list incidents: %w", err)
		}
		for _, i := range incidents {
			n, err := s.failBroken(ctx, sc, i.ID, before)
			if err != nil {
				return failed, err
			}
			failed += n
		}
		if len(incidents) < page.Limit {
			return failed, nil
		}
		page.After = string(incidents[len(incidents)-1].ID)
	}
}

func (s *Service) failBroken(ctx context.Context, sc evidence.Scope, id incident.ID, before time.Time) (int, error) {
	lost := func(a Audience) bool { return a.State == Importing && a.UpdatedAt.Before(before) }
	all, err := s.Audiences(ctx, sc, id)
	if err != nil || !slices.ContainsFunc(all, lost) {
		return 0, err
	}
	failed := 0
	err = s.store.InTx(ctx, sc, func(tx Tx) error {
		failed = 0
		for _, a := range all {
			a, err := tx.Audience(ctx, a.ID)
			if err != nil {
				return err
			}
			if !lost(a) {
				continue
			}
			if err := breakOff(ctx, tx, &a, "the import was interrupted; import the file again"); err != nil {
				return err
			}
			failed++
		}
		return nil
	})
	return failed, err
}
