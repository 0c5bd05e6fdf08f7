// Package watch does the house's recurring work on a clock: timers that are due, leases that ran out, and
// looking for what should have moved and did not.
package watch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"tocsin/internal/clock"
)

// Job is one piece of recurring work. Do must be idempotent and return when ctx ends; its errors must be
// safe to log: ids and enums, never values.
type Job struct {
	Name string
	Do   func(ctx context.Context, now time.Time) error
}

// stalledAfter is how many periods a job may go without success before it counts as stalled.
const stalledAfter = 5

// Watch runs jobs, each in a goroutine of its own so that a slow one holds up no other.
type Watch struct {
	clock clock.Clock
	log   *slog.Logger
	every time.Duration
	jobs  []Job

	mu   sync.Mutex
	done map[string]time.Time // last success by job name
}

// New makes a watch that does each job at the start and then every period.
func New(clk clock.Clock, log *slog.Logger, every time.Duration, jobs ...Job) *Watch {
	w := &Watch{clock: clk, log: log, every: every, jobs: jobs, done: map[string]time.Time{}}
	for _, j := range jobs {
		w.done[j.Name] = clk.Now()
	}
	return w
}

// Run works until ctx ends and returns after every job has returned. Ending is not an error.
func (w *Watch) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, j := range w.jobs {
		running.Go(func() { w.repeat(ctx, j) })
	}
	running.Wait()
	return nil
}

// Stalled names the jobs that have not succeeded for several periods, for readiness and alerts.
func (w *Watch) Stalled() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	limit := w.clock.Now().Add(-stalledAfter * w.every)
	var names []string
	for name, at := range w.done {
		if at.Before(limit) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (w *Watch) repeat(ctx context.Context, j Job) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		now := w.clock.Now()
		if err := attempt(ctx, j, now); err == nil {
			w.mu.Lock()
			w.done[j.Name] = now
			w.mu.Unlock()
		} else if ctx.Err() == nil {
			w.log.Error("job failed", "job", j.Name, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// attempt turns a panic into an error, so that one broken job leaves the others running. The value of the
// panic may be personal data and is not kept; where it happened is.
func attempt(ctx context.Context, j Job, now time.Time) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("job panicked with a %T at:\n%s", v, debug.Stack())
		}
	}()
	return j.Do(ctx, now)
}
