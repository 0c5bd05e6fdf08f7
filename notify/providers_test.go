package notify

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/templates"
)

// staleTx lists a dispatch as it stood before somebody else's transaction.
type staleTx struct {
	*memoryTx
	listed Dispatch
}

func (s staleTx) RunningDispatches(context.Context) ([]Dispatch, error) {
	return []Dispatch{s.listed}, nil
}

func TestAProviderThatIsBackWakesNoStoppedDispatch(t *testing.T) {
	waits := Dispatch{No: 1, State: DispPaused, Flow: Flow{Halted: "stop"}, Channels: []string{templates.Email}}
	tx := newMemoryTx(waits)
	require.NoError(t, runOn(context.Background(), staleTx{tx, waits}, templates.Email))
	require.Equal(t, DispRunning, tx.d.State)

	tx = newMemoryTx(waits)
	tx.d.State, tx.d.Flow.Halted = DispStopped, "" // while the list was read
	require.NoError(t, runOn(context.Background(), staleTx{tx, waits}, templates.Email))
	require.Equal(t, DispStopped, tx.d.State)
	require.Empty(t, tx.events)
}
