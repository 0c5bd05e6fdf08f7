package notify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

// tripwire is a store whose bulk transactions fail at one step of a merge, as when the process is told to stop.
type tripwire struct {
	notify.Store
	trip func(step string) error
}

func (w tripwire) Bulk(ctx context.Context, sc evidence.Scope, fn func(notify.Tx) error) error {
	return w.Store.Bulk(ctx, sc, func(tx notify.Tx) error { return fn(tripTx{tx, w.trip}) })
}

type tripTx struct {
	notify.Tx
	trip func(step string) error
}

func (t tripTx) InsertChunks(ctx context.Context, a notify.Audience, chunks []notify.IndexChunk) error {
	if len(chunks) > 0 {
		if err := t.trip(fmt.Sprintf("run %d", chunks[0].Run)); err != nil {
			return err
		}
	}
	return t.Tx.InsertChunks(ctx, a, chunks)
}

func (t tripTx) DropRun(ctx context.Context, a notify.Audience, run int64) error {
	if err := t.trip("drop"); err != nil {
		return err
	}
	return t.Tx.DropRun(ctx, a, run)
}

// TestAMergeThatIsInterruptedGoesOn stops an import while it merges runs of its index. What goes on with it ends as
// one that was not disturbed, keeps nobody twice and leaves no run behind.
func TestAMergeThatIsInterruptedGoesOn(t *testing.T) {
	const people = 18_000 // more than one transaction takes
	var file strings.Builder
	file.WriteString("person_key,email\n")
	for i := range people {
		fmt.Fprintf(&file, "u-%d,p%d@example.com\n", i, i)
	}
	file.WriteString("u-5,again@example.com\n")
	w := smallRuns(t)
	want, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv", strings.NewReader(file.String()), nil)
	require.NoError(t, err)
	key, err := w.db.OperatorKey(w.ctx, "acme")
	require.NoError(t, err)

	for name, at := range map[string]func(step string, times int) bool{
		"half of the merged run is stored": func(step string, times int) bool { return step != "drop" && times == 2 },
		"nothing is dropped yet":           func(step string, times int) bool { return step == "drop" && times == 1 },
		"the first is dropped":             func(step string, times int) bool { return step == "drop" && times == 2 },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(w.ctx)
			defer stop()
			steps, broken := map[string]int{}, false
			trip := func(step string) error {
				if steps[step]++; !broken && at(step, steps[step]) {
					broken = true
					stop()
					return ctx.Err()
				}
				return nil
			}
			service := notify.New(tripwire{w.store, trip}, w.catalog, key, notify.WithRunsOf(1500))
			a, err := service.Import(ctx, rui, w.id, "people.csv", "csv", strings.NewReader(file.String()), nil)
			require.ErrorIs(t, err, context.Canceled)
			require.True(t, a.Resumable)
			a, err = service.ImportFrom(w.ctx, rui, w.id, notify.Source{Format: "csv", Reader: strings.NewReader(file.String()), Resume: a.ID})
			require.NoError(t, err)
			require.Equal(t, []any{want.Root, int64(people), int64(1)}, []any{a.Root, a.Total, a.Duplicates})
			require.NoError(t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
				runs, err := tx.IndexRuns(w.ctx, a.No)
				require.Len(t, runs, len(a.Runs))
				return err
			}))
		})
	}
}
