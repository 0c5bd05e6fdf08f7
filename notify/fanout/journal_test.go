package fanout

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/notify"
)

func TestEntriesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry{
			dispatch: rapid.Int64Min(0).Draw(t, "dispatch"), seq: rapid.Int64Min(0).Draw(t, "seq"),
			channel: rapid.SampledFrom([]string{"email", "sms"}).Draw(t, "channel"), attempt: rapid.IntRange(0, 65535).Draw(t, "attempt"),
			provider: rapid.StringN(0, -1, idSize).Draw(t, "provider"), doubt: rapid.Bool().Draw(t, "doubt"), address: rapid.IntRange(0, 255).Draw(t, "address"),
		}
		verdict := notify.Verdict{
			Class: rapid.SampledFrom(classes).Draw(t, "class"), Code: rapid.StringN(0, -1, codeSize).Draw(t, "code"),
			ProviderID: rapid.StringN(0, -1, providerSize).Draw(t, "id"),
		}
		var b [slotSize]byte
		(&entry{dispatch: 9, provider: "other", verdict: verdict}).begin(b[:])
		(&entry{verdict: verdict}).end(b[:])
		e.begin(b[:])
		got, ok := readSlot(b[:])
		require.True(t, ok)
		require.Equal(t, e, got, "nothing is left of the slot's earlier message")
		(&entry{verdict: verdict}).end(b[:])
		whole := e
		whole.ended, whole.verdict = true, verdict
		got, ok = readSlot(b[:])
		require.True(t, ok)
		require.Equal(t, whole, got)

		bit := rapid.IntRange(0, 8*slotSize-1).Draw(t, "bit")
		b[bit/8] ^= 1 << (bit % 8)
		got, ok = readSlot(b[:])
		switch {
		case bit/8 < beginSize:
			require.False(t, ok, "one bit changed")
		case bit/8 < beginSize+38+1+providerSize:
			require.Equal(t, e, got, "begun, and no more is known")
		}
	})
}

func seqs(t *testing.T, name string) (out []int64) {
	t.Helper()
	require.NoError(t, readJournal(name, func(e entry) { out = append(out, e.seq) }))
	return out
}

func TestWhatIsLeftIsNeverWrittenOver(t *testing.T) {
	j, left, err := openJournal(t.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
	p, err := j.begin()
	require.NoError(t, err)
	for seq := range 3 {
		require.NoError(t, p.begun(seq, &entry{dispatch: 1, seq: int64(seq), channel: "sms"}))
	}
	require.Equal(t, []int64{0, 1, 2}, seqs(t, p.name), "without any call it is there for whoever reads the file")
	require.NoError(t, j.close(), "a page is open: the file stays")
	require.NoError(t, os.Truncate(p.name, 3*slotSize-5))
	require.Equal(t, []int64{0, 1}, seqs(t, p.name))

	j, left, err = openJournal(filepath.Dir(p.name))
	require.NoError(t, err)
	require.Equal(t, []string{p.name}, left)
	next, err := j.begin()
	require.NoError(t, err)
	require.NotEqual(t, p.name, next.name)
	require.NoError(t, next.begun(7, &entry{dispatch: 1, seq: 7}))
	require.NoError(t, next.settled(8))
	require.Empty(t, seqs(t, next.name), "what is in the store is in the journal no more")
	again, err := j.begin()
	require.NoError(t, err)
	require.Same(t, next, again)
	require.NoError(t, again.settled(0))
	require.NoError(t, j.close())
	files, err := filepath.Glob(filepath.Join(filepath.Dir(p.name), "*"+suffix))
	require.NoError(t, err)
	require.Equal(t, []string{p.name}, files)
}

// TestWrittenJournal is the journal of systems that cannot map it.
func TestWrittenJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "1"+suffix))
	require.NoError(t, err)
	m, err := openWritten(f, pageSlots*slotSize)
	require.NoError(t, err)
	p := &page{name: f.Name(), m: m, j: &journal{}}
	require.NoError(t, p.begun(2, &entry{seq: 2}))
	require.NoError(t, p.ended(2, &entry{verdict: notify.Verdict{Class: notify.ClassAccepted}}))
	require.Equal(t, []int64{2}, seqs(t, f.Name()))
	require.NoError(t, m.Close())
	require.ErrorContains(t, p.begun(3, &entry{seq: 3}), "write journal")
}
