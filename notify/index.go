package notify

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
)

// People are found by blind indexes: of their person_key and of every address. An import collects them as
// entries of 16 bytes: 12 of the index, and 4 that hold the sequence and whether the index is the person's
// identity. They are sorted in bounded runs, and runs of one tier merged into one of the next; a run is written
// as chunks, so that no row is ever inserted into the middle of a large table.
const (
	entrySize    = 16
	indexSize    = 12
	identityBit  = 1 << 31
	chunkEntries = 512
	runEntries   = 1 << 16 // 1 MiB, which 20,000 people fill: more take no more memory
	bucketBits   = 14
	// MaxAudience is how many recipients an audience has at most.
	MaxAudience = identityBit
)

// IndexRun is a run of index entries; one of a higher tier was merged from runs of the tier below.
type IndexRun struct {
	No   int64
	Tier int
}

// IndexChunk is a part of a run of sorted index entries.
type IndexChunk struct {
	Run   int64
	First []byte // its first entry
	Body  []byte
}

// blind is the part of a blind index that is kept.
type blind [indexSize]byte

func toBlind(index [16]byte) blind { return blind(index[:indexSize]) }

// entry is an index entry as two numbers that sort like its bytes.
type entry struct{ high, low uint64 }

func newEntry(b blind, seq int64, identity bool) entry {
	low := uint64(binary.BigEndian.Uint32(b[8:]))<<32 | uint64(seq)
	if identity {
		low |= identityBit
	}
	return entry{binary.BigEndian.Uint64(b[:]), low}
}

func (e entry) compare(o entry) int {
	if c := cmp.Compare(e.high, o.high); c != 0 {
		return c
	}
	return cmp.Compare(e.low, o.low)
}

func (e entry) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.high), e.low)
}

// sortEntries sorts entries that are alike in some first bits into the room of sorted. Indexes are spread
// evenly, so each bucket by the next bits has few.
func sortEntries(sorted, entries []entry, alike int) []entry {
	sorted = slices.Grow(sorted[:0], len(entries))[:len(entries)]
	bucket := func(e entry) uint64 { return e.high << alike >> (64 - bucketBits) }
	ends := make([]int, 1<<bucketBits+1)
	for _, e := range entries {
		ends[bucket(e)+1]++
	}
	for i := range 1 << bucketBits {
		ends[i+1] += ends[i]
	}
	for _, e := range entries {
		at := &ends[bucket(e)]
		sorted[*at] = e
		*at++
	}
	from := 0
	for _, end := range ends[:1<<bucketBits] {
		if end-from > 1 {
			slices.SortFunc(sorted[from:end], entry.compare)
		}
		from = end
	}
	return sorted
}

// runChunks cuts sorted entries into the chunks of a run.
func runChunks(run int64, entries []entry) []IndexChunk {
	chunks := make([]IndexChunk, 0, len(entries)/chunkEntries+1)
	for part := range slices.Chunk(entries, chunkEntries) {
		body := make([]byte, 0, len(part)*entrySize)
		for _, e := range part {
			body = e.append(body)
		}
		chunks = append(chunks, IndexChunk{Run: run, First: body[:entrySize], Body: body})
	}
	return chunks
}

// EntryBounds are the first and the last entry that an index can have, for finding its chunks.
func EntryBounds(index []byte) (low, high []byte) {
	low = append(make([]byte, 0, entrySize), index[:indexSize]...)
	return append(low, 0, 0, 0, 0), append(slices.Clone(low), 255, 255, 255, 255)
}

// ChunkSeqs are the recipients that a chunk has under an index; identity says that it is the identity of one.
func ChunkSeqs(chunk, index []byte) (seqs []int64, identity bool) {
	low, high := EntryBounds(index)
	at := func(i int) []byte { return chunk[i*entrySize : (i+1)*entrySize] }
	n := len(chunk) / entrySize
	for i := sort.Search(n, func(i int) bool { return bytes.Compare(at(i), low) >= 0 }); i < n && bytes.Compare(at(i), high) <= 0; i++ {
		e := binary.BigEndian.Uint32(at(i)[indexSize:])
		seqs = append(seqs, int64(e&^identityBit))
		identity = identity || e&identityBit != 0
	}
	return seqs, identity
}

// eachIdentity calls fn with the indexes of a chunk that are somebody's identity.
func eachIdentity(chunk []byte, fn func(blind)) {
	for e := range slices.Chunk(chunk, entrySize) {
		if e[indexSize]&0x80 != 0 {
			fn(blind(e[:indexSize]))
		}
	}
}
