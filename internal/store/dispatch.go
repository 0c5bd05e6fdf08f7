package store

import (
	"context"
	"fmt"
	"time"

	"tocsin/incident"
	"tocsin/notify"
)

var errDrill = incident.NewFault(incident.Conflict,
	"a drill can be dispatched only where every provider is the simulator")

// InsertDispatch adds a dispatch and gives it its number. The database refuses a drill outside the simulator.
func (t *Tx) InsertDispatch(ctx context.Context, d notify.Dispatch) (int64, error) {
	if d.Mode == incident.Drill && !t.db.simulated {
		return 0, errDrill // the same answer as the constraint's, which PostgreSQL gives only once
	}
	no, err := t.nextNumber(ctx, "dispatch")
	if err != nil {
		return 0, err
	}
	reason, err := t.sealFor(ctx, d.Incident, "dispatch", d.ID, d.Reason)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, "insert dispatch", `
		INSERT INTO dispatch (operator_id, id, no, incident_id, mode, simulated, notice_id, version, digest, audience_id,
			audience_no, channels, course, terms, flow, state, total, started_at, started_by, ended_at, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`,
		t.op, d.ID, no, string(d.Incident), string(d.Mode), t.db.simulated, d.Notice, d.Version, d.Digest, d.Audience,
		d.AudienceNo, text{d.Channels}, text{d.Course}, text{d.Terms}, text{d.Flow}, string(d.State), d.Total, at(&d.StartedAt), d.StartedBy, maybe(&d.EndedAt), reason)
	return no, err
}

// UpdateDispatch writes state, reason, end and how far it has come. Everything else was decided at the release.
func (t *Tx) UpdateDispatch(ctx context.Context, d notify.Dispatch) error {
	reason, err := t.sealFor(ctx, d.Incident, "dispatch", d.ID, d.Reason)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update dispatch", `
		UPDATE dispatch SET state = $4, ended_at = $5, body = $6, flow = $7 WHERE operator_id = $1 AND id = $2 AND incident_id = $3`,
		t.op, d.ID, string(d.Incident), string(d.State), maybe(&d.EndedAt), reason, text{d.Flow})
	if err == nil && n == 0 {
		return notFound("dispatch")
	}
	return err
}

func (t *Tx) dispatches(ctx context.Context, where string, args ...any) ([]notify.Dispatch, error) {
	scan := func(s scanner) (d notify.Dispatch, err error) {
		var reason, wrapped []byte
		err = s.Scan(&d.ID, &d.No, &d.Incident, &d.Mode, &d.Notice, &d.Version, &d.Digest, &d.Audience, &d.AudienceNo,
			text{&d.Channels}, text{&d.Course}, text{&d.Terms}, text{&d.Flow}, &d.State, &d.Total, at(&d.StartedAt), &d.StartedBy, maybe(&d.EndedAt), &reason, &wrapped)
		if err != nil {
			return d, err
		}
		key, err := t.openKey(string(d.Incident), wrapped)
		if err != nil {
			return d, err
		}
		return d, openJSON(key, "dispatch/"+d.ID, reason, &d.Reason)
	}
	return all(ctx, t, "read dispatch", scan, `
		SELECT d.id, d.no, d.incident_id, d.mode, d.notice_id, d.version, d.digest, d.audience_id, d.audience_no,
			d.channels, d.course, d.terms, d.flow, d.state, d.total, d.started_at, d.started_by, d.ended_at, d.body, k.wrapped
		FROM dispatch d JOIN data_key k ON k.operator_id = d.operator_id AND k.owner = d.incident_id
		WHERE d.operator_id = $1 AND `+where, append([]any{t.op}, args...)...)
}

func (t *Tx) dispatch(ctx context.Context, where string, arg any) (notify.Dispatch, error) {
	found, err := t.dispatches(ctx, where, arg)
	if err != nil {
		return notify.Dispatch{}, err
	}
	if len(found) == 0 {
		return notify.Dispatch{}, notFound("dispatch")
	}
	return found[0], nil
}

// Dispatch reads one by id.
func (t *Tx) Dispatch(ctx context.Context, id string) (notify.Dispatch, error) {
	return t.dispatch(ctx, `d.id = $2`, id)
}

// DispatchByNo reads one by its number.
func (t *Tx) DispatchByNo(ctx context.Context, no int64) (notify.Dispatch, error) {
	return t.dispatch(ctx, `d.no = $2`, no)
}

// Dispatches lists an incident's, in order.
func (t *Tx) Dispatches(ctx context.Context, id incident.ID) ([]notify.Dispatch, error) {
	return t.dispatches(ctx, `d.incident_id = $2 ORDER BY d.id`, string(id))
}

// RunningDispatches lists those running and paused, of every incident.
func (t *Tx) RunningDispatches(ctx context.Context) ([]notify.Dispatch, error) {
	return t.dispatches(ctx, `d.state IN ('running', 'paused') ORDER BY d.no`)
}

// RecentDispatches lists the running and paused ones and those that ended since, the newest first.
func (t *Tx) RecentDispatches(ctx context.Context, since time.Time) ([]notify.Dispatch, error) {
	return t.dispatches(ctx, `(d.state IN ('running', 'paused') OR d.ended_at >= $2) ORDER BY d.no DESC`, at(&since))
}

// NextNo is the dispatch's next number of a sort, from 1.
func (t *Tx) NextNo(ctx context.Context, dispatchNo int64, what string) (int64, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return 0, err
	}
	no, _, err := one(ctx, t, "take number", value[int64], `
		INSERT INTO dispatch_number (dispatch_no, what, last) VALUES ($1, $2, 1)
		ON CONFLICT (dispatch_no, what) DO UPDATE SET last = dispatch_number.last + 1 RETURNING last`, dispatchNo, what)
	return no, err
}

// recentBatches are enough to tell a rate by, whatever it is: the last minute of a slow dispatch, the last
// seconds of a fast one.
const recentBatches = 240

// RecentOutcomes adds up the newest batches of outcomes on a channel, or of those on several (""), since an instant.
// When there are more, from is the instant of the oldest counted.
func (t *Tx) RecentOutcomes(ctx context.Context, dispatchNo int64, channel string, since time.Time) (n int64, from time.Time, err error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return 0, since, err
	}
	number, err := code[string]{&channel, channelNames}.number()
	if err != nil {
		return 0, since, fmt.Errorf("read rate: channel: %w", err)
	}
	type batch struct {
		n  int64
		at time.Time
	}
	scan := func(s scanner) (b batch, err error) { return b, s.Scan(&b.n, at(&b.at)) }
	found, err := all(ctx, t, "read rate", scan, `
		SELECT count, at FROM delivery_batch`+t.db.dialect.using("delivery_batch_rate")+`
		WHERE dispatch_no = $1 AND kind = 'outcomes' AND channel = $3 ORDER BY no DESC LIMIT $2`, dispatchNo, recentBatches, number)
	from = since
	for i, b := range found {
		switch {
		case b.at.Before(since):
			return n, from, err
		case i == recentBatches-1:
			from = b.at // what it counts came before that
		default:
			n += b.n
		}
	}
	return n, from, err
}
