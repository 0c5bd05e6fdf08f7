package store

import (
	"cmp"
	"context"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// Emit puts an event into the outbox of the same transaction.
func (t *Tx) Emit(e incident.Event) {
	e.ID, e.Operator, e.At, e.Seq = evidence.NewID("evt"), t.op, t.now, 0
	t.events = append(t.events, e)
}

func (t *Tx) writeEvents(ctx context.Context) error {
	args := make([]any, 0, 6*len(t.events))
	for _, e := range t.events {
		args = append(args, t.op, e.ID, e.Kind, string(e.Incident), text{e.Refs}, e.At.UnixMicro())
	}
	return t.insertMany(ctx, "insert events", `INSERT INTO outbox (operator_id, id, kind, incident_id, refs, at) VALUES `, 6, args)
}

const eventColumns = `seq, operator_id, id, kind, incident_id, refs, at`

func scanEvent(s scanner) (e incident.Event, err error) {
	return e, s.Scan(&e.Seq, &e.Operator, &e.ID, &e.Kind, &e.Incident, text{&e.Refs}, at(&e.At))
}

// Events reads this operator's sequenced events.
func (t *Tx) Events(ctx context.Context, after int64, limit int) ([]incident.Event, error) {
	return all(ctx, t, "read events", scanEvent,
		`SELECT `+eventColumns+` FROM outbox WHERE operator_id = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
		t.op, after, limited(limit, 500, 10000))
}

// sequencer is the scope of work that belongs to no operator.
var sequencer = evidence.System("*")

// Sequence numbers up to limit committed events that have no sequence yet, densely and in the order in
// which they were written, and returns them. One caller at a time does it.
func (db *DB) Sequence(ctx context.Context, limit int) (events []incident.Event, err error) {
	err = db.inTx(ctx, urgent, sequencer, func(t *Tx) error {
		last, _, err := one(ctx, t, "lock event number", value[int64],
			`SELECT last FROM number WHERE name = 'event'`+db.dialect.forUpdate())
		if err != nil {
			return err
		}
		// Rows become visible at commit, so a transaction that began early and ended late is numbered late.
		events, err = all(ctx, t, "sequence events", scanEvent, `
			WITH fresh AS (SELECT no, row_number() OVER (ORDER BY no) AS place
				FROM (SELECT no FROM outbox WHERE seq IS NULL ORDER BY no LIMIT $1) AS waiting)
			UPDATE outbox SET seq = CAST($2 AS bigint) + fresh.place FROM fresh WHERE outbox.no = fresh.no
			RETURNING `+eventColumns, limit, last)
		if err != nil || len(events) == 0 {
			return err
		}
		_, err = t.exec(ctx, "move event number", `UPDATE number SET last = $1 WHERE name = 'event'`, last+int64(len(events)))
		return err
	})
	sortBySeq(events)
	return events, err
}

func sortBySeq(events []incident.Event) {
	slices.SortFunc(events, func(a, b incident.Event) int { return cmp.Compare(a.Seq, b.Seq) })
}

// EventsAfter reads sequenced events of one operator, or of all when operator is empty.
func (db *DB) EventsAfter(ctx context.Context, operator string, after int64, limit int) (events []incident.Event, err error) {
	if operator == "" {
		err = db.view(ctx, sequencer, func(t *Tx) error {
			events, err = all(ctx, t, "read events", scanEvent,
				`SELECT `+eventColumns+` FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limited(limit, 500, 10000))
			return err
		})
		return events, err
	}
	err = db.view(ctx, evidence.System(operator), func(t *Tx) error {
		events, err = t.Events(ctx, after, limit)
		return err
	})
	return events, err
}

// Cursor is how far the named reader of events has come; 0 at the start.
func (db *DB) Cursor(ctx context.Context, name string) (seq int64, err error) {
	err = db.view(ctx, sequencer, func(t *Tx) error {
		seq, _, err = one(ctx, t, "read cursor", value[int64], `SELECT seq FROM relay_cursor WHERE name = $1`, name)
		return err
	})
	return seq, err
}

// SetCursor moves a reader's cursor on, never back.
func (db *DB) SetCursor(ctx context.Context, name string, seq int64) error {
	return db.inTx(ctx, bulk, sequencer, func(t *Tx) error {
		_, err := t.exec(ctx, "move cursor", `
			INSERT INTO relay_cursor (name, seq) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET seq = excluded.seq WHERE relay_cursor.seq < excluded.seq`, name, seq)
		return err
	})
}

// LastEvent is the highest number given to an event so far.
func (db *DB) LastEvent(ctx context.Context) (last int64, err error) {
	err = db.view(ctx, sequencer, func(t *Tx) error {
		last, _, err = one(ctx, t, "read event number", value[int64], `SELECT last FROM number WHERE name = 'event'`)
		return err
	})
	return last, err
}
