package notify

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/templates"
)

// Dispatch releases an approved notice: publishes its announcement, cuts the audience into ranges.
func (s *Service) Dispatch(ctx context.Context, sc evidence.Scope, notice string) (Progress, error) {
	if err := access.Require(sc, access.Send); err != nil {
		return Progress{}, err
	}
	var p Progress
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		doc, messages, err := releasable(ctx, tx, notice)
		if err != nil {
			return err
		}
		d, err := open(ctx, tx, doc)
		if err != nil {
			return err
		}
		if err := announce(ctx, tx, d, messages); err != nil {
			return err
		}
		if err := tx.UpdateDocument(ctx, doc); err != nil {
			return err
		}
		announceState(tx, d, "dispatch.started", "", map[string]string{
			"digest": d.Digest, "audience": d.Audience, "count": strconv.FormatInt(d.Total, 10),
		})
		if d, err = Advance(ctx, tx, d); err != nil {
			return err
		}
		p, err = paced(ctx, tx, d)
		return err
	})
	return p, err
}

var errNoNotice = incident.NewFault(incident.NotFound, "there is no such notice")

// releasable reads an approved notice, dispatched from now on, whose approvals still stand for exactly
// what is frozen.
func releasable(ctx context.Context, tx Tx, id string) (Document, []FrozenMessage, error) {
	doc, err := tx.Document(ctx, id)
	if err != nil {
		return doc, nil, err
	}
	if doc.Kind != templates.Notice {
		return doc, nil, errNoNotice
	}
	if _, err = tx.LockIncident(ctx, doc.Incident); err != nil {
		return doc, nil, err
	}
	if doc, err = tx.Document(ctx, id); err != nil {
		return doc, nil, err
	}
	if err = doc.take(stepDispatch); err != nil {
		return doc, nil, err
	}
	approvals, err := tx.Approvals(ctx, id)
	if err != nil {
		return doc, nil, err
	}
	approved := doc
	approved.State = DocApproved
	if approved.missing(approvals) > 0 {
		return doc, nil, incident.NewFault(incident.Conflict, "the approvals of this notice no longer suffice; ask for approval again")
	}
	messages, err := approvedMessages(ctx, tx, released(doc))
	if err != nil {
		return doc, nil, err
	}
	doc.Version++
	doc.UpdatedAt = tx.Now()
	return doc, messages, nil
}

// released is what a dispatch takes over from its notice.
func released(doc Document) Dispatch {
	return Dispatch{
		Incident: doc.Incident, Notice: doc.ID, Version: doc.Frozen, Digest: doc.Digest.All, Audience: doc.Audience,
		Channels: doc.Channels, Course: doc.Course,
		Terms: Terms{Deadline: doc.Policy.Deadline, Transfers: doc.Policy.Transfers, Extends: doc.Extends},
	}
}

// open makes the dispatch of an approved notice to its frozen audience.
func open(ctx context.Context, tx Tx, doc Document) (Dispatch, error) {
	inc, err := tx.Incident(ctx, doc.Incident)
	if err != nil {
		return Dispatch{}, err
	}
	if inc.Mode == incident.Imported {
		return Dispatch{}, incident.NewFault(incident.Conflict, "an imported incident sends nothing")
	}
	d := released(doc)
	d.ID, d.Mode, d.State = evidence.NewID("dsp"), inc.Mode, DispRunning
	d.StartedAt, d.StartedBy = tx.Now(), tx.Scope().Actor.ID
	if d.Course.Canary > 0 {
		d.Flow.Phase = PhaseCanary
	}
	if err := addressed(ctx, tx, &d); err != nil {
		return d, err
	}
	if d.No, err = tx.InsertDispatch(ctx, d); err != nil {
		return d, err
	}
	if d.No >= maxDispatchNo {
		return d, incident.NewFault(incident.Conflict, "this installation has used up its %d dispatches", maxDispatchNo)
	}
	return d, nil
}

// addressed puts the audience into the dispatch. Only an announcement goes to nobody in particular.
func addressed(ctx context.Context, tx Tx, d *Dispatch) error {
	personal := slices.ContainsFunc(d.Channels, func(c string) bool { return c != templates.Announcement })
	if !personal {
		d.Audience = ""
		return nil
	}
	if d.Audience == "" {
		return incident.NewFault(incident.Conflict, "the notice has no audience")
	}
	a, err := tx.Audience(ctx, d.Audience)
	if err != nil {
		return err
	}
	if a.State != Ready || !a.Frozen {
		return incident.NewFault(incident.Conflict, "the audience of the notice is not frozen")
	}
	if a.Total > maxSeq {
		return incident.NewFault(incident.Conflict, "one dispatch reaches at most %d people", maxSeq)
	}
	d.AudienceNo, d.Total = a.No, a.Total
	return nil
}

// Progress of one dispatch.
func (s *Service) Progress(ctx context.Context, sc evidence.Scope, id string) (Progress, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return Progress{}, err
	}
	var p Progress
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, id)
		if err != nil {
			return err
		}
		if p, err = paced(ctx, tx, d); err != nil {
			return err
		}
		return p.together(ctx, tx)
	})
	return p, err
}

