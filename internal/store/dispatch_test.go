package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
)

// A drill is dispatched only by a process whose providers are simulated, and worked off only by one.
func TestDrillReachesTheSimulatorOnly(t *testing.T) {
	for name, engine := range storetest.Engines() {
		t.Run(name, func(t *testing.T) {
			o := engine(t)
			real := storetest.Open(t, o)
			i := insertIncident(t, real, incident.Drill)
			notice := insertNotice(t, real, i.ID)
			insert := func(db *store.DB, mode incident.Mode) (d notify.Dispatch, err error) {
				return d, store.Of[notify.Tx](db).InTx(ctx, acme, func(tx notify.Tx) error {
					i := i
					i.Mode = mode
					d = newDispatch(i, notice.ID, 10)
					if d.No, err = tx.InsertDispatch(ctx, d); err != nil {
						return err
					}
					return tx.InsertRanges(ctx, []notify.Range{{Dispatch: d.No, No: 1, To: 10}})
				})
			}
			_, err := insert(real, incident.Drill)
			requireFault(t, err, incident.Conflict)
			_, err = insert(real, incident.Live)
			require.Error(t, err, "a drill's dispatch cannot pass for a live one")
			_, err = store.Pools(real)[0].ExecContext(ctx, `
				INSERT INTO dispatch (operator_id, id, no, incident_id, mode, simulated, notice_id, version, digest, audience_id,
					audience_no, channels, state, total, started_at, started_by, body)
				VALUES ('acme', 'dsp_x', 99, $1, 'drill', false, $2, 1, '', '', 0, '[]', 'running', 1, 0, '', '')`, string(i.ID), notice.ID)
			require.ErrorContains(t, err, "drill_reaches_simulator_only")
			_, err = store.Pools(real)[0].ExecContext(ctx, `UPDATE incident SET mode = 'live' WHERE id = $1 AND 1 = 0`, string(i.ID))
			require.NoError(t, err)

			o.Simulated = true
			simulated := storetest.Open(t, o)
			_, err = insert(simulated, incident.Drill)
			require.NoError(t, err)
			claim := func(db *store.DB) (ok bool) {
				tx(t, db, acme, func(tx playbooks.Tx) {
					_, ok, err = tx.ClaimRange(ctx, "w", storetest.Start.Add(time.Minute))
					require.NoError(t, err)
				})
				return ok
			}
			require.False(t, claim(real))
			require.True(t, claim(simulated))
			_, err = store.Pools(real)[0].ExecContext(ctx, `UPDATE incident SET mode = 'live' WHERE id = $1`, string(i.ID))
			require.Error(t, err, "the mode of an incident with a dispatch cannot be changed")
		})
	}
}

func TestDispatchReadsAsWritten(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 1)
		tx(t, db, acme, func(tx playbooks.Tx) {
			got, err := tx.DispatchByNo(ctx, d.No)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(d, got))
			end := storetest.Start.Add(time.Hour)
			d.State, d.Reason, d.EndedAt = notify.DispPaused, "Li Hua asked for it", &end
			d.Flow = notify.Flow{WatchUntil: &end, Cut: 500, Borne: map[string]notify.Borne{"email": {Tried: 3, Failed: 1}}}
			require.NoError(t, tx.UpdateDispatch(ctx, d))
			got, err = tx.Dispatch(ctx, d.ID)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(d, got))
			list, err := tx.RunningDispatches(ctx)
			require.NoError(t, err)
			require.Len(t, list, 1)
		})
		view(t, db, evil, func(tx playbooks.Tx) {
			_, err := tx.DispatchByNo(ctx, d.No)
			requireFault(t, err, incident.NotFound)
			_, err = tx.DeliveriesOf(ctx, d.No, 0, 10)
			requireFault(t, err, incident.NotFound)
			_, _, _, err = tx.Counts(ctx, d.No)
			requireFault(t, err, incident.NotFound)
		})
		tx(t, db, evil, func(tx playbooks.Tx) {
			requireFault(t, tx.PutDeliveries(ctx, []notify.Delivery{{Dispatch: d.No, Channel: "email"}}), incident.NotFound)
			_, ok, err := tx.ClaimRange(ctx, "w", storetest.Start.Add(time.Minute))
			require.NoError(t, err)
			require.False(t, ok)
		})
	})
}

