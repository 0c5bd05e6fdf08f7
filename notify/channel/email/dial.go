package email

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/notify"
)

// dial makes a usable connection or says in a code why there is none. It never goes on without TLS, save to
// this very machine where the options say so.
func dial(ctx context.Context, o Options) (*conn, error) {
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, refuse(notify.ClassBug, "bad-relay-address")
	}
	if o.Plain && !loopback(host) {
		return nil, refuse(notify.ClassBug, "plain-not-loopback")
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, unreachable("relay-unreachable", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	c := &conn{}
	if err := c.open(ctx, nc, o, !o.Plain && (o.Implicit || port == "465")); err != nil {
		_ = nc.Close()
		return nil, err
	}
	return c, nil
}

// loopback says whether a host is this machine, without asking a name server.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func (c *conn) open(ctx context.Context, nc net.Conn, o Options, implicit bool) error {
	if implicit {
		if err := c.encrypt(ctx, nc, o.TLS); err != nil {
			return err
		}
	} else {
		c.use(nc)
	}
	if err := c.expect("", 220, "relay-busy"); err != nil {
		return err
	}
	if err := c.hello(o.Hello); err != nil {
		return err
	}
	if !implicit && !o.Plain {
		if err := c.startTLS(ctx, nc, o); err != nil {
			return err
		}
	}
	if o.Username == "" {
		return nil
	}
	return c.auth(o.Username, o.Password)
}

func (c *conn) startTLS(ctx context.Context, nc net.Conn, o Options) error {
	if _, offered := c.offers["STARTTLS"]; !offered {
		return refuse(notify.ClassStop, "tls-not-offered")
	}
	if err := c.expect("STARTTLS", 220, "tls-refused"); err != nil {
		return err
	}
	if c.in.Buffered() > 0 { // bytes smuggled in before encryption
		return refuse(notify.ClassStop, "tls-injected")
	}
	if err := c.encrypt(ctx, nc, o.TLS); err != nil {
		return err
	}
	return c.hello(o.Hello)
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
	c.offers = map[string]string{}
	err := c.expect("EHLO "+name, 250, "relay-busy")
	lines := strings.Split(string(c.text), "\n")
	for _, line := range lines[1:] {
		word, params, _ := strings.Cut(line, " ")
		c.offers[strings.ToUpper(word)] = params
	}
	_, c.pipelining = c.offers["PIPELINING"]
	_, c.chunking = c.offers["CHUNKING"]
	_, c.dsn = c.offers["DSN"]
	_, c.utf8 = c.offers["SMTPUTF8"]
	_, c.eight = c.offers["8BITMIME"]
	return err
}

// auth signs in with the first mechanism both know. A relay that offers none is refused, not used without.
func (c *conn) auth(user, password string) error {
	mechanisms := strings.Fields(strings.ToUpper(c.offers["AUTH"]))
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
		want := 334
		if i == len(lines)-1 {
			want = 235
		}
		if err := c.expect(line, want, "auth-refused"); err != nil {
			return err
		}
	}
	return nil
}

// expect sends a line, if there is one, and wants a code in answer.
func (c *conn) expect(line string, code int, word string) error {
	var err error
	if line != "" {
		_, err = c.write(append(append(c.out[:0], line...), '\r', '\n'))
	}
	var r reply
	if err == nil {
		r, err = c.read()
	}
	switch {
	case err != nil:
		return unreachable("relay-lost", err)
	case r.code == code:
		return nil
	case r.code/100 == 4:
		return refuse(notify.ClassRetry, word+"/"+strconv.Itoa(r.code))
	default:
		return refuse(notify.ClassStop, word+"/"+strconv.Itoa(r.code))
	}
}
