package fanout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/notify"
)

// keep looks after dispatches: deliveries that are due, ranges still to cut, dispatches that are done.
func (f *Fanout) keep(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	measured := f.o.Clock.Now()
	for {
		if now := f.o.Clock.Now(); now.Sub(measured) >= measureEvery {
			if err := f.measure(ctx); err != nil && ctx.Err() == nil {
				f.o.Log.ErrorContext(ctx, "keep rates of providers", "error", err)
			}
			measured = now
		}
		if err := f.tend(ctx); err != nil && ctx.Err() == nil {
			f.o.Log.ErrorContext(ctx, "tend dispatches", "error", err)
		}
		f.wake()
		select {
		case <-ctx.Done():
			return
		case <-f.hints:
		case <-t.C:
		}
	}
}

func (f *Fanout) wake() {
	for range f.o.Workers {
		select {
		case f.wakes <- struct{}{}:
		default:
			return
		}
	}
}

// requeueMost is how many transactions of a round make deliveries due: with a million due at once the keeper must
// not forget what else there is.
const requeueMost = 50

// tend does one round of the keeper's work. What fails for one dispatch holds up no other.
func (f *Fanout) tend(ctx context.Context) error {
	var live []notify.Dispatch
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		if err = f.look(ctx, tx); err != nil {
			return err
		}
		live, err = tx.RunningDispatches(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read dispatches: %w", err)
	}
	err = f.requeue(ctx)
	for _, d := range live {
		if failed := f.advance(ctx, d); failed != nil {
			err = errors.Join(err, fmt.Errorf("advance dispatch %s: %w", d.ID, failed))
		}
	}
	return errors.Join(err, f.inquire(ctx))
}

// requeue has what is due tried again.
func (f *Fanout) requeue(ctx context.Context) error {
	for range requeueMost {
		n := 0
		err := f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) (err error) {
			n, err = notify.Requeue(ctx, tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("requeue deliveries: %w", err)
		}
		if n == 0 {
			return nil
		}
		f.wake()
	}
	f.Hint() // there is more
	return nil
}

// advance moves one dispatch on, without a write while there is nothing to move.
func (f *Fanout) advance(ctx context.Context, d notify.Dispatch) error {
	can := false
	err := f.o.Store.View(ctx, f.scope, func(tx notify.Tx) (err error) {
		can, err = notify.CanAdvance(ctx, tx, d)
		return err
	})
	if err != nil || !can {
		return err
	}
	return f.o.Store.Bulk(ctx, f.scope, func(tx notify.Tx) error {
		_, err := notify.Advance(ctx, tx, d)
		return err
	})
}

// backoff waits longer each time something goes wrong in a row.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: 100 * time.Millisecond} }

func (b *backoff) pause(ctx context.Context) {
	t := time.NewTimer(b.next)
	defer t.Stop()
	b.next = min(2*b.next, backoffMost)
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
