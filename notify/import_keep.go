package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"tocsin/incident/evidence"
	"tocsin/internal/seal"
)

// keeper gives people their sequences, densely and in the order of the file, puts them into pages and
// their indexes into runs, and tells who is in the audience already.
type keeper struct {
	no       int64
	key      *seal.Key
	runOf    int
	next     int64   // sequence
	open     []byte  // the page that is not full yet
	changed  bool    // the open page is not stored as it is
	entries  []entry // that are in no run yet
	sorted   []entry // those of the last run
	fresh    map[blind]bool
	seen     suspicion
	root     evidence.Root
	pages    []RecipientPage // to be stored
	segments segments
	rejected []Reject
}

func newKeeper(a Audience, key *seal.Key, runOf int) *keeper {
	return &keeper{
		no: a.No, key: key, runOf: runOf, next: a.Total, root: a.Tree, segments: newSegments(a.Segments), fresh: map[blind]bool{}, open: []byte{pageVersion},
	}
}

// suspects are the identities that may be in the audience already, and are not among the fresh ones.
func (k *keeper) suspects(batches []*batch) []blind {
	var out []blind
	for _, b := range batches {
		for _, l := range b.lines {
			if !l.known {
				continue
			}
			if id := b.indexes(l.from)[0]; k.seen.add(id) && !k.fresh[id] {
				out = append(out, id)
			}
		}
	}
	return out
}

// take keeps whom nobody in the audience is, and counts. Who stands in a base is only counted: a file with everybody in
// it, of whom few are new, would list them all.
func (k *keeper) take(b *batch, known map[blind]int64, a *Audience) {
	a.Rows += b.rows
	a.At = b.at
	k.rejected = append(k.rejected, b.rejects...)
	a.Rejected += int64(len(b.rejects))
	people := make([]int64, len(b.traits))
	said := 0
	for _, l := range b.lines {
		dropped := b.dropped[said:l.dropped]
		said = l.dropped
		if l.known {
			id := b.indexes(l.from)[0]
			if in, kept := known[id]; k.fresh[id] || kept {
				if a.Duplicates++; kept && in != a.No {
					continue
				}
				k.rejected = append(k.rejected, Reject{Line: l.at, Rule: "duplicate", Message: "this person stands in the audience already"})
				continue
			}
			k.fresh[id] = true
		}
		k.rejected = append(k.rejected, dropped...)
		a.Dropped += int64(len(dropped))
		a.Affected++
		for i := l.from; i < l.to; i++ {
			k.add(b, i, l.known)
			b.people[i].reach.count(a.ByChannel)
			people[b.people[i].traits]++
		}
	}
	a.Total = k.next
	k.segments.count(b.traits, people)
}

func (k *keeper) add(b *batch, i int, known bool) {
	for n, index := range b.indexes(i) {
		k.entries = append(k.entries, newEntry(index, k.next, known && n == 0))
	}
	k.root.Add(b.people[i].leaf[:])
	k.open, k.changed = appendCounted(k.open, b.record(i)), true
	k.next++
	if k.next%PageSize == 0 {
		k.pages = append(k.pages, sealPage(k.key, k.no, k.next-PageSize, PageSize, k.open))
		k.open, k.changed = append(k.open[:0], pageVersion), false
	}
}

// due are the pages to be stored: the one that is not full too, which a later one replaces.
func (k *keeper) due() []RecipientPage {
	pages := k.pages
	if k.changed {
		count := k.next % PageSize
		pages = append(pages, sealPage(k.key, k.no, k.next-count, int(count), k.open))
	}
	k.pages, k.changed = nil, false
	return pages
}

// chunks are those of the next run, when there is enough for one or at the end.
func (k *keeper) chunks(a *Audience, last bool) []IndexChunk {
	if len(k.entries) < k.runOf && !last || len(k.entries) == 0 {
		return nil
	}
	k.sorted = sortEntries(k.sorted, k.entries, 0)
	out := runChunks(a.Begun, k.sorted)
	a.Runs = append(slices.Clip(a.Runs), IndexRun{No: a.Begun})
	a.Begun++
	a.Indexed = k.next
	k.entries = k.entries[:0]
	clear(k.fresh)
	return out
}

// keep stores batches in a transaction of their own.
func (im *importer) keep(ctx context.Context, batches []*batch) error {
	suspects := im.keeper.suspects(batches)
	lines := 0
	for _, b := range batches {
		lines += len(b.lines)
	}
	im.again = 8*len(suspects) > lines
	var known map[blind]int64
	if len(suspects) > 0 && (len(im.a.Runs) > 0 || len(im.bases) > 0) {
		err := im.store.View(ctx, im.scope, func(tx Tx) (err error) {
			known, err = identified(ctx, tx, append([]crowd{{im.a.No, im.a.Indexed}}, im.bases...), suspects)
			return err
		})
		if err != nil {
			return err
		}
	}
	next := im.a
	next.ByChannel = maps.Clone(next.ByChannel)
	for i := range batches {
		im.keeper.take(batches[i], known, &next)
	}
	next.Segments = im.keeper.segments.list()
	if err := im.commit(ctx, next, false); err != nil {
		return err
	}
	return im.merge(ctx)
}

// commit stores what the keeper has for the store.
func (im *importer) commit(ctx context.Context, next Audience, last bool) error {
	k := im.keeper
	chunks, pages, rejects := k.chunks(&next, last), k.due(), k.rejected
	k.rejected = nil
	next.Tree, next.Bytes = k.root, im.input.n.Load()
	err := im.change(ctx, im.store.Bulk, func(tx Tx, a *Audience) error {
		*a = next
		a.UpdatedAt = tx.Now()
		if err := tx.InsertPages(ctx, next, pages); err != nil {
			return err
		}
		if err := tx.InsertChunks(ctx, next, chunks); err != nil {
			return err
		}
		return tx.InsertRejects(ctx, next, rejects)
	})
	if err != nil {
		return fmt.Errorf("store batch: %w", err)
	}
	if im.progress != nil {
		im.progress(im.a)
	}
	return nil
}
