package email

import (
	"bytes"

	"tocsin/notify"
	"tocsin/templates"
)

// Each technique below sends over one connection until nothing is left to take or the connection is of no
// more use. They differ in the number of writes and waits a message costs.

// one takes a job this connection can carry.
func (r *run) one(c *conn, wait bool) (job, bool) {
	for r.room(c) > 0 {
		c.jobs = r.take(c.jobs[:0], 1, wait)
		if len(c.jobs) == 0 {
			break
		}
		if j := c.jobs[0]; !r.unfit(c, j) {
			c.used++
			r.start(&j)
			return j, true
		}
	}
	return job{}, false
}

// after says what becomes of a connection that is not broken.
func (r *run) after(c *conn) fate {
	if r.room(c) <= 0 {
		return part
	}
	return keep
}

// stepwise is classic SMTP: a command, a reply.
func (r *run) stepwise(c *conn) fate {
	for {
		j, ok := r.one(c, true)
		if !ok {
			return r.after(c)
		}
		if f := r.step(c, j); f != keep {
			return f
		}
	}
}

func (r *run) step(c *conn, j job) fate {
	if c.reset {
		c.reset = false
		if _, err := c.ask([]byte("RSET\r\n")); err != nil {
			r.lose(c, j)
			return drop
		}
	}
	c.out = append(r.envelope(c.out[:0], c, j), "DATA\r\n"...)
	lines := c.out
	for s := atMail; s <= atData; s++ {
		end := bytes.IndexByte(lines, '\n') + 1
		p, err := c.ask(lines[:end])
		lines = lines[end:]
		switch {
		case err != nil, s == atMail && r.tired(c, p):
			r.lose(c, j)
			return drop
		case s.refused(p):
			c.reset = true
			r.settle(c, j, r.channel.judge(s, p, r.out[j.i].Attempt, j.to))
			return c.fate()
		}
	}
	c.out = r.dotted(c.out[:0], c, j)
	if n, _ := c.write(c.out); n < len(c.out) {
		r.lose(c, j)
		return drop
	}
	return r.final(c, j)
}

// ask writes a command and reads its reply.
func (c *conn) ask(command []byte) (reply, error) {
	if _, err := c.write(command); err != nil {
		return reply{}, err
	}
	return c.read()
}

// pipelined writes a message and the next one's envelope together (RFC 2920), so that a message costs one
// write and one wait.
func (r *run) pipelined(c *conn) fate {
	var now job // its envelope is accepted, its body due
	due := false
	for {
		next, more := r.one(c, !due)
		if !due && !more {
			return r.after(c)
		}
		out := c.out[:0]
		if due {
			out = r.dotted(out, c, now)
		}
		body, reset := len(out), more && c.reset
		if reset {
			out = append(out, "RSET\r\n"...)
		}
		if more {
			out = append(r.envelope(out, c, next), "DATA\r\n"...)
		}
		c.out = out
		n, _ := c.write(out) // what broke shows when the replies are read
		f := keep
		switch {
		case due && n < body:
			r.lose(c, now)
			f = drop
		case due:
			f = r.final(c, now)
		}
		switch {
		case !more:
		case f != keep:
			r.lose(c, next)
		default:
			due, f = r.announced(c, next, reset)
			now = next
		}
		if f != keep {
			return f
		}
		due = due && more
	}
}

// announced reads the answers to an envelope: whether the relay now waits for the message.
func (r *run) announced(c *conn, j job, reset bool) (bool, fate) {
	if reset {
		c.reset = false
		if _, err := c.read(); err != nil {
			r.lose(c, j)
			return false, drop
		}
	}
	var v notify.Verdict
	var p reply
	for s := atMail; s <= atData; s++ {
		var err error
		if p, err = c.read(); err != nil || s == atMail && r.tired(c, p) {
			return false, r.broken(c, j, v)
		}
		if v.Class != "" || !s.refused(p) {
			continue
		}
		if s > atMail && outOfStep(p.code) {
			r.channel.fallBack(&r.channel.groups, "PIPELINING", p.code)
			r.lose(c, j)
			return false, drop
		}
		v = r.channel.judge(s, p, r.out[j.i].Attempt, j.to)
	}
	if v.Class == "" {
		return true, keep
	}
	c.reset = true
	r.settle(c, j, v)
	// A relay that wants the message all the same gets an empty one for nobody, as RFC 2920 tells.
	if p.code == 354 {
		if _, err := c.ask([]byte(".\r\n")); err != nil {
			return false, drop
		}
	}
	return false, c.fate()
}

// broken ends a job whose connection went before its message did: a refusal that was read decides.
func (r *run) broken(c *conn, j job, v notify.Verdict) fate {
	if v.Class != "" {
		r.settle(c, j, v)
	} else {
		r.lose(c, j)
	}
	return drop
}

// final reads the reply to a message. From the write that holds the final dot on the relay may have it.
func (r *run) final(c *conn, j job) fate {
	p, err := c.read()
	if err != nil || p.code/100 == 3 {
		r.answer(j, notify.Verdict{Class: notify.ClassInDoubt, Code: "lost-after-dot"})
		return drop
	}
	r.settle(c, j, r.verdict(p, j))
	return c.fate()
}

// verdict of the reply to a message.
func (r *run) verdict(p reply, j job) notify.Verdict {
	if p.code/100 == 2 {
		return notify.Verdict{Class: notify.ClassAccepted, Code: "250", ProviderID: p.queueID()}
	}
	return r.channel.judge(atFinal, p, r.out[j.i].Attempt, j.to)
}

// settle answers a job by what the relay said.
func (r *run) settle(c *conn, j job, v notify.Verdict) {
	c.taken++
	r.answer(j, v)
}

// tired says whether a relay that served this connection wants another one opened. One that does so twice in
// a row after as many messages is not given more of them again.
func (r *run) tired(c *conn, p reply) bool {
	if p.code != 421 || c.taken == 0 {
		return false
	}
	if n := int64(c.taken); r.channel.tiredAt.Swap(n) == n && r.channel.most.Swap(n) != n {
		r.channel.opt.Log.Info("relay takes so many messages on a connection", "channel", templates.Email, "messages", n)
	}
	return true
}

// fate of a connection after a reply.
func (c *conn) fate() fate {
	switch {
	case !c.ending:
		return keep
	case c.taken <= 1: // by its very first message
		return busy
	default:
		return drop
	}
}

// dotted appends the message in the form of DATA, with its final dot.
func (r *run) dotted(dst []byte, c *conn, j job) []byte {
	if j.mail != nil {
		dst = append(dst, stuff(j.mail)...)
	} else {
		o := &r.out[j.i]
		dst = r.letterOn(c, o).fillDotted(dst, o, j.to)
	}
	return append(dst, ".\r\n"...)
}

// outOfStep says that a relay did not follow commands it had offered to take.
func outOfStep(code int) bool { return code == 500 || code == 502 || code == 503 }
