package email

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"tocsin/notify"
)

// conn is one connection to the relay, greeted, encrypted and signed in.
type conn struct {
	nc    net.Conn
	r     *bufio.Reader
	w     *bufio.Writer
	ext   map[string]string // extensions by name
	buf   []byte            // the letter being sent, kept for reuse
	used  int               // messages begun
	reset bool              // the next transaction must begin with RSET
	since time.Time         // idle since
}

// reply of the relay. text never leaves the package: relays repeat addresses in it.
type reply struct {
	code     int
	enhanced string
	text     string
}

// dial makes a usable connection or says in a code why there is none. It never goes on without TLS.
func dial(ctx context.Context, o Options) (*conn, error) {
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, refuse(notify.ClassBug, "bad-relay-address")
	}
	cfg := &tls.Config{}
	if o.TLS != nil {
		cfg = o.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)

	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, unreachable("relay-unreachable", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	c := &conn{}
	if err := c.open(ctx, nc, cfg, o, o.Implicit || port == "465"); err != nil {
		_ = nc.Close()
		if c.nc != nil {
			_ = c.nc.Close()
		}
		return nil, err
	}
	return c, nil
}

func (c *conn) open(ctx context.Context, nc net.Conn, cfg *tls.Config, o Options, implicit bool) error {
	if implicit {
		if err := c.encrypt(ctx, nc, cfg); err != nil {
			return err
		}
	} else {
		c.use(nc)
	}
	if err := c.expect(220, "relay-busy"); err != nil {
		return err
	}
	if err := c.hello(o.Hello); err != nil {
		return err
	}
	if !implicit {
		if _, offered := c.ext["STARTTLS"]; !offered {
			return refuse(notify.ClassStop, "tls-not-offered")
		}
		_, _ = c.w.WriteString("STARTTLS\r\n")
		if err := c.expect(220, "tls-refused"); err != nil {
			return err
		}
		if c.r.Buffered() > 0 { // bytes smuggled in before encryption
			return refuse(notify.ClassStop, "tls-injected")
		}
		if err := c.encrypt(ctx, nc, cfg); err != nil {
			return err
		}
		if err := c.hello(o.Hello); err != nil {
			return err
		}
	}
	if o.Username == "" {
		return nil
	}
	return c.auth(o.Username, o.Password)
}

func (c *conn) use(nc net.Conn) {
	c.nc, c.r, c.w = nc, bufio.NewReaderSize(nc, 4096), bufio.NewWriterSize(nc, 64<<10)
}

func (c *conn) encrypt(ctx context.Context, nc net.Conn, cfg *tls.Config) error {
	t := tls.Client(nc, cfg)
	if err := t.HandshakeContext(ctx); err != nil {
		var cert *tls.CertificateVerificationError
		var record tls.RecordHeaderError
		if errors.As(err, &cert) || errors.As(err, &record) {
			return refuse(notify.ClassStop, "tls-not-trusted")
		}
		return unreachable("tls-failed", err)
	}
	c.use(t)
	return nil
}

// hello greets and learns the extensions.
func (c *conn) hello(name string) error {
	_, _ = c.w.WriteString("EHLO " + name + "\r\n")
	c.ext = map[string]string{}
	r, err := c.command(func(line string) {
		name, params, _ := strings.Cut(line, " ")
		c.ext[strings.ToUpper(name)] = params
	})
	if err != nil {
		return unreachable("relay-lost", err)
	}
	return answered(r, 250, "relay-busy")
}

// auth signs in with the first mechanism both know. A relay that offers none is refused, not used without.
func (c *conn) auth(user, password string) error {
	mechanisms := strings.Fields(strings.ToUpper(c.ext["AUTH"]))
	encode := base64.StdEncoding.EncodeToString
	var lines []string
	for _, m := range mechanisms {
		if m == "PLAIN" {
			lines = []string{"AUTH PLAIN " + encode([]byte("\x00"+user+"\x00"+password))}
			break
		}
		if m == "LOGIN" {
			lines = []string{"AUTH LOGIN", encode([]byte(user)), encode([]byte(password))}
		}
	}
	if lines == nil {
		return refuse(notify.ClassStop, "auth-not-offered")
	}
	for i, line := range lines {
		_, _ = c.w.WriteString(line + "\r\n")
		want := 334
		if i == len(lines)-1 {
			want = 235
		}
		r, err := c.command(nil)
		if err != nil {
			return unreachable("relay-lost", err)
		}
		if r.code != want {
			class := notify.ClassStop
			if r.code/100 == 4 {
				class = notify.ClassRetry
			}
			return refuse(class, "auth-refused/"+strconv.Itoa(r.code))
		}
	}
	return nil
}

func (c *conn) expect(code int, word string) error {
	r, err := c.command(nil)
	if err != nil {
		return unreachable("relay-lost", err)
	}
	return answered(r, code, word)
}

func answered(r reply, code int, word string) error {
	switch {
	case r.code == code:
		return nil
	case r.code/100 == 4:
		return refuse(notify.ClassRetry, word+"/"+strconv.Itoa(r.code))
	default:
		return refuse(notify.ClassStop, word+"/"+strconv.Itoa(r.code))
	}
}

// command flushes what was written and reads one reply.
func (c *conn) command(each func(line string)) (reply, error) {
	if err := c.flush(stepTime); err != nil {
		return reply{}, err
	}
	return c.read(each)
}

func (c *conn) flush(limit time.Duration) error {
	if err := c.nc.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	return c.w.Flush()
}

var errProtocol = errors.New("relay broke the protocol")

// read reads one reply, of bounded length.
func (c *conn) read(each func(line string)) (reply, error) {
	var r reply
	for n := 0; n < 128; n++ {
		raw, err := c.r.ReadSlice('\n')
		if err != nil {
			return reply{}, err
		}
		line := strings.TrimRight(string(raw), "\r\n")
		if len(line) < 3 || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return reply{}, errProtocol
		}
		code, err := strconv.Atoi(line[:3])
		if err != nil || code < 200 || code > 599 || r.code != 0 && code != r.code {
			return reply{}, errProtocol
		}
		text := line[min(4, len(line)):]
		if each != nil && r.code != 0 {
			each(text)
		}
		if r.code == 0 {
			r.enhanced = enhanced(text)
		}
		r.code = code
		if len(r.text) < 1024 {
			r.text += text + " "
		}
		if len(line) == 3 || line[3] == ' ' {
			return r, nil
		}
	}
	return reply{}, errProtocol
}

// enhanced is the enhanced status code a reply's text begins with, or "".
func enhanced(text string) string {
	word, _, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(word) > 9 || (parts[0] != "2" && parts[0] != "4" && parts[0] != "5") {
		return ""
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 10, 16); err != nil {
			return ""
		}
	}
	return word
}

// quit says goodbye without waiting for the answer.
func (c *conn) quit() {
	_, _ = c.w.WriteString("QUIT\r\n")
	_ = c.flush(time.Second)
	_ = c.nc.Close()
}
