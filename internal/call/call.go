// Package call carries one signed request to a provider at a time, within bounds of time and size, and says what
// a failed one means in an error that holds no text of the provider.
package call

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	timeout   = 20 * time.Second // of one call
	maxAnswer = 1 << 20
)

// Options say where a provider's API is and who calls it.
type Options struct {
	Endpoint  string // host or host:port
	KeyID     string
	KeySecret string
	Region    string // the provider's usual one when empty
	Insecure  bool   // plain HTTP; only for a loopback endpoint
	Idle      int    // connections kept open; 0: 64
	Write     int    // bytes of a call that are written at once; 0: 4 KiB
}

// Line carries calls to one endpoint. It is safe for concurrent use.
type Line struct {
	Options
	Scheme   string
	Grace    time.Duration // a call that was begun may end so long after its context did
	provider string
	base     *http.Transport
}

// New checks the options; provider is the word that errors name.
func New(provider string, o Options) (*Line, error) {
	switch {
	case o.Endpoint == "" || o.KeyID == "" || o.KeySecret == "":
		return nil, fmt.Errorf("make %s client: endpoint, key id and key secret are needed", provider)
	case strings.ContainsAny(o.Endpoint, "/@?# \t\r\n"):
		return nil, fmt.Errorf("make %s client: endpoint must be host or host:port", provider)
	case o.Insecure && !loopback(o.Endpoint):
		return nil, fmt.Errorf("make %s client: plain HTTP is allowed to a loopback endpoint only", provider)
	}
	if o.Idle <= 0 {
		o.Idle = 64
	}
	l := &Line{
		Options: o, Scheme: "https", Grace: 2 * time.Second, provider: provider,
		base: &http.Transport{
			Proxy:               http.ProxyFromEnvironment, // over HTTPS a proxy sees the host only; loopback is never proxied
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConns:        o.Idle,
			MaxIdleConnsPerHost: o.Idle,
			IdleConnTimeout:     30 * time.Second,
			DisableCompression:  true,
			WriteBufferSize:     o.Write,
		},
	}
	if o.Insecure {
		l.Scheme = "http"
	}
	return l, nil
}

// Close drops idle connections.
func (l *Line) Close() error {
	l.base.CloseIdleConnections()
	return nil
}

func loopback(endpoint string) bool {
	host := endpoint
	if h, _, err := net.SplitHostPort(endpoint); err == nil {
		host = h
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Carry sends a request once and gives its answer, cut at a size that no good one has. A redirect is an error:
// followed, it would carry numbers to another host.
func (l *Line) Carry(r *http.Request) (*http.Response, error) {
	resp, err := l.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return nil, errors.Join(errRedirect, resp.Body.Close())
	}
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// Lasting is a context that ends a moment after ctx does: a call that is cut is in doubt, one that may end
// mostly is not.
func (l *Line) Lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return context.WithCancel(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(l.Grace, cancel) })
	return last, func() { stop(); cancel() }
}

// unsent reports whether an error proves that no byte of the request left: the connection was never made, or
// TLS never stood.
func unsent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &record) || errors.As(err, &cert)
}
