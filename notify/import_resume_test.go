package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
)

// crowd is a file about people of whom some stand in it several times, near and far; kept says how many
// there are. Every seventh line has a fault.
func crowd(r *rand.Rand, people, lines int) (csv string, kept int) {
	var b strings.Builder
	b.WriteString("person_key,name,email,phone,jurisdiction,guardian1_phone\n")
	seen := map[int]bool{}
	for i := range lines {
		who := r.IntN(people)
		if r.IntN(4) == 0 {
			who = max(0, i-r.IntN(50)) % people
		}
		if i%7 == 3 {
			fmt.Fprintf(&b, "u-%d,Example,nobody,,,\n", who)
			continue
		}
		key, email := fmt.Sprintf("u-%d", who), fmt.Sprintf("family%d@example.com", who/3) // shared by three
		if who%5 == 0 {
			key, email = "", fmt.Sprintf("person%d@example.com", who)
		}
		guardian := ""
		if who%11 == 0 {
			guardian = fmt.Sprintf("1390000%04d", who%10000)
		}
		if !seen[who] {
			seen[who] = true
			kept++
		}
		fmt.Fprintf(&b, "%s,\"Example\nPerson\",%s,1391%07d,CN-SH,%s\n", key, email, who, guardian)
	}
	return b.String(), kept
}

// smallRuns is a world whose index has many runs.
// scaled makes a crowd smaller where tests are to be short: the race detector slows imports thirtyfold.
func scaled(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

func smallRuns(t testing.TB) *world {
	w := newWorld(t)
	key, err := w.db.OperatorKey(w.ctx, "acme")
	require.NoError(t, err)
	w.service = notify.New(w.store, w.catalog, key, notify.WithRunsOf(scaled(1500)))
	return w
}

func TestNobodyIsKeptTwiceOrLost(t *testing.T) {
	w := smallRuns(t)
	csv, kept := crowd(rand.New(rand.NewPCG(1, 2)), scaled(8000), scaled(15_000))
	a, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader(csv), nil)
	require.NoError(t, err)
	require.EqualValues(t, kept, a.Affected)
	require.Equal(t, a.Rows, a.Affected+a.Rejected+a.Duplicates)
	require.NoError(t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
		runs, err := tx.IndexRuns(w.ctx, a.No)
		require.Less(t, len(runs), 5, "each two of a tier are merged, but for those the end has left")
		require.Len(t, runs, len(a.Runs), "and those it was merged from are gone")
		return err
	}))
	people := w.snapshot(a)
	var all int64
	for _, s := range a.Segments {
		if s.Kind == "all" {
			all += s.People
		}
	}
	require.EqualValues(t, len(people), all)

	late := csv + "u-new,Example,late@example.com,,,\n"
	delta, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Name: "late.csv", Format: "csv", Reader: strings.NewReader(late), Base: a.ID})
	require.NoError(t, err)
	require.EqualValues(t, 1, delta.Affected, "who stands in the base is not told again")
	require.Equal(t, delta.Rows-1, delta.Duplicates+delta.Rejected)
	require.EqualValues(t, delta.Rejected, len(w.rejects(delta)), "who stands in the base is counted, not listed")
	later, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{
		Name: "later.csv", Format: "csv", Reader: strings.NewReader(late + "u-newer,Example,later@example.com,,,\n"), Base: delta.ID,
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, later.Affected, "nor who stands in the base of the base")
}

// TestImportGoesOnWhereItWasInterrupted breaks an import off again and again; the end is that of one that
// was not.
func TestImportGoesOnWhereItWasInterrupted(t *testing.T) {
	w := smallRuns(t)
	r := rand.New(rand.NewPCG(3, 4))
	csv, _ := crowd(r, scaled(8000), scaled(15_000))
	want, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader(csv), nil)
	require.NoError(t, err)
	src := notify.Source{Name: "people.csv", Format: "csv"}
	var a notify.Audience
	for cut, tries := 0, 0; ; tries++ {
		cut += r.IntN(scaled(200_000))
		src.Reader = strings.NewReader(csv)
		if cut < len(csv) {
			src.Reader = io.MultiReader(strings.NewReader(csv[:cut]), iotest.ErrReader(errors.New("cut off")))
		}
		a, err = w.service.ImportFrom(w.ctx, rui, w.id, src)
		if err == nil {
			require.Greater(t, tries, 2)
			break
		}
		if a.ID == "" {
			continue // cut off before the header
		}
		require.ErrorContains(t, err, "cut off")
		require.Equal(t, []any{notify.Broken, true}, []any{a.State, a.Resumable})
		src.Resume = a.ID

		d := w.propose(individuals, notify.Policy{Quorum: 1})
		f := w.fault(incident.Conflict, second(w.service.Submit(w.ctx, rui, d.ID, d.Version, a.ID)))
		require.Contains(t, f.Message, "resume="+a.ID)
	}
	w.snapshot(a)
	require.Equal(t, want.Root, a.Root)
	require.Equal(t, []int64{want.Rows, want.Affected, want.Total, want.Rejected, want.Duplicates}, []int64{a.Rows, a.Affected, a.Total, a.Rejected, a.Duplicates})
	require.Equal(t, want.Segments, a.Segments)
	require.Equal(t, want.ByChannel, a.ByChannel)
	require.Equal(t, w.rejects(want), w.rejects(a))

	src.Resume = a.ID
	src.Reader = strings.NewReader(csv)
	w.fault(incident.Conflict, second(w.service.ImportFrom(w.ctx, rui, w.id, src)))
}

