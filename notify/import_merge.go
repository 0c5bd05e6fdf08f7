package notify

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	tierBits  = 3  // as a power of two: runs of a tier that are merged into one of the next; a look-up asks each run
	mergeRead = 64 // chunks of all runs together that are read at once
)

// merge joins the youngest runs when there is a tier of them, and what comes of that.
func (im *importer) merge(ctx context.Context) error {
	for {
		young := youngest(im.a.Runs)
		if len(young) < 1<<im.tierBits {
			return nil
		}
		if err := im.join(ctx, young); err != nil {
			return err
		}
	}
}

// youngest are the last runs that are of one tier.
func youngest(runs []IndexRun) []IndexRun {
	from := len(runs)
	for from > 0 && runs[from-1].Tier == runs[len(runs)-1].Tier {
		from--
	}
	return runs[from:]
}

// join makes one run of some, a range of the indexes after another. Until it is complete they stand.
func (im *importer) join(ctx context.Context, runs []IndexRun) error {
	view := func(fn func(Tx) error) error { return im.store.View(ctx, im.scope, fn) }
	readers := make([]runReader, len(runs))
	for i, run := range runs {
		readers[i] = runReader{no: im.a.No, run: run.No, limit: mergeRead >> im.tierBits}
	}
	made := IndexRun{No: im.a.Begun, Tier: runs[0].Tier + 1}
	parts := im.tierBits * made.Tier                       // as a power of two: each range has about the entries of a first run
	entries, sorted := im.keeper.entries, im.keeper.sorted // a run has just been made of them
	defer func() { im.keeper.entries, im.keeper.sorted = entries[:0], sorted }()
	for part := range uint64(1) << parts {
		entries = entries[:0]
		for i := range readers {
			var err error
			if entries, err = readers[i].take(ctx, view, (part+1)<<(64-parts)-1, entries); err != nil {
				return fmt.Errorf("read run: %w", err)
			}
		}
		sorted = sortEntries(sorted, entries, parts)
		err := im.change(ctx, im.store.Bulk, func(tx Tx, a *Audience) error {
			if part == 1<<parts-1 {
				a.Runs = append(slices.Clone(a.Runs[:len(a.Runs)-len(runs)]), made)
				a.Begun++
			}
			a.UpdatedAt = tx.Now()
			return tx.InsertChunks(ctx, *a, runChunks(made.No, sorted))
		})
		if err != nil {
			return fmt.Errorf("store merged run: %w", err)
		}
	}
	return im.dropRuns(ctx)
}

// dropRuns removes the runs that are merged, and what a merge that was interrupted has left.
func (im *importer) dropRuns(ctx context.Context) error {
	var stored []int64
	err := im.store.View(ctx, im.scope, func(tx Tx) (err error) {
		stored, err = tx.IndexRuns(ctx, im.a.No)
		return err
	})
	for _, no := range stored {
		if err == nil && !slices.ContainsFunc(im.a.Runs, func(run IndexRun) bool { return run.No == no }) {
			err = im.change(ctx, im.store.Bulk, func(tx Tx, a *Audience) error {
				a.UpdatedAt = tx.Now()
				return tx.DropRun(ctx, *a, no)
			})
		}
	}
	if err != nil {
		return fmt.Errorf("drop merged runs: %w", err)
	}
	return nil
}

// runReader reads the entries of a run in order.
type runReader struct {
	no, run int64
	limit   int
	chunks  []IndexChunk // read, after body
	body    []byte
	after   []byte
	ended   bool
}

// take appends the entries whose index begins with at most last.
func (r *runReader) take(ctx context.Context, view func(func(Tx) error) error, last uint64, to []entry) ([]entry, error) {
	for {
		for ; len(r.body) > 0; r.body = r.body[entrySize:] {
			e := entry{binary.BigEndian.Uint64(r.body), binary.BigEndian.Uint64(r.body[8:])}
			if e.high > last {
				return to, nil
			}
			to = append(to, e)
		}
		if len(r.chunks) == 0 && !r.ended {
			err := view(func(tx Tx) (err error) {
				r.chunks, err = tx.RunChunks(ctx, r.no, r.run, r.after, r.limit)
				return err
			})
			if err != nil {
				return to, err
			}
			r.ended = len(r.chunks) < r.limit
		}
		if len(r.chunks) == 0 {
			return to, nil
		}
		r.body, r.after, r.chunks = r.chunks[0].Body, r.chunks[0].First, r.chunks[1:]
	}
}
