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

// Calls is a run of the bare caller of the SMS or push API: a call as the provider got it, signed anew for
// other people each time.
type Calls struct {
	Addr    string
	Workers int
	People  int64
	Query   string // of the sample call
	Body    string

	parameters []parameter // by name, as they are signed
	batch      int64       // people of one call
}

// parameter is a name and its value, escaped and cut where a person's number stands; twice is escaped once
// more, as it is signed.
type parameter struct {
	name          string
	body          bool
	pieces, twice []string
	digits        []int // of the number after each piece but the last
}

// person is how people stand in the calls: a reserved number or a device. Each pattern's digits are who it is.
var person = regexp.MustCompile(`139000\d{5}|d\d{8}`)

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
		for i, piece := range p.pieces {
			p.pieces[i] = escape(piece)
			p.twice = append(p.twice, escape(p.pieces[i]))
		}
		c.parameters = append(c.parameters, p)
	}
	return nil
}

var escapes = strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~")

func escape(s string) string { return escapes.Replace(url.QueryEscape(s)) }

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
	var forms [2][]byte
	text := make([]byte, 0, 2*(len(c.Query)+len(c.Body)))
	text = append(text, "POST&%2F&"...)
	for i, p := range c.parameters {
		form := &forms[map[bool]int{true: 1}[p.body]]
		if len(*form) > 0 {
			*form = append(*form, '&')
		}
		if i > 0 {
			text = append(text, "%26"...)
		}
		*form, text = append(append(*form, p.name...), '='), append(append(text, p.name...), "%3D"...)
		if fresh := p.fresh(); fresh != "" {
			*form, text = append(*form, escape(fresh)...), append(text, escape(escape(fresh))...)
			continue
		}
		for k := range p.pieces {
			*form, text = append(*form, p.pieces[k]...), append(text, p.twice[k]...)
			if k < len(p.digits) {
				*form, text = number(*form, from, p.digits[k]), number(text, from, p.digits[k])
				from++
			}
		}
	}
	h := hmac.New(sha1.New, []byte("simulator&"))
	h.Write(text)
	return string(forms[0]) + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(h.Sum(nil))), string(forms[1])
}

// fresh is the value of a parameter that no two calls share.
func (p parameter) fresh() string {
	switch p.name {
	case "SignatureNonce":
		return strconv.FormatUint(rand.Uint64(), 36)
	case "Timestamp":
		return time.Now().UTC().Format("2006-01-02T15:04:05Z")
	}
	return ""
}

func number(b []byte, n int64, digits int) []byte {
	at := len(b) + digits
	b = append(b, "00000000"[:digits]...)
	for i := at - 1; n > 0 && i >= at-digits; i-- {
		b[i], n = byte('0'+n%10), n/10
	}
	return b
}
