package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller keeps no connections, so that the leak check sees only ours.
var caller = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func started(t *testing.T, o Options) (*Simulator, *clock.Fake) {
	t.Helper()
	fake := clock.NewFake(start)
	o.Clock, o.KeyID, o.KeySecret = fake, "testid", "testsecret"
	s, err := Start(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s, fake
}

func golden() url.Values {
	return url.Values{"AccessKeyId": {"testid"}, "Action": {"SendSms"}, "Version": {"2017-05-25"}, "Format": {"JSON"}, "RegionId": {"cn-hangzhou"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureType": {""}, "SignatureNonce": {"45e25e9b-0a6f-4070-8c85-2956eda1b466"},
		"Timestamp": {"2026-01-02T03:04:05Z"}, "PhoneNumbers": {"13900000000"}, "SignName": {"测试 签名*~+"}, "TemplateCode": {"SMS_1"},
		"TemplateParam": {`{"ref":"A B&=/~*"}`}, "OutId": {"o-1"}}
}

// The vectors of the wire facts: what the real gateway computes.
func TestSignatureVectors(t *testing.T) {
	p := golden()
	require.Equal(t, "oYNg4B1F0xlJMcSlRaof+R2W4F0=", sign("testsecret", stringToSign("POST", p)))
	require.Equal(t, "wCDGTmQNW15yY91wt1jTuvHAAvE=", sign("testsecret", stringToSign("GET", p)))
	p.Del("SignatureType")
	require.Equal(t, "cIHpMNr8WydHoiZGXg/Rg/KcayQ=", sign("testsecret", stringToSign("POST", p)))
}

// call makes a signed call after changing parameters, and gives status and code.
func call(t *testing.T, s *Simulator, nonce string, change func(url.Values), signed bool) (int, string) {
	t.Helper()
	p := golden()
	p.Set("SignatureNonce", nonce)
	p.Set("Timestamp", s.opt.Clock.Now().Format("2006-01-02T15:04:05Z"))
	if change != nil {
		change(p)
	}
	p.Set("Signature", sign("testsecret", stringToSign("POST", p)))
	if !signed {
		p.Set("Signature", "x")
	}
	resp, err := caller.Post("http://"+s.HTTPAddr()+"/?"+p.Encode(), "application/x-www-form-urlencoded", nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	var a struct{ Code string }
	_ = json.NewDecoder(resp.Body).Decode(&a)
	return resp.StatusCode, a.Code
}

func TestGatewayAndSMSRules(t *testing.T) {
	s, _ := started(t, Options{Templates: map[string][]string{"SMS_1": {"ref"}}, Signs: []string{"测试 签名*~+"}})
	set := func(name, v string) func(url.Values) { return func(p url.Values) { p.Set(name, v) } }
	del := func(name string) func(url.Values) { return func(p url.Values) { p.Del(name) } }
	for i, c := range []struct {
		name   string
		change func(url.Values)
		status int
		code   string
	}{
		{"fine", nil, 200, "OK"},
		{"old clock", set("Timestamp", "2026-01-02T02:48:00Z"), 400, "InvalidTimeStamp.Expired"},
		{"bad clock", set("Timestamp", "2026-01-02 03:04:05"), 400, "InvalidTimeStamp.Format"},
		{"other key", set("AccessKeyId", "other"), 404, "InvalidAccessKeyId.NotFound"},
		{"no nonce", del("SignatureNonce"), 400, "MissingSignatureNonce"},
		{"other action", set("Action", "Nothing"), 404, "InvalidAction.NotFound"},
		{"other version", set("Version", "2000-01-01"), 404, "InvalidAction.NotFound"},
		{"no phone", del("PhoneNumbers"), 400, "MissingPhoneNumbers"},
		{"bad phone", set("PhoneNumbers", "12345"), 200, "isv.MOBILE_NUMBER_ILLEGAL"},
		{"sign", set("SignName", "别的"), 200, "isv.SMS_SIGNATURE_ILLEGAL"},
		{"template", set("TemplateCode", "SMS_2"), 200, "isv.SMS_TEMPLATE_ILLEGAL"},
		{"variable missing", set("TemplateParam", "{}"), 200, "isv.TEMPLATE_MISSING_PARAMETERS"},
		{"variable too long", set("TemplateParam", `{"ref":"`+strings.Repeat("字", 36)+`"}`), 200, "isv.PARAM_LENGTH_LIMIT"},
		{"variable is a link", set("TemplateParam", `{"ref":"https://a.example/"}`), 200, "isv.PARAM_NOT_SUPPORT_URL"},
		{"variable no string", set("TemplateParam", `{"ref":7}`), 200, "isv.INVALID_JSON_PARAM"},
		{"not JSON", set("TemplateParam", `{`), 200, "isv.INVALID_JSON_PARAM"},
		{"OutId too long", set("OutId", strings.Repeat("x", 256)), 200, "isv.INVALID_PARAMETERS"},
		{"too many numbers", set("PhoneNumbers", strings.Repeat("13900000000,", 1000)+"13900000000"), 200, "isv.MOBILE_COUNT_OVER_LIMIT"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, code := call(t, s, "n"+c.name, c.change, true)
			require.Equal(t, c.status, status, i)
			require.Equal(t, c.code, code)
		})
	}
	status, code := call(t, s, "unsigned", nil, false)
	require.Equal(t, 400, status)
	require.Equal(t, "SignatureDoesNotMatch", code)
	_, code = call(t, s, "nfine", nil, true)
	require.Equal(t, "SignatureNonceUsed", code)
	require.EqualValues(t, 1, s.Journal.Summary().Channels["sms"].Accepted)
}

func TestQuotaAndBalance(t *testing.T) {
	s, fake := started(t, Options{Balance: 52})
	for i := range 50 {
		_, code := call(t, s, "q"+string(rune('0'+i)), nil, true)
		require.Equal(t, "OK", code)
	}
	_, code := call(t, s, "over", nil, true)
	require.Equal(t, "isv.BUSINESS_LIMIT_CONTROL", code)
	fake.Advance(24 * time.Hour)
	for _, want := range []string{"OK", "OK", "isv.AMOUNT_NOT_ENOUGH"} {
		_, code = call(t, s, "b"+want+fake.Now().String(), nil, true)
		require.Equal(t, want, code)
		fake.Advance(time.Second)
	}
}

// hook collects callbacks and answers as told.
type hook struct {
	mu     sync.Mutex
	bodies []string
	status int
	ack    string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bodies = append(h.bodies, r.URL.Path+" "+string(b))
	w.WriteHeader(h.status)
	io.WriteString(w, h.ack)
}

func (h *hook) set(status int, ack string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.ack = status, ack
}
func (h *hook) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.bodies...)
}