func TestDeliveries(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 1)
		soon, late := storetest.Start.Add(time.Minute), storetest.Start.Add(time.Hour)
		row := func(seq int64, channel string, state notify.DeliveryState, more func(*notify.Delivery)) notify.Delivery {
			r := notify.Delivery{Dispatch: d.No, Seq: seq, Channel: channel, State: state, Class: notify.ClassAccepted,
				Code: "250", ProviderID: "p", Attempt: 1, At: storetest.Start}
			if more != nil {
				more(&r)
			}
			return r
		}
		rows := []notify.Delivery{
			row(0, "email", notify.Accepted, nil),
			row(1, "email", notify.Failed, func(r *notify.Delivery) { r.Class, r.Superseded = notify.ClassRcptPerm, true }),
			row(1, "sms", notify.Pending, func(r *notify.Delivery) { r.Class, r.Attempt, r.NextAt = "", 0, &soon }),
			row(2, "push", notify.InDoubt, func(r *notify.Delivery) { r.Doubt, r.NextAt = true, &late }),
			row(3, notify.NoChannel, notify.Failed, func(r *notify.Delivery) { r.Class = notify.ClassNoChannel }),
		}
		tx(t, db, acme, func(tx playbooks.Tx) {
			first := slices.Clone(rows)
			first[0].State = notify.Sending
			require.NoError(t, tx.PutDeliveries(ctx, first))
			require.NoError(t, tx.PutDeliveries(ctx, rows[:1]), "written over")
		})
		read := func(want []notify.Delivery, got []notify.Delivery, err error) {
			t.Helper()
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(want, got))
		}
		tx(t, db, acme, func(tx playbooks.Tx) {
			got, err := tx.DeliveriesOf(ctx, d.No, 0, 10)
			read(rows, got, err)
			got, err = tx.DeliveriesOf(ctx, d.No, 1, 2)
			read(rows[1:3], got, err)
			failed := notify.Failed
			got, err = tx.Deliveries(ctx, d.No, &failed, -1, 10)
			read([]notify.Delivery{rows[1], rows[4]}, got, err)
			got, err = tx.Deliveries(ctx, d.No, nil, 1, 1)
			read(rows[3:4], got, err)
			got, err = tx.Duplicates(ctx, d.No, -1, 10)
			read(rows[3:4], got, err)

			due, err := tx.NextDue(ctx, d.No)
			require.NoError(t, err)
			require.Equal(t, &soon, due)
			due, err = tx.LastDue(ctx, d.No)
			require.NoError(t, err)
			require.Equal(t, &late, due)
			got, err = tx.DueDeliveries(ctx, storetest.Start, 10)
			read(nil, got, err)
			got, err = tx.DueDeliveries(ctx, late, 10)
			read(rows[2:4], got, err)
			got, err = tx.DueDeliveries(ctx, late, 1)
			read(rows[2:3], got, err)
			got, err = tx.DueDoubts(ctx, d.No, rows[3].Channel, storetest.Start, 10)
			read(nil, got, err)
			got, err = tx.DueDoubts(ctx, d.No, rows[3].Channel, late, 10)
			read(rows[3:4], got, err)
			got, err = tx.DueDoubts(ctx, d.No, "sms", late, 10)
			read(nil, got, err)

			require.NoError(t, tx.InsertRanges(ctx, []notify.Range{{Dispatch: d.No, No: 2, Again: true, From: 1, To: 2}}))
			rows[2].RangeNo = 2
			require.NoError(t, tx.PutDeliveries(ctx, rows[2:3]))
			got, err = tx.DueDeliveries(ctx, late, 10)
			read(rows[3:4], got, err)
			got, err = tx.DeliveriesIn(ctx, notify.Range{Dispatch: d.No, No: 2})
			read(rows[2:3], got, err)
			rows[2].NextAt, rows[3].NextAt = nil, nil
			require.NoError(t, tx.PutDeliveries(ctx, rows[2:4]))
			due, err = tx.NextDue(ctx, d.No)
			require.NoError(t, err)
			require.Nil(t, due)
		})
		err := store.Of[notify.Tx](db).InTx(ctx, acme, func(tx notify.Tx) error {
			return tx.PutDeliveries(ctx, []notify.Delivery{row(9, "pigeon", notify.Accepted, nil)})
		})
		require.ErrorContains(t, err, "pigeon")
	})
}

