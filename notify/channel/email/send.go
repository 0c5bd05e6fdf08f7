package email

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/notify"
)

// sender sends one letter to people over the channel's connections.
type sender struct {
	channel *Channel
	letter  *letter
}

// Close does nothing: connections are the channel's and outlive a version.
func (s *sender) Close() error { return nil }

// Send keeps as many connections busy as the pool allows. When ctx ends, deliveries in flight may finish for
// a moment and the others stay untouched.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	r := &run{sender: s, out: out, begin: begin, done: done}
	errs := make([]error, min(len(out), s.channel.opt.Connections))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() { errs[w] = r.work(ctx) })
	}
	wg.Wait()
	if r.answered == len(out) {
		return nil
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return unreachable("cancelled", ctx.Err())
}

// run is one Send: workers take deliveries one by one, each with a connection of its own.
type run struct {
	*sender
	out      []notify.Outgoing
	next     atomic.Int64
	mu       sync.Mutex // begin and done are never called two at a time
	begin    func(int)
	done     func(int, notify.Verdict)
	answered int
}

func (r *run) answer(i int, v notify.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answered++
	r.done(i, v)
}

// work takes deliveries until none are left. The connection comes first, so that none is taken in vain.
func (r *run) work(ctx context.Context) error {
	var h hold
	defer func() { h.give(r.channel.pool, ctx.Err() == nil) }()
	for ctx.Err() == nil && int(r.next.Load()) < len(r.out) {
		if h.c == nil {
			if err := h.take(ctx, r.channel.pool); err != nil {
				return err
			}
		}
		i := int(r.next.Add(1)) - 1
		if i >= len(r.out) {
			return nil
		}
		r.one(ctx, &h, i)
	}
	return ctx.Err()
}

// hold is a worker's connection, cut when the context has been over for a moment.
type hold struct {
	c    *conn
	stop func() bool
}

func (h *hold) take(ctx context.Context, p *pool) error {
	c, err := p.get(ctx)
	if err != nil {
		return err
	}
	h.c = c
	h.stop = context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, func() { _ = c.nc.Close() }) })
	return nil
}

func (h *hold) give(p *pool, healthy bool) {
	if h.c != nil {
		healthy = h.stop() && healthy
		p.put(h.c, healthy)
		h.c = nil
	}
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9.-]{1,60}$`)

// one sends one delivery and answers it.
func (r *run) one(ctx context.Context, h *hold, i int) {
	o := r.out[i]
	to, utf8, ok := mailbox(o.Address)
	if !ok {
		r.answer(i, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-address"})
		return
	}
	if _, offered := h.c.ext["SMTPUTF8"]; utf8 && !offered {
		r.answer(i, notify.Verdict{Class: notify.ClassRcptPerm, Code: "utf8-not-offered"})
		return
	}
	if !plainID.MatchString(o.OutID) {
		r.answer(i, notify.Verdict{Class: notify.ClassBug, Code: "bad-id"})
		return
	}
	bytes, missing := r.letter.fill(h.c.buf[:0], o, to)
	if missing != "" {
		r.answer(i, notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"})
		return
	}
	h.c.buf = bytes
	e := envelope{from: "b+" + o.OutID + "@" + r.channel.opt.Bounce, to: to, id: o.OutID, utf8: utf8}
	r.mu.Lock()
	r.begin(i)
	r.mu.Unlock()
	r.answer(i, r.try(ctx, h, e, bytes, o.Attempt))
}

// try delivers, once more on a fresh connection if a used one was closed or tired before it took the letter.
func (r *run) try(ctx context.Context, h *hold, e envelope, letter []byte, attempt int) notify.Verdict {
	for {
		used := h.c.used > 0
		reply, at, err := h.c.deliver(e, letter)
		lost := err != nil && !errors.Is(err, errAfterReply)
		tired := !lost && reply.code == 421
		if err != nil || tired {
			h.give(r.channel.pool, false)
		}
		if used && at < atFinal && (lost || tired && at == atMail) && ctx.Err() == nil && h.take(ctx, r.channel.pool) == nil {
			continue
		}
		switch {
		case lost && at == atFinal:
			return notify.Verdict{Class: notify.ClassInDoubt, Code: "lost-after-dot"}
		case lost:
			return notify.Verdict{Class: notify.ClassRetry, Code: "lost-before-dot"}
		case refused(at, reply):
			return judge(at, reply, attempt, r.channel.opt.Clock.Now())
		default:
			return notify.Verdict{Class: notify.ClassAccepted, Code: "250", ProviderID: queueID(reply.text)}
		}
	}
}

// queueID is the relay's name for the message, if it tells one in the usual way.
func queueID(text string) string {
	_, rest, ok := strings.Cut(text, "queued as ")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, " ")
	if !plainID.MatchString(id) {
		return ""
	}
	return id
}