// Receipts come in arrays, are pushed again after 1, 5 and 10 minutes when not taken, and then are lost.
func TestReceiptsArePushedAgain(t *testing.T) {
	h := &hook{status: 500}
	web := httptest.NewServer(h)
	defer web.Close()
	s, fake := started(t, Options{ReceiptDelay: time.Second})
	s.SetCallback(web.URL + "/callbacks/{provider}/token")
	for _, phone := range []string{"13900000001", "13900990001", "13900990004"} {
		_, code := call(t, s, phone, func(p url.Values) { p.Set("PhoneNumbers", phone) }, true)
		require.Equal(t, "OK", code)
	}
	s.Flush(t.Context())
	require.Empty(t, h.got(), "nothing is due")
	fake.Advance(time.Second)
	s.Flush(t.Context())
	require.Len(t, h.got(), 1)
	h.set(200, `{"code":"0"}`) // not a number: not taken either
	fake.Advance(time.Minute)
	s.Flush(t.Context())
	require.Len(t, h.got(), 2)
	h.set(200, `{"code":0,"msg":"ok"}`)
	fake.Advance(5 * time.Minute)
	s.Flush(t.Context())
	fake.Advance(time.Hour)
	s.Flush(t.Context())
	require.Len(t, h.got(), 3)

	path, body, _ := strings.Cut(h.got()[2], " ")
	require.Equal(t, "/callbacks/aliyun-sms/token", path)
	var reports []map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &reports))
	require.Len(t, reports, 2, "one number never reports")
	require.Equal(t, true, reports[0]["success"])
	require.Equal(t, "2026-01-02 11:04:05", reports[0]["send_time"])
	require.Equal(t, "MK:0001", reports[1]["err_code"])
	require.Equal(t, "o-1", reports[1]["out_id"])
}

// Each provider wants its own answer to a receipt.
func TestAcknowledgements(t *testing.T) {
	for ack, want := range map[string][3]bool{ // mainland, abroad, Tencent
		`{"code":0,"msg":"ok"}`:       {true, true, false},
		`{"code":7,"msg":"ok"}`:       {true, false, false},
		`{"code":"0"}`:                {false, false, false},
		`{"code":null}`:               {false, false, false},
		`{"result":0,"errmsg":"OK"}`:  {false, false, true},
		`{"result":1,"errmsg":"bad"}`: {false, false, false},
		``:                            {false, false, false},
	} {
		for i, provider := range []string{mainlandReceipts, abroadReceipts, tencentReceipts} {
			require.Equal(t, want[i], acknowledged(manners[provider], []byte(ack)), "%s %s", provider, ack)
		}
	}
}

