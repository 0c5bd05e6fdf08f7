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
			kind: rapid.SampledFrom([]byte{begun, ended}).Draw(t, "kind"), dispatch: rapid.Int64Min(0).Draw(t, "dispatch"),
			seq: rapid.Int64Min(0).Draw(t, "seq"), channel: rapid.SampledFrom([]string{"email", "sms"}).Draw(t, "channel"),
			attempt: rapid.IntRange(0, 65535).Draw(t, "attempt"),
			verdict: notify.Verdict{
				Class: rapid.SampledFrom(classes).Draw(t, "class"), Code: rapid.StringN(0, -1, codeSize).Draw(t, "code"),
				ProviderID: rapid.StringN(0, -1, providerSize).Draw(t, "provider"),
			},
		}
		var b [recordSize]byte
		e.encode(&b)
		got, ok := decode(b[:])
		require.True(t, ok)
		require.Equal(t, e, got)
		b[rapid.IntRange(0, recordSize-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, ok = decode(b[:])
		require.False(t, ok, "one bit changed")
	})
}

func TestTornTail(t *testing.T) {
	j, left, err := openJournal(t.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
	p, err := j.begin()
	require.NoError(t, err)
	for seq := range int64(3) {
		require.NoError(t, p.write(entry{kind: begun, dispatch: 1, seq: seq, channel: "sms"}))
	}
	name := p.s.file.Name()
	require.NoError(t, j.close(), "a page is open: the file stays")
	whole, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, whole[:len(whole)-5], 0o600))
	var seqs []int64
	require.NoError(t, readJournal(name, func(e entry) { seqs = append(seqs, e.seq) }))
	require.Equal(t, []int64{0, 1}, seqs)

	j, left, err = openJournal(filepath.Dir(name))
	require.NoError(t, err)
	require.Equal(t, []string{name}, left)
	p, err = j.begin()
	require.NoError(t, err)
	require.NotEqual(t, name, p.s.file.Name(), "what is left is never written over")
	require.NoError(t, p.settled())
	require.NoError(t, j.close())
	files, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*"+suffix))
	require.NoError(t, err)
	require.Equal(t, []string{name}, files)
}

func TestFullFilesGo(t *testing.T) {
	dir := t.TempDir()
	j, _, err := openJournal(dir)
	require.NoError(t, err)
	first, err := j.begin()
	require.NoError(t, err)
	second, err := j.begin()
	require.NoError(t, err)
	first.s.records = segmentSize
	require.NoError(t, first.settled())
	require.FileExists(t, second.s.file.Name(), "the other sub-batch is not recorded yet")
	require.NoError(t, second.settled())
	require.NoFileExists(t, second.s.file.Name())
	require.NoError(t, j.close())
}
