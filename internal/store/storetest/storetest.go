// Package storetest opens empty stores for tests: on SQLite in a file, and on a real PostgreSQL that it
// starts from the machine's own binaries.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/clock"
	"tocsin/internal/seal"
	"tocsin/internal/store"
)

// Start is where the clocks of test stores stand at first.
var Start = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

// Option changes how a test store is opened.
type Option func(*store.Options)

// WithClock has the store take its time from c.
func WithClock(c clock.Clock) Option { return func(o *store.Options) { o.Clock = c } }

// Simulated opens the store of a process whose providers are all simulated.
func Simulated() Option { return func(o *store.Options) { o.Simulated = true } }

// Engine makes the options of a database of its own.
type Engine func(t testing.TB, options ...Option) store.Options

// Engines are SQLite and PostgreSQL, by name, each with today's schema and no rows; one migrated database
// is copied for all. The test binary's TestMain must be Main's.
func Engines() map[string]Engine {
	return map[string]Engine{"sqlite": copiedSQLite, "postgres": copiedPostgres}
}

// Bare is as Engines, for databases without any schema.
func Bare() map[string]Engine {
	return map[string]Engine{"sqlite": emptySQLite, "postgres": emptyPostgres}
}

// Databases opens an empty store on each engine, by name. The test binary's TestMain must be Main's.
func Databases(t testing.TB, options ...Option) map[string]func(testing.TB) *store.DB {
	t.Helper()
	open := map[string]func(testing.TB) *store.DB{}
	for name, engine := range Engines() {
		open[name] = func(t testing.TB) *store.DB { return Open(t, engine(t, options...)) }
	}
	return open
}

// SQLite opens a store in a new file. Its clock stands at Start unless an option hands in another.
func SQLite(t testing.TB, options ...Option) *store.DB {
	t.Helper()
	return Open(t, copiedSQLite(t, options...))
}

// Open opens a store that is closed when the test ends.
func Open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func emptySQLite(t testing.TB, options ...Option) store.Options {
	t.Helper()
	return with(t, store.Options{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "tocsin.db")}, options)
}

// migrated is a database file with the schema.
var migrated struct {
	once sync.Once
	file []byte
}

func copiedSQLite(t testing.TB, options ...Option) store.Options {
	t.Helper()
	migrated.once.Do(func() {
		path := filepath.Join(t.TempDir(), "migrated.db")
		migrate(t, store.Options{Driver: "sqlite", DSN: path})
		var err error
		migrated.file, err = os.ReadFile(path)
		require.NoError(t, err)
	})
	path := filepath.Join(t.TempDir(), "tocsin.db")
	require.NoError(t, os.WriteFile(path, migrated.file, 0o600))
	return with(t, store.Options{Driver: "sqlite", DSN: path}, options)
}

func migrate(t testing.TB, o store.Options) {
	t.Helper()
	db, err := store.Open(context.Background(), o)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// with fills in a clock and a key file, which is kept apart from the database.
func with(t testing.TB, o store.Options, options []Option) store.Options {
	t.Helper()
	o.Clock = clock.NewFake(Start)
	kek, err := seal.LoadKEK(filepath.Join(t.TempDir(), "kek"))
	require.NoError(t, err)
	o.KEK = kek
	for _, option := range options {
		option(&o)
	}
	return o
}
