//go:build unix

package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// House is an installation of Tocsin on SQLite in a directory of its own, driven over the API.
type House struct {
	Dir     string
	env     []string
	addr    string
	tokens  map[string]string
	process *Process
	born    bool
}

// Build makes an installation; env are its settings for every start.
func Build(env ...string) (*House, error) {
	dir, err := os.MkdirTemp("", "tocsin-bench-")
	return &House{Dir: dir, env: env}, err
}

// Data is where the installation keeps everything.
func (h *House) Data() string { return filepath.Join(h.Dir, "data") }

// Close ends the service and removes everything.
func (h *House) Close() error {
	var err error
	if h.process != nil {
		err = h.process.Kill()
	}
	return errors.Join(err, os.RemoveAll(h.Dir))
}

// Start starts the service with further settings. profile, if any, is where its use of the processor goes.
func (h *House) Start(profile string, env ...string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // only to find a port
	if err != nil {
		return err
	}
	h.addr = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	tokens := map[string]string{}
	in := installation{Data: h.Data(), Addr: h.addr, Tokens: !h.born, Profile: profile}
	if h.process, err = Play("tocsin", in, &tokens, slices.Concat(h.env, env)...); err != nil || h.born {
		return err
	}
	h.born, h.tokens = true, tokens
	return h.call("gao", http.MethodPut, "/operators/acme/profile", Profile, nil)
}

// Stop ends the service cleanly.
func (h *House) Stop() error {
	err := h.process.End()
	h.process = nil
	return err
}

// Kill ends the service as a power cut would.
func (h *House) Kill() error {
	err := h.process.Kill()
	h.process = nil
	return err
}

// Settle waits until the service has done what follows its start: it uses next to nothing for a while.
func (h *House) Settle() error {
	last, quiet := time.Duration(0), 0
	return until("the service to rest", 30*time.Second, 100*time.Millisecond, func() (bool, error) {
		c, err := h.Cost(false)
		if quiet++; c.CPU-last > 5*time.Millisecond {
			quiet = 0
		}
		last = c.CPU
		return quiet == 3, err
	})
}

// Cost is what the service has used; with fresh its peak of memory begins anew after that.
func (h *House) Cost(fresh bool) (c Cost, err error) {
	return c, h.process.Ask(tocsinOrder{fresh}, &c)
}

// call makes one call of the API.
func (h *House) call(who, method, path string, in, out any, header ...string) error {
	var body io.Reader
	switch v := in.(type) {
	case nil:
	case io.Reader:
		body = v
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+h.addr+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+h.tokens[who])
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, resp.StatusCode, raw)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// until asks again until done says yes.
func until(what string, limit, pause time.Duration, done func() (bool, error)) error {
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(pause) {
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("waited in vain for %s", what)
}

// Settings point Tocsin at the sink: SMS and push at its HTTP door, and mail encrypted or, where the relay
// is on the same machine, plain. Files go to dir.
func Settings(door, dir string, tls bool) ([]string, error) {
	env := []string{
		"TOCSIN_ALIYUN__MAINLAND__PERSON_GAP=0s", // the rounds follow each other, with the same reserved numbers
		"TOCSIN_SIMULATOR__URL=" + door, "TOCSIN_SMTP__HELLO=tocsin.example.com", "TOCSIN_SMTP__DOMAIN=example.com", "TOCSIN_SMTP__BOUNCE=bounce.example.com",
	}
	if !tls {
		return append(env, "TOCSIN_SMTP__PLAIN=true"), nil
	}
	resp, err := http.Get("http://" + door + "/trust") //nolint:noctx // loopback
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	pem, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "relay.pem")
	return append(env, "TOCSIN_SMTP__CA_FILE="+name), os.WriteFile(name, pem, 0o600)
}
