//go:build unix

package stage

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Cost is what a process has used so far.
type Cost struct {
	CPU  time.Duration `json:"cpu"`  // user and system
	Peak int64         `json:"peak"` // bytes of resident memory, the most since the last Fresh
	Heap int64         `json:"heap"` // bytes in use by the program's own objects and garbage
}

// spent reads what this process has used.
func spent() (Cost, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return Cost{}, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	peak, err := highWater()
	return Cost{CPU: time.Duration(u.Utime.Nano() + u.Stime.Nano()), Peak: peak, Heap: int64(m.HeapInuse)}, err
}

// highWater is the most memory this process held since fresh.
func highWater() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, found := bytes.Cut(b, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, fmt.Errorf("read memory: the system does not tell")
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	return kib << 10, err
}

// fresh lets the peak of memory begin anew.
func fresh() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) }
