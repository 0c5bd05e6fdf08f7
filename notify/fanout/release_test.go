package fanout_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWorkersShareWhatADispatchMayDo: workers that ready a dispatch at the same moment would each go at its rate.
func TestWorkersShareWhatADispatchMayDo(t *testing.T) {
	h := newHouse(t, mailboxes(1))
	s := h.stepper(t.TempDir())
	require.Equal(t, 1, s.Ready(h.ctx, h.d.No, 16))
	require.NoError(t, s.Close())
}
