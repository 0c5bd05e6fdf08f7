package email_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// selfSigned makes a certificate for loopback and the pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// taken is a message the relay took.
type taken struct{ from, to, body string }

// relay is a server that keeps the protocol to the letter and does what its script says.
type relay struct {
	addr       string
	trust      *tls.Config // nil: no TLS
	extensions []string
	// script gives the reply to a command (MAIL, RCPT, DATA, BDAT, NOOP, or . for a message) on the n-th
	// connection, from 1; "" is the usual reply, "drop" cuts the connection, and 421 closes it.
	script func(n int, verb, arg string) string
	greet  func(n int) string // "" is the usual greeting
	// generous: DATA and BDAT are welcome even when no recipient was.
	generous bool
	// strict: DATA is refused when it came along with the command before it.
	strict bool
	// budget is how many bytes the n-th connection reads and writes before it is cut; negative: no end.
	budget func(n int) (reads, writes int)

	l    net.Listener
	once sync.Once
	wg   sync.WaitGroup

	mu    sync.Mutex
	dials int
	open  map[net.Conn]bool
	lines []string // commands, without NOOP
	mails []taken
}

func newRelay(t *testing.T, encrypted bool, extensions ...string) *relay {
	t.Helper()
	r := &relay{extensions: extensions, open: map[net.Conn]bool{}}
	var err error
	if encrypted {
		cert, roots := selfSigned(t)
		r.trust = &tls.Config{RootCAs: roots}
		r.l, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	} else {
		r.l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	require.NoError(t, err)
	r.addr = r.l.Addr().String()
	t.Cleanup(r.stop)
	return r
}

// start serves, once all that the relay shall do is said.
func (r *relay) start() { r.once.Do(func() { r.wg.Go(r.serve) }) }

func (r *relay) stop() {
	r.l.Close()
	r.mu.Lock()
	for c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

func (r *relay) serve() {
	for {
		c, err := r.l.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.dials++
		n := r.dials
		r.open[c] = true
		r.mu.Unlock()
		r.wg.Go(func() {
			limited := &limitedConn{Conn: c, reads: -1, writes: -1}
			if r.budget != nil {
				limited.reads, limited.writes = r.budget(n)
			}
			(&talk{relay: r, n: n, conn: c, w: limited, in: bufio.NewReader(limited)}).run()
			c.Close()
			r.mu.Lock()
			delete(r.open, c)
			r.mu.Unlock()
		})
	}
}

// arrived is what the relay took for each recipient.
func (r *relay) arrived() map[string][]taken {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string][]taken{}
	for _, m := range r.mails {
		out[m.to] = append(out[m.to], m)
	}
	return out
}

// limitedConn is cut after so many bytes.
type limitedConn struct {
	net.Conn
	reads, writes int
}

func (c *limitedConn) Read(b []byte) (int, error) {
	if c.reads < 0 {
		return c.Conn.Read(b)
	}
	n, err := c.Conn.Read(b[:min(len(b), c.reads)])
	if c.reads -= n; n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (c *limitedConn) Write(b []byte) (int, error) {
	if c.writes < 0 {
		return c.Conn.Write(b)
	}
	n, err := c.Conn.Write(b[:min(len(b), c.writes)])
	if c.writes -= n; n < len(b) && err == nil {
		err = io.EOF
	}
	return n, err
}

// talk is one connection's state.
type talk struct {
	*relay
	n        int
	conn     net.Conn
	w        io.Writer
	in       *bufio.Reader
	from, to string
	inMail   bool
	hurried  bool // more came along with the last command
}

// say answers; it is false when the connection is over.
func (k *talk) say(reply string) bool {
	if reply == "drop" {
		return false
	}
	_, err := io.WriteString(k.w, reply+"\r\n")
	if err == nil && strings.HasPrefix(reply, "421") { // or what is still under way would reset the connection
		k.conn.(interface{ CloseWrite() error }).CloseWrite()
		io.Copy(io.Discard, k.in)
		return false
	}
	return err == nil
}

func (k *talk) run() {
	greeting := ""
	if k.greet != nil {
		greeting = k.greet(k.n)
	}
	if greeting == "" {
		greeting = "220-hello\r\n220 there"
	}
	if !k.say(greeting) {
		return
	}
	for {
		line, err := k.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if line != "NOOP" {
			k.mu.Lock()
			k.lines = append(k.lines, line)
			k.mu.Unlock()
		}
		verb, arg, _ := strings.Cut(line, " ")
		if !k.command(verb, arg) {
			return
		}
		k.hurried = k.in.Buffered() > 0
	}
}

func (k *talk) command(verb, arg string) bool {
	reply := ""
	if k.script != nil {
		reply = k.script(k.n, verb, arg)
	}
	if verb == "BDAT" && !strings.HasPrefix(reply, "50") {
		return k.bdat(arg, reply)
	}
	switch {
	case reply != "":
		return k.say(reply)
	case verb == "DATA" && k.strict && k.hurried:
		return k.say("503 5.5.1 improper use of pipelining")
	case verb == "EHLO":
		return k.say("250-relay" + strings.Join(append([]string{""}, k.extensions...), "\r\n250-") + "\r\n250 HELP")
	case verb == "MAIL" && k.inMail:
		return k.say("503 5.5.1 nested MAIL")
	case verb == "MAIL":
		k.from, k.inMail = between(arg), true
	case verb == "RCPT" && !k.inMail:
		return k.say("503 5.5.1 MAIL first")
	case verb == "RCPT":
		k.to = between(arg)
	case verb == "RSET":
		k.inMail, k.to = false, ""
	case verb == "DATA" && k.to == "" && !k.generous:
		return k.say("503 5.5.1 RCPT first")
	case verb == "DATA":
		return k.say("354 go") && k.data()
	case verb == "NOOP":
	default:
		return k.say("500 5.5.2 unknown") && verb != "QUIT"
	}
	return k.say("250 2.1.0 ok")
}

func between(arg string) string {
	_, rest, _ := strings.Cut(arg, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

func (k *talk) data() bool {
	var b strings.Builder
	for {
		line, err := k.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			return k.take(b.String())
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// bdat reads the chunk whatever it answers.
func (k *talk) bdat(arg, reply string) bool {
	size, err := strconv.Atoi(strings.TrimSuffix(arg, " LAST"))
	if err != nil {
		return k.say("501 5.5.4 size")
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(k.in, body); err != nil {
		return false
	}
	switch {
	case reply != "":
		return k.say(reply)
	case k.to == "" && k.generous:
		return k.say("250 2.6.0 a message for nobody")
	case k.to == "":
		return k.say("503 5.5.1 RCPT first") // and the transaction stays open, which RFC 3030 leaves undefined
	}
	return k.take(string(body))
}

// take ends a transaction with a message.
func (k *talk) take(body string) bool {
	reply := ""
	if k.script != nil {
		reply = k.script(k.n, ".", k.to)
	}
	if k.to == "" {
		reply = "554 5.5.1 no valid recipients"
	}
	if reply == "" || strings.HasPrefix(reply, "drop after") {
		k.mu.Lock()
		k.mails = append(k.mails, taken{k.from, k.to, body})
		queue := len(k.mails)
		k.mu.Unlock()
		if reply == "" {
			reply = fmt.Sprintf("250 2.0.0 Ok: queued as ABC%d", queue)
		} else {
			reply = "drop"
		}
	}
	k.inMail, k.to = false, ""
	return k.say(reply)
}