func TestPushRules(t *testing.T) {
	s, _ := started(t, Options{})
	push := func(nonce string, change func(url.Values)) (int, string) {
		return call(t, s, nonce, func(p url.Values) {
			for k, v := range map[string]string{"Action": "Push", "Version": "2016-08-01", "AppKey": "1", "PushType": "NOTICE", "DeviceType": "ALL",
				"Target": "DEVICE", "TargetValue": "d1,gone2", "Title": "t", "Body": "b", "iOSApnsEnv": "PRODUCT", "JobKey": "o-1"} {
				p.Set(k, v)
			}
			if change != nil {
				change(p)
			}
		}, true)
	}
	status, _ := push("a", nil)
	require.Equal(t, 200, status)
	_, code := push("b", func(p url.Values) { p.Set("TargetValue", strings.Repeat("d,", 1000)+"d") })
	require.Equal(t, "InvalidTargetValue.Format", code)
	_, code = push("c", func(p url.Values) { p.Set("Body", strings.Repeat("字", 600)) })
	require.Equal(t, "InvalidBody.Format", code)
	_, code = push("d", func(p url.Values) { p.Set("StoreOffline", "true"); p.Set("ExpireTime", "2026-01-09T00:00:00Z") })
	require.Equal(t, "InvalidExpireTime.Format", code)
	sum := s.Journal.Summary().Channels["push"]
	require.EqualValues(t, 1, sum.Accepted)
	require.EqualValues(t, 1, sum.Dropped)
	require.Equal(t, 1, s.Journal.Count("push", "d1", "o-1"))
}

func get(t *testing.T, addr string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, "http://"+addr, nil)
	require.NoError(t, err)
	if change != nil {
		change(r)
	}
	resp, err := caller.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(b)
}

// The page shows arrivals and no page of a stranger can read or change anything.
func TestPageAndAdmin(t *testing.T) {
	s, _ := started(t, Options{})
	_, code := call(t, s, "one", nil, true)
	require.Equal(t, "OK", code)
	resp, body := get(t, s.HTTPAddr()+"/", nil)
	require.Contains(t, body, "13900000000")
	require.Contains(t, resp.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.NotContains(t, body, "<script")
	require.NotContains(t, body, "style=")

	_, body = get(t, s.HTTPAddr()+"/_admin/journal?channel=sms&recipient=13900000000&id=o-1", nil)
	require.Contains(t, body, `"count":1`)
	resp, _ = get(t, s.HTTPAddr()+"/_admin/journal", func(r *http.Request) { r.Host = "evil.example" })
	require.Equal(t, http.StatusForbidden, resp.StatusCode)

	fault := []byte(`{"channel":"sms","error":"isv.OUT_OF_SERVICE","times":1}`)
	post := func(header string) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+s.HTTPAddr()+"/_admin/faults", bytes.NewReader(fault))
		require.NoError(t, err)
		if header != "" {
			r.Header.Set("X-Simulator", header)
		}
		resp, err := caller.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, post(""))
	require.Equal(t, http.StatusNoContent, post("yes"))
	_, code = call(t, s, "two", nil, true)
	require.Equal(t, "isv.OUT_OF_SERVICE", code)
	_, code = call(t, s, "three", nil, true)
	require.Equal(t, "OK", code)
}

func TestOnlyLoopback(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0"} {
		_, err := Start(Options{SMTPAddr: addr})
		require.Error(t, err)
		_, err = Start(Options{HTTPAddr: addr})
		require.Error(t, err)
	}
}

func TestJournalKeepsTheLastOnly(t *testing.T) {
	j := newJournal(3, 0)
	for i := range 10 {
		j.accept("sms", aliyunSMS, []byte(bare("1390000000"+string(rune(48+i%5)))), []byte("x"), func() Entry { return Entry{} })
	}
	require.Len(t, j.Recent("", ""), 3)
	require.EqualValues(t, 10, j.Recent("", "")[0].No)
	sum := j.Summary().Channels["sms"]
	require.Equal(t, ChannelSummary{Accepted: 10, Deliveries: 5, Recipients: 5, Repeated: 5, Most: 2}, sum)
	require.Equal(t, 2, j.Count("sms", "+8613900000000", ""))
}

func TestWireRules(t *testing.T) {
	for raw, want := range map[string]string{
		"A: b\r\n\r\nok\r\n":              "",
		"A: b\n":                          "bare-lf",
		"A: b\rc\r\n":                     "bare-cr",
		strings.Repeat("x", 999) + "\r\n": "line-too-long",
		"A: b":                            "no-final-line-end",
		"A: b\r\n" + strings.Repeat("x", 998) + "\r\n": "",
	} {
		require.Equal(t, want, lines([]byte(raw)))
	}
}
