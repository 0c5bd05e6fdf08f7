package fanout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A sub-batch follows what the one before it took: many in little time are the most at once, few say little.
func TestSubBatchesFollowTheirTime(t *testing.T) {
	w := &worker{most: leastPart}
	for _, step := range []struct {
		sent, want int
		took       time.Duration
	}{
		{sent: 1, took: 10 * time.Millisecond, want: 2 * leastPart},
		{sent: 900, took: 2 * time.Second, want: 2 * leastPart},
		{sent: 900, took: 6 * time.Second, want: leastPart},
		{sent: 500, took: 40 * time.Millisecond, want: partSize},
		{sent: 0, took: 0, want: partSize},
	} {
		w.adapt(step.sent, step.took)
		require.Equal(t, step.want, w.most, step)
	}
}
