package simulator

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ask makes a signed call of an action and gives the answer's fields.
func ask(t *testing.T, s *Simulator, action, version string, change func(url.Values)) map[string]any {
	t.Helper()
	p := golden()
	for _, name := range []string{"PhoneNumbers", "SignName", "TemplateCode", "TemplateParam", "OutId"} {
		p.Del(name)
	}
	p.Set("Action", action)
	p.Set("Version", version)
	p.Set("SignatureNonce", fmt.Sprint(s.receipts.number()))
	p.Set("Timestamp", s.clock.gate().Format("2006-01-02T15:04:05Z"))
	change(p)
	p.Set("Signature", sign("testsecret", stringToSign("POST", p)))
	resp, err := caller.PostForm("http://"+s.HTTPAddr()+"/", p)
	require.NoError(t, err)
	defer resp.Body.Close()
	a := map[string]any{}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&a))
	return a
}

func values(pairs ...string) func(url.Values) {
	return func(p url.Values) {
		for i := 0; i < len(pairs); i += 2 {
			p.Set(pairs[i], pairs[i+1])
		}
	}
}

func batch(phones, signs, params string) func(url.Values) {
	return values("PhoneNumberJson", phones, "SignNameJson", signs, "TemplateParamJson", params, "TemplateCode", "SMS_1", "OutId", "o-1")
}

// A batch stands or falls as a whole, unless the switch says that a bad number fails later.
func TestBatchOfSMS(t *testing.T) {
	h := &hook{status: 200, ack: `{"code":0}`}
	web := httptest.NewServer(h)
	defer web.Close()
	s, fake := started(t, Options{Callback: web.URL + "/{provider}"})
	const two, signs = `["13900000001","12"]`, `["示例","示例"]`
	many := `["13900000001"` + strings.Repeat(`,"13900000001"`, 100) + `]`
	for name, c := range map[string]struct {
		change func(url.Values)
		code   string
	}{
		"lengths": {batch(two, `["示例"]`, `[{},{}]`), "isv.INVALID_PARAMETERS"},
		"params":  {batch(`["13900000001"]`, `["示例"]`, `[{},{}]`), "isv.INVALID_PARAMETERS"},
		"JSON":    {batch(two, signs, `{`), "isv.INVALID_JSON_PARAM"},
		"number":  {batch(two, signs, `[{},{}]`), "isv.MOBILE_NUMBER_ILLEGAL"},
		"many":    {batch(many, strings.ReplaceAll(many, "13900000001", "示例"), ""), "isv.MOBILE_COUNT_OVER_LIMIT"},
	} {
		require.Equal(t, c.code, ask(t, s, "SendBatchSms", "2017-05-25", c.change)["Code"], name)
	}
	require.Zero(t, s.Journal.Summary().Channels["sms"].Accepted)

	terms := s.Terms()
	terms.AcceptBad = true
	s.SetTerms(terms)
	a := ask(t, s, "SendBatchSms", "2017-05-25", batch(two, signs, `[{"ref":"1"},{"ref":"2"}]`))
	require.Equal(t, "OK", a["Code"])
	require.NotEmpty(t, a["BizId"])
	fake.Advance(time.Second)
	s.Flush(t.Context())
	require.Contains(t, h.got()[0], `"err_code":"DELIVERED"`)
	require.Contains(t, h.got()[0], `"err_code":"isv.MOBILE_NUMBER_ILLEGAL"`)
	require.Equal(t, 2, strings.Count(h.got()[0], fmt.Sprintf(`"biz_id":"%s"`, a["BizId"])), "the id is the request's")
}

// What the account lacks shows in the middle of a campaign; what carriers do not know shows in the receipt.
func TestTermsOfTheAccount(t *testing.T) {
	s, fake := started(t, Options{Balance: 2, Texts: map[string]string{"SMS_1": strings.Repeat("字", 61) + "${ref}"}, Unfiled: []string{"未报备"}})
	send := func(phone, sign, ref string) any {
		return ask(t, s, "SendSms", "2017-05-25", values("PhoneNumbers", phone, "SignName", sign, "TemplateCode", "SMS_1", "TemplateParam", `{"ref":"`+ref+`"}`, "OutId", "o-"+phone))["Code"]
	}
	require.Equal(t, "OK", send("13900000001", "示例", "12345"), "70 characters are one segment")
	require.EqualValues(t, 1, s.Terms().Balance)
	require.Equal(t, "isv.AMOUNT_NOT_ENOUGH", send("13900000002", "示例", "123456"), "71 are two")
	require.Equal(t, "【示例】"+strings.Repeat("字", 61)+"12345", s.Journal.Recent("sms", "")[0].Body)
	terms := s.Terms()
	terms.Balance, terms.DayCap = 100, 2
	s.SetTerms(terms)
	require.Equal(t, "OK", send("13900000003", "未报备", "1"))
	require.Equal(t, "isv.DAY_LIMIT_CONTROL", send("13900000004", "示例", "1"))
	fake.Advance(24 * time.Hour)
	require.Equal(t, "OK", send("13900000004", "示例", "1"))
	terms.Overseas = true
	s.SetTerms(terms)
	require.Equal(t, "isv.DENY_IP_RANGE", send("13900000005", "示例", "1"))
	rec := s.sms.find(aliyunSMS, "13900000003")
	require.Equal(t, "REJECTD", rec[0].code)
	require.Empty(t, s.Journal.Summary().Violations, "none of this is the caller's mistake")
}

