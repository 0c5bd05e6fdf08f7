package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// remote are the flags of commands that talk to a running service.
type remote struct {
	URL   string `env:"TOCSIN_URL" default:"http://127.0.0.1:8080" help:"Address of the service."`
	Token string `env:"TOCSIN_TOKEN" required:"" help:"API token: tocsin token issue. Better given as TOCSIN_TOKEN."`
}

func (r remote) client() *client {
	return &client{base: strings.TrimRight(r.URL, "/") + "/api/v1", token: r.Token}
}

// client calls the API as one caller.
type client struct{ base, token string }

// refused is an API answer that is not a success.
type refused struct {
	Request string `json:"-"`
	Status  int    `json:"status"`
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Errors  []struct {
		Pointer string `json:"pointer"`
		Rule    string `json:"rule"`
		Message string `json:"message"`
	} `json:"errors"`
}

func (r *refused) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the service answered %d %s: %s", r.Request, r.Status, r.Title, r.Detail)
	for _, e := range r.Errors {
		b.WriteString("\n  ")
		if e.Pointer != "" {
			b.WriteString(e.Pointer + ": ")
		}
		fmt.Fprintf(&b, "%s (%s)", e.Message, e.Rule)
	}
	return b.String()
}

// call sends v as JSON (nil for none) and reads the answer into out (nil to drop it).
func (c *client) call(ctx context.Context, method, path string, v, out any, header ...string) error {
	var body io.Reader
	if v != nil {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	resp, err := c.send(ctx, method, path, "application/json", body, header...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, resp.Body)
		return err
	}
	if raw, ok := out.(io.Writer); ok {
		_, err := io.Copy(raw, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// send sends a body as it is; headers come in pairs. An answer that is no success is an error.
func (c *client) send(ctx context.Context, method, path, contentType string, body io.Reader, header ...string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the service: %w", err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	r := &refused{Request: method + " " + path, Status: resp.StatusCode, Title: resp.Status}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(r); err != nil {
		return nil, fmt.Errorf("the service answered %s", resp.Status)
	}
	return nil, r
}

func isRefused(err error, status int) bool {
	var r *refused
	return errors.As(err, &r) && r.Status == status
}

// open reads a file, or standard input for "-".
func open(name string, in io.Reader) (io.ReadCloser, error) {
	if name == "-" || name == "" {
		return io.NopCloser(in), nil
	}
	return os.Open(name)
}
