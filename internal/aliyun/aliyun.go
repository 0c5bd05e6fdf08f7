// Package aliyun is the only importer of the Aliyun SDK: it makes single, signed, cancellable calls and
// answers with typed results or a classed error that holds no text.
package aliyun

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
)

const (
	callTimeout = 20 * time.Second // of one call
	maxAnswer   = 1 << 20
)

// Options of a client.
type Options struct {
	Endpoint  string // host or host:port, such as dysmsapi.aliyuncs.com
	KeyID     string
	KeySecret string
	Region    string // cn-hangzhou when empty
	Insecure  bool   // plain HTTP; only for a loopback endpoint
	Idle      int    // connections kept open; 0: 64
}

// Client makes calls to one endpoint. It is safe for concurrent use.
type Client struct {
	opt    Options
	scheme string
	signer *signer
	base   *http.Transport
	grace  time.Duration
}

// New checks the options.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" || o.KeyID == "" || o.KeySecret == "" {
		return nil, errors.New("make aliyun client: endpoint, key id and key secret are needed")
	}
	if strings.ContainsAny(o.Endpoint, "/@?# \t\r\n") {
		return nil, errors.New("make aliyun client: endpoint must be host or host:port")
	}
	if o.Insecure && !loopback(o.Endpoint) {
		return nil, errors.New("make aliyun client: plain HTTP is allowed to a loopback endpoint only")
	}
	if o.Region == "" {
		o.Region = "cn-hangzhou"
	}
	if o.Idle <= 0 {
		o.Idle = 64
	}
	c := &Client{
		opt: o, scheme: "https", grace: 2 * time.Second,
		signer: newSigner(o.KeyID, o.KeySecret, o.Region),
		base: &http.Transport{
			Proxy:               http.ProxyFromEnvironment, // over HTTPS a proxy sees the host only; loopback is never proxied
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConns:        o.Idle,
			MaxIdleConnsPerHost: o.Idle,
			IdleConnTimeout:     30 * time.Second,
			DisableCompression:  true,
		},
	}
	if o.Insecure {
		c.scheme = "http"
	}
	return c, nil
}

// Close drops idle connections.
func (c *Client) Close() error {
	c.base.CloseIdleConnections()
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

// call makes one call: the SDK lays out the request and reads the answer, our transport carries it. The SDK's own
// client is left out: it is not safe for concurrent use, knows no context, prints URLs and with them phone
// numbers when DEBUG says so, and takes twice the time of the call itself. Every way to fail is translated,
// panics included.
func (c *Client) call(ctx context.Context, action string, request requests.AcsRequest, response responses.AcsResponse) (err error) {
	ctx, cancel := c.lasting(ctx)
	defer cancel()
	defer func() {
		if recover() != nil { // the SDK panics on answers such as a numeric Code
			err = &Error{Action: action, Class: InDoubt, Code: "sdk-panic"}
		}
	}()
	if err := c.exchange(ctx, request, response); err != nil {
		return translate(action, err)
	}
	return nil
}

var errRedirect = errors.New("redirected")

func (c *Client) exchange(ctx context.Context, request requests.AcsRequest, response responses.AcsResponse) error {
	r, err := c.signed(ctx, request)
	if err != nil {
		return err
	}
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 { // followed, it would carry phone numbers to another host
		return errors.Join(errRedirect, resp.Body.Close())
	}
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return responses.Unmarshal(response, resp, "JSON")
}

// signed is the request as the SDK would send it.
func (c *Client) signed(ctx context.Context, request requests.AcsRequest) (*http.Request, error) {
	if err := requests.InitParams(request); err != nil {
		return nil, err
	}
	body := request.GetContent()
	query := c.signer.sign(request.GetActionName(), request.GetVersion(), request.GetQueryParams(), body, time.Now())
	r := (&http.Request{
		Method: http.MethodPost,
		URL:    &url.URL{Scheme: c.scheme, Host: c.opt.Endpoint, Path: "/", RawQuery: query},
		Host:   c.opt.Endpoint,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"tocsin"}},
		Body:   http.NoBody,
	}).WithContext(ctx)
	if len(body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// lasting is a context that ends a moment after ctx does: a call that is cut is in doubt, one that may end
// mostly is not.
func (c *Client) lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if err := ctx.Err(); err != nil {
		return context.WithCancel(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(c.grace, cancel) })
	return last, func() { stop(); cancel() }
}
