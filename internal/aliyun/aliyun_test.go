package aliyun

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/internal/call"
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
	c, err := New(call.Options{Endpoint: strings.TrimPrefix(s.URL, "http://"), KeyID: "testid", KeySecret: secret, Insecure: true})
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
		class  call.Class
		code   string
	}{
		"business refusal":       {200, `{"Code":"isv.MOBILE_NUMBER_ILLEGAL","RequestId":"r-1"` + leak + `}`, call.Business, "isv.MOBILE_NUMBER_ILLEGAL"},
		"ok without id":          {200, `{"Code":"OK","RequestId":"r-1"}`, call.InDoubt, "empty-answer"},
		"empty body":             {200, ``, call.InDoubt, "empty-answer"},
		"html":                   {200, `<html>` + phone + `</html>`, call.InDoubt, "unreadable-answer"},
		"truncated":              {200, `{"Code":"O`, call.InDoubt, "unreadable-answer"},
		"numeric code":           {400, `{"Code":400}`, call.InDoubt, "sdk-panic"},
		"bad gateway html":       {502, `<html>` + phone + `</html>`, call.InDoubt, "http-bad-gateway"},
		"unavailable":            {503, `{"Code":"ServiceUnavailable"` + leak + `}`, call.InDoubt, "ServiceUnavailable"},
		"unknown 5xx":            {500, `{"Code":"Strange"}`, call.InDoubt, "Strange"},
		"throttled":              {400, `{"Code":"Throttling.User"}`, call.Retry, "Throttling.User"},
		"nonce used":             {400, `{"Code":"SignatureNonceUsed"}`, call.InDoubt, "SignatureNonceUsed"},
		"clock":                  {400, `{"Code":"InvalidTimeStamp.Expired"}`, call.Stop, "InvalidTimeStamp.Expired"},
		"signature":              {400, `{"Code":"SignatureDoesNotMatch"` + leak + `}`, call.Stop, "SignatureDoesNotMatch"},
		"key":                    {404, `{"Code":"InvalidAccessKeyId.NotFound"}`, call.Stop, "InvalidAccessKeyId.NotFound"},
		"permission":             {403, `{"Code":"Forbidden.RAM"}`, call.Stop, "Forbidden.RAM"},
		"risk control":           {403, `{"Code":"Forbidden.RiskControl"}`, call.Stop, "Forbidden.RiskControl"},
		"parameter":              {400, `{"Code":"MissingPhoneNumbers"}`, call.Bug, "MissingPhoneNumbers"},
		"parameter format":       {400, `{"Code":"InvalidTitle.Format"}`, call.Bug, "InvalidTitle.Format"},
		"version":                {404, `{"Code":"NoSuchVersion"}`, call.Bug, "NoSuchVersion"},
		"action":                 {404, `{"Code":"InvalidAction.NotFound"}`, call.Bug, "InvalidAction.NotFound"},
		"code that is no token":  {400, `{"Code":"` + phone + ` is bad"}`, call.Business, "unprintable"},
		"redirect":               {307, ``, call.Stop, "redirected"},
		"business code as a 400": {400, `{"Code":"isv.AMOUNT_NOT_ENOUGH"}`, call.Business, "isv.AMOUNT_NOT_ENOUGH"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, says(c.status, c.body)).SendSMS(t.Context(), text)
			var e *call.Error
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
		var e *call.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, want, e.Window)
	}
}

func TestCutCallIsInDoubt(t *testing.T) {
	c := client(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	_, err := c.SendSMS(t.Context(), text)
	var e *call.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, call.InDoubt, e.Class)
	require.NotContains(t, err.Error(), phone)
}

func TestOneCallIsOneRequest(t *testing.T) {
	n := 0
	c := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { n++; w.WriteHeader(500) }))
	_, err := c.SendSMS(t.Context(), text)
	require.Error(t, err)
	require.Equal(t, 1, n, "a send is never repeated by the SDK")
}
