package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// heapFloor is how far the heap may grow before it is collected at all. The service holds some 20 MB when it
	// has started and works with 30 or 40: without a floor the start, and the first second of a dispatch, go into
	// collecting a heap that grows anyway.
	heapFloor = 64 << 20
	heapFirst = 4 << 20 // what the runtime takes for live before it has collected once
	usual     = 100     // percent, the runtime's own
)

var floor sync.Once

// keepHeapFloor sets the collector anew after each collection, once in a process. GOGC in the environment is
// somebody's decision and stands.
func keepHeapFloor() {
	if os.Getenv("GOGC") == "" {
		floor.Do(collected)
	}
}

// collected is called after each collection: it drops an object that only the next one finds.
func collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(gcPercent(live[0].Value.Uint64()))
	runtime.AddCleanup(&struct{ self *byte }{}, func(struct{}) { collected() }, struct{}{})
}

// gcPercent is how much the heap may grow beyond what is live, for it to reach the floor.
func gcPercent(live uint64) int {
	live = max(live, heapFirst)
	if 2*live >= heapFloor {
		return usual
	}
	return int((heapFloor - live) * 100 / live)
}
