package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
)

func TestSinceWhenNothingCanBeWritten(t *testing.T) {
	c := clock.NewFake(storetest.Start)
	db := storetest.SQLite(t, storetest.WithClock(c))
	refusing := func(want string, since time.Time) {
		t.Helper()
		why, at := db.Refusing()
		require.Equal(t, []any{want, since}, []any{why, at})
	}
	refusing("", time.Time{})
	store.Refuse(db, true)
	c.Advance(time.Minute)
	store.Refuse(db, true)
	refusing("full", storetest.Start)
	requireFault(t, db.Ping(ctx), incident.Busy)
	store.Refuse(db, false)
	refusing("locked", storetest.Start)
	c.Advance(3 * time.Minute)
	refusing("", time.Time{})
	require.NoError(t, db.Ping(ctx), "nobody has tried for long")
	store.Refuse(db, true)
	refusing("full", c.Now())
	require.NoError(t, store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error { return insertTitled(tx, "x") }))
	refusing("", time.Time{})
}