func TestACutOffArchiveGoesOnWithTheWholeOne(t *testing.T) {
	w := smallRuns(t)
	csv, _ := crowd(rand.New(rand.NewPCG(7, 8)), 9000, 20_000)
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	_, err := io.WriteString(z, csv)
	require.NoError(t, errors.Join(err, z.Close()))
	src := notify.Source{Name: "people.csv.gz", Format: "csv", Reader: bytes.NewReader(whole.Bytes()[:whole.Len()-20])}
	a, err := w.service.ImportFrom(w.ctx, rui, w.id, src)
	f := w.fault(incident.Invalid, err)
	require.Positive(t, a.Rows)
	require.Contains(t, f.Message, fmt.Sprintf("%d records are kept", a.Rows))
	require.Equal(t, []any{notify.Broken, true}, []any{a.State, a.Resumable})
	require.Contains(t, a.Error, "the whole file")

	src.Resume, src.Reader = a.ID, bytes.NewReader(whole.Bytes())
	a, err = w.service.ImportFrom(w.ctx, rui, w.id, src)
	require.NoError(t, err)
	require.Equal(t, notify.Ready, a.State)
	w.snapshot(a)
}

func (w *world) rejects(a notify.Audience) (all []notify.Reject) {
	for after := int64(0); ; {
		some, err := w.service.Rejects(w.ctx, audit, a.ID, after, 1000)
		require.NoError(w.t, err)
		if len(some) == 0 {
			return all
		}
		all, after = append(all, some...), some[len(some)-1].Line
	}
}

func TestAnotherFileIsNotGoneOnWith(t *testing.T) {
	w := smallRuns(t)
	csv, _ := crowd(rand.New(rand.NewPCG(5, 6)), 9000, 20_000)
	cut := io.MultiReader(strings.NewReader(csv[:len(csv)-5]), iotest.ErrReader(errors.New("cut off")))
	a, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Name: "people.csv", Format: "csv", Reader: cut})
	require.Error(t, err)
	require.Positive(t, a.Rows)
	for _, other := range []string{strings.Replace(csv, "u-", "x-", 1), csv[:1000]} {
		_, err = w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: strings.NewReader(other), Resume: a.ID})
		require.Contains(t, w.fault(incident.Conflict, err).Message, "another file")
	}
	a, err = w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: strings.NewReader(csv), Resume: a.ID})
	require.NoError(t, err, "the right one is still taken")
	w.snapshot(a)
}

// TestLostProcessKeepsNothingMore stands for a process that hangs, is given up, and wakes when another has
// taken its import over.
func TestLostProcessKeepsNothingMore(t *testing.T) {
	w := smallRuns(t)
	csv, _ := crowd(rand.New(rand.NewPCG(7, 8)), scaled(40_000), scaled(30_000))
	begun, wake, lost := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		first := true
		_, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader(csv), func(notify.Audience) {
			if first {
				first = false
				close(begun)
				<-wake
			}
		})
		lost <- err
	}()
	<-begun
	w.clock.Advance(time.Hour)
	n, err := w.service.FailBroken(w.ctx, system, w.clock.Now())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	all, err := w.service.Audiences(w.ctx, rui, w.id)
	require.NoError(t, err)
	a, err := w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: strings.NewReader(csv), Resume: all[0].ID})
	require.NoError(t, err)
	close(wake)
	w.fault(incident.Conflict, <-lost)
	after, err := w.service.Audience(w.ctx, rui, a.ID)
	require.NoError(t, err)
	require.Equal(t, a.Root, after.Root)
	w.snapshot(after)
}

// TestImportOverDatabases holds pages and runs to the same on both engines.
func TestImportOverDatabases(t *testing.T) {
	csv, kept := crowd(rand.New(rand.NewPCG(9, 10)), 5000, 9000)
	for name, open := range storetest.Databases(t, storetest.WithClock(clock.NewFake(storetest.Start))) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.db = open(t)
			w.store = store.Of[notify.Tx](w.db)
			key, err := w.db.OperatorKey(w.ctx, "acme")
			require.NoError(t, err)
			w.service = notify.New(w.store, w.catalog, key, notify.WithRunsOf(3000))
			w.id = w.incident()
			ctx, cancel := context.WithCancel(w.ctx)
			a, err := w.service.Import(ctx, rui, w.id, "people.csv", "csv", strings.NewReader(csv), func(notify.Audience) { cancel() })
			require.ErrorIs(t, err, context.Canceled)
			a, err = w.service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: strings.NewReader(csv), Resume: a.ID})
			require.NoError(t, err)
			require.EqualValues(t, kept, a.Affected)
			w.snapshot(a)
		})
	}
}
