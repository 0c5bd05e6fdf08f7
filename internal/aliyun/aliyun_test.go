package aliyun

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	phone  = "13900000007"
	secret = "planted-secret"
	value  = "planted-value"
)

var text = SMS{Phone: phone, Sign: "测试签名", Template: "SMS_1", Params: `{"ref":"` + value + `"}`, OutID: "o-1"}

func client(t *testing.T, h http.Handler) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Options{Endpoint: strings.TrimPrefix(s.URL, "http://"), KeyID: "testid", KeySecret: secret, Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func says(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	})
}

// Every way an answer can be wrong has a class, and no error repeats the phone, the values or a key.
func TestAnswers(t *testing.T) {
	leak := `,"Message":"` + phone + " " + value + ` string to sign 天级流控"`
	for name, c := range map[string]struct {
		status int
		body   string
		class  Class
		code   string
	}{
		"business refusal":       {200, `{"Code":"isv.MOBILE_NUMBER_ILLEGAL","RequestId":"r-1"` + leak + `}`, Business, "isv.MOBILE_NUMBER_ILLEGAL"},
		"ok without id":          {200, `{"Code":"OK","RequestId":"r-1"}`, InDoubt, "empty-answer"},
		"empty body":             {200, ``, InDoubt, "empty-answer"},
		"html":                   {200, `<html>` + phone + `</html>`, InDoubt, "unreadable-answer"},
		"truncated":              {200, `{"Code":"O`, InDoubt, "unreadable-answer"},
		"numeric code":           {400, `{"Code":400}`, InDoubt, "sdk-panic"},
		"bad gateway html":       {502, `<html>` + phone + `</html>`, InDoubt, "http-bad-gateway"},
		"unavailable":            {503, `{"Code":"ServiceUnavailable"` + leak + `}`, InDoubt, "ServiceUnavailable"},
		"unknown 5xx":            {500, `{"Code":"Strange"}`, InDoubt, "Strange"},
		"throttled":              {400, `{"Code":"Throttling.User"}`, Retry, "Throttling.User"},
		"nonce used":             {400, `{"Code":"SignatureNonceUsed"}`, InDoubt, "SignatureNonceUsed"},
		"clock":                  {400, `{"Code":"InvalidTimeStamp.Expired"}`, Stop, "InvalidTimeStamp.Expired"},
		"signature":              {400, `{"Code":"SignatureDoesNotMatch"` + leak + `}`, Stop, "SignatureDoesNotMatch"},
		"key":                    {404, `{"Code":"InvalidAccessKeyId.NotFound"}`, Stop, "InvalidAccessKeyId.NotFound"},
		"permission":             {403, `{"Code":"Forbidden.RAM"}`, Stop, "Forbidden.RAM"},
		"risk control":           {403, `{"Code":"Forbidden.RiskControl"}`, Stop, "Forbidden.RiskControl"},
		"parameter":              {400, `{"Code":"MissingPhoneNumbers"}`, Bug, "MissingPhoneNumbers"},
		"parameter format":       {400, `{"Code":"InvalidTitle.Format"}`, Bug, "InvalidTitle.Format"},
		"version":                {404, `{"Code":"NoSuchVersion"}`, Bug, "NoSuchVersion"},
		"action":                 {404, `{"Code":"InvalidAction.NotFound"}`, Bug, "InvalidAction.NotFound"},
		"code that is no token":  {400, `{"Code":"` + phone + ` is bad"}`, Business, "unprintable"},
		"redirect":               {307, ``, Stop, "redirected"},
		"business code as a 400": {400, `{"Code":"isv.AMOUNT_NOT_ENOUGH"}`, Business, "isv.AMOUNT_NOT_ENOUGH"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, says(c.status, c.body)).SendSMS(t.Context(), text)
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.class, e.Class)
			require.Equal(t, c.code, e.Code)
			for _, planted := range []string{phone, value, secret, "testid", "Signature="} {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, e, *e), planted)
			}
		})
	}
}

func TestWindowOfFlowControl(t *testing.T) {
	for word, want := range map[string]time.Duration{"分钟级": time.Minute, "小时级": time.Hour, "天级": 24 * time.Hour, "": 0} {
		_, err := client(t, says(200, `{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发`+word+`流控Permits:1"}`)).SendSMS(t.Context(), text)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, want, e.Window)
	}
}

func TestUnreachableIsRetry(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	addr := strings.TrimPrefix(s.URL, "http://")
	s.Close()
	c, err := New(Options{Endpoint: addr, KeyID: "testid", KeySecret: secret, Insecure: true})
	require.NoError(t, err)
	_, err = c.SendSMS(t.Context(), text)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, Retry, e.Class)
	require.Equal(t, "unreachable", e.Code)
}

// A reset after the request is in doubt; a cancelled call ends soon and says so.
func TestCutCalls(t *testing.T) {
	c := client(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	_, err := c.SendSMS(t.Context(), text)
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, InDoubt, e.Class)
	require.NotContains(t, err.Error(), phone)

	arrived := make(chan struct{})
	c = client(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	}))
	c.grace = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err = c.SendSMS(ctx, text)
	require.ErrorAs(t, err, &e)
	require.Equal(t, InDoubt, e.Class)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), phone)
}

func TestOneCallIsOneRequest(t *testing.T) {
	n := 0
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { n++; w.WriteHeader(500) }))
	_, err := c.SendSMS(t.Context(), text)
	require.Error(t, err)
	require.Equal(t, 1, n, "a send is never repeated by the SDK")
}

func TestOptions(t *testing.T) {
	ok := Options{Endpoint: "127.0.0.1:1", KeyID: "a", KeySecret: "b", Insecure: true}
	_, err := New(ok)
	require.NoError(t, err)
	for name, change := range map[string]func(*Options){
		"no endpoint":        func(o *Options) { o.Endpoint = "" },
		"no secret":          func(o *Options) { o.KeySecret = "" },
		"plain to the world": func(o *Options) { o.Endpoint = "dysmsapi.aliyuncs.com" },
		"endpoint is a URL":  func(o *Options) { o.Endpoint = "https://127.0.0.1/" },
	} {
		t.Run(name, func(t *testing.T) {
			o := ok
			change(&o)
			_, err := New(o)
			require.Error(t, err)
		})
	}
}