// Dispatches of an incident.
func (s *Service) Dispatches(ctx context.Context, sc evidence.Scope, id incident.ID) ([]Progress, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	var out []Progress
	err := s.store.View(ctx, sc, func(tx Tx) error {
		if _, err := tx.Incident(ctx, id); err != nil {
			return err
		}
		all, err := tx.Dispatches(ctx, id)
		if err != nil {
			return err
		}
		out = make([]Progress, len(all))
		for i, d := range all {
			if out[i], err = paced(ctx, tx, d); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// LiveDispatches are those running and paused, of every incident.
func (s *Service) LiveDispatches(ctx context.Context, sc evidence.Scope) (out []Progress, err error) {
	if err := access.Require(sc, access.Read); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, sc, func(tx Tx) error {
		live, err := tx.RunningDispatches(ctx)
		if err != nil {
			return err
		}
		for _, d := range live {
			p, err := progress(ctx, tx, d)
			if err != nil {
				return err
			}
			out = append(out, p)
		}
		return nil
	})
	return out, err
}

// Pause holds a running dispatch: no sub-batch begins after it.
func (s *Service) Pause(ctx context.Context, sc evidence.Scope, id, reason string) (Progress, error) {
	return s.steer(ctx, sc, id, DispPaused, reason, DispRunning)
}

// Resume lets a paused dispatch run on.
func (s *Service) Resume(ctx context.Context, sc evidence.Scope, id string) (Progress, error) {
	return s.steer(ctx, sc, id, DispRunning, "", DispPaused)
}

// Stop ends a dispatch; who was not yet sent to is stopped, and listed.
func (s *Service) Stop(ctx context.Context, sc evidence.Scope, id, reason string) (Progress, error) {
	return s.steer(ctx, sc, id, DispStopped, reason, DispRunning, DispPaused)
}

// steered are the events of what a person does to a dispatch.
var steered = map[DispatchState]string{
	DispPaused: "dispatch.paused", DispRunning: "dispatch.resumed", DispStopped: "dispatch.stopped",
}

func (s *Service) steer(ctx context.Context, sc evidence.Scope, id string, to DispatchState, reason string, from ...DispatchState) (Progress, error) {
	if err := access.Require(sc, access.Send); err != nil {
		return Progress{}, err
	}
	if problem := plain("/reason", reason, maxReason); problem != nil {
		return Progress{}, incident.InvalidInput([]incident.Problem{*problem})
	}
	var p Progress
	err := s.store.InTx(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, id)
		if err != nil {
			return err
		}
		if d, err = lockDispatch(ctx, tx, d); err != nil {
			return err
		}
		if !slices.Contains(from, d.State) {
			return incident.NewFault(incident.Conflict, "the dispatch is %s", d.State)
		}
		if to == DispRunning {
			if err := errors.Join(bear(ctx, tx, &d), useAgain(ctx, tx, d)); err != nil {
				return err
			}
		}
		d.hold(tx, to, reason, sc.Actor.ID)
		if to == DispStopped {
			d.EndedAt = d.Flow.HeldAt
		}
		if err := tx.UpdateDispatch(ctx, d); err != nil {
			return err
		}
		announceState(tx, d, steered[to], reason, map[string]string{"reason_code": "person"})
		p, err = paced(ctx, tx, d)
		return err
	})
	return p, err
}

// hold moves a dispatch to a state, and keeps since when and by whom it stands still: "" is the machine.
func (d *Dispatch) hold(tx Tx, to DispatchState, reason, by string) {
	d.State, d.Reason, d.Flow.Halted, d.Flow.HeldBy, d.Flow.HeldAt = to, reason, "", "", nil
	if to == DispRunning {
		return
	}
	now := tx.Now()
	if d.Flow.HeldBy, d.Flow.HeldAt = by, &now; by == "" {
		d.Flow.Halted = reason
	}
}

// progress reads the maintained counters. What they do not hold is the rest of the audience, so the
// states always add up.
func progress(ctx context.Context, tx Tx, d Dispatch) (Progress, error) {
	people, rows, doubt, err := tx.Counts(ctx, d.No)
	if err != nil {
		return Progress{}, err
	}
	c := countsOf(d, people)
	p := Progress{Dispatch: d, People: c, ByChannel: map[string]map[string]int64{}, Complaints: map[string]int64{}, Duplicates: doubt}
	for key, n := range rows {
		p.count(key, n)
	}
	return p, nil
}

// told is how many people there is word of.
func (c Counts) told() int64 { return c.InDoubt + c.Accepted + c.Failed + c.Delivered + c.Read }

func (p *Progress) count(key CountKey, n int64) {
	switch {
	case n == 0 || key.State == Untried || key.State == Spent:
		return
	case key.State == Trapped:
		p.Traps += n
		return
	}
	if key.State == Complained {
		p.Complaints[key.Channel] += n
		return
	}
	if p.ByChannel[key.Channel] == nil {
		p.ByChannel[key.Channel] = map[string]int64{}
	}
	p.ByChannel[key.Channel][shown(p.State, key.State).String()] += n
}

// shown is a delivery's state as people see it: nothing waits any more once the dispatch was stopped.
func shown(d DispatchState, s DeliveryState) DeliveryState {
	if d == DispStopped && s < InDoubt {
		return Stopped
	}
	return s
}
