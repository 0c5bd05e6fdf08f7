package store_test

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/intake"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
)

// The same finding in parallel is one incident in a real database too, and a changed fact is a revision.
func TestOneIncidentInTheRealStore(t *testing.T) {
	body, err := os.ReadFile("../../incident/intake/testdata/samples/native.json")
	require.NoError(t, err)
	tool := evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_1"}, Roles: []string{access.Reporter}}
	books := store.Of[incident.Tx](storetest.SQLite(t))
	s := intake.New(books, clock.System{})
	ids := make([]incident.ID, 100)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			a, err := s.Accept(context.Background(), tool, intake.Request{Format: "auto", Body: body})
			if err != nil || len(a.Incidents) != 1 {
				t.Error(err)
				return
			}
			ids[i] = a.Incidents[0].ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	changed := bytes.Replace(body, []byte(`"count": 1200000`), []byte(`"count": 9007199254740993`), 1)
	a, err := s.Accept(context.Background(), tool, intake.Request{Format: "auto", Body: changed})
	require.NoError(t, err)
	require.Equal(t, []intake.Accepted{{ID: ids[0], Revision: 2, MatchedBy: "dedup_key"}}, a.Incidents)
	require.NoError(t, books.View(context.Background(), tool, func(tx incident.Tx) error {
		_, snapshot, err := incident.Load(context.Background(), tx, ids[0])
		require.EqualValues(t, 9007199254740993, snapshot.Facts["people.count"].Value)
		return err
	}))
}
