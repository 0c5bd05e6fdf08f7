package store_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/playbooks"
)

func TestIncidentReadsAsWritten(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		due := storetest.Start.Add(time.Hour)
		i.State, i.Grade, i.NextAt, i.NextRule, i.Revision, i.Title = incident.Closed, "larger", &due, "cn-x", 2, "Anders"
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.UpdateIncident(ctx, i))
			got, err := tx.LockIncident(ctx, i.ID)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(i, got))
		})
		view(t, db, evil, func(tx playbooks.Tx) {
			_, err := tx.Incident(ctx, i.ID)
			requireFault(t, err, incident.NotFound)
			list, err := tx.Incidents(ctx, incident.Page{})
			require.NoError(t, err)
			require.Empty(t, list)
		})
		tx(t, db, evil, func(tx playbooks.Tx) { requireFault(t, tx.UpdateIncident(ctx, i), incident.NotFound) })
	})
}

func TestModeNeverChanges(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Drill)
		i.Mode = incident.Live
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.UpdateIncident(ctx, i))
			got, err := tx.Incident(ctx, i.ID)
			require.NoError(t, err)
			require.Equal(t, incident.Drill, got.Mode)
		})
	})
}

func TestIncidentsPageNewestFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		var want []incident.ID
		for range 5 {
			want = append([]incident.ID{insertIncident(t, db, incident.Live).ID}, want...)
		}
		var got []incident.ID
		view(t, db, acme, func(tx playbooks.Tx) {
			for after := ""; ; {
				page, err := tx.Incidents(ctx, incident.Page{After: after, Limit: 2})
				require.NoError(t, err)
				if len(page) == 0 {
					return
				}
				for _, i := range page {
					got = append(got, i.ID)
				}
				after = string(got[len(got)-1])
			}
		})
		require.Equal(t, want, got)
	})
}

func TestFactsKeepValuesAndOrder(t *testing.T) {
	facts := []incident.Fact{
		{Path: "people.count", Value: int64(12_000_000_000), Certainty: "exact", At: storetest.Start},
		{Path: "loss_cny", Value: 1.5},
		{Path: "people.count", Value: nil, Revision: 2},
		{Path: "systems", Value: []any{map[string]any{"name": "crm", "mlps_level": int64(3)}}},
	}
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.InsertFacts(ctx, i.ID, facts[:2]))
			require.NoError(t, tx.InsertFacts(ctx, i.ID, facts[2:]))
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			got, err := tx.Facts(ctx, i.ID)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(facts, got))
		})
	})
}

func TestOneIdentityOneIncident(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		var mu sync.Mutex
		holders := map[incident.ID]int{}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				err := store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error {
					i := newIncident(incident.Live)
					holder, err := tx.ClaimIdentity(ctx, "native:siem:4711", i.ID)
					if err == nil && holder == i.ID {
						err = tx.InsertIncident(ctx, i)
					}
					if err == nil {
						_, err = tx.LockIncident(ctx, holder)
					}
					mu.Lock()
					defer mu.Unlock()
					holders[holder]++
					return err
				})
				mu.Lock()
				defer mu.Unlock()
				require.NoError(t, err)
			})
		}
		wg.Wait()
		require.Len(t, holders, 1)
		view(t, db, acme, func(tx playbooks.Tx) {
			list, err := tx.Incidents(ctx, incident.Page{})
			require.NoError(t, err)
			require.Len(t, list, 1)
		})
	})
}

func TestKeptAnswerIsTheFirst(t *testing.T) {
	first := incident.KeptAnswer{Route: "tok_1 POST /incidents", Key: "k", BodyHash: "aa", Status: 201, Body: []byte(`{}`), At: storetest.Start}
	everywhere(t, func(t *testing.T, db *store.DB) {
		tx(t, db, acme, func(tx playbooks.Tx) {
			none, err := tx.KeptAnswer(ctx, first.Route, first.Key)
			require.NoError(t, err)
			require.Nil(t, none)
			require.NoError(t, tx.KeepAnswer(ctx, first))
		})
		err := store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error { return tx.KeepAnswer(ctx, first) })
		requireFault(t, err, incident.Conflict)
		view(t, db, acme, func(tx playbooks.Tx) {
			got, err := tx.KeptAnswer(ctx, first.Route, first.Key)
			require.NoError(t, err)
			require.Equal(t, &first, got)
			other, err := tx.KeptAnswer(ctx, "tok_2 POST /incidents", first.Key)
			require.NoError(t, err)
			require.Nil(t, other)
		})
	})
}

func TestFilesOfAnySize(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		for n, size := range []int{0, 1, 256 << 10, 700 << 10} {
			f := incident.File{
				ID: "fil_" + itoa(n), Incident: i.ID, Name: "finding.json", ContentType: "application/json", SHA256: "ab",
				Size: int64(size), Body: bytes.Repeat([]byte{byte(n)}, size), At: storetest.Start,
			}
			tx(t, db, acme, func(tx playbooks.Tx) { require.NoError(t, tx.InsertFile(ctx, f)) })
			view(t, db, acme, func(tx playbooks.Tx) {
				got, err := tx.File(ctx, f.ID)
				require.NoError(t, err)
				require.True(t, bytes.Equal(f.Body, got.Body))
				f.Body, got.Body = nil, nil
				require.Equal(t, f, got)
				list, err := tx.Files(ctx, i.ID)
				require.NoError(t, err)
				require.Len(t, list, n+1)
			})
		}
		view(t, db, evil, func(tx playbooks.Tx) {
			_, err := tx.File(ctx, "fil_1")
			requireFault(t, err, incident.NotFound)
		})
	})
}

