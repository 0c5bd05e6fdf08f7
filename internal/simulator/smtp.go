package simulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"
)

// What the SMTP door announces.
const (
	ExtensionsNone       = "none"
	ExtensionsPipelining = "pipelining"
	ExtensionsChunking   = "chunking" // and pipelining; the default
)

const maxMessage = 1 << 20

// serveMail takes connections until its listener is closed.
func (s *Simulator) serveMail(ctx context.Context) {
	for {
		c, err := s.mailDoor.Accept()
		if err != nil {
			s.serve("smtp", err)
			return
		}
		s.wg.Go(func() {
			defer c.Close()
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			m := &mailConn{sim: s, ctx: ctx, stream: stream{conn: c}}
			m.serve()
		})
	}
}

// mailConn is one SMTP connection. Its parts are reused from message to message, so that a message costs no
// allocation.
type mailConn struct {
	stream
	sim       *Simulator
	ctx       context.Context
	encrypted bool
	signed    bool
	taken     int
	from, to  []byte
	envid     []byte
	notify    []byte
	chunks    []byte
	hasMail   bool
	hasRcpt   bool
	kind      *Kind // what the recipient meets
	wantAuth  bool
	outOfTurn bool // commands came in a group though PIPELINING is not announced
}

func (m *mailConn) serve() {
	m.reply("220 simulator.example ESMTP ready")
	for !m.closed {
		line, ok := m.line()
		if !ok {
			return
		}
		if m.sim.opt.Extensions == ExtensionsNone && m.buffered() > 0 && !m.outOfTurn {
			m.outOfTurn = true
			m.sim.Journal.violate("pipelining-not-announced")
		}
		if m.wantAuth {
			m.wantAuth = false
			m.login(line)
			continue
		}
		m.command(line)
	}
	m.flush()
}

// command answers one line.
func (m *mailConn) command(line []byte) {
	var verb [4]byte
	if len(line) < 4 {
		m.reply("500 5.5.2 Unknown command")
		return
	}
	for i := range verb {
		verb[i] = line[i] &^ 0x20
	}
	switch string(verb[:]) {
	case "MAIL":
		m.mail(line)
	case "RCPT":
		m.rcpt(line)
	case "BDAT":
		m.bdat(line)
	case "DATA":
		m.data()
	case "EHLO":
		m.ehlo()
	case "HELO":
		m.reply("250 simulator.example")
	case "RSET":
		m.reset()
		m.reply("250 2.0.0 OK")
	case "NOOP":
		m.reply("250 2.0.0 OK")
	case "QUIT":
		m.reply("221 2.0.0 Bye")
		m.closed = true
	case "STAR":
		m.startTLS()
	case "AUTH":
		m.auth(line)
	default:
		m.reply("500 5.5.2 Unknown command")
	}
}

func (m *mailConn) ehlo() {
	o := &m.sim.opt
	m.reset()
	m.reply("250-simulator.example")
	if o.Extensions != ExtensionsNone {
		m.reply("250-PIPELINING")
		if o.Extensions == ExtensionsChunking {
			m.reply("250-CHUNKING")
		}
	}
	if !m.encrypted && !o.Plain {
		m.reply("250-STARTTLS")
	}
	if o.Username != "" && (m.encrypted || o.Insecure) {
		m.reply("250-AUTH PLAIN")
	}
	m.reply("250-8BITMIME")
	m.reply("250-ENHANCEDSTATUSCODES")
	m.reply("250-SMTPUTF8")
	m.reply("250-DSN")
	m.reply("250 SIZE " + strconv.Itoa(maxMessage))
}

func (m *mailConn) startTLS() {
	if m.sim.opt.Plain || m.encrypted {
		m.reply("502 5.5.1 Not offered")
		return
	}
	m.reply("220 2.0.0 Ready")
	m.flush()
	if m.buffered() > 0 { // sent before the handshake: what an attacker would put in
		m.sim.Journal.violate("bytes-before-tls")
		m.closed = true
		return
	}
	c := tls.Server(m.conn, &tls.Config{Certificates: []tls.Certificate{m.sim.pair.cert}, MinVersion: tls.VersionTLS12})
	ctx, cancel := context.WithTimeout(m.ctx, time.Minute)
	defer cancel()
	if c.HandshakeContext(ctx) != nil {
		m.closed = true
		return
	}
	m.conn, m.encrypted = c, true
	m.reset()
}

