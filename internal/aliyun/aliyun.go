// Package aliyun is the only importer of the Aliyun SDK: it makes single, signed, cancellable calls and
// answers with typed results or a classed error that holds no text.
package aliyun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/dysmsapi"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/push"
)

// The SDK fills its endpoint maps lazily and without a lock; filling them here keeps calls free of races.
func init() {
	dysmsapi.GetEndpointMap()
	push.GetEndpointMap()
}

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
	opt      Options
	provider *credentials.StaticAKCredentialsProvider
	base     *http.Transport
	grace    time.Duration
}

// New checks the options. It refuses to run where the SDK would print every URL, and with it every phone number.
func New(o Options) (*Client, error) {
	if slices.ContainsFunc(strings.Split(os.Getenv("DEBUG"), ","), func(s string) bool { return strings.TrimSpace(s) == "sdk" }) {
		return nil, errors.New("make aliyun client: the environment has DEBUG=sdk, which prints personal data; unset it")
	}
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
	return &Client{
		opt:      o,
		grace:    2 * time.Second,
		provider: credentials.NewStaticAKCredentialsProvider(o.KeyID, o.KeySecret),
		base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment, // over HTTPS a proxy sees the host only; loopback is never proxied
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			MaxIdleConns:          o.Idle,
			MaxIdleConnsPerHost:   o.Idle,
			IdleConnTimeout:       30 * time.Second,
			ResponseHeaderTimeout: callTimeout,
		},
	}, nil
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

// config is the SDK configuration of one call. The SDK's clients are not safe for concurrent use and know
// no context, so each call has its own over the shared transport.
func (c *Client) config(ctx context.Context) *sdk.Config {
	scheme := "HTTPS"
	if c.opt.Insecure {
		scheme = "HTTP"
	}
	cfg := sdk.NewConfig().WithScheme(scheme).WithAutoRetry(false)
	cfg.Transport = ctxTransport{ctx: ctx, base: c.base}
	return cfg
}

// call runs one SDK call under the context and translates every way it can fail, panics included.
func (c *Client) call(ctx context.Context, action string, do func(context.Context) error) (err error) {
	ctx, cancel := c.lasting(ctx)
	defer cancel()
	defer func() {
		if recover() != nil { // the SDK panics on answers such as a numeric Code
			err = &Error{Action: action, Class: InDoubt, Code: "sdk-panic"}
		}
	}()
	if err := do(ctx); err != nil {
		return translate(action, err)
	}
	return nil
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

// ctxTransport gives the SDK's requests a context and keeps answers small and unredirected: a followed
// redirect would carry phone numbers to another host.
type ctxTransport struct {
	ctx  context.Context
	base http.RoundTripper
}

var errRedirect = errors.New("redirected")

func (t ctxTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(r.WithContext(t.ctx))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		resp.Body.Close()
		return nil, errRedirect
	}
	resp.Body = limited{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

type limited struct {
	io.Reader
	io.Closer
}

// SMS is one text message to one mainland number.
type SMS struct {
	Phone    string // bare 11 digits
	Sign     string
	Template string
	Params   string // JSON object of strings; "" when the template has no variables
	OutID    string
}

// sms is a client of the SMS product for one call.
func (c *Client) sms(ctx context.Context) (*dysmsapi.Client, error) {
	client, err := dysmsapi.NewClientWithOptions(c.opt.Region, c.config(ctx), c.provider)
	if err != nil {
		return nil, err
	}
	client.Domain = c.opt.Endpoint
	client.SetReadTimeout(time.Minute)
	client.SetCloseTrace(true)
	return client, nil
}

// SendSMS submits one message and returns the provider's id of it.
func (c *Client) SendSMS(ctx context.Context, m SMS) (bizID string, err error) {
	const action = "SendSms"
	err = c.call(ctx, action, func(ctx context.Context) error {
		client, err := c.sms(ctx)
		if err != nil {
			return err
		}
		r := dysmsapi.CreateSendSmsRequest()
		r.PhoneNumbers, r.SignName, r.TemplateCode, r.TemplateParam, r.OutId = m.Phone, m.Sign, m.Template, m.Params, m.OutID
		resp, err := client.SendSms(r)
		if err != nil {
			return err
		}
		bizID = resp.BizId
		return success(action, resp.Code, resp.Message, resp.RequestId, resp.BizId != "")
	})
	if err != nil {
		return "", err
	}
	return bizID, nil
}

// SMSDetail is what the provider knows of one message. The text itself is left out.
type SMSDetail struct {
	OutID   string
	Status  int // 1 waiting, 2 failed, 3 delivered
	ErrCode string
}

// QuerySMS lists what the provider has for a number on a day (yyyymmdd, Beijing time), all pages of it.
func (c *Client) QuerySMS(ctx context.Context, phone, day string) ([]SMSDetail, error) {
	const action, size, pages = "QuerySendDetails", 50, 20
	var out []SMSDetail
	for page := 1; page <= pages; page++ {
		n := 0
		err := c.call(ctx, action, func(ctx context.Context) error {
			client, err := c.sms(ctx)
			if err != nil {
				return err
			}
			r := dysmsapi.CreateQuerySendDetailsRequest()
			r.PhoneNumber, r.SendDate = phone, day
			r.PageSize, r.CurrentPage = integer(size), integer(page)
			resp, err := client.QuerySendDetails(r)
			if err != nil {
				return err
			}
			for _, d := range resp.SmsSendDetailDTOs.SmsSendDetailDTO {
				out = append(out, SMSDetail{OutID: d.OutId, Status: int(d.SendStatus), ErrCode: d.ErrCode})
				n++
			}
			return success(action, resp.Code, resp.Message, resp.RequestId, true)
		})
		if err != nil {
			return nil, err
		}
		if n < size {
			return out, nil
		}
	}
	return nil, fmt.Errorf("query sms: %w", &Error{Action: action, Class: InDoubt, Code: "too-many-pages"})
}
