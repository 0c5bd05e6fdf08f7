package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
)

// A small urgent dispatch is not behind a large one.
func TestClaimsAreFairBetweenDispatches(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		large, small := insertDispatch(t, db, 10), insertDispatch(t, db, 2)
		var got []int64
		for range 6 {
			tx(t, db, acme, func(tx playbooks.Tx) {
				r, ok, err := tx.ClaimRange(ctx, "w", storetest.Start.Add(time.Minute))
				require.NoError(t, err)
				require.True(t, ok)
				got = append(got, r.Dispatch)
			})
		}
		require.Equal(t, []int64{large.No, small.No, large.No, small.No, large.No, large.No}, got)
	})
}

// Of two dispatches one goes quickly and the other holds on to its ranges: it gets no more hands than the quick one
// leaves it.
func TestSlowDispatchTakesNoHandsFromAnother(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		slow, quick := insertDispatch(t, db, 10), insertDispatch(t, db, 10)
		claim := func() (r notify.Range) {
			tx(t, db, acme, func(tx playbooks.Tx) {
				var err error
				r, _, err = tx.ClaimRange(ctx, "w", storetest.Start.Add(time.Minute))
				require.NoError(t, err)
			})
			return r
		}
		require.Equal(t, slow.No, claim().Dispatch)
		for range 5 {
			r := claim()
			require.Equal(t, quick.No, r.Dispatch)
			tx(t, db, acme, func(tx playbooks.Tx) {
				ok, err := tx.FinishRange(ctx, r)
				require.NoError(t, err)
				require.True(t, ok)
			})
		}
	})
}

func TestNoRangeIsGivenTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, db *store.DB) {
		insertDispatch(t, db, 30)
		var mu sync.Mutex
		seen := map[int64]int{}
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for ok := true; ok; {
					err := store.Of[notify.Tx](db).Bulk(ctx, acme, func(tx notify.Tx) error {
						r, claimed, err := tx.ClaimRange(ctx, "w"+itoa(n), storetest.Start.Add(time.Minute))
						if ok = claimed; ok {
							mu.Lock()
							seen[r.No]++
							mu.Unlock()
						}
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		require.Len(t, seen, 30)
		for no, times := range seen {
			require.Equal(t, 1, times, "range %d", no)
		}
	})
}

// claim is what the model of the next test knows of a range.
type claim struct {
	epoch int64
	owner string
	until time.Time
	done  bool
	doubt bool // its owner never gave it back
}

// Whatever workers do, in whatever order and however late: a claim that was lost can neither be held
// nor finish its range.
func TestLostClaimsAreFenced(t *testing.T) {
	fake := clock.NewFake(storetest.Start)
	everywhere(t, func(t *testing.T, db *store.DB) {
		rapid.Check(t, func(rt *rapid.T) {
			const ranges, lane = 3, 4
			d := insertDispatch(t, db, ranges)
			hands{t, db}.open(d, notify.Range{No: lane, Channel: "sms"})
			model := map[int64]*claim{}
			for n := range int64(lane) {
				model[n+1] = &claim{}
			}
			running := true
			var claims []notify.Range // every one ever given, lost ones too
			pick := func(rt *rapid.T) notify.Range {
				if len(claims) == 0 {
					return notify.Range{Dispatch: d.No, No: 1, Owner: "a claim that never was"}
				}
				return rapid.SampledFrom(claims).Draw(rt, "claim")
			}
			holds := func(r notify.Range) bool {
				m := model[r.No]
				return m.epoch == r.Epoch && m.owner == r.Owner && !m.done
			}
			until := func(rt *rapid.T) time.Time {
				return fake.Now().Add(time.Duration(rapid.IntRange(1, 5).Draw(rt, "seconds")) * time.Second)
			}
			do := func(fn func(tx playbooks.Tx) error) {
				require.NoError(rt, store.Of[playbooks.Tx](db).InTx(ctx, acme, fn))
			}
			rt.Repeat(map[string]func(*rapid.T){
				"wait": func(rt *rapid.T) { fake.Advance(time.Duration(rapid.IntRange(1, 4).Draw(rt, "seconds")) * time.Second) },
				"claim": func(rt *rapid.T) {
					owner, end := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "owner"), until(rt)
					// what an owner let run out is still its own
					isFree := func(no int64) bool {
						return !model[no].done && !model[no].until.After(fake.Now()) && model[no].owner != owner
					}
					inHand := func(no int64) bool { return !model[no].done && model[no].until.After(fake.Now()) }
					first := []int64{1, 2, 3}
					free := slices.IndexFunc(first, isFree) + 1
					if isFree(lane) && (free == 0 || slices.ContainsFunc(first, inHand)) { // it has no hand yet
						free = lane
					}
					do(func(tx playbooks.Tx) error {
						r, ok, err := tx.ClaimRange(ctx, owner, end)
						require.Equal(rt, running && free > 0, ok)
						if ok {
							m := model[r.No]
							require.EqualValues(rt, free, r.No)
							require.Equal(rt, r.No == lane, r.Channel == "sms")
							require.Equal(rt, m.epoch+1, r.Epoch)
							require.Equal(rt, m.doubt || m.owner != "", r.Doubt)
							*m = claim{epoch: r.Epoch, owner: owner, until: end, doubt: r.Doubt}
							claims = append(claims, r)
						}
						return err
					})
				},
				"hold": func(rt *rapid.T) {
					r, end := pick(rt), until(rt)
					do(func(tx playbooks.Tx) error {
						ok, err := tx.HoldRange(ctx, r, end)
						require.Equal(rt, running && holds(r), ok)
						if ok {
							model[r.No].until = end
						}
						return err
					})
				},
				"finish": func(rt *rapid.T) {
					r := pick(rt)
					do(func(tx playbooks.Tx) error {
						ok, err := tx.FinishRange(ctx, r)
						require.Equal(rt, holds(r), ok)
						if ok {
							model[r.No].done = true
						}
						return err
					})
				},
				"release": func(rt *rapid.T) {
					r := pick(rt)
					do(func(tx playbooks.Tx) error {
						if holds(r) {
							model[r.No].owner, model[r.No].until = "", time.Time{}
						}
						return tx.ReleaseRange(ctx, r)
					})
				},
				"bury a": func(rt *rapid.T) {
					want, sure := 0, rapid.Bool().Draw(rt, "sure")
					for _, m := range model {
						if !m.done && m.owner == "a" {
							if m.until = (time.Time{}); sure {
								m.owner = ""
							}
							want++
						}
					}
					do(func(tx playbooks.Tx) error {
						n, err := tx.ReleaseOwner(ctx, "a", sure)
						require.Equal(rt, want, n)
						return err
					})
				},
				"pause or go on": func(*rapid.T) {
					running = !running
					d.State = map[bool]notify.DispatchState{true: notify.DispRunning, false: notify.DispPaused}[running]
					do(func(tx playbooks.Tx) error { return tx.UpdateDispatch(ctx, d) })
				},
				"": func(*rapid.T) {
					want := int64(0)
					for _, m := range model {
						if !m.done {
							want++
						}
					}
					do(func(tx playbooks.Tx) error {
						n, lanes, err := tx.OpenRanges(ctx, d.No)
						require.Equal(rt, want, n)
						require.Equal(rt, !model[lane].done, lanes == 1)
						return err
					})
				},
			})
			d.State = notify.DispStopped
			do(func(tx playbooks.Tx) error {
				for no, m := range model { // nothing of this run is left for the next
					if m.owner != "" && !m.done {
						if _, err := tx.FinishRange(ctx, notify.Range{Dispatch: d.No, No: no, Owner: m.owner, Epoch: m.epoch}); err != nil {
							return err
						}
					}
				}
				return tx.UpdateDispatch(ctx, d)
			})
		})
	}, storetest.WithClock(fake))
}
