// Package bare sends as fast as a technique allows and does nothing else: no ledger, no rendering, no
// addressing. It is what Tocsin is measured against.
package bare

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Mail is a run of the bare sender.
type Mail struct {
	Way         string // classic | pipelining | chunking
	Addr        string
	Connections int
	People      int64
	Sample      []byte // a message as the relay got it; each person's differs from it in the address
	To          string // whose message the sample is
}

const (
	window   = 16  // messages in flight on a connection with CHUNKING
	rendered = 256 // different messages made before the clock starts
)

// Address of a person; the number in it is who it is.
func Address(person int64) string { return fmt.Sprintf("u%08d@example.com", person) }

// Send sends everybody one message.
func (m Mail) Send() error {
	letters := make([][]byte, rendered)
	for i := range letters {
		letters[i] = bytes.ReplaceAll(m.Sample, []byte(m.To), []byte(Address(int64(i))))
	}
	var next atomic.Int64
	errs := make([]error, m.Connections)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			c, err := dial(m.Addr)
			if err != nil {
				errs[i] = err
				return
			}
			defer func() { _ = c.nc.Close() }()
			c.letters = letters
			errs[i] = map[string]func(func() int64) error{"classic": c.classic, "pipelining": c.pipelined, "chunking": c.chunked}[m.Way](func() int64 {
				if n := next.Add(1) - 1; n < m.People {
					return n
				}
				return -1
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

type conn struct {
	nc      net.Conn
	r       *bufio.Reader
	out     []byte
	letters [][]byte
}

func dial(addr string) (*conn, error) {
	nc, err := net.Dial("tcp", addr) //nolint:noctx // loopback
	if err != nil {
		return nil, err
	}
	c := &conn{nc: nc, r: bufio.NewReaderSize(nc, 16<<10)}
	if err := c.replies(1); err != nil {
		return nil, err
	}
	if _, err := nc.Write([]byte("EHLO bare.example\r\n")); err != nil {
		return nil, err
	}
	for more := true; more; {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		more = line[3] == '-'
	}
	return c, nil
}

// replies reads so many, and wants each to be good.
func (c *conn) replies(n int) error {
	for range n {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if line[0] != '2' && line[0] != '3' {
			return fmt.Errorf("relay said %q", line)
		}
	}
	return nil
}

// exchange writes what has gathered and reads so many replies.
func (c *conn) exchange(replies int) error {
	if _, err := c.nc.Write(c.out); err != nil {
		return err
	}
	c.out = c.out[:0]
	return c.replies(replies)
}

func (c *conn) mail(n int64) {
	c.out = append(c.out, "MAIL FROM:<b+1."...)
	c.out = strconv.AppendInt(c.out, n, 36)
	c.out = append(c.out, ".email.abcdefghijklmnop@bounce.example.com>\r\n"...)
}

func (c *conn) rcpt(n int64) {
	c.out = append(c.out, "RCPT TO:<u"...)
	c.out = append(number(c.out, n, 8), "@example.com>\r\n"...)
}

func (c *conn) letter(n int64) { c.out = append(c.out, c.letters[n%rendered]...) }

// classic is a command, a reply.
func (c *conn) classic(next func() int64) error {
	for n := next(); n >= 0; n = next() {
		for _, put := range []func(int64){c.mail, c.rcpt, func(int64) { c.out = append(c.out, "DATA\r\n"...) }, func(n int64) { c.letter(n); c.out = append(c.out, ".\r\n"...) }} {
			put(n)
			if err := c.exchange(1); err != nil {
				return err
			}
		}
	}
	return nil
}

// pipelined writes a body together with the next envelope.
func (c *conn) pipelined(next func() int64) error {
	n, waiting := next(), 0
	for n >= 0 {
		c.mail(n)
		c.rcpt(n)
		c.out = append(c.out, "DATA\r\n"...)
		if err := c.exchange(waiting + 3); err != nil {
			return err
		}
		c.letter(n)
		c.out = append(c.out, ".\r\n"...)
		n, waiting = next(), 1
	}
	return c.exchange(waiting)
}

// chunked writes a window of whole messages at once.
func (c *conn) chunked(next func() int64) error {
	all := make(net.Buffers, 0, 2*window)
	var buffers net.Buffers
	for n := next(); n >= 0; {
		buffers, c.out = all[:0], slices.Grow(c.out[:0], window*256)
		count := 0
		for ; n >= 0 && count < window; count++ {
			from := len(c.out)
			c.mail(n)
			c.rcpt(n)
			letter := c.letters[n%rendered]
			c.out = append(c.out, "BDAT "...)
			c.out = strconv.AppendInt(c.out, int64(len(letter)), 10)
			c.out = append(c.out, " LAST\r\n"...)
			buffers = append(buffers, c.out[from:], letter)
			n = next()
		}
		if _, err := buffers.WriteTo(c.nc); err != nil {
			return err
		}
		if err := c.replies(3 * count); err != nil {
			return err
		}
	}
	return nil
}
