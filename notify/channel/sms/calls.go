package sms

import (
	"context"
	"sync"
	"sync/atomic"

	"tocsin/notify"
)

// defaultCalls is how many calls are under way at once: at 50 ms each they make 1,280 a second, more than
// an account is delivered at (channels.md section 11).
const defaultCalls = 64

// calls bounds how many calls a channel has under way, over all its sends.
type calls chan struct{}

// one sends to one person. It calls begin before the first byte leaves.
type one func(ctx context.Context, o *notify.Outgoing, begin func()) notify.Verdict

// send makes one call per delivery. When ctx ends, no new call begins.
func (c calls) send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict), call one) error {
	var (
		next, answered atomic.Int64
		wg             sync.WaitGroup
	)
	for range min(len(out), cap(c)) {
		wg.Go(func() {
			for c.acquire(ctx) {
				i := int(next.Add(1)) - 1
				if i >= len(out) {
					<-c
					return
				}
				v := call(ctx, &out[i], func() { begin(i) })
				<-c
				done(i, v)
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	if int(answered.Load()) < len(out) {
		return ctx.Err()
	}
	return nil
}

func (c calls) acquire(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case c <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
