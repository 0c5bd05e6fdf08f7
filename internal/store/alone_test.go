package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/internal/store/storetest"
)

// Of the processes on one PostgreSQL, one at a time works under a name; another name is free.
func TestAloneAmongProcesses(t *testing.T) {
	o := storetest.Engines()["postgres"](t)
	one, two := storetest.Open(t, o), storetest.Open(t, o)
	nothing := func(context.Context) error { return nil }
	ran, err := one.Alone(ctx, "timers", func(ctx context.Context) error {
		ran, err := two.Alone(ctx, "timers", nothing)
		require.NoError(t, err)
		require.False(t, ran)
		ran, err = two.Alone(ctx, "imports", nothing)
		require.NoError(t, err)
		require.True(t, ran)
		return errors.New("it went wrong")
	})
	require.True(t, ran)
	require.EqualError(t, err, "it went wrong")
	ran, err = two.Alone(ctx, "timers", nothing)
	require.NoError(t, err)
	require.True(t, ran, "free again after a failure")
}

// The death of a process ends its sessions, and what they held is free.
func TestAloneEndsWithTheSession(t *testing.T) {
	o := storetest.Engines()["postgres"](t)
	one, two := storetest.Open(t, o), storetest.Open(t, o)
	admin, err := sql.Open("pgx", o.DSN)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	for range 3 {
		ran, err := one.Alone(ctx, "timers", func(ctx context.Context) error {
			_, err := admin.ExecContext(ctx, `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
			require.NoError(t, err)
			ran, err := two.Alone(ctx, "timers", func(context.Context) error { return nil })
			require.NoError(t, err)
			require.True(t, ran)
			return nil
		})
		require.NoError(t, err)
		require.True(t, ran)
	}
}

// An embedded installation has one process.
func TestAloneOnSQLite(t *testing.T) {
	ran, err := storetest.SQLite(t).Alone(ctx, "timers", func(context.Context) error { return nil })
	require.NoError(t, err)
	require.True(t, ran)
}
