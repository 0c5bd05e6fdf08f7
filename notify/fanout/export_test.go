package fanout

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// What tests step through by hand, without goroutines and waiting.

// Stepper is a fan-out with one worker that moves only when told to.
type Stepper struct {
	*Fanout
	w *worker
}

// Step makes f move by hand.
func Step(f *Fanout) *Stepper {
	return &Stepper{Fanout: f, w: newWorker(f)}
}

// Recover takes over from an earlier process, as Run does first.
func (s *Stepper) Recover(ctx context.Context) error { return s.succeed(ctx) }

// Reboot has the journal's last process have run before the machine was started again.
func Reboot(dir string) error {
	h, err := readHolder(dir)
	if err != nil {
		return err
	}
	return writeHolder(dir, holder{h.owner, "an earlier one"})
}

// Turn claims one range and works it off.
func (s *Stepper) Turn(ctx context.Context) (bool, error) { return s.w.turn(ctx, ctx) }

// Measure keeps the rates of providers.
func (s *Stepper) Measure(ctx context.Context) error { return s.measure(ctx) }

// Tend does one round of the keeper's work.
func (s *Stepper) Tend(ctx context.Context) error { return s.tend(ctx) }

// Crash drops the journal as the death of the process does: files stay, the lock goes.
func (s *Stepper) Crash() { _ = s.journal.lock.Close() }

// Close ends the fan-out cleanly.
func (s *Stepper) Close() error { return s.journal.close() }

// SetPart makes sub-batches of n.
func (s *Stepper) SetPart(n int) { s.part = n }

// SetBeat is how often a claim is looked at.
func (s *Stepper) SetBeat(d time.Duration) { s.beat = d }

// SetSleep has waiting done by fn.
func (s *Stepper) SetSleep(fn func(d time.Duration)) {
	s.sleep = func(ctx context.Context, d time.Duration) error { fn(d); return ctx.Err() }
}

// Ready has many workers ready a dispatch at once and counts how many of it there are then.
func (s *Stepper) Ready(ctx context.Context, no int64, workers int) int {
	var g errgroup.Group
	ready := make([]*release, workers)
	for i := range ready {
		g.Go(func() (err error) { ready[i], err = s.release(ctx, no); return err })
	}
	if g.Wait() != nil {
		return 0
	}
	different := map[*release]bool{}
	for _, r := range ready {
		different[r] = true
	}
	return len(different)
}
