// Package inbox takes undeliverable mail back in, over an SMTP door of its own and from a mailbox, and
// acknowledges a message only once its receipts are stored.
package inbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"tocsin/notify"
	"tocsin/notify/receipt"
)

// Apply stores receipts; when it returns they are durable. Receipts that it has seen before change nothing.
type Apply func(ctx context.Context, r []notify.Receipt) (int, error)

const (
	maxRead    = 256 << 10        // what is read of a message; what it returns of ours may be longer
	applyLimit = 30 * time.Second // for one transaction
	together   = 500              // receipts that wait for the same one
	provider   = "smtp-dsn"
)

// reader turns messages into receipts and counts them.
type reader struct {
	log    *slog.Logger
	mu     sync.Mutex
	counts map[string]int64
}

func newReader(log *slog.Logger) *reader { return &reader{log: log, counts: map[string]int64{}} }

func (r *reader) count(what string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what] += int64(n)
}

// Counts is how many messages of each kind came, and what else happened; for metrics.
func (r *reader) Counts() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]int64, len(r.counts))
	for what, n := range r.counts {
		out[what] = n
	}
	return out
}

// beginning reads as much of a message as matters.
func beginning(body io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(body, maxRead))
	if err == nil {
		_, err = io.Copy(io.Discard, body)
	}
	return b, err
}

// read decodes one message. One that breaks the decoder is counted and dropped: it must not come again for ever.
func (r *reader) read(token string, body []byte) (receipts []notify.Receipt) {
	kind := receipt.Other
	defer func() {
		if v := recover(); v != nil {
			r.log.Error("a message broke the decoder of bounces", "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			receipts = nil
			r.count("unreadable", 1)
			return
		}
		r.count(string(kind), 1)
	}()
	kind, receipts = receipt.Mail(token, body)
	for i := range receipts {
		receipts[i].Provider = provider
	}
	return receipts
}

// gather stores what arrives at the same time together: what waits while one transaction is written goes
// into the next. Its zero value does not work.
type gather struct {
	apply Apply
	in    chan waiting
}

type waiting struct {
	receipts []notify.Receipt
	done     chan error
}

func newGather(apply Apply) *gather { return &gather{apply: apply, in: make(chan waiting)} }

// store returns when the receipts are durable, or why they are not.
func (g *gather) store(ctx context.Context, receipts []notify.Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	w := waiting{receipts, make(chan error, 1)}
	select {
	case g.in <- w:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes until ctx ends.
func (g *gather) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-g.in:
			g.write(ctx, w)
		}
	}
}

func (g *gather) write(ctx context.Context, w waiting) {
	all, receipts := []waiting{w}, w.receipts
	for more := true; more && len(receipts) < together; {
		select {
		case w = <-g.in:
			all, receipts = append(all, w), append(receipts, w.receipts...)
		default:
			more = false
		}
	}
	_, err := g.apply(ctx, receipts)
	for _, w := range all {
		w.done <- err
	}
}
