package sms_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/internal/call"
	"tocsin/internal/tencent"
	"tocsin/notify"
	"tocsin/notify/channel/channeltest"
	"tocsin/notify/channel/sms"
	"tocsin/notify/codes"
	"tocsin/templates"
)

type fixed time.Time

func (f fixed) Now() time.Time { return time.Time(f) }

func deliver(t *testing.T, c notify.Channel, m notify.FrozenMessage, out ...notify.Outgoing) ([]notify.Verdict, error) {
	return channeltest.Deliver(t, c, m, out...)
}

// cloud is a double of Tencent's product: it answers what the test says and keeps what was asked.
type cloud struct {
	mu     sync.Mutex
	answer string // "": accepted
	status int
	drop   bool
	asked  []map[string]any
}

func (d *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var q map[string]any
	_ = json.NewDecoder(r.Body).Decode(&q) // what is missing then shows in the test
	q["action"] = r.Header.Get("X-TC-Action")
	d.asked = append(d.asked, q)
	if d.drop {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(max(d.status, http.StatusOK))
	answer := d.answer
	if answer == "" {
		answer = fmt.Sprintf(`{"Response":{"SendStatusSet":[{"SerialNo":"5000:%d","PhoneNumber":"+8613900000001","Fee":1,"Code":"Ok","Message":"send success","IsoCode":"CN"}],"RequestId":"r"}}`, len(d.asked))
	}
	fmt.Fprint(w, answer)
}

func tencentChannel(t *testing.T, o sms.Options) (*cloud, *sms.Tencent) {
	d := &cloud{}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	c, err := tencent.New(call.Options{Endpoint: strings.TrimPrefix(s.URL, "http://"), KeyID: "testid", KeySecret: "planted-secret", Insecure: true})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return d, sms.NewTencent(c, "1400006666", o)
}

// second is a notice whose words Tencent approved as well, with its parameters in another order.
func second() notify.FrozenMessage {
	m := notice()
	m.Providers = map[string]templates.SMSForm{"tencent": {Sign: "示例", Template: "449739", Order: []string{"ref", "code"}}}
	return m
}

func TestTencentTakesParametersInPlaces(t *testing.T) {
	d, c := tencentChannel(t, sms.Options{Calls: 1})
	v, err := deliver(t, c, second(), person(1, "+8613900000001"), person(2, "+85251234567"))
	require.NoError(t, err)
	require.Equal(t, notify.Verdict{Class: notify.ClassAccepted, Code: "Ok", ProviderID: "5000:1"}, v[0])
	require.Equal(t, notify.Verdict{Class: notify.ClassRcptPerm, Code: "not-mainland"}, v[1])
	require.Equal(t, []map[string]any{{"action": "SendSms", "PhoneNumberSet": []any{"+8613900000001"}, "SmsSdkAppId": "1400006666", "SignName": "示例",
		"TemplateId": "449739", "TemplateParamSet": []any{"N-2026-1", "CODE000001"}, "SessionContext": "1.1.sm.abcdef"}}, d.asked)

	for name, f := range map[string]templates.SMSForm{"no-template": {}, "no-such-parameter": {Template: "1", Order: []string{"name"}}} {
		m := notice()
		m.Providers = map[string]templates.SMSForm{"tencent": f}
		_, err := c.Prepare(t.Context(), m, incident.Live)
		require.ErrorContains(t, err, name)
	}
}

// Every row of the table, as the answer for the one number and as the answer to the whole call.
func TestTencentCodes(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	d, c := tencentChannel(t, sms.Options{Clock: fixed(now)})
	check := func(answer string, r codes.Rule, code string) {
		d.answer = answer
		v, err := deliver(t, c, second(), person(1, "+8613900000001"))
		require.NoError(t, err)
		require.Equal(t, r.Class, v[0].Class, answer)
		require.LessOrEqual(t, len(v[0].Code), 64)
		require.True(t, strings.HasSuffix(code, v[0].Code), "%s of %s", v[0].Code, code)
		if r.Class == notify.ClassRetryAt {
			require.Equal(t, now.Add(r.Wait), v[0].RetryAt)
		}
	}
	for _, r := range codes.Cloud.Rules {
		code := strings.Replace(r.Code, "*", ".SomethingNew", 1)
		check(`{"Response":{"SendStatusSet":[{"SerialNo":"","Code":"`+code+`","Message":"+8613900000001"}],"RequestId":"r"}}`, r, code)
		check(`{"Response":{"Error":{"Code":"`+code+`","Message":"+8613900000001"},"RequestId":"r"}}`, r, code)
	}
	check(`{"Response":{"Error":{"Code":"Never.HeardOf","Message":""}}}`, codes.Rule{Class: notify.ClassRcptSoft}, "Never.HeardOf")
}

func TestTencentInDoubt(t *testing.T) {
	d, c := tencentChannel(t, sms.Options{})
	doubtful := func() {
		t.Helper()
		v, err := deliver(t, c, second(), person(1, "+8613900000001"))
		require.NoError(t, err)
		require.Equal(t, notify.ClassInDoubt, v[0].Class, d.answer)
	}
	for _, answer := range []string{" ", "<html>", `{"Response":{"SendStatusSet":[],"RequestId":"r"}}`, `{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}`,
		`{"Response":{"SendStatusSet":[{"SerialNo":"1"}]}}`, `{"Response":{"SendStatusSet":[{"SerialNo":"1","Code":7}]}}`, `{"Resp`,
		`{"Response":{"SendStatusSet":[{"SerialNo":"1","Code":"Ok"},{"SerialNo":"2","Code":"Ok"}]}}`} {
		d.answer = answer
		doubtful()
	}
	d.answer, d.status = "", 502
	doubtful()
	d.status, d.drop = 0, true
	doubtful()
}

// What Tencent has word of is found if the account names our ids; what it does not list was not provably never
// taken.
func TestTencentIsAsked(t *testing.T) {
	d, c := tencentChannel(t, sms.Options{})
	o := person(1, "+8613900000001")
	row := func(context, status, description string) string {
		return `{"Response":{"PullSmsSendStatusSet":[{"SerialNo":"5000:9","SessionContext":"other","ReportStatus":"SUCCESS"},
			{"SerialNo":"5000:1","SessionContext":` + context + `,"ReportStatus":"` + status + `","Description":"` + description + `"}],"RequestId":"r"}}`
	}
	for answer, want := range map[string]notify.Verdict{
		row(`"`+o.OutID+`"`, "SUCCESS", "DELIVRD"): {Class: notify.ClassDelivered, Code: "DELIVRD", ProviderID: "5000:1"},
		row(`"`+o.OutID+`"`, "FAIL", "MK:0001"):    {Class: notify.ClassRcptPerm, Code: "MK:0001", ProviderID: "5000:1"},
		row(`"`+o.OutID+`"`, "FAIL", "DELIVRD"):    {Class: notify.ClassRcptSoft, Code: "DELIVRD", ProviderID: "5000:1"},
		row("null", "SUCCESS", "DELIVRD"):          {Class: notify.ClassInDoubt, Code: "not-listed"},
	} {
		d.answer = answer
		v, found, err := c.Query(t.Context(), o)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, want, v)
	}
	require.Equal(t, "PullSmsSendStatusByPhoneNumber", d.asked[0]["action"])
	require.Equal(t, "+8613900000001", d.asked[0]["PhoneNumber"])
	require.Less(t, d.asked[0]["EndTime"].(float64)-d.asked[0]["BeginTime"].(float64), 7*24*3600.0)
	d.answer = `{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"13900000001"}}}`
	_, _, err := c.Query(t.Context(), o)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "13900000001")
}
