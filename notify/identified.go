package notify

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
)

// crowd is an audience in which people are looked for, and how many it holds.
type crowd struct{ no, people int64 }

const (
	entriesEach  = 3  // index entries of a person, about
	readMeantime = 32 // chunks that are read in order while one index is looked up
)

// identified says which of some indexes are the identity of a recipient kept in one of the audiences, and in which one
// first. Few are looked up one by one; for many the whole index is read once, in order.
func identified(ctx context.Context, tx Tx, in []crowd, indexes []blind) (map[blind]int64, error) {
	slices.SortFunc(indexes, func(a, b blind) int { return bytes.Compare(a[:], b[:]) })
	known := make(map[blind]int64, len(indexes))
	for _, c := range in {
		find := lookUp
		if int64(len(indexes)) > c.people*entriesEach/chunkEntries/readMeantime {
			find = readThrough
		}
		err := find(ctx, tx, c.no, indexes, func(b blind) {
			if known[b] == 0 {
				known[b] = c.no
			}
		})
		if err != nil {
			return nil, fmt.Errorf("look identities up: %w", err)
		}
	}
	return known, nil
}

func lookUp(ctx context.Context, tx Tx, audienceNo int64, indexes []blind, found func(blind)) error {
	for _, b := range indexes {
		chunks, err := tx.IndexChunks(ctx, audienceNo, b[:])
		if err != nil {
			return err
		}
		for _, c := range chunks {
			if _, is := ChunkSeqs(c, b[:]); is {
				found(b)
			}
		}
	}
	return nil
}

// readThrough finds sorted indexes in every run of an audience.
func readThrough(ctx context.Context, tx Tx, audienceNo int64, indexes []blind, found func(blind)) error {
	runs, err := tx.IndexRuns(ctx, audienceNo)
	if err != nil {
		return err
	}
	for _, run := range runs {
		left := indexes
		for after, more := []byte(nil), true; more && len(left) > 0; {
			chunks, err := tx.RunChunks(ctx, audienceNo, run, after, loadChunks)
			if err != nil {
				return err
			}
			for _, c := range chunks {
				left = among(c.Body, left, found)
				after = c.First
			}
			more = len(chunks) == loadChunks
		}
	}
	return nil
}

// among finds sorted indexes in a chunk and returns those that come behind it.
func among(chunk []byte, indexes []blind, found func(blind)) []blind {
	for at := 0; at < len(chunk) && len(indexes) > 0; at += entrySize {
		e := chunk[at : at+entrySize]
		if e[indexSize]&0x80 == 0 { // nobody's identity
			continue
		}
		high := binary.BigEndian.Uint64(e)
		for len(indexes) > 0 && binary.BigEndian.Uint64(indexes[0][:]) < high {
			indexes = indexes[1:]
		}
		for len(indexes) > 0 && bytes.Compare(indexes[0][:], e[:indexSize]) < 0 {
			indexes = indexes[1:]
		}
		if len(indexes) > 0 && bytes.Equal(indexes[0][:], e[:indexSize]) {
			found(indexes[0])
		}
	}
	return indexes
}
