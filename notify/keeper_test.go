package notify

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// chunkTx holds the chunks of one audience.
type chunkTx struct {
	Tx     // what is not written below is not used here
	chunks []IndexChunk
}

func (c *chunkTx) IndexChunks(_ context.Context, _ int64, index []byte) (out [][]byte, err error) {
	low, high := EntryBounds(index)
	for i, chunk := range c.chunks {
		last := i+1 == len(c.chunks) || c.chunks[i+1].Run != chunk.Run
		if bytes.Compare(chunk.First, high) <= 0 && (last || bytes.Compare(c.chunks[i+1].First, low) >= 0) {
			out = append(out, chunk.Body)
		}
	}
	return out, nil
}

func (c *chunkTx) IndexRuns(context.Context, int64) (out []int64, err error) {
	for _, chunk := range c.chunks {
		out = append(out, chunk.Run)
	}
	return slices.Compact(out), nil
}

func (c *chunkTx) RunChunks(_ context.Context, _, run int64, after []byte, limit int) (out []IndexChunk, err error) {
	for _, chunk := range c.chunks {
		if chunk.Run == run && bytes.Compare(chunk.First, after) > 0 && len(out) < limit {
			out = append(out, chunk)
		}
	}
	return out, nil
}

// TestKeeperAgreesWithAMap gives a keeper 100,000 people, each up to three times in any order, with many
// to a batch and many batches to a run, and holds whom it keeps to a map.
func TestKeeperAgreesWithAMap(t *testing.T) {
	const people = 100_000
	r := rand.New(rand.NewPCG(11, 12))
	a := Audience{No: 1, ByChannel: map[string]int64{}}
	k, tx := newKeeper(a, incidentKey(t), 40_000), &chunkTx{}
	seen := map[int]bool{}
	for a.Rows < 2*people {
		b := batch{rows: 1000, records: make([]byte, 1000), traits: make([]traits, 1)}
		want := a.Duplicates
		for i := range 1000 {
			who := r.IntN(people)
			if r.IntN(3) == 0 {
				who = int(a.Rows)/3 + i/2 // near another mention
			}
			if seen[who] {
				want++
			}
			seen[who] = true
			var id blind
			binary.BigEndian.PutUint64(id[:], uint64(who)*0x9E3779B97F4A7C15)
			b.blinds = append(b.blinds, id)
			b.people = append(b.people, member{record: i + 1, blinds: i + 1})
			b.lines = append(b.lines, personLine{at: a.Rows + int64(i), from: i, to: i + 1, known: true})
		}
		size := []int64{0, 1 << 40}[r.IntN(2)] // of a small audience the whole index is read, in a large one each is looked up
		known, err := identified(context.Background(), tx, []crowd{{a.No, size}}, k.suspects([]*batch{&b}))
		require.NoError(t, err)
		k.take(&b, known, &a)
		require.Equal(t, want, a.Duplicates)
		tx.chunks = append(tx.chunks, k.chunks(&a, false)...)
		k.pages = nil
	}
	require.EqualValues(t, len(seen), a.Total)
	require.Greater(t, len(a.Runs), 1)
}
