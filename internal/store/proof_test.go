package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
)

func TestWhereARecipientMayBeFound(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 4)
		other := insertDispatch(t, db, 1)
		tx(t, db, acme, func(tx playbooks.Tx) {
			for no, span := range map[int64][2]int64{1: {0, 10}, 2: {10, 20}, 3: {5, 35}, 4: {7, 8}} {
				require.NoError(t, tx.InsertBatch(ctx, notify.Batch{Dispatch: d.No, No: no, Kind: "outcomes", Root: "r", Count: 1, Events: []byte{1}, From: span[0], To: span[1], At: storetest.Start}))
			}
			require.NoError(t, tx.InsertBatch(ctx, notify.Batch{Dispatch: other.No, No: 1, Kind: "outcomes", Root: "r", Count: 1, Events: []byte{1}, From: 0, To: 10, At: storetest.Start}))
			r, ok, err := tx.ClaimRange(ctx, "w", storetest.Start.Add(1))
			require.NoError(t, err)
			require.True(t, ok)
			ok, err = tx.FinishRange(ctx, r)
			require.NoError(t, err)
			require.True(t, ok)
			require.NoError(t, tx.InsertRanges(ctx, []notify.Range{{Dispatch: d.No, No: 99, Again: true, From: 3, To: 9}}))
		})
		numbers := func(tx playbooks.Tx, seq, after int64, limit int) (nos []int64) {
			batches, err := tx.BatchesOf(ctx, d.No, seq, after, limit)
			require.NoError(t, err)
			for _, b := range batches {
				nos = append(nos, b.No)
			}
			return nos
		}
		view(t, db, acme, func(tx playbooks.Tx) {
			require.Equal(t, []int64{1, 3, 4}, numbers(tx, 7, 0, 10))
			require.Equal(t, []int64{1, 3}, numbers(tx, 7, 0, 2))
			require.Equal(t, []int64{4}, numbers(tx, 7, 3, 2), "the next page")
			require.Equal(t, []int64{2, 3}, numbers(tx, 10, 0, 10), "the end is not in it")
			require.Empty(t, numbers(tx, 35, 0, 10))

			open, err := tx.OpenStretches(ctx, d.No)
			require.NoError(t, err)
			require.Equal(t, [][2]int64{{10, 20}, {20, 30}, {30, 40}}, open, "neither done nor made of retries")
			entries, err := tx.Ledger(ctx, string(d.Incident), 0, 100)
			require.NoError(t, err)
			head, err := tx.ChainHead(ctx, string(d.Incident))
			require.NoError(t, err)
			require.EqualValues(t, len(entries), head.Seq)
		})
		view(t, db, evidence.System("other"), func(tx playbooks.Tx) {
			_, err := tx.BatchesOf(ctx, d.No, 7, 0, 10)
			requireFault(t, err, incident.NotFound)
			_, err = tx.OpenStretches(ctx, d.No)
			requireFault(t, err, incident.NotFound)
			_, err = tx.ChainHead(ctx, string(d.Incident))
			requireFault(t, err, incident.NotFound)
		})
	})
}
