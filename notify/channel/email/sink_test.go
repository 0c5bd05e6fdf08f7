package email

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// sink takes mail as fast as it comes and looks at nothing.
type sink struct {
	addr  string
	hello []byte
	taken atomic.Int64
}

func newSink(t testing.TB, extensions ...string) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &sink{addr: l.Addr().String(), hello: []byte("250-sink\r\n")}
	for _, e := range extensions {
		s.hello = append(s.hello, "250-"+e+"\r\n"...)
	}
	s.hello = append(s.hello, "250 HELP\r\n"...)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); s.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return s
}

func (s *sink) serve(c net.Conn) {
	in, from, to := make([]byte, 256<<10), 0, 0
	out := []byte("220 sink\r\n")
	data := false
	more := func() bool { // answers, then waits for more input
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return false
			}
			out = out[:0]
		}
		to = copy(in, in[from:to])
		from = 0
		n, err := c.Read(in[to:])
		to += n
		return err == nil
	}
	for {
		if data {
			end := bytes.Index(in[from:to], []byte("\r\n.\r\n"))
			if end < 0 {
				if !more() {
					return
				}
				continue
			}
			from += end + 5
			data, out = false, append(out, "250 2.0.0 Ok: queued as 4f7Kq31zLx\r\n"...)
			s.taken.Add(1)
			continue
		}
		end := bytes.IndexByte(in[from:to], '\n')
		if end < 0 {
			if !more() {
				return
			}
			continue
		}
		line := in[from : from+end]
		from += end + 1
		switch line[0] {
		case 'E':
			out = append(out, s.hello...)
		case 'D':
			data, out = true, append(out, "354 go\r\n"...)
		case 'B':
			size, err := strconv.Atoi(string(line[5 : len(line)-len(" LAST\r")]))
			if err != nil {
				return
			}
			for to-from < size {
				if !more() {
					return
				}
			}
			from += size
			out = append(out, "250 2.0.0 Ok: queued as 4f7Kq31zLx\r\n"...)
			s.taken.Add(1)
		case 'Q':
			return
		default:
			out = append(out, "250 2.1.0 Ok\r\n"...)
		}
	}
}

// wire is a connection of a bare sender: bytes out, as many lines of answers in.
type wire struct {
	c   net.Conn
	buf []byte
}

func dialSink(t testing.TB, s *sink) *wire {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	w := &wire{c: c, buf: make([]byte, 8<<10)}
	w.lines(t, 1)
	w.send(t, []byte("EHLO bare\r\n"), 0)
	w.lines(t, bytes.Count(s.hello, []byte("\n")))
	return w
}

func (w *wire) send(t testing.TB, b []byte, answers int) {
	if _, err := w.c.Write(b); err != nil {
		t.Error(err)
	}
	w.lines(t, answers)
}

func (w *wire) lines(t testing.TB, n int) {
	for n > 0 {
		got, err := w.c.Read(w.buf)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			return
		}
		n -= bytes.Count(w.buf[:got], []byte("\n"))
	}
}
