package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
)

func titles(t *testing.T, db *store.DB) (out []string) {
	t.Helper()
	view(t, db, acme, func(tx playbooks.Tx) {
		list, err := tx.Incidents(ctx, incident.Page{})
		require.NoError(t, err)
		for _, i := range list {
			out = append(out, i.Title)
		}
	})
	return out
}

func insertTitled(tx incident.Tx, title string) error {
	i := newIncident(incident.Live)
	i.Title = title
	return tx.InsertIncident(ctx, i)
}

// Whatever becomes of one transaction, its neighbours in the group are whole and it leaves nothing.
func TestTransactionsOfAGroupAreApart(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := store.Of[incident.Tx](db)
		fail := errors.New("changed my mind")
		bad := map[string]func() error{
			"error": func() error { return fail },
			"panic": func() error { panic("a value that may be personal: Li Hua") },
			"crash": func() error { return []error{}[len(os.Args)+7] },
			"exit":  func() error { runtime.Goexit(); return nil },
		}
		gate := make(chan struct{})
		var mu sync.Mutex
		errs := map[string]error{}
		var wg sync.WaitGroup
		begin := func(name string, in func(context.Context, func(incident.Tx) error) error, end func() error) {
			wg.Go(func() {
				<-gate
				err := errors.New("ended with its goroutine")
				defer func() {
					mu.Lock()
					defer mu.Unlock()
					errs[name] = err
				}()
				err = in(ctx, func(tx incident.Tx) error {
					if err := insertTitled(tx, name); err != nil {
						return err
					}
					return end()
				})
			})
		}
		inTx := func(ctx context.Context, fn func(incident.Tx) error) error { return h.InTx(ctx, acme, fn) }
		bulk := func(ctx context.Context, fn func(incident.Tx) error) error { return h.Bulk(ctx, acme, fn) }
		for n := range 20 {
			begin(fmt.Sprintf("good %d", n), inTx, func() error { return nil })
			begin(fmt.Sprintf("bulk %d", n), bulk, func() error { return nil })
		}
		for name, end := range bad {
			begin(name, inTx, end)
		}
		close(gate)
		wg.Wait()
		for name, err := range errs {
			if bad[name] == nil {
				require.NoError(t, err, name)
			} else {
				require.Error(t, err, name)
			}
		}
		require.ErrorIs(t, errs["error"], fail)
		require.NotContains(t, errs["panic"].Error(), "Li Hua")
		require.ErrorContains(t, errs["crash"], "index out of range")
		require.Len(t, titles(t, db), 40)
	})
}

func TestCancelledTransactionLeavesNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := store.Of[incident.Tx](db)
		gone, cancel := context.WithCancel(ctx)
		err := h.InTx(gone, acme, func(tx incident.Tx) error {
			if err := insertTitled(tx, "one"); err != nil {
				return err
			}
			cancel()
			return tx.InsertIncident(gone, newIncident(incident.Live))
		})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, h.InTx(gone, acme, func(tx incident.Tx) error { return insertTitled(tx, "two") }), context.Canceled)
		require.Empty(t, titles(t, db))
	})
}

// A caller that gives up while it waits takes its transaction with it.
func TestCancelledWhileWaiting(t *testing.T) {
	db := storetest.SQLite(t)
	h := store.Of[incident.Tx](db)
	first, release, waiting := make(chan struct{}), make(chan struct{}), make(chan error)
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.InTx(ctx, acme, func(incident.Tx) error { close(first); <-release; return nil })
	})
	<-first
	gone, cancel := context.WithCancel(ctx)
	wg.Go(func() {
		waiting <- h.InTx(gone, acme, func(tx incident.Tx) error { return insertTitled(tx, "ghost") })
	})
	cancel()
	require.ErrorIs(t, <-waiting, context.Canceled)
	close(release)
	wg.Wait()
	require.Empty(t, titles(t, db))
}

func TestFullQueueIsBusy(t *testing.T) {
	db := storetest.SQLite(t)
	h := store.Of[incident.Tx](db)
	first, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.InTx(ctx, acme, func(incident.Tx) error { close(first); <-release; return nil })
	})
	<-first
	busy := make(chan struct{}, 4000)
	for range 4000 {
		wg.Go(func() {
			if err := h.InTx(ctx, acme, func(incident.Tx) error { return nil }); incident.IsFault(err, incident.Busy) {
				busy <- struct{}{}
			}
		})
	}
	for range 1000 {
		<-busy
	}
	close(release)
	wg.Wait()
}

