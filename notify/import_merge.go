package notify

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	fewRuns   = 8   // that an audience keeps: a look-up asks each
	mergeRead = 512 // chunks of all runs together that are read at once
)

// merge joins the runs of a large audience into one, a range of the indexes after another. Until that is
// complete both stand, which finds nobody twice.
func (im *importer) merge(ctx context.Context) error {
	view := func(fn func(Tx) error) error { return im.store.View(ctx, im.scope, fn) }
	var runs []int64
	err := view(func(tx Tx) (err error) {
		runs, err = tx.IndexRuns(ctx, im.a.No)
		return err
	})
	if err != nil || len(runs) <= im.fewRuns {
		return err
	}
	readers := make([]runReader, len(runs))
	for i, run := range runs {
		readers[i] = runReader{no: im.a.No, run: run, limit: max(1, mergeRead/len(runs))}
	}
	parts := bits.Len(uint(len(runs))) // as a power of two: each range has about the entries of one run
	var entries, sorted []entry
	for part := range uint64(1) << parts {
		entries = entries[:0]
		for i := range readers {
			if entries, err = readers[i].take(ctx, view, (part+1)<<(64-parts)-1, entries); err != nil {
				return fmt.Errorf("read run: %w", err)
			}
		}
		sorted = sortEntries(sorted, entries, parts)
		err := im.change(ctx, im.store.Bulk, func(tx Tx, a *Audience) error {
			if part == 1<<parts-1 {
				a.Merged = a.Runs
				a.Runs++
			}
			a.UpdatedAt = tx.Now()
			return tx.InsertChunks(ctx, *a, runChunks(im.a.Runs, sorted))
		})
		if err != nil {
			return fmt.Errorf("store merged run: %w", err)
		}
	}
	return im.dropRuns(ctx)
}

// dropRuns removes the runs that are merged, and what a merge that was interrupted has left.
func (im *importer) dropRuns(ctx context.Context) error {
	var runs []int64
	err := im.store.View(ctx, im.scope, func(tx Tx) (err error) {
		runs, err = tx.IndexRuns(ctx, im.a.No)
		return err
	})
	for _, run := range runs {
		if err == nil && (run < im.a.Merged || run >= im.a.Runs) {
			err = im.change(ctx, im.store.Bulk, func(tx Tx, a *Audience) error {
				a.UpdatedAt = tx.Now()
				return tx.DropRun(ctx, *a, run)
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
