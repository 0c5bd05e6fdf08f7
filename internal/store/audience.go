package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"

	"tocsin/incident"
	"tocsin/notify"
)

// nextNumber gives out the next of the store's own numbers.
func (t *Tx) nextNumber(ctx context.Context, name string) (int64, error) {
	no, _, err := one(ctx, t, "take number", value[int64],
		`UPDATE number SET last = last + 1 WHERE name = $1 RETURNING last`, name)
	return no, err
}

// owns makes sure that the integer key of an audience or dispatch belongs to this operator.
func (t *Tx) owns(ctx context.Context, table string, no int64) error {
	name := fmt.Sprint(table, no)
	if t.owned[name] {
		return nil
	}
	_, ok, err := one(ctx, t, "read "+table, value[int64],
		`SELECT no FROM `+table+` WHERE no = $1 AND operator_id = $2`, no, t.op)
	if err == nil && !ok {
		err = notFound(table)
	}
	t.owned[name] = err == nil
	return err
}

// InsertAudience adds an audience and gives it its number.
func (t *Tx) InsertAudience(ctx context.Context, a notify.Audience) (int64, error) {
	no, err := t.nextNumber(ctx, "audience")
	if err != nil {
		return 0, err
	}
	a.No = no
	body, err := t.sealFor(ctx, a.Incident, "audience", a.ID, a)
	if err != nil {
		return 0, err
	}
	_, err = t.exec(ctx, "insert audience",
		`INSERT INTO audience (operator_id, id, no, incident_id, body, unfinished) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.op, a.ID, no, string(a.Incident), body, a.State == notify.Importing)
	return no, err
}

// UpdateAudience writes everything but id and number.
func (t *Tx) UpdateAudience(ctx context.Context, a notify.Audience) error {
	body, err := t.sealFor(ctx, a.Incident, "audience", a.ID, a)
	if err != nil {
		return err
	}
	n, err := t.exec(ctx, "update audience",
		`UPDATE audience SET body = $5, unfinished = $6 WHERE operator_id = $1 AND id = $2 AND no = $3 AND incident_id = $4`,
		t.op, a.ID, a.No, string(a.Incident), body, a.State == notify.Importing)
	if err == nil && n == 0 {
		return notFound("audience")
	}
	return err
}

// Audience reads one.
func (t *Tx) Audience(ctx context.Context, id string) (notify.Audience, error) {
	return sealedRow[notify.Audience](ctx, t, "audience", id)
}

// Audiences lists an incident's, newest first.
func (t *Tx) Audiences(ctx context.Context, id incident.ID) ([]notify.Audience, error) {
	return sealed[notify.Audience](ctx, t, "audience", `x.incident_id = $2 ORDER BY x.id DESC`, string(id))
}

// OpenAudiences are the operator's whose import has not ended.
func (t *Tx) OpenAudiences(ctx context.Context) ([]notify.Audience, error) {
	found, err := sealed[notify.Audience](ctx, t, "audience", `x.unfinished ORDER BY x.id`)
	return slices.DeleteFunc(found, func(a notify.Audience) bool { return a.State != notify.Importing }), err
}

// LockAudience reads one and keeps other transactions from changing it.
func (t *Tx) LockAudience(ctx context.Context, id string) (notify.Audience, error) {
	_, ok, err := one(ctx, t, "lock audience", value[int64],
		`SELECT no FROM audience WHERE operator_id = $1 AND id = $2`+t.db.dialect.forUpdate(), t.op, id)
	if err == nil && !ok {
		err = notFound("audience")
	}
	if err != nil {
		return notify.Audience{}, err
	}
	return t.Audience(ctx, id)
}

// InsertPages keeps pages of recipients; one that is there is replaced.
func (t *Tx) InsertPages(ctx context.Context, a notify.Audience, pages []notify.RecipientPage) error {
	if err := t.owns(ctx, "audience", a.No); err != nil {
		return err
	}
	args := make([]any, 0, 4*len(pages))
	for _, p := range pages {
		args = append(args, a.No, p.From, p.Count, p.Body)
	}
	return t.insertMany(ctx, "insert recipients", `INSERT INTO recipient_page (audience_no, from_seq, n, body) VALUES `, 4, args,
		` ON CONFLICT (audience_no, from_seq) DO UPDATE SET n = excluded.n, body = excluded.body`)
}

// Pages appends to pages those that hold any recipient with from ≤ seq < to, in order. The bodies behind its length
// are written over.
func (t *Tx) Pages(ctx context.Context, pages []notify.RecipientPage, audienceNo, from, to int64) ([]notify.RecipientPage, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	var body sql.RawBytes
	scan := func(s scanner) (_ struct{}, err error) {
		n := len(pages)
		if n < cap(pages) {
			pages = pages[:n+1]
		} else {
			pages = append(pages, notify.RecipientPage{})
		}
		p := &pages[n]
		err = s.Scan(&p.From, &p.Count, &body)
		p.Body = append(p.Body[:0], body...)
		return struct{}{}, err
	}
	_, err := all(ctx, t, "read recipients", scan, `
		SELECT from_seq, n, body FROM recipient_page WHERE audience_no = $1 AND from_seq >= $2 AND from_seq < $3 ORDER BY from_seq`,
		audienceNo, from-from%notify.PageSize, to)
	return pages, err
}

// InsertChunks keeps parts of runs of index entries.
func (t *Tx) InsertChunks(ctx context.Context, a notify.Audience, chunks []notify.IndexChunk) error {
	if err := t.owns(ctx, "audience", a.No); err != nil {
		return err
	}
	args := make([]any, 0, 4*len(chunks))
	var runs []any
	for i, c := range chunks {
		args = append(args, a.No, c.Run, c.First, c.Body)
		if i == 0 || c.Run != chunks[i-1].Run {
			runs = append(runs, a.No, c.Run)
		}
	}
	if err := t.insertMany(ctx, "insert index", `INSERT INTO recipient_run (audience_no, run, first, body) VALUES `, 4, args); err != nil {
		return err
	}
	return t.insertMany(ctx, "insert run", `INSERT INTO audience_run (audience_no, run) VALUES `, 2, runs, ` ON CONFLICT DO NOTHING`)
}

// DropRun removes a run and its chunks.
func (t *Tx) DropRun(ctx context.Context, a notify.Audience, run int64) error {
	if err := t.owns(ctx, "audience", a.No); err != nil {
		return err
	}
	for _, table := range []string{"audience_run", "recipient_run"} {
		if _, err := t.exec(ctx, "drop run", `DELETE FROM `+table+` WHERE audience_no = $1 AND run = $2`, a.No, run); err != nil {
			return err
		}
	}
	return nil
}

// IndexRuns are the runs that an audience has.
func (t *Tx) IndexRuns(ctx context.Context, audienceNo int64) ([]int64, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	return all(ctx, t, "read runs", value[int64], `SELECT run FROM audience_run WHERE audience_no = $1 ORDER BY run`, audienceNo)
}

// RunChunks reads those of a run that come after an entry, in order.
func (t *Tx) RunChunks(ctx context.Context, audienceNo, run int64, after []byte, limit int) ([]notify.IndexChunk, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	scan := func(s scanner) (c notify.IndexChunk, err error) { return c, s.Scan(&c.Run, &c.First, &c.Body) }
	if after == nil {
		after = []byte{}
	}
	return all(ctx, t, "read run", scan, `
		SELECT run, first, body FROM recipient_run WHERE audience_no = $1 AND run = $2 AND first > $3 ORDER BY first LIMIT $4`,
		audienceNo, run, after, limit)
}

// IndexChunks reads those that can hold a blind index: of each run the one that begins last at or before
// its first entry, and those that begin within its entries. SQLite takes CROSS JOIN as an order: other than run
// by run it would read every chunk of the audience.
func (t *Tx) IndexChunks(ctx context.Context, audienceNo int64, index []byte) ([][]byte, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	low, high := notify.EntryBounds(index)
	return all(ctx, t, "find recipients", value[[]byte], `
		SELECT c.body FROM audience_run r CROSS JOIN recipient_run c
		WHERE r.audience_no = $1 AND c.audience_no = r.audience_no AND c.run = r.run AND c.first <= $3 AND c.first >= COALESCE((
			SELECT x.first FROM recipient_run x WHERE x.audience_no = r.audience_no AND x.run = r.run AND x.first <= $2
			ORDER BY x.first DESC LIMIT 1), $2)`, audienceNo, low, high)
}

// RecipientSeqs finds people by a blind index.
func (t *Tx) RecipientSeqs(ctx context.Context, audienceNo int64, index []byte) ([]int64, error) {
	chunks, err := t.IndexChunks(ctx, audienceNo, index)
	var seqs []int64
	for _, c := range chunks {
		found, _ := notify.ChunkSeqs(c, index)
		seqs = append(seqs, found...)
	}
	slices.Sort(seqs)
	return slices.Compact(seqs), err
}

// InsertRejects keeps what an import refused. Several faults of one line come in one call.
func (t *Tx) InsertRejects(ctx context.Context, a notify.Audience, rejects []notify.Reject) error {
	if err := t.owns(ctx, "audience", a.No); err != nil {
		return err
	}
	args := make([]any, 0, 7*len(rejects))
	for i, r := range rejects {
		args = append(args, a.No, r.Line, i, r.Column, r.Pointer, r.Rule, r.Message)
	}
	return t.insertMany(ctx, "insert rejects",
		`INSERT INTO reject (audience_no, line, no, at, pointer, rule, message) VALUES `, 7, args)
}

// Rejects pages through them by line: some, and what else there is of the last one's line.
func (t *Tx) Rejects(ctx context.Context, audienceNo, afterLine int64, limit int) ([]notify.Reject, error) {
	if err := t.owns(ctx, "audience", audienceNo); err != nil {
		return nil, err
	}
	scan := func(s scanner) (r notify.Reject, err error) {
		return r, s.Scan(&r.Line, &r.Column, &r.Pointer, &r.Rule, &r.Message)
	}
	return all(ctx, t, "read rejects", scan, `
		SELECT line, at, pointer, rule, message FROM reject WHERE audience_no = $1 AND line > $2 AND line <= COALESCE((
			SELECT x.line FROM reject x WHERE x.audience_no = $1 AND x.line > $2 ORDER BY x.line, x.no LIMIT 1 OFFSET $3), $4)
		ORDER BY line, no`,
		audienceNo, afterLine, limited(limit, 100, 10000)-1, int64(math.MaxInt64))
}
