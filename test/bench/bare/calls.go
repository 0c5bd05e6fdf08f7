package bare

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // G505: the provider's signature
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Calls is a run of the bare caller of the SMS or push API over net/http: the call that the provider got from
// Tocsin, made again for other people, as many of them in each call. What a person's parameters say is rendered
// beforehand, as the bare mail sender has its messages, and their names are in order. Each call is encoded and
// signed when it is sent, because nonce, time and parameters are part of the signature.
type Calls struct {
	Addr    string
	Workers int
	People  int64
	Query   string // of the sample call
	Body    string

	parameters []parameter // by name, as they are signed
	batch      int64       // people of one call
}

// parameter is a name and its value, cut where a person's number stands.
type parameter struct {
	name   string
	body   bool
	pieces []string
	digits []int // of the number after each piece but the last
}

// person is how people stand in the calls: a reserved number or a device. Each pattern's digits are who it is. A
// digest may have a d and eight digits inside.
var person = regexp.MustCompile(`139000\d{5}|\bd\d{8}\b`)

// Send makes the calls and wants each answer to be good.
func (c Calls) Send() error {
	if err := errors.Join(c.read(c.Query, false), c.read(c.Body, true)); err != nil {
		return err
	}
	slices.SortFunc(c.parameters, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	if c.batch == 0 {
		return errors.New("the sample call is to nobody")
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: c.Workers, MaxIdleConnsPerHost: c.Workers}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var next atomic.Int64
	errs := make([]error, c.Workers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for errs[i] == nil {
				from := next.Add(c.batch) - c.batch
				if from >= c.People {
					return
				}
				errs[i] = c.call(client, from)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// read takes a form apart and counts its people.
func (c *Calls) read(form string, body bool) error {
	values, err := url.ParseQuery(form)
	if err != nil {
		return err
	}
	for name := range values {
		if name == "Signature" {
			continue
		}
		p := parameter{name: name, body: body}
		rest := values.Get(name)
		for at := person.FindStringIndex(rest); at != nil; at = person.FindStringIndex(rest) {
			digits := 5
			if rest[at[0]] == 'd' {
				digits = 8
			}
			p.pieces, p.digits = append(p.pieces, rest[:at[1]-digits]), append(p.digits, digits)
			rest = rest[at[1]:]
			c.batch++
		}
		p.pieces = append(p.pieces, rest)
		c.parameters = append(c.parameters, p)
	}
	return nil
}

// escape is the provider's way of encoding.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func (c *Calls) call(client *http.Client, from int64) error {
	query, body := c.sign(from)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+c.Addr+"/?"+query, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(answer), `"MessageId"`) {
		err = fmt.Errorf("provider said %q", answer)
	}
	return err
}

// sign makes the call for people from a number on, with a fresh time and nonce and the provider's signature,
// version 1: HMAC-SHA1 over all parameters in order.
func (c *Calls) sign(from int64) (query, body string) {
	size := len(c.Query) + len(c.Body)
	all, forms := make([]byte, 0, size), [2][]byte{make([]byte, 0, len(c.Query)), make([]byte, 0, len(c.Body))}
	for i, p := range c.parameters {
		if i > 0 {
			all = append(all, '&')
		}
		pair := len(all)
		all = append(append(append(all, p.name...), '='), escape(p.value(&from))...)
		form := &forms[0]
		if p.body {
			form = &forms[1]
		}
		if len(*form) > 0 {
			*form = append(*form, '&')
		}
		*form = append(*form, all[pair:]...)
	}
	h := hmac.New(sha1.New, []byte("simulator&"))
	_, _ = io.WriteString(h, "POST&%2F&"+escape(string(all))) // a hash takes everything
	return string(forms[0]) + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(h.Sum(nil))), string(forms[1])
}

// value is what a parameter says in a call to the people from a number on, which it counts up.
func (p *parameter) value(from *int64) string {
	switch {
	case p.name == "SignatureNonce":
		return strconv.FormatUint(rand.Uint64(), 36)
	case p.name == "Timestamp":
		return time.Now().UTC().Format("2006-01-02T15:04:05Z")
	case len(p.digits) == 0:
		return p.pieces[0]
	}
	var b []byte
	for k, piece := range p.pieces {
		b = append(b, piece...)
		if k < len(p.digits) {
			b = number(b, *from, p.digits[k])
			*from++
		}
	}
	return string(b)
}

func number(b []byte, n int64, digits int) []byte {
	at := len(b) + digits
	b = append(b, "00000000"[:digits]...)
	for i := at - 1; n > 0 && i >= at-digits; i-- {
		b[i], n = byte('0'+n%10), n/10
	}
	return b
}
