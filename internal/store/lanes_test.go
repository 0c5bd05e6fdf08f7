package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
)

// hands are workers that claim and finish ranges.
type hands struct {
	t  *testing.T
	db *store.DB
}

// claim gives the next free range to an owner, as its number.
func (h hands) claim() notify.Range {
	h.t.Helper()
	var r notify.Range
	tx(h.t, h.db, acme, func(tx playbooks.Tx) {
		var ok bool
		var err error
		r, ok, err = tx.ClaimRange(ctx, "w", storetest.Start.Add(time.Minute))
		require.NoError(h.t, err)
		require.True(h.t, ok)
	})
	return r
}

func (h hands) finish(r notify.Range) {
	h.t.Helper()
	tx(h.t, h.db, acme, func(tx playbooks.Tx) {
		ok, err := tx.FinishRange(ctx, r)
		require.NoError(h.t, err)
		require.True(h.t, ok)
	})
}

func (h hands) open(d notify.Dispatch, lanes ...notify.Range) {
	h.t.Helper()
	for i := range lanes {
		lanes[i].Dispatch = d.No
	}
	tx(h.t, h.db, acme, func(tx playbooks.Tx) { require.NoError(h.t, tx.InsertRanges(ctx, lanes)) })
}

// A lane keeps one hand busy of four, whatever it has waiting, until nothing else is left; what is tried again comes then.
func TestASlowLaneTakesFewHands(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := hands{t, db}
		d := insertDispatch(t, db, 8)
		var lanes []notify.Range
		for no := range int64(6) {
			lanes = append(lanes, notify.Range{No: 100 + no, Channel: "sms", From: no, To: no + 1})
		}
		h.open(d, append(lanes, notify.Range{No: 200, Again: true, Channel: "push", From: 3, To: 4})...)
		var got []string
		var held []notify.Range
		for range 8 {
			r := h.claim()
			got, held = append(got, r.Channel), append(held, r)
		}
		require.Equal(t, []string{"", "sms", "", "", "", "sms", "", ""}, got)
		require.EqualValues(t, []int64{1, 100, 2, 3, 4}, []int64{held[0].No, held[1].No, held[2].No, held[3].No, held[4].No}, "each in its order")
		h.finish(held[0])
		require.Empty(t, h.claim().Channel, "a slow lane does not get what it leaves")
		require.Empty(t, h.claim().Channel)
		require.Equal(t, "push", h.claim().Channel, "nothing else is left")
		require.Equal(t, "sms", h.claim().Channel)
	})
}

// Who has one hand alone works off what is in no lane first, then the lanes by turns.
func TestOneHandServesLanesByTurns(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := hands{t, db}
		d := insertDispatch(t, db, 2)
		h.open(d, notify.Range{No: 100, Channel: "email"}, notify.Range{No: 101, Channel: "sms"}, notify.Range{No: 102, Channel: "email"}, notify.Range{No: 103, Channel: "sms"})
		var got []int64
		for range 6 {
			r := h.claim()
			got = append(got, r.No)
			h.finish(r)
		}
		require.Equal(t, []int64{1, 2, 100, 101, 102, 103}, got)
	})
}

// However many lanes a dispatch has: between dispatches the hands count as before.
func TestLanesTakeNoHandsFromAnotherDispatch(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := hands{t, db}
		laned, plain := insertDispatch(t, db, 2), insertDispatch(t, db, 4)
		h.open(laned, notify.Range{No: 100, Channel: "email"}, notify.Range{No: 101, Channel: "sms"}, notify.Range{No: 102, Channel: "push"})
		hands := map[int64]int{}
		for range 6 {
			hands[h.claim().Dispatch]++
		}
		require.Equal(t, map[int64]int{laned.No: 3, plain.No: 3}, hands)
	})
}

// A lane is read back as it was made, in doubt if the range was that it came from, and counted apart.
func TestALaneIsKept(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		h := hands{t, db}
		d := insertDispatch(t, db, 1)
		h.open(d, notify.Range{No: 100, Channel: "sms", From: 3, To: 13, Members: []byte{0b1000_0001, 0b10}, Doubt: true})
		count := func(open, lanes int64) {
			tx(t, db, acme, func(tx playbooks.Tx) {
				n, l, err := tx.OpenRanges(ctx, d.No)
				require.NoError(t, err)
				require.Equal(t, []int64{open, lanes}, []int64{n, l})
			})
		}
		first, lane := h.claim(), h.claim()
		require.Empty(t, first.Members)
		require.Equal(t, notify.Range{
			Dispatch: d.No, No: 100, Channel: "sms", From: 3, To: 13, Members: []byte{0b1000_0001, 0b10}, Doubt: true,
			Owner: "w", Epoch: 1, Until: storetest.Start.Add(time.Minute),
		}, lane)
		var in []int64
		for seq := lane.From; seq < lane.To; seq++ {
			if lane.Has(seq) {
				in = append(in, seq)
			}
		}
		require.Equal(t, []int64{3, 10, 12}, in)
		count(2, 1)
		h.finish(lane)
		count(1, 0)
		tx(t, db, acme, func(tx playbooks.Tx) {
			ok, err := tx.FinishRange(ctx, lane)
			require.NoError(t, err)
			require.False(t, ok)
		})
		count(1, 0)
	})
}
