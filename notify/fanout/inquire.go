package fanout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/notify"
)

// After a stop nothing is sent any more, but who is in doubt can still be asked about.
const (
	inquireEvery = 10 * time.Second
	inquireFor   = 24 * time.Hour // after a stop; by then nobody asks any more
	inquireMost  = 500            // deliveries of a dispatch in one go
)

// inquire asks providers about the deliveries in doubt of dispatches that were stopped, from when on no worker has
// any of them in hand.
func (f *Fanout) inquire(ctx context.Context) error {
	now := f.o.Clock.Now()
	if now.Sub(f.inquired) < inquireEvery {
		return nil
	}
	f.inquired = now
	var recent []notify.Dispatch
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		recent, err = tx.RecentDispatches(ctx, now.Add(-inquireFor))
		return err
	})
	if err != nil {
		return fmt.Errorf("read stopped dispatches: %w", err)
	}
	for _, d := range recent {
		if d.State != notify.DispStopped || d.Audience == "" || now.Sub(*d.EndedAt) < f.o.Lease {
			continue
		}
		if failed := f.inquireOf(ctx, d); failed != nil {
			err = errors.Join(err, fmt.Errorf("ask about dispatch %s: %w", d.ID, failed))
		}
	}
	return err
}

// inquireOf asks about one dispatch. What has changed since it was approved is not asked about: nobody knows over
// which provider it went.
func (f *Fanout) inquireOf(ctx context.Context, d notify.Dispatch) error {
	rel, err := f.release(ctx, d.No)
	if errors.Is(err, notify.ErrChanged) {
		return nil
	}
	if err != nil {
		return err
	}
	for channel, r := range rel.routes {
		if !slices.ContainsFunc(r.providers, (*provider).answers) {
			continue
		}
		if err := f.inquireOn(ctx, rel, channel); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fanout) inquireOn(ctx context.Context, rel *release, channel string) error {
	m := &members{rel: rel}
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		if m.rows, err = tx.DueDoubts(ctx, rel.No, channel, f.o.Clock.Now(), inquireMost); err != nil || len(m.rows) == 0 {
			return err
		}
		return m.readPeople(ctx, tx)
	})
	if err != nil || len(m.rows) == 0 {
		return err
	}
	s := shift{worker: newWorker(f), ctx: ctx, going: ctx, inFlight: ctx, rel: rel}
	if s.jobs, _, err = m.nextRows(nil, len(m.rows)); err != nil {
		return err
	}
	s.address(rel, s.jobs, false)
	told := make([]notify.Outcome, len(s.tasks))
	var g errgroup.Group
	g.SetLimit(asking)
	for i := range s.tasks {
		if t := &s.tasks[i]; t.route != nil {
			g.Go(func() error { told[i] = s.wordOf(t); return nil })
		}
	}
	_ = g.Wait() // none fails: no answer is an answer
	told = slices.DeleteFunc(told, func(o notify.Outcome) bool { return o.Attempt == 0 })
	if ctx.Err() != nil || len(told) == 0 {
		return ctx.Err()
	}
	return f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error {
		_, err := notify.RecordOutcomes(ctx, tx, rel.Dispatch, notify.Recording{Outcomes: told})
		return err
	})
}

// wordOf is what the providers say that may have a delivery. When none of them has it, or has brought it to
// anybody, it is over.
func (s *shift) wordOf(t *task) (o notify.Outcome) {
	who := t.askable(s.rel)
	if len(who) == 0 {
		return o
	}
	o = notify.Outcome{Seq: t.seq, Channel: t.channel, Address: t.rank, Attempt: t.attempt, Asked: true, Ladder: t.ladder}
	o.Verdict = notify.Verdict{Class: notify.ClassRetry, Code: "absent"}
	message := s.outgoing(t)
	for _, p := range who {
		v, found := s.query(p, message)
		if found {
			o.Verdict, o.Provider = v, p.ID
		}
		if found && v.Class != notify.ClassInDoubt {
			break
		}
	}
	o.Over = true
	return o
}

func (p *provider) answers() bool {
	_, can := p.Channel.(notify.Querier)
	return can
}
