package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var e164 = regexp.MustCompile(`^(\+[1-9][0-9]{6,14}|(0086|86)?1[3-9][0-9]{9})$`)

// tencentStatus is the answer for one number.
type tencentStatus struct {
	SerialNo       string
	PhoneNumber    string
	Fee            int64
	SessionContext string
	Code           string
	Message        string
	IsoCode        string
}

// tencentSend is SendSms: a status for each number, some of which may fail by themselves.
func (s *Simulator) tencentSend(w http.ResponseWriter, r *http.Request, body []byte) {
	var t tencentOrder
	if json.Unmarshal(body, &t) != nil {
		s.Journal.refuse("sms", "tencent-body")
		s.tencentFail(w, "FailedOperation.FailResolvePacket", "the body is not readable")
		return
	}
	if code, message := t.check(); code != "" {
		s.Journal.refuse("sms", "tencent-"+code)
		s.tencentFail(w, code, message)
		return
	}
	troubles := make([]Fault, len(t.Phones))
	for i, phone := range t.Phones {
		troubles[i] = s.trouble("sms", tencentSMS, bare(phone))
	}
	var ofCall []Fault
	for _, f := range troubles {
		if !strings.HasPrefix(f.Error, "isv.") { // a code of the product is a number's, not the call's
			ofCall = append(ofCall, f)
		}
	}
	call := first(ofCall)
	if call.refuses() && !call.Accept {
		s.Journal.refuse("sms", "")
		s.strikeTencent(w, r, call)
		return
	}
	set := make([]tencentStatus, len(t.Phones))
	for i, phone := range t.Phones {
		set[i] = s.tencentOne(&t, phone, troubles[i], r)
	}
	if call.refuses() {
		s.strikeTencent(w, r, call)
		return
	}
	s.succeed(w, r, call, map[string]any{"Response": map[string]any{"SendStatusSet": set, "RequestId": s.requestID()}})
}

// strikeTencent makes a fault happen in this provider's words.
func (s *Simulator) strikeTencent(w http.ResponseWriter, r *http.Request, f Fault) {
	if f.Error != "" && !f.Drop {
		if f.Delay+f.Hang > 0 {
			s.pause(r.Context(), f.Delay+f.Hang)
		}
		s.tencentFail(w, f.Error, f.Text)
		return
	}
	s.strikeHTTP(w, r, f)
}

// tencentOne takes one number of a call, or says why not.
func (s *Simulator) tencentOne(t *tencentOrder, phone string, f Fault, r *http.Request) tencentStatus {
	st := tencentStatus{PhoneNumber: phone, SessionContext: t.Session}
	refuse := func(code, message string) tencentStatus {
		s.Journal.refuse("sms", "")
		st.Code, st.Message = tencentCode(code), message
		return st
	}
	if strings.HasPrefix(f.Error, "isv.") && f.Later == "" {
		return refuse(f.Error, f.Text)
	}
	if !e164.MatchString(phone) {
		return refuse("InvalidParameterValue.IncorrectPhoneNumber", "the number is not in E.164")
	}
	o := order{phone: phone, sign: t.Sign, size: 1}
	number := bare(phone)
	now := s.Now()
	if code, message := s.sms.admitTencent(t, number, &o, now); code != "" {
		return refuse(code, message)
	}
	rec := smsRecord{id: fmt.Sprintf("2645:%020d", s.receipts.number()), outID: t.Session, template: t.Template, sentAt: now}
	o.param = strings.Join(t.Params, " / ")
	s.takeSMS(tencentSMS, o, f, rec, r)
	st.SerialNo, st.Fee, st.Code, st.Message, st.IsoCode = rec.id, o.size, "Ok", "send success", "CN"
	if strings.HasPrefix(number, "+") {
		st.IsoCode = ""
	}
	return st
}

// What the console allows until somebody raises it (channels.md 7).
const (
	sameText  = 30 * time.Second // between two of the same text to one number
	numberDay = 10               // of one application to one number in a day
)

// admitTencent checks registry and frequency, and takes the price.
func (b *smsBook) admitTencent(t *tencentOrder, number string, o *order, now time.Time) (code, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if code, message = b.terms.approved(t.Sign, t.Template); code != "" {
		return code, message
	}
	values := map[string]string{}
	for i, v := range t.Params {
		values[strconv.Itoa(i+1)] = v
	}
	o.text = b.terms.wording(t.Sign, t.Template, values) // ${1} stands for Tencent's {1}
	o.size = segments(o.text, t.Sign, values)
	text := who("tencent text\x00"+t.Template+"\x00"+strings.Join(t.Params, "\x00"), number)
	day := who("tencent day\x00"+t.AppID, number)
	switch {
	case b.used(text, now, sameText) > 0:
		return "LimitExceeded.PhoneNumberThirtySecondLimit", "the same text within 30 seconds"
	case b.used(day, now, 24*time.Hour) >= numberDay:
		return "LimitExceeded.PhoneNumberDailyLimit", "too many to this number today"
	}
	if code, message = b.pay(o.size, now); code != "" {
		return code, message
	}
	b.count(text, now)
	b.count(day, now)
	return "", ""
}

// tencentPull is PullSmsSendStatusByPhoneNumber: what became of messages to a number within a time.
func (s *Simulator) tencentPull(w http.ResponseWriter, r *http.Request, body []byte) {
	var q struct {
		Begin  int64  `json:"BeginTime"`
		End    int64  `json:"EndTime"`
		Offset int    `json:"Offset"`
		Limit  int    `json:"Limit"`
		Phone  string `json:"PhoneNumber"`
		AppID  string `json:"SmsSdkAppId"`
	}
	if json.Unmarshal(body, &q) != nil || q.Begin == 0 || q.Phone == "" || q.AppID == "" || q.Limit < 1 || q.Limit > 100 {
		s.tencentFail(w, "InvalidParameter", "BeginTime, Limit up to 100, PhoneNumber and SmsSdkAppId are needed")
		return
	}
	fault := s.queryTrouble(tencentSMS, bare(q.Phone))
	if fault.refuses() {
		s.strikeTencent(w, r, fault)
		return
	}
	set, now, skip := []map[string]any{}, s.Now(), q.Offset
	for _, rec := range s.sms.find(tencentSMS, bare(q.Phone)) {
		if !rec.settled(now) || now.Sub(rec.sentAt) < s.opt.QueryDelay || rec.sentAt.Unix() < q.Begin || q.End > 0 && rec.sentAt.Unix() > q.End {
			continue
		}
		if skip--; skip >= 0 || len(set) == q.Limit {
			continue
		}
		status, text := "FAIL", rec.code
		if rec.status == 3 {
			status, text = "SUCCESS", "用户短信送达成功"
		}
		set = append(set, map[string]any{"UserReceiveTime": rec.receivedAt.Unix(), "CountryCode": "86", "SubscriberNumber": bare(q.Phone),
			"PhoneNumber": q.Phone, "SerialNo": rec.id, "ReportStatus": status, "Description": text, "SessionContext": rec.outID})
	}
	s.succeed(w, r, fault, map[string]any{"Response": map[string]any{"PullSmsSendStatusSet": set, "RequestId": s.requestID()}})
}
