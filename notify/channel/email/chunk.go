package email

import (
	"strconv"

	"tocsin/notify"
)

const (
	chunkBatch = 16 // messages in one write
	chunkAhead = 32 // messages in flight: a batch is written while the one before it is being answered
)

// What becomes of an extension that a relay offers, once it has been tried.
const (
	untried int32 = iota
	proven
	refused
)

// chunked sends whole batches of messages in one write (RFC 3030) and reads the replies of one batch while
// the next is under way. Every message begins with RSET: after a refused one the state of the transaction
// is undefined, and a message must never go under the return path of its neighbour.
func (r *run) chunked(c *conn) fate {
	c.jobs = c.jobs[:0]
	f := keep
	for head := 0; ; head++ {
		for f == keep && len(c.jobs)-head <= chunkAhead-chunkBatch {
			c.jobs = c.jobs[:copy(c.jobs, c.jobs[head:])]
			head = 0
			var wrote bool
			if wrote, f = r.batch(c); !wrote {
				break
			}
		}
		if head == len(c.jobs) {
			if f == keep {
				f = r.after(c)
			}
			return f
		}
		if r.chunkReplies(c, c.jobs[head]) {
			if f == keep {
				f = c.fate()
			}
			continue
		}
		for _, j := range c.jobs[head+1:] {
			r.cut(c, j)
		}
		return drop
	}
}

// batch writes as many messages as may go, and begins each before.
func (r *run) batch(c *conn) (bool, fate) {
	inFlight := len(c.jobs)
	n := min(chunkBatch, r.room(c))
	switch r.channel.chunks.Load() {
	case untried:
		n = min(n, 1-inFlight) // a relay that only pretends gets a single one to spoil
	case refused:
		return false, part
	}
	if n <= 0 {
		return false, keep
	}
	c.jobs = r.take(c.jobs, n, inFlight == 0)
	kept, out, ends := inFlight, c.out[:0], c.ends[:0]
	for _, j := range c.jobs[inFlight:] {
		if r.unfit(c, j) {
			continue
		}
		r.start(&j)
		out = append(r.envelope(append(out, "RSET\r\n"...), c, j), "BDAT "...)
		out = r.chunk(out, c, j)
		c.jobs[kept] = j
		kept++
		ends = append(ends, len(out))
	}
	c.jobs, c.out, c.ends = c.jobs[:kept], out, ends
	if kept == inFlight {
		return false, keep
	}
	c.used += kept - inFlight
	sent, err := c.write(out)
	if err == nil {
		return true, keep
	}
	for k := kept; k > inFlight && ends[k-inFlight-1] > sent; k-- {
		r.lose(c, c.jobs[k-1])
		c.jobs = c.jobs[:k-1]
	}
	return false, drop
}

// chunk appends the length of a message and the message. Room is left for as many digits as it will likely
// have; it is moved when that was wrong.
func (r *run) chunk(dst []byte, c *conn, j job) []byte {
	const last = " LAST\r\n"
	digits := r.letterOn(c, &r.out[j.i]).digits
	gap := len(dst)
	for range digits + len(last) {
		dst = append(dst, ' ')
	}
	start := len(dst)
	dst = r.letterFor(dst, c, j)
	size := len(dst) - start
	var number [20]byte
	n := strconv.AppendInt(number[:0], int64(size), 10)
	if more := len(n) - digits; more > 0 {
		dst = append(dst, "          "[:more]...)
		copy(dst[start+more:], dst[start:start+size])
	} else if more < 0 {
		copy(dst[start+more:], dst[start:])
		dst = dst[:len(dst)+more]
	}
	copy(dst[gap:], n)
	copy(dst[gap+len(n):], last)
	return dst
}

// chunkReplies reads the replies to one message of a batch and answers it. It is false when the connection
// tells no more, or nothing that can be trusted.
func (r *run) chunkReplies(c *conn, j job) bool {
	if p, err := c.read(); err != nil || p.code/100 == 3 {
		r.cut(c, j)
		return false
	}
	var v notify.Verdict
	moved := false // the relay wants another connection for it
	for _, s := range [...]stage{atMail, atRcpt, atFinal} {
		p, err := c.read()
		switch {
		case err != nil && v.Class != "":
			r.settle(c, j, v)
			return false
		case err != nil && moved:
			r.lose(c, j)
			return false
		case err != nil || p.code/100 == 3:
			r.cut(c, j)
			return false
		case s == atFinal && p.code/100 == 2 && v.Class == "":
			r.channel.chunks.CompareAndSwap(untried, proven)
			v = r.verdict(p, j)
		case s == atMail && r.tired(c, p):
			moved = true
		case moved || v.Class != "" || !s.refused(p):
		case s == atFinal && r.unknown(p.code):
			r.channel.fallBack(&r.channel.chunks, "CHUNKING", p.code)
			r.lose(c, j)
			return false
		default:
			v = r.channel.judge(s, p, r.out[j.i].Attempt, j.to)
		}
	}
	if v.Class == "" {
		r.lose(c, j)
	} else {
		r.settle(c, j, v)
	}
	return true
}

// unknown says that the relay does not know BDAT, though it offers it.
func (r *run) unknown(code int) bool {
	return code == 500 || code == 502 || code == 504 || code == 503 && r.channel.chunks.Load() != proven
}

// cut ends a job that was written and not answered. After a 421 the relay does nothing more, so the
// messages behind it did not arrive; otherwise they may have.
func (r *run) cut(c *conn, j job) {
	if c.closed {
		r.lose(c, j)
		return
	}
	r.answer(j, notify.Verdict{Class: notify.ClassInDoubt, Code: "lost-after-dot"})
}
