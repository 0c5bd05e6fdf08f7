package store_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
)

// What plain batches record and what rows say are read as one: whoever looks sees each delivery once, and the
// row where there is one.
func TestBatchesAndRowsAreReadAsOne(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		const people = 40_000
		d := insertDispatch(t, db, people)
		rnd := rand.New(rand.NewPCG(4, 7))
		want := map[int64]notify.Delivery{}
		tx(t, db, acme, func(tx playbooks.Tx) {
			for no := range int64(40) {
				want = writeBatch(t, tx, rnd, d.No, no+1, rnd.Int64N(people-3000), want)
			}
			var rows []notify.Delivery
			for _, seq := range slices.Sorted(maps.Keys(want))[:300] {
				row := want[seq]
				row.State, row.Class = notify.Delivered, notify.ClassDelivered
				rows, want[seq] = append(rows, row), row
			}
			alone := notify.Delivery{Dispatch: d.No, Seq: people - 1, Channel: "sms", State: notify.Failed, Class: notify.ClassRcptPerm, Provider: "aliyun", At: storetest.Start}
			want[alone.Seq] = alone
			require.NoError(t, tx.PutDeliveries(ctx, append(rows, alone)))
		})
		view(t, db, acme, func(tx playbooks.Tx) {
			for range 60 {
				from := rnd.Int64N(people)
				to := from + 1 + rnd.Int64N(600)
				got, err := tx.DeliveriesOf(ctx, d.No, from, to)
				require.NoError(t, err)
				require.Equal(t, expected(want, nil, from, to), got)
			}
			accepted := notify.Accepted
			for _, state := range []*notify.DeliveryState{nil, &accepted} {
				var all []notify.Delivery
				for after := int64(-1); ; {
					page, err := tx.Deliveries(ctx, d.No, state, after, 777)
					require.NoError(t, err)
					if len(page) == 0 {
						break
					}
					all, after = append(all, page...), page[len(page)-1].Seq
				}
				require.Equal(t, expected(want, state, 0, people), all)
			}
		})
	})
}

// writeBatch keeps a plain batch of some people from seq on whom no other one is about.
func writeBatch(t *testing.T, tx playbooks.Tx, rnd *rand.Rand, dispatch, no, seq int64, known map[int64]notify.Delivery) map[int64]notify.Delivery {
	t.Helper()
	var events []evidence.DeliveryEvent
	b := notify.Batch{Dispatch: dispatch, No: no, Kind: "outcomes", Plain: true, From: seq, At: storetest.Start}
	for range 400 {
		if seq += 1 + rnd.Int64N(6); known[seq].Channel != "" {
			continue
		}
		e := evidence.DeliveryEvent{Seq: seq, Channel: "email", Attempt: 1, State: "accepted", Class: "ACCEPTED", Provider: "relay", ProviderID: "q7", At: storetest.Start}
		events = append(events, e)
		known[seq] = notify.Delivery{Dispatch: dispatch, Seq: seq, Channel: "email", State: notify.Accepted, Class: notify.ClassAccepted,
			Provider: "relay", ProviderID: "q7", Attempt: 1, At: storetest.Start}
	}
	b.To, b.Count = seq+1, len(events)
	b.Events, b.Root = evidence.EncodeEvents(events)
	require.LessOrEqual(t, b.To-b.From, int64(notify.PlainSpan))
	require.NoError(t, tx.InsertBatch(ctx, b))
	return known
}

func expected(want map[int64]notify.Delivery, state *notify.DeliveryState, from, to int64) (out []notify.Delivery) {
	for _, seq := range slices.Sorted(maps.Keys(want)) {
		if seq >= from && seq < to && (state == nil || want[seq].State == *state) {
			out = append(out, want[seq])
		}
	}
	return out
}

func TestWhatIsMeasuredAndWhatIsDecidedStandApart(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		tx(t, db, acme, func(tx playbooks.Tx) {
			paused := notify.ProviderState{ID: "relay", Channel: "email", Paused: true, Class: notify.ClassStop, Code: "535", Rate: 7}
			require.NoError(t, tx.PutProviderRate(ctx, "relay", "email", 1200))
			require.NoError(t, tx.PutProviderState(ctx, paused))
			require.NoError(t, tx.PutProviderRate(ctx, "relay", "email", 1300))
			paused.Rate = 1300
			got, err := tx.ProviderStates(ctx)
			require.NoError(t, err)
			require.Equal(t, []notify.ProviderState{paused}, got)
		})
		view(t, db, evil, func(tx playbooks.Tx) {
			got, err := tx.ProviderStates(ctx)
			require.NoError(t, err)
			require.Empty(t, got)
		})
	})
}
