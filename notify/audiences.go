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

// Rejects pages through the lines and addresses that an import refused. A line is never cut by a page.
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
// process alone says now; of several, each must leave the others' running imports their time. Imports from
// a file on the server wait to be gone on with. It returns how many there were.
func (s *Service) FailBroken(ctx context.Context, sc evidence.Scope, before time.Time) (int, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return 0, err
	}
	lost := func(a Audience) bool { return a.State == Importing && !a.Waiting && a.UpdatedAt.Before(before) }
	var open []Audience
	err := s.store.View(ctx, sc, func(tx Tx) (err error) {
		open, err = tx.OpenAudiences(ctx)
		return err
	})
	failed := 0
	for _, a := range open {
		if err != nil || !lost(a) {
			continue
		}
		was := false
		err = s.store.InTx(ctx, sc, func(tx Tx) error {
			a, err := tx.LockAudience(ctx, a.ID)
			if was = lost(a); err != nil || !was {
				return err
			}
			a.lose(tx.Now())
			return tx.UpdateAudience(ctx, a)
		})
		if was {
			failed++
		}
	}
	if err != nil {
		return failed, fmt.Errorf("end lost imports: %w", err)
	}
	if failed > 0 {
		s.wake()
	}
	return failed, nil
}

// lose ends an attempt whose process is gone.
func (a *Audience) lose(now time.Time) {
	if a.File != "" {
		a.Waiting, a.UpdatedAt = true, now
		a.Attempt++
		return
	}
	a.breakOff(interrupted, now)
}
