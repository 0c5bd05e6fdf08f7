package fanout_test

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
	"tocsin/notify/fanout"
)

// crowd is how many people one round of the benchmark tells.
const crowd = 40_000

// BenchmarkEverythingButTheWire works a dispatch off over a channel that takes every message at once: what
// is left is what a message costs besides its sending. us/msg is CPU time of the whole process, B/msg what is
// kept of a delivery.
func BenchmarkEverythingButTheWire(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		h := newHouse(b, mailboxes(crowd))
		h.email.silent = true
		f, err := fanout.New(h.options(b.TempDir()))
		require.NoError(b, err)
		ctx, cancel := context.WithCancel(h.ctx)
		done := make(chan error)
		runtime.GC()
		b.StartTimer()
		before, start := cpu(b), time.Now()
		go func() { done <- f.Run(ctx) }()
		for h.progress().State != notify.DispDone {
			time.Sleep(5 * time.Millisecond)
		}
		b.ReportMetric(float64(cpu(b)-before)/crowd/1e3, "us/msg")
		b.ReportMetric(crowd/time.Since(start).Seconds(), "msg/s")
		cancel()
		require.NoError(b, <-done)
		b.ReportMetric(float64(h.kept())/crowd, "B/msg")
	}
}

// kept is the size of the batches that record the dispatch.
func (h *house) kept() (n int) {
	for after := int64(0); ; {
		var page []notify.Batch
		require.NoError(h.t, h.store.View(h.ctx, person, func(tx notify.Tx) (err error) {
			page, err = tx.Batches(h.ctx, h.d.No, after, 100)
			return err
		}))
		if len(page) == 0 {
			return n
		}
		for _, b := range page {
			n, after = n+len(b.Events)+len(b.Root)+40, b.No // its numbers, and its places in indexes
		}
	}
}

func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}
