package simulator

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the provider's signature version 1 is HMAC-SHA1
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// rpcError is a refusal of the gateway or a product.
type rpcError struct {
	status        int
	code, message string
}

func missing(name string) *rpcError {
	return &rpcError{http.StatusBadRequest, "Missing" + name, name + " is mandatory for this action."}
}

// rpc answers one signed call.
func (s *Simulator) rpc(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<20)
	if err := r.ParseForm(); err != nil {
		s.fail(w, &rpcError{http.StatusBadRequest, "InvalidParameter", "unreadable parameters"})
		return
	}
	now := s.opt.Clock.Now()
	if e := s.verify(r.Method, r.Form, now); e != nil {
		s.fail(w, e)
		return
	}
	action := r.Form.Get("Action")
	if s.opt.QPS > 0 && !s.rate.take(action, s.opt.QPS, now) {
		s.fail(w, &rpcError{http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control."})
		return
	}
	switch action + " " + r.Form.Get("Version") {
	case "SendSms 2017-05-25":
		s.sendSMS(w, r)
	case "QuerySendDetails 2017-05-25":
		s.querySMS(w, r)
	case "Push 2016-08-01":
		s.push(w, r)
	default:
		s.fail(w, &rpcError{http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."})
	}
}

// verify checks what the gateway checks, in its order.
func (s *Simulator) verify(method string, p url.Values, now time.Time) *rpcError {
	for _, name := range []string{"Action", "Version", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Signature"} {
		if p.Get(name) == "" {
			return missing(name)
		}
	}
	if p.Get("Format") != "JSON" || p.Get("SignatureMethod") != "HMAC-SHA1" || p.Get("SignatureVersion") != "1.0" {
		return &rpcError{http.StatusBadRequest, "InvalidParameter", "Format, SignatureMethod or SignatureVersion"}
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", p.Get("Timestamp"))
	if err != nil {
		return &rpcError{http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."}
	}
	if d := now.Sub(at).Abs(); d > 15*time.Minute {
		return &rpcError{http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."}
	}
	if p.Get("AccessKeyId") != s.opt.KeyID {
		return &rpcError{http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	}
	text := stringToSign(method, p)
	if !hmac.Equal([]byte(sign(s.opt.KeySecret, text)), []byte(p.Get("Signature"))) {
		return &rpcError{http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation. server string to sign is:" + text}
	}
	if !s.nonces.first(p.Get("SignatureNonce"), now) {
		return &rpcError{http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already."}
	}
	return nil
}

// stringToSign is signature version 1: every parameter but the signature, sorted and encoded twice.
func stringToSign(method string, p url.Values) string {
	names := make([]string, 0, len(p))
	for name := range p {
		if name != "Signature" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	pairs := make([]string, len(names))
	for i, name := range names {
		pairs[i] = encode(name) + "=" + encode(p.Get(name))
	}
	return method + "&%2F&" + encode(strings.Join(pairs, "&"))
}

func encode(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

func sign(secret, text string) string {
	h := hmac.New(sha1.New, []byte(secret+"&"))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (s *Simulator) requestID() string { return fmt.Sprintf("SIM-%012d", s.receipts.number()) }

func (s *Simulator) fail(w http.ResponseWriter, e *rpcError) {
	answer(w, e.status, map[string]any{"RequestId": s.requestID(), "HostId": "simulator.example", "Code": e.code, "Message": e.message,
		"Recommend": "https://simulator.example/" + e.code})
}

// product answers with a code of the product, which comes as HTTP 200.
func (s *Simulator) product(w http.ResponseWriter, code, message string) {
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "Code": code, "Message": message})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}

// strikeHTTP makes an HTTP fault happen.
func (s *Simulator) strikeHTTP(w http.ResponseWriter, r *http.Request, f Fault) {
	if f.Hang > 0 {
		t := time.NewTimer(f.Hang)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Error != "" && f.Code == 0:
		s.product(w, f.Error, f.Text)
	case f.Error != "":
		s.fail(w, &rpcError{f.Code, f.Error, f.Text})
	default:
		w.WriteHeader(max(f.Code, http.StatusOK))
		_, _ = w.Write([]byte(f.Text)) // the caller may be gone
	}
}

// nonces remembers those of the last 15 to 30 minutes in two generations.
type nonces struct {
	mu       sync.Mutex
	now, old map[string]struct{}
	turned   time.Time
}

func (n *nonces) first(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == nil || now.Sub(n.turned) > 15*time.Minute || len(n.now) > 500_000 {
		n.old, n.now, n.turned = n.now, map[string]struct{}{}, now
	}
	_, a := n.now[nonce]
	_, b := n.old[nonce]
	n.now[nonce] = struct{}{}
	return !a && !b
}

// rate is a bucket of one second per action.
type rate struct {
	mu     sync.Mutex
	second map[string]int64
	used   map[string]int
}

func (b *rate) take(action string, qps int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.second == nil {
		b.second, b.used = map[string]int64{}, map[string]int{}
	}
	if b.second[action] != now.Unix() {
		b.second[action], b.used[action] = now.Unix(), 0
	}
	b.used[action]++
	return b.used[action] <= qps
}
