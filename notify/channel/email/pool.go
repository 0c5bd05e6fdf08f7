package email

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"tocsin/notify"
)

const (
	dialTries = 3
	firstWait = 100 * time.Millisecond
	longWait  = 30 * time.Second
)

// pool bounds and reuses connections over all sends of a channel. A relay that does not answer is dialled
// by one worker at a time, ever more slowly.
type pool struct {
	dial  func(context.Context) (*conn, error)
	slots chan struct{}
	slow  chan struct{} // held while dialling after a failure

	mu       sync.Mutex
	idle     []*conn
	failures int
	next     time.Time // not dialled before
	closed   bool
}

func newPool(size int, dial func(context.Context) (*conn, error)) *pool {
	return &pool{dial: dial, slots: make(chan struct{}, size), slow: make(chan struct{}, 1)}
}

// get waits for a place and gives a connection; put must follow.
func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, unreachable("cancelled", ctx.Err())
	}
	if c := p.reuse(); c != nil {
		return c, nil
	}
	c, err := p.connect(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return c, nil
}

func (p *pool) reuse() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if time.Since(c.since) < idleTime {
			return c
		}
		_ = c.nc.Close()
	}
	return nil
}

// put gives a place back; a connection that is broken is closed.
func (p *pool) put(c *conn, healthy bool) {
	p.mu.Lock()
	keep := healthy && !p.closed
	if keep {
		c.since = time.Now()
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !keep {
		if healthy {
			c.quit()
		} else {
			_ = c.nc.Close()
		}
	}
	<-p.slots
}

// connect dials, a few times where waiting can help.
func (p *pool) connect(ctx context.Context) (*conn, error) {
	for try := 1; ; try++ {
		c, err := p.attempt(ctx)
		if err == nil {
			return c, nil
		}
		var e *notify.Refusal
		if try == dialTries || ctx.Err() != nil || errors.As(err, &e) && e.Class != notify.ClassRetry {
			return nil, err
		}
	}
}

func (p *pool) attempt(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	failing := p.failures > 0
	p.mu.Unlock()
	if failing {
		select {
		case p.slow <- struct{}{}:
			defer func() { <-p.slow }()
		case <-ctx.Done():
			return nil, unreachable("cancelled", ctx.Err())
		}
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
	c, err := p.dial(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failures++
		wait := min(firstWait<<min(p.failures-1, 10), longWait)
		p.next = time.Now().Add(wait/2 + rand.N(wait/2))
		return nil, err
	}
	p.failures, p.next = 0, time.Time{}
	return c, nil
}

func (p *pool) wait(ctx context.Context) error {
	p.mu.Lock()
	d := time.Until(p.next)
	p.mu.Unlock()
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return unreachable("cancelled", ctx.Err())
	}
}

// close closes what is idle; connections in use close when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}