// auth takes PLAIN, with its answer in the line or after a prompt.
func (m *mailConn) auth(line []byte) {
	f := bytes.Fields(line)
	switch {
	case m.sim.opt.Username == "" || len(f) < 2 || !bytes.EqualFold(f[1], []byte("PLAIN")):
		m.reply("504 5.5.4 Mechanism not offered")
	case !m.encrypted && !m.sim.opt.Insecure:
		m.sim.Journal.refuse("email", "auth-without-tls")
		m.reply("538 5.7.11 Encryption required")
	case len(f) == 2:
		m.wantAuth = true
		m.reply("334 ")
	default:
		m.login(f[2])
	}
}

func (m *mailConn) login(answer []byte) {
	o := &m.sim.opt
	got := decodeBase64(answer)
	if parts := bytes.SplitN(got, []byte{0}, 3); len(parts) == 3 && string(parts[1]) == o.Username && string(parts[2]) == o.Password {
		m.signed = true
		m.reply("235 2.7.0 Welcome")
		return
	}
	m.reply("535 5.7.8 Authentication failed")
}

// reset forgets the transaction.
func (m *mailConn) reset() {
	m.hasMail, m.hasRcpt, m.kind = false, false, nil
	m.chunks = m.chunks[:0]
}

// refuse answers with a refusal, and counts it with the rule that was broken, if one was.
func (m *mailConn) refuse(violation, reply string) {
	m.sim.Journal.refuse("email", violation)
	m.reply(reply)
}

// stream is a connection with its buffers.
type stream struct {
	conn   net.Conn
	in     []byte
	r, w   int
	out    []byte
	closed bool
}

func (c *stream) buffered() int { return c.w - c.r }

func (c *stream) reply(line string) {
	c.out = append(append(c.out, line...), "\r\n"...)
}

func (c *stream) flush() {
	if len(c.out) == 0 {
		return
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := c.conn.Write(c.out); err != nil {
		c.closed = true
	}
	c.out = c.out[:0]
}

// fill reads what has come, after sending what is to be said, making room for at least n bytes from c.r on.
func (c *stream) fill(n int) bool {
	c.flush()
	if c.closed {
		return false
	}
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.r+n > len(c.in) || c.w == len(c.in) {
		to := c.in
		if n > len(c.in)/2 {
			to = make([]byte, max(128<<10, 2*n))
		}
		c.w = copy(to, c.in[c.r:c.w])
		c.in, c.r = to, 0
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	got, err := c.conn.Read(c.in[c.w:])
	c.w += got
	return got > 0 || err == nil
}

// line is the next command without its end. It is valid until the next read.
func (c *stream) line() ([]byte, bool) {
	for from := 0; ; {
		if i := bytes.IndexByte(c.in[c.r+from:c.w], '\n'); i >= 0 {
			l := c.in[c.r : c.r+from+i]
			c.r += from + i + 1
			return bytes.TrimSuffix(l, []byte("\r")), true
		}
		from = c.w - c.r
		if from > 4096 {
			c.reply("500 5.5.2 Line too long")
			c.flush()
			return nil, false
		}
		if !c.fill(from + 1) {
			return nil, false
		}
	}
}

// take is the next n bytes. They are valid until the next read.
func (c *stream) take(n int) ([]byte, bool) {
	for c.buffered() < n {
		if !c.fill(n) {
			return nil, false
		}
	}
	b := c.in[c.r : c.r+n]
	c.r += n
	return b, true
}

// dotted is a message up to the line with a single dot, without stuffing; long says that it was too big.
func (c *stream) dotted() (body []byte, long, ok bool) {
	end := []byte("\r\n.\r\n")
	for from := 0; ; {
		if bytes.HasPrefix(c.in[c.r:c.w], end[2:]) && from == 0 {
			c.r += 3
			return nil, long, true
		}
		if i := bytes.Index(c.in[c.r+from:c.w], end); i >= 0 {
			body = c.in[c.r : c.r+from+i+2]
			c.r += from + i + len(end)
			return unstuff(body), long, true
		}
		from = max(0, c.buffered()-len(end)+1)
		if c.buffered() > maxMessage {
			long = true
			c.r += from
			from = 0
		}
		if !c.fill(c.buffered() + 1) {
			return nil, long, false
		}
	}
}

// unstuff takes away the dots that were doubled at line beginnings, in place.
func unstuff(b []byte) []byte {
	if bytes.HasPrefix(b, []byte(".")) {
		b = b[1:]
	}
	i := bytes.Index(b, []byte("\r\n."))
	if i < 0 {
		return b
	}
	n := i
	for {
		n += copy(b[n:], b[i:i+2])
		i += 3
		j := bytes.Index(b[i:], []byte("\r\n."))
		if j < 0 {
			return b[:n+copy(b[n:], b[i:])]
		}
		n += copy(b[n:], b[i:i+j])
		i += j
	}
}
