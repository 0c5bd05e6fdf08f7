package notify

import (
	"context"
	"fmt"

	"tocsin/incident/evidence"
	"tocsin/internal/seal"
)

const (
	loadPages  = 40 // in one view
	loadChunks = 256
)

// load brings the keeper to where an earlier attempt ended: the page that is not full, the entries that
// are in no run yet, and who is known, in the audiences it builds on too.
func (k *keeper) load(ctx context.Context, store Store, sc evidence.Scope, a Audience, bases []crowd) error {
	view := func(fn func(Tx) error) error { return store.View(ctx, sc, fn) }
	for _, run := range a.Runs {
		if err := k.recall(ctx, view, a.No, run.No); err != nil {
			return err
		}
	}
	for _, base := range bases {
		var runs []int64
		err := view(func(tx Tx) (err error) {
			runs, err = tx.IndexRuns(ctx, base.no)
			return err
		})
		if err != nil {
			return fmt.Errorf("read base: %w", err)
		}
		for _, run := range runs {
			if err := k.recall(ctx, view, base.no, run); err != nil {
				return err
			}
		}
	}
	hasher := k.key.Hasher()
	from := min(a.Indexed, a.Total-a.Total%PageSize)
	for ; from < a.Total; from += loadPages * PageSize {
		err := view(func(tx Tx) error {
			pages, err := tx.Pages(ctx, nil, a.No, from, min(from+loadPages*PageSize, a.Total))
			for _, p := range pages {
				if err == nil {
					err = k.reopen(hasher, a, p)
				}
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read what is kept: %w", err)
		}
	}
	return nil
}

// recall notes the identities of a run.
func (k *keeper) recall(ctx context.Context, view func(func(Tx) error) error, audienceNo, run int64) error {
	var after []byte
	for {
		var chunks []IndexChunk
		err := view(func(tx Tx) (err error) {
			chunks, err = tx.RunChunks(ctx, audienceNo, run, after, loadChunks)
			return err
		})
		if err != nil {
			return fmt.Errorf("read index: %w", err)
		}
		for _, c := range chunks {
			eachIdentity(c.Body, func(b blind) { k.seen.add(b) })
			after = c.First
		}
		if len(chunks) < loadChunks {
			return nil
		}
	}
}

// reopen takes up a page whose entries are in no run yet or that is not full.
func (k *keeper) reopen(hasher *seal.Hasher, a Audience, p RecipientPage) error {
	records, err := new(Book).records(k.key, a.No, p)
	if err != nil {
		return err
	}
	var d decoding
	var all []blind
	for i, record := range records {
		seq := p.From + int64(i)
		if len(records) < PageSize {
			k.open = appendCounted(k.open, record)
		}
		if seq < a.Indexed {
			continue
		}
		var r Recipient
		if err := d.recipient(record, &r); err != nil {
			return err
		}
		var known bool
		all, known = indexes(all[:0], hasher, &r)
		for n, b := range all {
			k.entries = append(k.entries, newEntry(b, seq, known && n == 0))
		}
		if known {
			k.seen.add(all[0])
			k.fresh[all[0]] = true
		}
	}
	return nil
}
