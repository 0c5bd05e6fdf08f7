// Package store keeps everything in SQL, on SQLite or PostgreSQL: it implements the Tx interfaces of
// the domain packages on one concrete Tx, seals what is personal, and holds the migrations.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"tocsin/incident/evidence"
	"tocsin/internal/clock"
	"tocsin/internal/seal"
)

// Options say which database to open and how.
type Options struct {
	Driver string // sqlite | postgres
	DSN    string // sqlite: path of the database file; postgres: URL or key=value string
	KEK    seal.KEK
	Clock  clock.Clock
	// Simulated says that the simulator stands in for every provider. Only then can a drill be
	// dispatched, or worked off, by this process.
	Simulated bool
}

// DB is an open store. It is safe for concurrent use.
type DB struct {
	dialect   dialect
	read      *sql.DB
	write     *sql.DB
	writer    *writer // SQLite only: one connection, commits in groups
	kek       seal.KEK
	clock     clock.Clock
	keys      *keyring
	simulated bool
	trouble   trouble

	mu    sync.RWMutex
	hooks []func()
}

// Open connects to the database, brings its schema up to date and starts the writer.
func Open(ctx context.Context, o Options) (*DB, error) {
	d, err := dialectOf(o.Driver)
	if err != nil {
		return nil, err
	}
	db := &DB{dialect: d, kek: o.KEK, clock: o.Clock, simulated: o.Simulated, keys: newKeyring(keysKept)}
	if db.write, db.read, err = d.open(o.DSN); err != nil {
		return nil, err
	}
	if err := migrate(ctx, d, db.write); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if d == sqlite {
		db.writer = startWriter(db.write)
	}
	return db, nil
}

// Close ends the writer after the work already handed to it, and closes the connections.
func (db *DB) Close() error {
	if db.writer != nil {
		db.writer.close()
	}
	err := db.write.Close()
	if db.read != db.write {
		err = errors.Join(err, db.read.Close())
	}
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// OnCommit has fn called after each commit that wrote events. fn must not block.
func (db *DB) OnCommit(fn func()) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.hooks = append(db.hooks, fn)
}

// OperatorKey is the operator's data key, made on first use.
func (db *DB) OperatorKey(ctx context.Context, operator string) (key *seal.Key, err error) {
	err = db.inTx(ctx, urgent, evidence.System(operator), func(t *Tx) error {
		key, err = t.operatorKey(ctx)
		return err
	})
	return key, err
}

// inTx runs fn in a transaction that is committed when it returns nil. On PostgreSQL fn may run a second
// time when the first lost against a concurrent transaction.
func (db *DB) inTx(ctx context.Context, l lane, sc evidence.Scope, fn func(*Tx) error) error {
	if sc.Operator == "" {
		return errors.New("open transaction: scope without operator")
	}
	run := db.runPostgres
	if db.dialect == sqlite {
		run = db.runSQLite
	}
	t, err := run(ctx, l, func(q querier) (*Tx, error) {
		t := newTx(db, sc, q)
		if err := fn(t); err != nil {
			return nil, err
		}
		return t, t.finish(ctx)
	})
	db.trouble.met(db, err)
	if err != nil {
		return err
	}
	db.committed(t)
	return nil
}

func (db *DB) committed(t *Tx) {
	db.keys.keep(t.scope.Operator, t.opened)
	if len(t.events) == 0 {
		return
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	for _, hook := range db.hooks {
		hook()
	}
}

// view runs fn on one read-only snapshot.
func (db *DB) view(ctx context.Context, sc evidence.Scope, fn func(*Tx) error) error {
	if sc.Operator == "" {
		return errors.New("open transaction: scope without operator")
	}
	tx, err := db.read.BeginTx(ctx, db.dialect.snapshot())
	if err != nil {
		return asFault("begin view", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	t := newTx(db, sc, tx)
	if err := fn(t); err != nil {
		return err
	}
	if len(t.drafts)+len(t.events) > 0 {
		return errors.New("view: ledger entries and events need InTx")
	}
	db.keys.keep(sc.Operator, t.opened)
	return nil
}

func (db *DB) runSQLite(ctx context.Context, l lane, fn func(querier) (*Tx, error)) (t *Tx, err error) {
	err = db.writer.do(ctx, l, func(q querier) error {
		t, err = fn(q)
		return err
	})
	return t, err
}

func (db *DB) runPostgres(ctx context.Context, _ lane, fn func(querier) (*Tx, error)) (*Tx, error) {
	t, err := db.tryPostgres(ctx, fn)
	if lostRace(err) {
		t, err = db.tryPostgres(ctx, fn)
	}
	return t, err
}

func (db *DB) tryPostgres(ctx context.Context, fn func(querier) (*Tx, error)) (t *Tx, err error) {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, asFault("begin transaction", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := guard(func() error { t, err = fn(tx); return err }); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, asFault("commit transaction", err)
	}
	return t, nil
}
