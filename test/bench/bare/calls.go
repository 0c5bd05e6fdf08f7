package bare

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // G505: the provider's signature
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
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

	query, body []parameter
	batch       int64 // people of one call
}

// parameter is a name and its value, cut where a person's number stands.
type parameter struct {
	name   string
	pieces []string
}

// person is how people stand in the calls: a reserved number or a device. Each pattern's digits are who it is.
var person = regexp.MustCompile(`139000\d{5}|d\d{8}`)

// Send makes the calls and wants each answer to be good.
func (c Calls) Send() error {
	if err := errors.Join(c.read(c.Query, &c.query), c.read(c.Body, &c.body)); err != nil {
		return err
	}
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
func (c *Calls) read(form string, to *[]parameter) error {
	values, err := url.ParseQuery(form)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "Signature" {
			continue
		}
		p := parameter{name: name}
		for rest := values.Get(name); ; c.batch++ {
			at := person.FindStringIndex(rest)
			if at == nil {
				p.pieces = append(p.pieces, rest)
				break
			}
			digits := 5
			if rest[at[0]] == 'd' {
				digits = 8
			}
			p.pieces = append(p.pieces, rest[:at[1]-digits])
			rest = rest[at[1]:]
		}
		*to = append(*to, p)
	}
	return nil
}

func (c *Calls) call(client *http.Client, from int64) error {
	query, from := fill(c.query, from)
	body, _ := fill(c.body, from)
	all := maps.Clone(query)
	maps.Copy(all, body)
	query["Signature"] = sign(all)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+c.Addr+"/?"+encode(query), strings.NewReader(encode(body)))
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

// fill puts people from a number on into the parameters, and a fresh time and nonce.
func fill(parameters []parameter, from int64) (map[string]string, int64) {
	out := make(map[string]string, len(parameters)+1)
	for _, p := range parameters {
		switch p.name {
		case "SignatureNonce":
			out[p.name] = strconv.FormatUint(rand.Uint64(), 36)
			continue
		case "Timestamp":
			out[p.name] = time.Now().UTC().Format("2006-01-02T15:04:05Z")
			continue
		}
		value := p.pieces[0]
		for _, piece := range p.pieces[1:] {
			if value[len(value)-1] == 'd' {
				value += fmt.Sprintf("%08d", from)
			} else {
				value += fmt.Sprintf("%05d", from)
			}
			value += piece
			from++
		}
		out[p.name] = value
	}
	return out, from
}

var escape = strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~")

func encode(values map[string]string) string {
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(values)) {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(escape.Replace(url.QueryEscape(name)))
		b.WriteByte('=')
		b.WriteString(escape.Replace(url.QueryEscape(values[name])))
	}
	return b.String()
}

// sign is the provider's signature, version 1: HMAC-SHA1 over all parameters in order.
func sign(values map[string]string) string {
	h := hmac.New(sha1.New, []byte("simulator&"))
	h.Write([]byte("POST&%2F&" + escape.Replace(url.QueryEscape(encode(values)))))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
