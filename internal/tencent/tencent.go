// Package tencent makes single, signed, cancellable calls to Tencent Cloud's SMS product and answers with typed
// results or an error that holds no text of the provider.
package tencent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"tocsin/internal/call"
)

const version = "2021-01-11"

// Client makes calls to one endpoint. It is safe for concurrent use.
type Client struct {
	*call.Line
	signer *signer
}

// New checks the options. The usual region is ap-guangzhou.
func New(o call.Options) (*Client, error) {
	if o.Region == "" {
		o.Region = "ap-guangzhou"
	}
	line, err := call.New("tencent", o)
	if err != nil {
		return nil, err
	}
	return &Client{Line: line, signer: &signer{secretID: o.KeyID, secretKey: o.KeySecret, service: "sms", host: o.Endpoint}}, nil
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
		return c.Fault(action, call.Bug, "unencodable", "", 0)
	}
	ctx, cancel := c.Lasting(ctx)
	defer cancel()
	status, answer, err := c.exchange(ctx, action, body)
	if err != nil {
		return c.Broken(action, err)
	}
	var e envelope
	var r refusal
	switch {
	case json.Unmarshal(answer, &e) != nil || json.Unmarshal(e.Response, &r) != nil:
		return c.Fault(action, call.InDoubt, "unreadable-answer", "", status)
	case r.Error != nil:
		return c.Fault(action, call.Business, r.Error.Code, r.RequestID, status)
	case status != http.StatusOK || json.Unmarshal(e.Response, result) != nil:
		return c.Fault(action, call.InDoubt, "unreadable-answer", r.RequestID, status)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, action string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Scheme+"://"+c.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	now := time.Now() // the provider's clock counts, not one handed in
	r.Header = http.Header{"Content-Type": {contentType}, "User-Agent": {"tocsin"}, "Authorization": {c.signer.authorization(body, now)},
		"X-Tc-Action": {action}, "X-Tc-Version": {version}, "X-Tc-Region": {c.Region}, "X-Tc-Timestamp": {strconv.FormatInt(now.Unix(), 10)}}
	resp, err := c.Carry(r)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, errors.Join(err, resp.Body.Close())
}