func TestMoreDeliveriesThanAStatementTakes(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 1)
		rows := make([]notify.Delivery, 6000)
		for i := range rows {
			rows[i] = notify.Delivery{Dispatch: d.No, Seq: int64(i), Channel: "email", State: notify.Accepted, At: storetest.Start}
		}
		tx(t, db, acme, func(tx playbooks.Tx) {
			require.NoError(t, tx.PutDeliveries(ctx, rows))
			got, err := tx.DeliveriesOf(ctx, d.No, 0, 1e9)
			require.NoError(t, err)
			require.Len(t, got, len(rows))
		})
	})
}

func TestCountersAddUp(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 1)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				err := store.Of[notify.Tx](db).Bulk(ctx, acme, func(tx notify.Tx) error {
					return tx.AddCounts(ctx, d.No, map[notify.DeliveryState]int64{notify.Pending: -3, notify.Accepted: 3},
						map[notify.CountKey]int64{{Channel: "email", State: notify.Accepted}: 2, {Channel: "sms", State: notify.Failed}: 1}, 1)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		view(t, db, acme, func(tx playbooks.Tx) {
			people, rows, doubt, err := tx.Counts(ctx, d.No)
			require.NoError(t, err)
			require.Equal(t, map[notify.DeliveryState]int64{notify.Pending: -30, notify.Accepted: 30}, people)
			require.Equal(t, map[notify.CountKey]int64{{Channel: "email", State: notify.Accepted}: 20, {Channel: "sms", State: notify.Failed}: 10}, rows)
			require.EqualValues(t, 10, doubt)
		})
	})
}

func TestBatchesAndNumbers(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 1)
		kept, root := evidence.EncodeEvents([]evidence.DeliveryEvent{{Seq: 1, Channel: "email", State: "accepted", At: storetest.Start}})
		var want []notify.Batch
		tx(t, db, acme, func(tx playbooks.Tx) {
			for n := range int64(3) {
				no, err := tx.NextNo(ctx, d.No, "batch")
				require.NoError(t, err)
				require.Equal(t, n+1, no)
				want = append(want, notify.Batch{Dispatch: d.No, No: no, Kind: "outcomes", Root: root, Count: 1, Events: kept, At: storetest.Start})
				require.NoError(t, tx.InsertBatch(ctx, want[n]))
			}
			no, err := tx.NextNo(ctx, d.No, "again")
			require.NoError(t, err)
			require.EqualValues(t, 1, no)
			got, err := tx.Batches(ctx, d.No, 1, 10)
			require.NoError(t, err)
			require.Equal(t, want[1:], got)
		})
	})
}

// A rate is told by the last minute, or by the newest batches where the last minute has more.
func TestRecentOutcomes(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		d := insertDispatch(t, db, 1)
		since := storetest.Start.Add(time.Minute)
		tx(t, db, acme, func(tx playbooks.Tx) {
			insert := func(no int64, kind string, at time.Time) {
				require.NoError(t, tx.InsertBatch(ctx, notify.Batch{Dispatch: d.No, No: no, Kind: kind, Channel: "email", Count: 10, Events: []byte{1}, At: at}))
			}
			recent := func() (int64, time.Time) {
				n, from, err := tx.RecentOutcomes(ctx, d.No, "email", since)
				require.NoError(t, err)
				return n, from
			}
			n, from := recent()
			require.Equal(t, []any{int64(0), since}, []any{n, from})
			insert(1, "outcomes", since.Add(-time.Second))
			insert(2, "outcomes", since)
			insert(3, "receipts", since.Add(time.Second))
			insert(4, "outcomes", since.Add(time.Second))
			n, from = recent()
			require.Equal(t, []any{int64(20), since}, []any{n, from}, "neither what came before nor word from outside")
			for i := range int64(300) {
				insert(5+i, "outcomes", since.Add(time.Duration(i)*time.Millisecond))
			}
			n, from = recent()
			require.Equal(t, []any{int64(2390), since.Add(60 * time.Millisecond)}, []any{n, from})
			for no, channel := range []string{"sms", ""} {
				b := notify.Batch{Dispatch: d.No, No: int64(400 + no), Kind: "outcomes", Channel: channel, Count: 7, Events: []byte{1}, At: since}
				require.NoError(t, tx.InsertBatch(ctx, b))
				n, from, err := tx.RecentOutcomes(ctx, d.No, channel, since)
				require.NoError(t, err)
				require.Equal(t, []any{int64(7), since}, []any{n, from}, "however many there are of another channel")
			}
		})
		view(t, db, evil, func(tx playbooks.Tx) {
			_, _, err := tx.RecentOutcomes(ctx, d.No, "email", since)
			requireFault(t, err, incident.NotFound)
		})
	})
}
