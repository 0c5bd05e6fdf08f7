package store_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
)

// Data of an older schema is read by today's code. Each schema that was released gets a line here: the
// version, and what a database of that age holds.
func TestMigrationsKeepWhatIsThere(t *testing.T) {
	planted := map[int64]string{
		1: `INSERT INTO outbox (operator_id, id, seq, kind, incident_id, refs, at) VALUES ('acme', 'evt_1', 1, 'test.done', '', '{"count":"1"}', 5)`,
	}
	for name, engine := range storetest.Bare() {
		for version, statement := range planted {
			t.Run(name, func(t *testing.T) {
				o := engine(t)
				old, err := store.MigrateTo(ctx, o, version)
				require.NoError(t, err)
				_, err = old.ExecContext(ctx, statement)
				require.NoError(t, err)
				require.NoError(t, old.Close())
				view(t, storetest.Open(t, o), acme, func(tx playbooks.Tx) {
					events, err := tx.Events(ctx, 0, 10)
					require.NoError(t, err)
					require.Len(t, events, 1)
					require.Equal(t, map[string]string{"count": "1"}, events[0].Refs)
				})
			})
		}
	}
}

// A database is opened again, and by several processes at once.
func TestOpenTwice(t *testing.T) {
	for name, engine := range storetest.Bare() {
		t.Run(name, func(t *testing.T) {
			o := engine(t)
			var wg sync.WaitGroup
			for range map[string]int{"sqlite": 1, "postgres": 3}[name] {
				wg.Go(func() {
					db, err := store.Open(ctx, o)
					if err != nil {
						t.Error(err)
						return
					}
					if err := db.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			insertIncident(t, storetest.Open(t, o), incident.Live)
			require.Len(t, titles(t, storetest.Open(t, o)), 1)
		})
	}
}
