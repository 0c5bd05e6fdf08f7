package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
)

// A disk that is full refuses work as busy, all of a group or none of one, and takes it again later.
func TestFullDiskIsBusyAndKeepsNoHalves(t *testing.T) {
	db := storetest.SQLite(t)
	writing := store.Pools(db)[0]
	limit := func(pages string) {
		_, err := writing.ExecContext(ctx, "PRAGMA max_page_count = "+pages)
		require.NoError(t, err)
	}
	limit(pragma(t, writing, "page_count"))

	large := strings.Repeat("x", 64<<10)
	post := func(n int) error {
		return store.Of[playbooks.Tx](db).InTx(ctx, acme, func(tx playbooks.Tx) error {
			i := newIncident(incident.Live)
			i.Title = fmt.Sprintf("number %d", n)
			if err := tx.InsertIncident(ctx, i); err != nil {
				return err
			}
			i = newIncident(incident.Live)
			i.Title, i.Summary = fmt.Sprintf("number %d", n), large
			return tx.InsertIncident(ctx, i)
		})
	}
	var wg sync.WaitGroup
	refused := make([]error, 20)
	for n := range refused {
		wg.Go(func() { refused[n] = post(n) })
	}
	wg.Wait()
	for _, err := range refused {
		requireFault(t, err, incident.Busy)
	}
	require.Empty(t, titles(t, db))

	limit("1000000")
	for n := range refused {
		require.NoError(t, post(n))
	}
	require.Len(t, titles(t, db), 2*len(refused))
}
