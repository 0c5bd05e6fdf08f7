package fanout

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDiskFailsUnderTheMapping takes the file away from under a mapped page, as a failing disk does.
func TestDiskFailsUnderTheMapping(t *testing.T) {
	j, _, err := openJournal(t.TempDir())
	require.NoError(t, err)
	p, err := j.begin()
	require.NoError(t, err)
	require.IsType(t, &mapped{}, p.m)
	require.NoError(t, os.Truncate(p.name, 0))
	require.ErrorContains(t, p.begun(1, &entry{seq: 1}), "write journal")
	require.ErrorContains(t, p.ended(1, &entry{}), "write journal")
	require.ErrorContains(t, p.settled(2), "write journal")
	require.NoError(t, j.close())
}