// Fifty notices in a rolling day: when the first is a day old, one more fits, not fifty.
func TestQuotaRolls(t *testing.T) {
	s, fake := started(t, Options{})
	send := func() any {
		return ask(t, s, "SendSms", "2017-05-25", values("PhoneNumbers", "13900000001", "SignName", "示例", "TemplateCode", "SMS_1"))["Code"]
	}
	require.Equal(t, "OK", send())
	fake.Advance(12 * time.Hour)
	for range 49 {
		require.Equal(t, "OK", send())
	}
	require.Equal(t, "isv.BUSINESS_LIMIT_CONTROL", send())
	fake.Advance(12 * time.Hour)
	require.Equal(t, "OK", send())
	require.Equal(t, "isv.BUSINESS_LIMIT_CONTROL", send())
}

// Queries find messages after a while, in pages of the day in Beijing, with what became of them.
func TestQueryAppearsLater(t *testing.T) {
	s, fake := started(t, Options{QueryDelay: time.Minute, ReceiptDelay: 2 * time.Minute})
	for i := range 3 {
		ask(t, s, "SendSms", "2017-05-25", values("PhoneNumbers", "13900000001", "SignName", "示例", "TemplateCode", "SMS_1", "OutId", fmt.Sprint("o-", i)))
	}
	query := func(page, day string) []any {
		a := ask(t, s, "QuerySendDetails", "2017-05-25", values("PhoneNumber", "8613900000001", "SendDate", day, "PageSize", "2", "CurrentPage", page))
		require.Equal(t, "OK", a["Code"])
		return a["SmsSendDetailDTOs"].(map[string]any)["SmsSendDetailDTO"].([]any)
	}
	require.Empty(t, query("1", "20260102"))
	fake.Advance(time.Minute)
	require.Len(t, query("1", "20260102"), 2)
	require.Len(t, query("2", "20260102"), 1)
	require.Empty(t, query("1", "20260101"))
	require.EqualValues(t, 1, query("2", "20260102")[0].(map[string]any)["SendStatus"])
	fake.Advance(time.Minute)
	row := query("2", "20260102")[0].(map[string]any)
	require.EqualValues(t, 3, row["SendStatus"])
	require.Equal(t, "o-2", row["OutId"])
	require.Equal(t, "2026-01-02 11:06:05", row["ReceiveDate"])
}

// Numbers abroad have words of their own, a batch a second, failures one by one, and a receipt that expires.
func TestSMSAbroad(t *testing.T) {
	h := &hook{status: 500}
	web := httptest.NewServer(h)
	defer web.Close()
	s, fake := started(t, Options{Callback: web.URL + "/{provider}"})
	const version = "2018-05-01"
	one := ask(t, s, "SendMessageToGlobe", version, values("To", "85291990009", "From", "Acme", "Message", "Security notice", "TaskId", "1.1.sms.a"))
	require.Equal(t, "OK", one["ResponseCode"])
	require.Equal(t, "1", one["Segments"])
	for to, code := range map[string]string{"8613900000001": "isv.NOT_SUPPORTED_COUNTRY", "+85291000001": "isv.MOBILE_NUMBER_ILLEGAL", "85291990006": "BUSINESS_LIMIT_CONTROL_PHONE"} {
		require.Equal(t, code, ask(t, s, "SendMessageToGlobe", version, values("To", to, "Message", "x"))["ResponseCode"], to)
	}
	batch := values("To", `["85291000001","12","85291990005"]`, "Message", "Security notice", "TaskId", "1.2.sms.a")
	b := ask(t, s, "BatchSendMessageToGlobe", version, batch)
	require.Equal(t, "1", b["SuccessCount"])
	require.Equal(t, `["12","85291990005"]`, b["FailedList"])
	require.Equal(t, "Throttling.User", ask(t, s, "BatchSendMessageToGlobe", version, batch)["Code"], "one a second")
	require.Equal(t, 1, s.Journal.Count("sms", "+85291000001", "1.2.sms.a"))

	require.EqualValues(t, 3, ask(t, s, "QueryMessage", version, values("MessageId", one["MessageId"].(string)))["Status"])
	for _, wait := range []time.Duration{time.Second, time.Minute, 5 * time.Minute, time.Hour} {
		fake.Advance(wait)
		s.Flush(t.Context())
	}
	require.Len(t, h.got(), 3, "pushed again after 1 and 5 minutes, then lost")
	require.Contains(t, h.got()[0], `/aliyun-sms-intl [{"To":"85291990009"`)
	require.Contains(t, h.got()[0], `"Status":"6","ErrorCode":"EXPIRED"`)
	require.Contains(t, h.got()[0], `"SendDate":"Fri, 02 Jan 2026 11:04:05 +0800"`)
	require.EqualValues(t, 2, ask(t, s, "QueryMessage", version, values("MessageId", one["MessageId"].(string)))["Status"])
}

func TestSegments(t *testing.T) {
	for text, want := range map[string]int64{
		strings.Repeat("a", 160): 1, strings.Repeat("a", 161): 2, strings.Repeat("€", 80): 1, strings.Repeat("€", 81): 2,
		strings.Repeat("字", 70): 1, strings.Repeat("字", 71): 2, strings.Repeat("a", 70) + "字": 2, strings.Repeat("字", 135): 3,
	} {
		require.Equal(t, want, globalSegments(text), text)
	}
}

// Calls beyond the documented rate are refused.
func TestRates(t *testing.T) {
	s, fake := started(t, Options{QPS: 2})
	for i, want := range []string{"200 OK", "200 OK", "400 Throttling.User"} {
		require.Equal(t, want, s.tell(t, "sms", fmt.Sprintf("1390000000%d", i)))
	}
	fake.Advance(time.Second)
	require.Equal(t, "200 OK", s.tell(t, "sms", "13900000009"))
}