func TestLedgerChainsHoldUnderConcurrency(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		a, b := insertIncident(t, db, incident.Live), insertIncident(t, db, incident.Live)
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				err := store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error {
					first, second := a.ID, b.ID
					if n%2 == 0 {
						first, second = second, first
					}
					for _, chain := range []string{string(first), evidence.SystemChain, string(second)} {
						tx.AppendLedger(evidence.Draft{Chain: chain, Kind: "test.done", Refs: map[string]string{"count": itoa(n)},
							Commit: map[string]string{"name": "Li Hua"}})
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		view(t, db, acme, func(tx playbooks.Tx) {
			for _, chain := range []string{string(a.ID), string(b.ID), evidence.SystemChain} {
				entries, err := tx.Ledger(ctx, chain, 0, 0)
				require.NoError(t, err)
				require.Len(t, entries, 20)
				prev := ""
				for n, e := range entries {
					require.EqualValues(t, n+1, e.Seq)
					require.Equal(t, prev, e.Prev)
					require.Equal(t, e.Hash, e.Digest(), "what is stored is what was hashed")
					prev = e.Hash
				}
				rest, err := tx.Ledger(ctx, chain, 18, 1)
				require.NoError(t, err)
				require.Equal(t, entries[18:19], rest)
			}
			key, err := tx.Key(ctx, a.ID)
			require.NoError(t, err)
			entries, err := tx.Ledger(ctx, string(a.ID), 6, 1)
			require.NoError(t, err)
			require.Equal(t, evidence.Commitment(key.Salt(7), "name", "Li Hua"), entries[0].Commits["name"])
		})
	})
}

func TestLandmarksLeaveOutBatches(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		for n := range 9 {
			tx(t, db, acme, func(tx playbooks.Tx) {
				kind := "delivery.batch"
				if n%4 == 0 {
					kind = "test.done"
				}
				tx.AppendLedger(evidence.Draft{Chain: string(i.ID), Kind: kind})
			})
		}
		seqs := func(entries []evidence.Entry, err error) (out []int64) {
			require.NoError(t, err)
			for _, e := range entries {
				out = append(out, e.Seq)
			}
			return out
		}
		view(t, db, acme, func(tx playbooks.Tx) {
			require.Equal(t, []int64{1, 5, 9}, seqs(tx.Landmarks(ctx, string(i.ID), 0, 10)))
			require.Equal(t, []int64{5}, seqs(tx.Landmarks(ctx, string(i.ID), 1, 1)))
			require.Equal(t, []int64{9, 5}, seqs(tx.LatestLandmarks(ctx, string(i.ID), 2)))
		})
		view(t, db, evil, func(tx playbooks.Tx) { require.Empty(t, seqs(tx.LatestLandmarks(ctx, string(i.ID), 2))) })
	})
}

func TestLedgerOfAnotherOperatorIsOutOfReach(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		err := store.Of[incident.Tx](db).InTx(ctx, evil, func(tx incident.Tx) error {
			tx.AppendLedger(evidence.Draft{Chain: string(i.ID), Kind: "test.done"})
			return nil
		})
		requireFault(t, err, incident.NotFound)
	})
}

func TestEventsAreSequencedDenselyAfterCommit(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		hints := make(chan struct{}, 100)
		db.OnCommit(func() { hints <- struct{}{} })
		var wg sync.WaitGroup
		for n := range 10 {
			wg.Go(func() {
				_ = store.Of[incident.Tx](db).InTx(ctx, acme, func(tx incident.Tx) error {
					tx.Emit(incident.Event{Kind: "test.done", Refs: map[string]string{"count": itoa(n)}})
					if n == 3 {
						return incident.NewFault(incident.Conflict, "not this one")
					}
					return nil
				})
			})
		}
		wg.Wait()
		require.Len(t, hints, 9, "one hint for each commit, none for what was rolled back")
		view(t, db, acme, func(tx playbooks.Tx) {
			none, err := tx.Events(ctx, 0, 10)
			require.NoError(t, err)
			require.Empty(t, none, "an event without a sequence is not there yet")
		})
		first, err := db.Sequence(ctx, 4)
		require.NoError(t, err)
		second, err := db.Sequence(ctx, 10)
		require.NoError(t, err)
		third, err := db.Sequence(ctx, 10)
		require.NoError(t, err)
		require.Empty(t, third)
		events := append(first, second...)
		require.Len(t, events, 9)
		for n, e := range events {
			require.EqualValues(t, n+1, e.Seq)
			require.Equal(t, "acme", e.Operator)
			require.Equal(t, storetest.Start, e.At)
		}
		stored, err := db.EventsAfter(ctx, "", 0, 100)
		require.NoError(t, err)
		require.Equal(t, events, stored)
		stored, err = db.EventsAfter(ctx, "evil", 0, 100)
		require.NoError(t, err)
		require.Empty(t, stored)
	})
}

func TestCursorNeverGoesBack(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		for _, seq := range []int64{0, 7, 3} {
			require.NoError(t, db.SetCursor(ctx, "bus", seq))
		}
		got, err := db.Cursor(ctx, "bus")
		require.NoError(t, err)
		require.EqualValues(t, 7, got)
		got, err = db.Cursor(ctx, "other")
		require.NoError(t, err)
		require.Zero(t, got)
	})
}
