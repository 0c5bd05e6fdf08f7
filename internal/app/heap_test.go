package app

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHeapGrowsToItsFloorBeforeItIsCollected(t *testing.T) {
	for live, want := range map[uint64]int{0: 1500, 4 << 20: 1500, 16 << 20: 300, 32 << 20: 100, 200 << 20: 100} {
		require.Equal(t, want, gcPercent(live), "%d bytes live", live)
	}
}

func TestHeapFloorIsKeptFromCollectionToCollection(t *testing.T) {
	keepHeapFloor()
	held := make([]byte, 24<<20)
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	for range 3 {
		runtime.GC()
		require.Eventually(t, func() bool {
			metrics.Read(goal)
			return goal[0].Value.Uint64() >= heapFloor && goal[0].Value.Uint64() < heapFloor+heapFloor/4
		}, 10*time.Second, time.Millisecond)
	}
	runtime.KeepAlive(held)
}
