// Package tencent makes single, signed, cancellable calls to Tencent Cloud's SMS product and answers with typed
// results or an error that holds no text of the provider.
package tencent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	version     = "2021-01-11"
	callTimeout = 20 * time.Second
	grace       = 2 * time.Second // a call that was begun may end after its context did
	maxAnswer   = 1 << 20
)

// Options of a client.
type Options struct {
	Endpoint  string // host or host:port, such as sms.tencentcloudapi.com
	SecretID  string
	SecretKey string
	Region    string // ap-guangzhou when empty
	Insecure  bool   // plain HTTP; only for a loopback endpoint
	Idle      int    // connections kept open; 0: 64
}

// Client makes calls to one endpoint. It is safe for concurrent use.
type Client struct {
	opt    Options
	url    string
	signer *signer
	base   *http.Transport
}

// New checks the options.
func New(o Options) (*Client, error) {
	switch {
	case o.Endpoint == "" || o.SecretID == "" || o.SecretKey == "":
		return nil, errors.New("make tencent client: endpoint, secret id and secret key are needed")
	case strings.ContainsAny(o.Endpoint, "/@?# \t\r\n"):
		return nil, errors.New("make tencent client: endpoint must be host or host:port")
	case o.Insecure && !loopback(o.Endpoint):
		return nil, errors.New("make tencent client: plain HTTP is allowed to a loopback endpoint only")
	}
	if o.Region == "" {
		o.Region = "ap-guangzhou"
	}
	if o.Idle <= 0 {
		o.Idle = 64
	}
	c := &Client{opt: o, url: "https://" + o.Endpoint + "/", signer: &signer{secretID: o.SecretID, secretKey: o.SecretKey, service: "sms", host: o.Endpoint},
		base: &http.Transport{
			Proxy:               http.ProxyFromEnvironment, // over HTTPS a proxy sees the host only; loopback is never proxied
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			MaxIdleConns:        o.Idle,
			MaxIdleConnsPerHost: o.Idle,
			IdleConnTimeout:     30 * time.Second,
			DisableCompression:  true,
		}}
	if o.Insecure {
		c.url = "http://" + o.Endpoint + "/"
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

// envelope is what every answer comes in, good or bad, with HTTP 200.
type envelope struct {
	Response json.RawMessage
}

type refusal struct {
	Error     *struct{ Code string }
	RequestID string `json:"RequestId"`
}

// call makes one call and reads its answer into result.
func (c *Client) call(ctx context.Context, action string, request, result any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return &Error{Action: action, Class: Bug, Code: "unencodable"}
	}
	ctx, cancel := lasting(ctx)
	defer cancel()
	status, answer, err := c.exchange(ctx, action, body)
	if err != nil {
		return translate(action, err)
	}
	var e envelope
	var r refusal
	if json.Unmarshal(answer, &e) != nil || json.Unmarshal(e.Response, &r) != nil {
		return &Error{Action: action, Class: InDoubt, Code: "unreadable-answer", Status: status}
	}
	if r.Error != nil {
		return &Error{Action: action, Class: Business, Code: token(r.Error.Code), RequestID: token(r.RequestID), Status: status}
	}
	if status != http.StatusOK || json.Unmarshal(e.Response, result) != nil {
		return &Error{Action: action, Class: InDoubt, Code: "unreadable-answer", RequestID: token(r.RequestID), Status: status}
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, action string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	now := time.Now() // the provider's clock counts, not one handed in
	r.Header = http.Header{"Content-Type": {contentType}, "User-Agent": {"tocsin"}, "Authorization": {c.signer.authorization(body, now)},
		"X-Tc-Action": {action}, "X-Tc-Version": {version}, "X-Tc-Region": {c.opt.Region}, "X-Tc-Timestamp": {strconv.FormatInt(now.Unix(), 10)}}
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	err = errors.Join(err, resp.Body.Close())
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		err = errRedirect
	}
	return resp.StatusCode, answer, err
}

// lasting is a context that ends a moment after ctx does: a call that is cut is in doubt, one that may end
// mostly is not.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return context.WithCancel(ctx)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return last, func() { stop(); cancel() }
}
