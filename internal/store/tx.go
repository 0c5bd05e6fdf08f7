package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/seal"
)

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Tx is one transaction for one scope. It implements the Tx interface of every domain package.
type Tx struct {
	db     *DB
	q      querier
	scope  evidence.Scope
	op     string // the scope's operator, first argument of nearly every statement
	now    time.Time
	drafts []evidence.Draft
	events []incident.Event
	opened map[string]*seal.Key // by owner; kept by the store only after the commit
	owned  map[string]bool      // integer keys seen to be this operator's
}

func newTx(db *DB, sc evidence.Scope, q querier) *Tx {
	return &Tx{db: db, q: q, scope: sc, op: sc.Operator, now: db.clock.Now(),
		opened: map[string]*seal.Key{}, owned: map[string]bool{}}
}

// Now is the one time stamp of the transaction.
func (t *Tx) Now() time.Time { return t.now }

// Scope is what the transaction was opened for.
func (t *Tx) Scope() evidence.Scope { return t.scope }

// finish writes what joins the transaction at its end: ledger entries first, because their chains' heads
// put events in the order of commits.
func (t *Tx) finish(ctx context.Context) error {
	if err := t.writeLedger(ctx); err != nil {
		return err
	}
	return t.writeEvents(ctx)
}

// exec runs one statement and returns how many rows it wrote.
func (t *Tx) exec(ctx context.Context, what, query string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	r, err := t.q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, asFault(what, err)
	}
	n, err := r.RowsAffected()
	return n, asFault(what, err)
}

// scanner is a row to be read into variables.
type scanner interface{ Scan(dest ...any) error }

// all runs a query and reads every row with scan.
func all[T any](ctx context.Context, t *Tx, what string, scan func(scanner) (T, error), query string, args ...any) (out []T, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows, err := t.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, asFault(what, err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, asFault(what, err)
		}
		out = append(out, v)
	}
	return out, asFault(what, rows.Err())
}

// one runs a query for at most one row; ok is false when there is none.
func one[T any](ctx context.Context, t *Tx, what string, scan func(scanner) (T, error), query string, args ...any) (v T, ok bool, err error) {
	rows, err := all(ctx, t, what, scan, query, args...)
	if err != nil || len(rows) == 0 {
		return v, false, err
	}
	return rows[0], true, nil
}

// value is a scan of a single column.
func value[T any](s scanner) (v T, err error) { return v, s.Scan(&v) }

// marks is a list of parameters from number first on. SQLite gets them without numbers: it looks a numbered
// one up in a list, which is quadratic in a long statement.
func (d dialect) marks(first, n int) string {
	if d == sqlite {
		return strings.TrimSuffix(strings.Repeat("?,", n), ",")
	}
	b := make([]byte, 0, 6*n)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '$'), int64(first+i), 10)
	}
	return string(b)
}

// limited is a page's size: the default when none is asked for, never above most.
func limited(limit, standard, most int) int {
	if limit <= 0 {
		return standard
	}
	return min(limit, most)
}

// most rows that one insert takes: SQLite is fastest with about fifty; PostgreSQL has 65,535 parameters.
func (d dialect) most(cols int) int {
	if d == sqlite {
		return 50
	}
	return 30000 / cols
}

// insertMany runs an insert of many rows. args holds the rows one after another; tail may say what to do
// on conflict.
func (t *Tx) insertMany(ctx context.Context, what, insert string, cols int, args []any, tail ...string) error {
	d := t.db.dialect
	for part := range slices.Chunk(args, d.most(cols)*cols) {
		rows := make([]string, len(part)/cols)
		for i := range rows {
			rows[i] = "(" + d.marks(i*cols+1, cols) + ")"
		}
		if _, err := t.exec(ctx, what, insert+strings.Join(rows, ",")+strings.Join(tail, ""), part...); err != nil {
			return err
		}
	}
	return nil
}
