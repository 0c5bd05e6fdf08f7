package simulator

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the provider's signature version 1 is HMAC-SHA1
	"encoding/base64"
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

// action is one call of Aliyun's: who answers, and how many a second the account may make (channels.md 2.1,
// 2.5, 3).
type action struct {
	do     func(*Simulator, http.ResponseWriter, *http.Request)
	qps    int
	always bool // the rate holds even without Options.Limits
}

var actions = map[string]action{
	"SendSms 2017-05-25":                  {(*Simulator).sendSMS, 5000, false},
	"SendBatchSms 2017-05-25":             {(*Simulator).sendBatchSMS, 5000, false},
	"QuerySendDetails 2017-05-25":         {(*Simulator).querySMS, 5000, false},
	"SendMessageToGlobe 2018-05-01":       {(*Simulator).sendAbroad, 2000, false},
	"BatchSendMessageToGlobe 2018-05-01":  {(*Simulator).sendBatchAbroad, 1, true},
	"QueryMessage 2018-05-01":             {(*Simulator).queryAbroad, 300, false},
	"Push 2016-08-01":                     {(*Simulator).push, 1_000_000 / 60, false},
	"PushV2 2016-08-01":                   {(*Simulator).pushV2, 1_000_000 / 60, false},
	"MassPush 2016-08-01":                 {(*Simulator).massPush, 500, false},
	"MassPushV2 2016-08-01":               {(*Simulator).massPushV2, 500, false},
	"ContinuouslyPush 2016-08-01":         {(*Simulator).continuouslyPush, 500, false},
	"CompleteContinuouslyPush 2016-08-01": {(*Simulator).completePush, 500, false},
	"QueryPushStatByMsg 2016-08-01":       {(*Simulator).pushStat, 50, false},
}

// call answers a caller of either provider.
func (s *Simulator) call(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<20)
	if r.Header.Get("X-TC-Action") != "" {
		s.tencent(w, r)
		return
	}
	s.rpc(w, r)
}

// rpc answers one signed call of Aliyun's.
func (s *Simulator) rpc(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.fail(w, &rpcError{http.StatusBadRequest, "InvalidParameter", "unreadable parameters"})
		return
	}
	if e := s.verify(r.Method, r.Form, s.clock.gate()); e != nil {
		s.fail(w, e)
		return
	}
	name := r.Form.Get("Action") + " " + r.Form.Get("Version")
	a, known := actions[name]
	if !known {
		s.fail(w, &rpcError{http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."})
		return
	}
	qps := s.opt.QPS
	if a.always || qps == 0 && s.opt.Limits {
		qps = a.qps
	}
	if qps > 0 && !s.rate.take(name, qps, s.Now()) {
		s.fail(w, &rpcError{http.StatusBadRequest, "Throttling.User", "Request was denied due to user flow control."})
		return
	}
	a.do(s, w, r)
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

var rpcEscapes = strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~")

func encode(s string) string { return rpcEscapes.Replace(url.QueryEscape(s)) }

func sign(secret, text string) string {
	h := hmac.New(sha1.New, []byte(secret+"&"))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func (s *Simulator) requestID() string { return fmt.Sprintf("SIM-%012d", s.receipts.number()) }

// require answers with what is missing and reports whether nothing is.
func (s *Simulator) require(w http.ResponseWriter, p url.Values, channel string, names ...string) bool {
	for _, name := range names {
		if p.Get(name) == "" {
			s.Journal.refuse(channel, "missing-"+strings.ToLower(name))
			s.fail(w, missing(name))
			return false
		}
	}
	return true
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
