package email

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/notify"
)

// sender sends one letter to people over the channel's connections.
type sender struct {
	channel *Channel
	letter  *letter
	bounce  string // what follows the id in a return path
	notify  string // what follows the recipient where the relay knows DSN
}

// Close does nothing: connections are the channel's and outlive a version.
func (s *sender) Close() error { return nil }

// Send keeps as many connections busy as the pool allows. When ctx ends, deliveries in flight may finish for
// a moment and the others stay untouched.
func (s *sender) Send(ctx context.Context, out []notify.Outgoing, begin func(int), done func(int, notify.Verdict)) error {
	all, stop := context.WithCancel(ctx)
	defer stop()
	r := &run{sender: s, out: out, begin: begin, done: done, all: all, stop: stop}
	if len(s.letter.stamps) > 0 {
		r.signed = make(chan job, signedAhead)
		defer r.sign()()
		defer stop()
	}
	errs := make([]error, min(len(out), s.channel.opt.Connections))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() { errs[w] = r.work(ctx) })
	}
	wg.Wait()
	for _, j := range r.again {
		if j.begun {
			r.answer(j, notify.Verdict{Class: notify.ClassRetry, Code: "lost-before-dot"})
		}
	}
	if int(r.answered.Load()) == len(out) {
		return nil
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return unreachable("cancelled", ctx.Err())
}

// run is one Send, worked off by several workers with a connection each.
type run struct {
	*sender
	out      []notify.Outgoing
	begin    func(int)
	done     func(int, notify.Verdict)
	all      context.Context // over when everybody is answered, or the send's context is
	stop     func()
	answered atomic.Int64
	signed   chan job // where letters are signed: what is ready to go

	mu    sync.Mutex
	next  int
	again []job // lost with a connection before they left whole
	// allSigned says that nothing more comes out of signed.
	allSigned bool
}

// job is one delivery on its way.
type job struct {
	i     int
	to    string // wire form of the address
	utf8  bool
	begun bool
	lost  int8   // how often, on connections that took nothing
	mail  []byte // signed; nil where the letter is filled as it is written
}

const maxLost = 3

func (r *run) answer(j job, v notify.Verdict) {
	r.channel.domains.count()
	r.done(j.i, v)
	if int(r.answered.Add(1)) == len(r.out) {
		r.stop()
	}
}

// lose puts a job back that cannot have reached anybody.
func (r *run) lose(c *conn, j job) {
	if c.taken == 0 {
		j.lost++
	}
	if j.lost >= maxLost {
		r.answer(j, notify.Verdict{Class: notify.ClassRetry, Code: "lost-before-dot"})
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again = append(r.again, j)
}

// take appends up to n jobs. With wait it does not return empty-handed while there may be some.
func (r *run) take(jobs []job, n int, wait bool) []job {
	if r.all.Err() != nil {
		return jobs
	}
	r.mu.Lock()
	for ; n > 0 && len(r.again) > 0; n-- {
		last := len(r.again) - 1
		jobs = append(jobs, r.again[last])
		r.again = r.again[:last]
	}
	r.mu.Unlock()
	if r.signed != nil {
		return r.takeSigned(jobs, n, wait && len(jobs) == 0)
	}
	for n > 0 {
		from, to := r.reserve(n)
		if from == to {
			break
		}
		for i := from; i < to; i++ {
			if j, ok := r.admit(i); ok {
				jobs = append(jobs, j)
				n--
			}
		}
	}
	return jobs
}

func (r *run) reserve(n int) (from, to int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from = r.next
	r.next = min(r.next+n, len(r.out))
	return from, r.next
}

// admit answers what cannot go at all, or not now.
func (r *run) admit(i int) (job, bool) {
	o := &r.out[i]
	j := job{i: i}
	var ok bool
	if j.to, j.utf8, ok = mailbox(o.Address); !ok {
		r.answer(j, notify.Verdict{Class: notify.ClassRcptPerm, Code: "bad-address"})
		return j, false
	}
	if !plainID(o.OutID) {
		r.answer(j, notify.Verdict{Class: notify.ClassBug, Code: "bad-id"})
		return j, false
	}
	if !r.letter.complete(o) {
		r.answer(j, notify.Verdict{Class: notify.ClassBug, Code: "slot-missing"})
		return j, false
	}
	if at, now := r.channel.domains.allow(j.to, o.Attempt); !now {
		r.answer(j, notify.Verdict{Class: notify.ClassRetryAt, Code: "domain-rate", RetryAt: at})
		return j, false
	}
	return j, true
}

// work sends over one connection after the other until nothing is left.
func (r *run) work(ctx context.Context) error {
	for r.left() {
		c, err := r.channel.pool.get(r.all)
		if err != nil {
			return err
		}
		cut := context.AfterFunc(ctx, func() { time.AfterFunc(graceTime, func() { _ = c.nc.Close() }) })
		f := r.use(c)
		if !cut() {
			f = drop
		}
		r.channel.pool.put(c, f)
	}
	return nil
}

// left says whether there may be something to take.
func (r *run) left() bool {
	if r.all.Err() != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.again) > 0 || r.signed == nil && r.next < len(r.out) || r.signed != nil && !r.allSigned
}

// use sends in the fastest way the relay knows.
func (r *run) use(c *conn) fate {
	switch {
	case c.chunking && c.pipelining && r.channel.chunks.Load() != refused:
		return r.chunked(c)
	case c.pipelining && r.channel.groups.Load() != refused:
		return r.pipelined(c)
	default:
		return r.stepwise(c)
	}
}

// room is how many messages more the connection may carry.
func (r *run) room(c *conn) int {
	most := r.channel.opt.PerConnection
	if learned := int(r.channel.most.Load()); learned > 0 && (most == 0 || learned < most) {
		most = learned
	}
	if most > 0 {
		return most - c.used
	}
	return len(r.out)
}

// unfit answers a job that this relay cannot take.
func (r *run) unfit(c *conn, j job) bool {
	if j.utf8 && !c.utf8 {
		r.answer(j, notify.Verdict{Class: notify.ClassRcptPerm, Code: "utf8-not-offered"})
		return true
	}
	return false
}

func (r *run) start(j *job) {
	if !j.begun {
		j.begun = true
		r.begin(j.i)
	}
}

// envelope appends the lines that come before a message, but for DATA or BDAT.
func (r *run) envelope(dst []byte, c *conn, j job) []byte {
	id := r.out[j.i].OutID
	dst = append(append(append(dst, "MAIL FROM:<b+"...), id...), r.bounce...)
	if c.dsn {
		dst = append(append(dst, " RET=HDRS ENVID="...), id...)
	}
	if r.letterOn(c, &r.out[j.i]) != r.letter {
		dst = append(dst, " BODY=8BITMIME"...)
	}
	if j.utf8 {
		dst = append(dst, " SMTPUTF8"...)
	}
	dst = append(append(append(dst, "\r\nRCPT TO:<"...), j.to...), '>')
	if c.dsn {
		dst = append(dst, r.notify...)
	}
	return append(dst, '\r', '\n')
}

// letterFor appends the message as one person gets it.
func (r *run) letterFor(dst []byte, c *conn, j job) []byte {
	if j.mail != nil {
		return append(dst, j.mail...)
	}
	o := &r.out[j.i]
	return r.letterOn(c, o).fill(dst, o, j.to)
}