// Urgent work does not wait for the bulk work that came before it.
func TestUrgentGoesFirst(t *testing.T) {
	db := storetest.SQLite(t)
	h := store.Of[incident.Tx](db)
	var mu sync.Mutex
	var order []string
	note := func(s string) func(incident.Tx) error {
		return func(incident.Tx) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, s)
			return nil
		}
	}
	first, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = h.InTx(ctx, acme, func(incident.Tx) error { close(first); <-release; return nil })
	})
	<-first
	for range 5 {
		wg.Go(func() { _ = h.Bulk(ctx, acme, note("bulk")) })
	}
	require.Eventually(t, func() bool { return store.Waiting(db) == 5 }, 10e9, 1e6)
	wg.Go(func() { _ = h.InTx(ctx, acme, note("urgent")) })
	require.Eventually(t, func() bool { return store.Waiting(db) == 6 }, 10e9, 1e6)
	close(release)
	wg.Wait()
	require.Equal(t, []string{"urgent", "bulk", "bulk", "bulk", "bulk", "bulk"}, order)
}

// What InTx has answered is in the database as it lies on disk at that moment, not only in memory.
func TestAnsweredIsDurable(t *testing.T) {
	engine := storetest.Engines()["sqlite"]
	o := engine(t)
	db := storetest.Open(t, o)
	var wg sync.WaitGroup
	var mu sync.Mutex
	answered := map[string]bool{}
	for n := range 50 {
		wg.Go(func() {
			title := fmt.Sprintf("t%d", n)
			if err := store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error { return insertTitled(tx, title) }); err == nil {
				mu.Lock()
				defer mu.Unlock()
				answered[title] = true
			}
		})
	}
	wg.Wait()
	require.Len(t, answered, 50)
	require.Len(t, titles(t, storetest.Open(t, crashCopy(t, o))), 50, "a copy taken without closing has all")
}

// crashCopy is the database as a killed process leaves it.
func crashCopy(t *testing.T, o store.Options) store.Options {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} { // the shared memory beside them is made anew
		b, err := os.ReadFile(o.DSN + suffix)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to+suffix, b, 0o600))
	}
	o.DSN = to
	return o
}

func TestEveryConnectionSyncsFully(t *testing.T) {
	db := storetest.SQLite(t)
	for name, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000"} {
		for _, pool := range store.Pools(db) {
			require.Equal(t, want, pragma(t, pool, name), name)
		}
	}
}

func pragma(t *testing.T, db *sql.DB, name string) (value string) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value))
	return value
}

func TestClosedStoreIsBusy(t *testing.T) {
	db := storetest.SQLite(t)
	require.NoError(t, db.Close())
	err := store.Of[incident.Tx](db).InTx(ctx, acme, func(incident.Tx) error { return nil })
	requireFault(t, err, incident.Busy)
}

func TestViewCannotWrite(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := store.Of[incident.Tx](db)
		require.Error(t, h.View(ctx, acme, func(tx incident.Tx) error { return insertTitled(tx, "x") }))
		require.Error(t, h.View(ctx, acme, func(tx incident.Tx) error { tx.Emit(incident.Event{Kind: "x.y"}); return nil }))
	})
}

func TestStoreDownIsBusy(t *testing.T) {
	o := storetest.Engines()["postgres"](t)
	db := storetest.Open(t, o)
	var name string
	require.NoError(t, store.Pools(db)[0].QueryRowContext(ctx, "SELECT current_database()").Scan(&name))
	away := o
	away.DSN += " port=1"
	_, err := store.Open(ctx, away)
	requireFault(t, err, incident.Busy)

	admin, err := sql.Open("pgx", o.DSN+" dbname=postgres")
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
	require.NoError(t, err)
	for range 3 {
		err := store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error { return insertTitled(tx, "x") })
		requireFault(t, err, incident.Busy)
		requireFault(t, db.Ping(ctx), incident.Busy)
	}
}
