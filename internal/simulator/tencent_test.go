package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The vector was computed with another implementation of TC3-HMAC-SHA256.
func TestTC3Vector(t *testing.T) {
	body := []byte(`{"PhoneNumberSet":["+8613900000000"],"SmsSdkAppId":"1400006666","SignName":"示例","TemplateId":"1110","TemplateParamSet":["N-1"],"SessionContext":"1.1.sms.a"}`)
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "X-Tc-Action": {"SendSms"}}
	require.Equal(t, "41727086d377274f998befa8ba495ef983a56fea1e669b006f88553f10eb1840",
		signTC3("testsecret", "POST", "sms.tencentcloudapi.com", h, []string{"content-type", "host", "x-tc-action"}, body, start))
}

type tencentAnswer struct {
	Response struct {
		Error         struct{ Code string }
		SendStatusSet []tencentStatus
		Pull          []struct {
			ReportStatus, SessionContext, SerialNo string
		} `json:"PullSmsSendStatusSet"`
	}
}

// tencent makes a signed call after a change.
func tencent(t *testing.T, s *Simulator, action string, body map[string]any, change func(*http.Request)) tencentAnswer {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	at := s.clock.gate()
	r, err := http.NewRequest(http.MethodPost, "http://"+s.HTTPAddr()+"/", bytes.NewReader(text))
	require.NoError(t, err)
	for name, v := range map[string]string{"Content-Type": "application/json; charset=utf-8", "X-TC-Action": action, "X-TC-Version": "2021-01-11",
		"X-TC-Region": "ap-guangzhou", "X-TC-Timestamp": fmt.Sprint(at.Unix())} {
		r.Header.Set(name, v)
	}
	signed := []string{"content-type", "host"}
	r.Header.Set("Authorization", "TC3-HMAC-SHA256 Credential=testid/"+at.Format(time.DateOnly)+"/sms/tc3_request, SignedHeaders=content-type;host, Signature="+
		signTC3("testsecret", r.Method, s.HTTPAddr(), r.Header, signed, text, at))
	if change != nil {
		change(r)
	}
	resp, err := caller.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, "errors come as 200")
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var a tencentAnswer
	require.NoError(t, json.Unmarshal(raw, &a), string(raw))
	return a
}

func tencentBody(phones ...string) map[string]any {
	return map[string]any{"PhoneNumberSet": phones, "SmsSdkAppId": "1400006666", "SignName": "示例", "TemplateId": "1110",
		"TemplateParamSet": []string{"N-1", "CODE"}, "SessionContext": "1.1.sms.a"}
}

func TestTencentRefusesTheCall(t *testing.T) {
	s, _ := started(t, Options{})
	header := func(name, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(name, v) } }
	with := func(name string, v any) map[string]any {
		b := tencentBody("+8613900000001")
		b[name] = v
		return b
	}
	many := make([]string, 201)
	for i := range many {
		many[i] = fmt.Sprintf("+86139%08d", i)
	}
	fine := tencentBody("+8613900000001")
	for name, c := range map[string]struct {
		body   map[string]any
		change func(*http.Request)
		code   string
	}{
		"old":          {fine, header("X-TC-Timestamp", fmt.Sprint(start.Add(-301*time.Second).Unix())), "AuthFailure.SignatureExpire"},
		"other body":   {fine, func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 }, "AuthFailure.SignatureFailure"},
		"other scheme": {fine, header("Authorization", "Basic x"), "AuthFailure.SignatureFailure"},
		"other key": {fine, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "testid", "other", 1))
		}, "AuthFailure.SecretIdNotFound"},
		"host not signed": {fine, func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), ";host", "", 1))
		}, "AuthFailure.SignatureFailure"},
		"no region":     {fine, header("X-TC-Region", ""), "MissingParameter"},
		"other version": {fine, header("X-TC-Version", "2019-07-11"), "InvalidAction"},
		"too many":      {tencentBody(many...), nil, "LimitExceeded.PhoneNumberCountLimit"},
		"none":          {tencentBody(), nil, "MissingParameter.EmptyPhoneNumberSet"},
		"mixed":         {tencentBody("+8613900000001", "+85291000001"), nil, "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber"},
		"session":       {with("SessionContext", strings.Repeat("x", 512)), nil, "InvalidParameterValue"},
		"link":          {with("TemplateParamSet", []string{"https://a.example"}), nil, "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"},
		"no app":        {with("SmsSdkAppId", ""), nil, "MissingParameter"},
	} {
		require.Equal(t, c.code, tencent(t, s, "SendSms", c.body, c.change).Response.Error.Code, name)
	}
	require.Zero(t, s.Journal.Summary().Channels["sms"].Accepted)
}

