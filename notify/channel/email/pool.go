package email

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"tocsin/notify"
)

const (
	dialTries = 3 // in a row; after that an attempt now and then, and an error at once in between
	firstWait = 100 * time.Millisecond
	longWait  = 10 * time.Second
)

// pool bounds and reuses connections over all sends of a channel. A relay that does not answer is dialled
// by one worker at a time, ever more rarely; while it has room for a few connections only, those do the work.
type pool struct {
	dial  func(context.Context) (*conn, error)
	ctx   context.Context // of dialling: over when the pool is closed
	end   func()
	dials sync.WaitGroup
	slots chan struct{}
	slow  chan struct{} // held while dialling after a failure

	mu       sync.Mutex
	idle     []*conn
	failures int
	last     error
	next     time.Time // not dialled before
	closed   bool
	sweep    *time.Timer // closes what is idle for long
}

func newPool(size int, dial func(context.Context) (*conn, error)) *pool {
	p := &pool{dial: dial, slots: make(chan struct{}, size), slow: make(chan struct{}, 1)}
	p.ctx, p.end = context.WithCancel(context.Background())
	return p
}

// get waits for a place and gives a connection; put must follow.
func (p *pool) get(ctx context.Context) (*conn, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, unreachable("cancelled", ctx.Err())
	}
	if c := p.fresh(); c != nil {
		return c, nil
	}
	got := make(chan dialled)
	p.dials.Go(func() {
		var d dialled
		if d.c, d.err = p.connect(p.ctx); d.err != nil {
			<-p.slots
		}
		select {
		case got <- d:
		case <-ctx.Done(): // nobody waits any more: the next one gets it
			if d.err == nil {
				p.put(d.c, keep)
			}
		}
	})
	select {
	case d := <-got:
		return d.c, d.err
	case <-ctx.Done():
		return nil, unreachable("cancelled", ctx.Err())
	}
}

type dialled struct {
	c   *conn
	err error
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

// fresh gives an idle connection that is still good. One the relay closed meanwhile would take a whole
// window of messages into doubt with it, so whoever rested for long is asked first.
func (p *pool) fresh() *conn {
	for {
		c := p.reuse()
		if c == nil || time.Since(c.since) < restTime || c.alive() {
			return c
		}
		_ = c.nc.Close()
	}
}

// fate of a connection after use.
type fate int

const (
	keep fate = iota
	part      // with a QUIT
	drop      // it is broken
	busy      // the relay has too many
)

// put gives a connection and its place back.
func (p *pool) put(c *conn, f fate) {
	p.mu.Lock()
	if f == keep && p.closed {
		f = part
	}
	if f == busy {
		p.fail(refuse(notify.ClassRetry, "relay-busy/421"))
	}
	if f == keep {
		c.since = time.Now()
		p.idle = append(p.idle, c)
		if p.sweep == nil {
			p.sweep = time.AfterFunc(idleTime, p.tidy)
		}
	}
	p.mu.Unlock()
	switch f {
	case keep:
	case part:
		c.quit()
	default:
		_ = c.nc.Close()
	}
	<-p.slots
}

// tidy closes the connections nobody has used for long.
func (p *pool) tidy() {
	p.mu.Lock()
	var old []*conn
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		stale := time.Since(c.since) >= idleTime
		if stale {
			old = append(old, c)
		}
		return stale
	})
	p.sweep = nil
	if len(p.idle) > 0 {
		p.sweep = time.AfterFunc(idleTime/2, p.tidy)
	}
	p.mu.Unlock()
	for _, c := range old {
		c.quit()
	}
}

// connect dials, a few times where waiting can help. While the relay is known to be dead, the answer comes at once.
func (p *pool) connect(ctx context.Context) (*conn, error) {
	for {
		if last := p.hopeless(); last != nil {
			return nil, last
		}
		c, err := p.attempt(ctx)
		var r *notify.Refusal
		if err == nil || ctx.Err() != nil || errors.As(err, &r) && r.Class != notify.ClassRetry {
			return c, err
		}
	}
}

func (p *pool) attempt(ctx context.Context) (*conn, error) {
	if p.failed() > 0 {
		select {
		case p.slow <- struct{}{}:
			defer func() { <-p.slow }()
		case <-ctx.Done():
			return nil, unreachable("cancelled", ctx.Err())
		}
		if last := p.hopeless(); last != nil {
			return nil, last
		}
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
	before := p.failed()
	c, err := p.dial(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, unreachable("cancelled", ctx.Err())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.fail(err)
		return nil, err
	}
	if p.failures <= before { // else others were refused meanwhile: the relay is not better for this one
		p.failures, p.next = 0, time.Time{}
	}
	return c, nil
}

// failed is how many attempts have failed in a row.
func (p *pool) failed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failures
}

// fail puts off the next attempt, the longer the more have failed.
func (p *pool) fail(err error) {
	p.failures++
	p.last = err
	wait := min(firstWait<<min(p.failures-1, 10), longWait)
	p.next = time.Now().Add(wait/2 + rand.N(wait/2))
}

// hopeless is the error of the last attempts, if there have just been enough of them.
func (p *pool) hopeless() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failures >= dialTries && time.Now().Before(p.next) {
		return p.last
	}
	return nil
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
	p.end()
	p.mu.Lock()
	idle := p.idle
	p.idle, p.closed = nil, true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
	p.dials.Wait()
}
