package inbox_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/internal/seal"
	"tocsin/notify"
	"tocsin/notify/receipt/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plainKEK wraps nothing; tests need keys, not secrets.
type plainKEK struct{}

func (plainKEK) Wrap(k, _ []byte) ([]byte, error)   { return k, nil }
func (plainKEK) Unwrap(w, _ []byte) ([]byte, error) { return w, nil }

func codec(t *testing.T, key string) *notify.Codec {
	k, err := seal.OpenKey(plainKEK{}, "acme", []byte(strings.Repeat(key, 32)))
	require.NoError(t, err)
	return notify.NewCodec(k)
}

// kept is where receipts are stored. gate, if set, is passed once for each transaction.
type kept struct {
	mu       sync.Mutex
	receipts []notify.Receipt
	calls    int
	fail     error
	entered  chan struct{}
	gate     chan struct{}
}

func (k *kept) apply(ctx context.Context, r []notify.Receipt) (int, error) {
	if k.gate != nil {
		k.entered <- struct{}{}
		select {
		case <-k.gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if k.fail != nil {
		return 0, k.fail
	}
	k.receipts = append(k.receipts, r...)
	return len(r), nil
}

func (k *kept) set(fail error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = fail
}

func (k *kept) all() ([]notify.Receipt, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.receipts, k.calls
}

// certificate is one for loopback, and who trusts it.
func certificate(t *testing.T) (server, client *tls.Config) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12}, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

const domain = "bounce.example.com"

func bounce(to string) string {
	return strings.ReplaceAll("From: MAILER-DAEMON@mx.example.net\nTo: <"+to+">\nDate: Sun, 01 Mar 2026 12:00:05 +0800\nSubject: failure notice\n\n550 5.1.1 no such user\n", "\n", "\r\n")
}

var errFull = errors.New("disk is full")

// send hands one bounce in and gives the code that answers it.
func send(t *testing.T, addr, from, to, message string) int {
	c, err := smtp.Dial(addr)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.Mail(from, nil))
	if err := c.Rcpt(to, nil); err != nil {
		return code(t, err)
	}
	w, err := c.Data()
	require.NoError(t, err)
	_, err = w.Write([]byte(message))
	require.NoError(t, err)
	if err := w.Close(); err != nil {
		return code(t, err)
	}
	return 250
}

func code(t *testing.T, err error) int {
	var said *smtp.SMTPError
	require.ErrorAs(t, err, &said)
	return said.Code
}

var quiet = slog.New(slog.DiscardHandler)

// door is a listener that runs until the test ends; stop ends it earlier.
func door(t *testing.T, o inbox.Options) (l *inbox.Listener, stop func()) {
	o.Addr, o.Log = "127.0.0.1:0", quiet
	if o.Domains == nil {
		o.Domains = []string{domain, "b2.example.com"}
	}
	if o.Codec == nil {
		o.Codec = codec(t, "k")
	}
	l, err := inbox.Listen(context.Background(), o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); require.NoError(t, <-done) })
	t.Cleanup(stop)
	return l, stop
}
