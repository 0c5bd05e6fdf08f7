//go:build unix

// Package scale guards that memory does not grow with the audience: real imports and real dispatches on
// SQLite, in a process whose memory is measured.
package scale

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/test/bench/stage"
)

func TestMain(m *testing.M) {
	stage.Child()
	os.Exit(m.Run())
}

const (
	few  = 20_000
	many = 200_000
	more = 1.10 // as much memory as that, of what few people take
)

// Ten times the people take no more memory to import or to send to. A process works for few people as often as makes
// as many in all, so that its caches are as full and its collector has had the chance to be as late; for many it works
// twice, so that one late collection is not taken for growth.
func TestMemoryDoesNotGrowWithTheAudience(t *testing.T) {
	doors := map[string]string{}
	sink, err := stage.Play("sink", struct{}{}, &doors)
	require.NoError(t, err)
	defer func() { require.NoError(t, sink.End()) }()
	settings, err := stage.Settings(doors["http"], t.TempDir(), false)
	require.NoError(t, err)
	h, err := stage.Build(append(settings, "TOCSIN_SMTP__ADDR="+doors["pipelining"])...)
	require.NoError(t, err)
	defer func() { require.NoError(t, h.Close()) }()

	require.NoError(t, h.Start(""))
	var notices []string
	var imports []float64
	for i, people := range append(slices.Repeat([]int64{few}, many/few), many, many) {
		notice, in, err := h.Ready(string(rune('a'+i)), stage.Audience{People: people, Channel: "email", CSV: i%2 == 0})
		require.NoError(t, err)
		notices, imports = append(notices, notice), append(imports, float64(in.Cost.Peak)/(1<<20))
	}
	require.NoError(t, h.Stop())
	t.Logf("import: %.1f MiB", imports)

	require.NoError(t, h.Start(""))
	var dispatches []float64
	for _, notice := range notices {
		_, err := h.Cost(true)
		require.NoError(t, err)
		d, err := h.Release(notice)
		require.NoError(t, err)
		for deadline := time.Now().Add(time.Minute); d.State != "done"; time.Sleep(50 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), "the dispatch is %s with %v", d.State, d.People)
			d, err = h.Progress(d.ID)
			require.NoError(t, err)
		}
		c, err := h.Cost(false)
		require.NoError(t, err)
		dispatches = append(dispatches, float64(c.Peak)/(1<<20))
	}
	require.NoError(t, h.Stop())
	t.Logf("dispatch: %.1f MiB", dispatches)
	for what, mib := range map[string][]float64{"import": imports, "dispatch": dispatches} {
		small, large := mib[:many/few], mib[many/few:]
		require.LessOrEqual(t, slices.Min(large), more*slices.Max(small), "%s: MiB for %d people, and for %d", what, many, few)
	}
}
