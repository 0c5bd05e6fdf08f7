package sink

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// session is one connection. Replies gather until everything read has been worked off, so that a client that
// keeps the connection full is answered in few writes.
type session struct {
	s      *Sink
	nc     net.Conn
	hello  string
	buf    []byte
	r, w   int // unread part of buf
	out    []byte
	person int64
	data   bool  // in a message after DATA
	left   int64 // of a BDAT chunk
	last   bool  // and it ends the message
	size   int64
	whole  []byte // while no sample is kept
	quit   bool
}

func (s *Sink) serve(nc net.Conn, announce []string) {
	defer func() { _ = nc.Close() }()
	c := &session{s: s, nc: nc, buf: make([]byte, 256<<10), person: -1}
	c.greet(announce, true)
	c.out = append(c.out, "220 sink.example ESMTP\r\n"...)
	for !c.quit {
		if len(c.out) > 0 {
			if _, err := c.nc.Write(c.out); err != nil {
				return
			}
			c.out = c.out[:0]
		}
		if c.r > 0 {
			c.w = copy(c.buf, c.buf[c.r:c.w])
			c.r = 0
		}
		if c.w == len(c.buf) {
			return // a line longer than anything sensible
		}
		n, err := c.nc.Read(c.buf[c.w:])
		if err != nil {
			return
		}
		c.w += n
		for c.step() {
		}
	}
	_, _ = c.nc.Write(c.out)
}

func (c *session) greet(announce []string, tls bool) {
	lines := append([]string{"sink.example"}, announce...)
	if tls {
		lines = append(lines, "STARTTLS")
	}
	c.hello = ""
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		c.hello += "250" + sep + line + "\r\n"
	}
}

// step works off one command or what is there of a message; false: more must be read first.
func (c *session) step() bool {
	have := c.buf[c.r:c.w]
	switch {
	case c.left > 0:
		n := min(c.left, int64(len(have)))
		c.keep(have[:n])
		c.r += int(n)
		if c.left -= n; c.left > 0 {
			return false
		}
		if c.end(); !c.last {
			c.out = append(c.out, "250 2.0.0 Ok\r\n"...)
		}
		return true
	case c.data:
		return c.body(have)
	}
	line, _, found := bytes.Cut(have, []byte("\r\n"))
	if !found {
		return false
	}
	c.r += len(line) + 2
	c.command(line)
	return !c.quit
}

var dot = []byte("\r\n.\r\n")

// body looks for the final dot. What may be its beginning stays in the buffer.
func (c *session) body(have []byte) bool {
	if c.size == 0 && bytes.HasPrefix(have, dot[2:]) { // an empty message
		c.r += 3
		c.data, c.last = false, true
		c.end()
		return true
	}
	at := bytes.Index(have, dot)
	if at < 0 {
		n := max(0, len(have)-len(dot)+1)
		c.keep(have[:n])
		c.r += n
		return false
	}
	c.keep(have[:at+2])
	c.r += at + len(dot)
	c.data, c.last = false, true
	c.end()
	return true
}

// keep counts a piece of a message, and gathers the message until there is one to show.
func (c *session) keep(piece []byte) {
	if c.s.sample.Load() == nil {
		c.whole = append(c.whole, piece...)
	}
	c.size += int64(len(piece))
}

// end takes a message once its last byte is there.
func (c *session) end() {
	if !c.last {
		return
	}
	if int64(len(c.whole)) == c.size {
		whole := bytes.Clone(c.whole)
		c.s.sample.CompareAndSwap(nil, &whole)
	}
	c.whole = c.whole[:0]
	t := c.s.tally.Load()
	t.messages.Add(1)
	t.bytes.Add(c.size)
	t.got(c.person)
	c.out = append(c.out, "250 2.0.0 Ok: queued as "...)
	c.out = strconv.AppendUint(c.out, rand.Uint64()>>12, 36) // as long, and as hard to compress, as a relay's
	c.out = append(c.out, "\r\n"...)
	c.size, c.person = 0, -1
}

func (c *session) command(line []byte) {
	if len(line) < 4 {
		c.out = append(c.out, "500 5.5.2 what?\r\n"...)
		return
	}
	switch string(bytes.ToUpper(line[:4])) {
	case "MAIL":
		c.out = append(c.out, "250 2.1.0 Ok\r\n"...)
	case "RCPT":
		c.person = number(line)
		c.out = append(c.out, "250 2.1.5 Ok\r\n"...)
	case "DATA":
		c.data = true
		c.out = append(c.out, "354 go on\r\n"...)
	case "BDAT":
		c.chunk(line)
	case "EHLO":
		c.out = append(c.out, c.hello...)
	case "RSET", "NOOP":
		c.person = -1
		c.out = append(c.out, "250 2.0.0 Ok\r\n"...)
	case "STAR":
		c.encrypt()
	case "QUIT":
		c.quit = true
		c.out = append(c.out, "221 2.0.0 Bye\r\n"...)
	default:
		c.out = append(c.out, "500 5.5.2 what?\r\n"...)
	}
}

// chunk begins BDAT <size> [LAST].
func (c *session) chunk(line []byte) {
	rest := line[min(5, len(line)):]
	for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
		c.left = c.left*10 + int64(rest[0]-'0')
		rest = rest[1:]
	}
	c.last = len(rest) > 0
	if c.left > 0 {
		return
	}
	if c.end(); !c.last {
		c.out = append(c.out, "250 2.0.0 Ok\r\n"...)
	}
}

// number is who a recipient is: the digits of the address.
func number(line []byte) int64 {
	at := bytes.IndexByte(line, '<')
	n, digits := int64(0), false
	for _, b := range line[max(at, 0):] {
		switch {
		case b == '@':
			return n
		case b >= '0' && b <= '9':
			n, digits = n*10+int64(b-'0'), true
		case digits:
			return n
		}
	}
	return -1
}

func (c *session) encrypt() {
	if _, err := c.nc.Write([]byte("220 2.0.0 Ready\r\n")); err != nil {
		c.quit = true
		return
	}
	c.nc = tls.Server(c.nc, &tls.Config{Certificates: []tls.Certificate{c.s.trust.cert}, MinVersion: tls.VersionTLS12})
	c.hello = string(bytes.ReplaceAll([]byte(c.hello), []byte("250-STARTTLS\r\n"), nil))
	if at := bytes.LastIndex([]byte(c.hello), []byte("250 STARTTLS\r\n")); at >= 0 {
		c.hello = c.hello[:at] + "250 SIZE\r\n"
	}
}

// trust is the relay's certificate, made anew at each start.
type trust struct {
	cert tls.Certificate
	pem  []byte
}

func newTrust() (*trust, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(crand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &trust{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}
