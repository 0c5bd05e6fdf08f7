package tencent

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tocsin/internal/call"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	phone  = "+8613900000007"
	secret = "planted-secret"
	value  = "planted-value"
)

var text = SMS{Phone: phone, AppID: "1400006666", Sign: "测试", Template: "449739", Params: []string{value}, OutID: "o-1"}

// The first vector is of the provider's own manual (cloud.tencent.com/document/api/382/52072), the second was
// computed by a program in another language.
func TestSignatureVectors(t *testing.T) {
	s := &signer{secretID: "testid", secretKey: "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", service: "cvm", host: "cvm.tencentcloudapi.com"}
	body := `{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`
	require.Equal(t, "TC3-HMAC-SHA256 Credential=testid/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, "+
		"Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168", s.authorization([]byte(body), time.Unix(1551113065, 0)))

	s = &signer{secretID: "testid", secretKey: "testsecret", service: "sms", host: "sms.tencentcloudapi.com"}
	body = `{"PhoneNumberSet":["+8613900000000"],"SmsSdkAppId":"1400006666","TemplateId":"449739","SignName":"测试"}`
	vector := s.authorization([]byte(body), time.Unix(1767323045, 0))
	require.Contains(t, vector, "Credential=testid/2026-01-02/sms/tc3_request")
	require.Contains(t, vector, "Signature=17506cc880c99f149f6436701f1bce81633609bc9db451603a1b7b8b5fc7f00a")
	other := s.authorization([]byte(body), time.Unix(1767323045, 0).AddDate(0, 0, 1))
	require.NotEqual(t, vector, other)
	require.Equal(t, vector, s.authorization([]byte(body), time.Unix(1767323045, 0)), "the key of a day that comes back is that day's")
}

func client(t *testing.T, h http.Handler) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(call.Options{Endpoint: strings.TrimPrefix(s.URL, "http://"), KeyID: "testid", KeySecret: secret, Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOnTheWire(t *testing.T) {
	var c *Client
	c = client(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // an empty one fails below
		seconds, err := strconv.ParseInt(r.Header.Get("X-TC-Timestamp"), 10, 64)
		if err != nil || r.Header.Get("Authorization") != c.signer.authorization(body, time.Unix(seconds, 0)) ||
			r.Header.Get("Content-Type") != contentType || r.Header.Get("X-TC-Version") != "2021-01-11" || r.Header.Get("X-TC-Region") != "ap-guangzhou" || r.URL.RawQuery != "" {
			t.Error("badly signed", r.Header)
		}
		if got := string(body); got != `{"PhoneNumberSet":["+8613900000007"],"SmsSdkAppId":"1400006666","TemplateId":"449739","SignName":"测试","TemplateParamSet":["planted-value"],"SessionContext":"o-1"}` {
			t.Error(got)
		}
		fmt.Fprint(w, `{"Response":{"SendStatusSet":[{"SerialNo":"5000:1","Code":"Ok"}],"RequestId":"r"}}`)
	}))
	id, err := c.SendSMS(t.Context(), text)
	require.NoError(t, err)
	require.Equal(t, "5000:1", id)
}

// Every way an answer can be wrong has a class, and no error repeats the phone, the values or a key.
func TestAnswers(t *testing.T) {
	leak := `,"Message":"` + phone + " " + value + `"`
	for name, c := range map[string]struct {
		status int
		body   string
		class  call.Class
		code   string
	}{
		"refused number":        {200, `{"Response":{"SendStatusSet":[{"Code":"FailedOperation.PhoneNumberInBlacklist"` + leak + `}]}}`, call.Business, "FailedOperation.PhoneNumberInBlacklist"},
		"refused call":          {200, `{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire"` + leak + `},"RequestId":"r"}}`, call.Business, "AuthFailure.SignatureExpire"},
		"ok without id":         {200, `{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}`, call.InDoubt, "empty-answer"},
		"nobody":                {200, `{"Response":{"SendStatusSet":[]}}`, call.InDoubt, "empty-answer"},
		"empty":                 {200, ``, call.InDoubt, "unreadable-answer"},
		"html":                  {502, `<html>` + phone, call.InDoubt, "unreadable-answer"},
		"success with a 500":    {500, `{"Response":{"SendStatusSet":[{"SerialNo":"1","Code":"Ok"}]}}`, call.InDoubt, "unreadable-answer"},
		"code as number":        {200, `{"Response":{"Error":{"Code":7}}}`, call.InDoubt, "unreadable-answer"},
		"code that is no token": {200, `{"Response":{"Error":{"Code":"` + phone + ` is bad"}}}`, call.Business, "unprintable"},
		"redirect":              {307, ``, call.Stop, "redirected"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})).SendSMS(t.Context(), text)
			var e *call.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.class, e.Class)
			require.Equal(t, c.code, e.Code)
			for _, planted := range []string{phone, phone[3:], value, secret, "testid", "Signature="} {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, e, *e), planted)
			}
		})
	}
}

func TestCutCallIsInDoubt(t *testing.T) {
	var e *call.Error
	_, err := client(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).SendSMS(t.Context(), text)
	require.ErrorAs(t, err, &e)
	require.Equal(t, call.InDoubt, e.Class)
}
