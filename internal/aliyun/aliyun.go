// Package aliyun is the only importer of the Aliyun SDK: it makes single, signed, cancellable calls and
// answers with typed results or a classed error that holds no text.
package aliyun

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"

	"tocsin/internal/call"
)

// Client makes calls to one endpoint. It is safe for concurrent use.
type Client struct {
	*call.Line
	signer *signer
}

// New checks the options. The usual region is cn-hangzhou.
func New(o call.Options) (*Client, error) {
	if o.Region == "" {
		o.Region = "cn-hangzhou"
	}
	line, err := call.New("aliyun", o)
	if err != nil {
		return nil, err
	}
	return &Client{Line: line, signer: newSigner(o.KeyID, o.KeySecret, o.Region)}, nil
}

// call makes one call: the SDK lays out the request and reads the answer, our transport carries it. The SDK's own
// client is left out: it is not safe for concurrent use, knows no context, prints URLs and with them phone
// numbers when DEBUG says so, and takes twice the time of the call itself. Every way to fail is translated,
// panics included.
func (c *Client) call(ctx context.Context, action string, request requests.AcsRequest, response responses.AcsResponse) (err error) {
	ctx, cancel := c.Lasting(ctx)
	defer cancel()
	defer func() {
		if recover() != nil { // the SDK panics on answers such as a numeric Code
			err = c.Fault(action, call.InDoubt, "sdk-panic", "", 0)
		}
	}()
	if err := c.exchange(ctx, request, response); err != nil {
		return c.translate(action, err)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, request requests.AcsRequest, response responses.AcsResponse) error {
	r, err := c.signed(ctx, request)
	if err != nil {
		return err
	}
	resp, err := c.Carry(r) //nolint:bodyclose // the SDK closes it
	if err != nil {
		return err
	}
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
		URL:    &url.URL{Scheme: c.Scheme, Host: c.Endpoint, Path: "/", RawQuery: query},
		Host:   c.Endpoint,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"tocsin"}},
		Body:   http.NoBody,
	}).WithContext(ctx)
	if len(body) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return r, nil
}