// Numbers of one call fail by themselves, the console's frequency holds, and the callback wants its own answer.
func TestTencentNumbersFailByThemselves(t *testing.T) {
	h := &hook{status: 200, ack: `{"code":0}`} // Aliyun's answer is none here
	web := httptest.NewServer(h)
	defer web.Close()
	s, fake := started(t, Options{Callback: web.URL + "/{provider}", ReceiptDelay: time.Second})
	codes := func(a tencentAnswer) (list []string) {
		for _, st := range a.Response.SendStatusSet {
			list = append(list, st.Code)
			require.Equal(t, "1.1.sms.a", st.SessionContext)
			require.Equal(t, st.Code == "Ok", st.SerialNo != "")
		}
		return list
	}
	a := tencent(t, s, "SendSms", tencentBody("+8613900000001", "+86123", "+8613900990005", "+8613900990001"), nil)
	require.Equal(t, []string{"Ok", "InvalidParameterValue.IncorrectPhoneNumber", "InvalidParameterValue.IncorrectPhoneNumber", "Ok"}, codes(a))
	require.Equal(t, []string{"LimitExceeded.PhoneNumberThirtySecondLimit"}, codes(tencent(t, s, "SendSms", tencentBody("+8613900000001"), nil)))
	for range 9 {
		fake.Advance(31 * time.Second)
		require.Equal(t, []string{"Ok"}, codes(tencent(t, s, "SendSms", tencentBody("+8613900000001"), nil)))
	}
	fake.Advance(31 * time.Second)
	require.Equal(t, []string{"LimitExceeded.PhoneNumberDailyLimit"}, codes(tencent(t, s, "SendSms", tencentBody("+8613900000001"), nil)))
	require.Equal(t, 10, s.Journal.Count("sms", "13900000001", "1.1.sms.a"))
	require.EqualValues(t, 11, s.Journal.Summary().Providers[tencentSMS])

	s.Flush(t.Context())
	require.Contains(t, h.got()[0], `/tencent-sms [{"user_receive_time"`)
	require.Contains(t, h.got()[0], `"report_status":"FAIL","errmsg":"MK:0001"`)
	h.set(200, `{"result":0,"errmsg":"OK"}`)
	before := len(h.got())
	fake.Advance(10 * time.Minute) // the longest wait: some may have been pushed twice by now
	s.Flush(t.Context())
	require.Greater(t, len(h.got()), before, "what was not acknowledged comes again")
	waiting, lost := s.Waiting()
	require.Zero(t, waiting+lost)

	q := map[string]any{"BeginTime": start.Unix(), "Offset": 0, "Limit": 5, "PhoneNumber": "+8613900990001", "SmsSdkAppId": "1400006666"}
	pulled := tencent(t, s, "PullSmsSendStatusByPhoneNumber", q, nil).Response.Pull
	require.Len(t, pulled, 1)
	require.Equal(t, "FAIL", pulled[0].ReportStatus)
	require.Equal(t, "1.1.sms.a", pulled[0].SessionContext)
	require.Equal(t, a.Response.SendStatusSet[3].SerialNo, pulled[0].SerialNo)
}

// A fault of one provider leaves the other alone.
func TestFaultOfOneProvider(t *testing.T) {
	s, _ := started(t, Options{})
	s.Fail(Fault{Channel: "sms", Provider: aliyunSMS, Error: "isv.OUT_OF_SERVICE"})
	require.Equal(t, "200 isv.OUT_OF_SERVICE", s.tell(t, "sms", "13900000001"))
	require.Equal(t, "Ok", tencent(t, s, "SendSms", tencentBody("+8613900000001"), nil).Response.SendStatusSet[0].Code)
	s.Fail(Fault{Channel: "sms", Provider: tencentSMS, Error: "Throttling.User", Code: 400, Times: 1})
	require.Equal(t, "RequestLimitExceeded", tencent(t, s, "SendSms", tencentBody("+8613900000002"), nil).Response.Error.Code)
	require.Equal(t, 1, s.Journal.Count("sms", "13900000001", ""), "one number is one person, whoever carries")
}
