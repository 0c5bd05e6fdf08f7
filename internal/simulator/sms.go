package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// order is one message of a call.
type order struct {
	phone, sign, param string
	values             map[string]string
	text               string
	size               int64
}

// sendSMS is SendSms: one or more numbers with one set of parameters.
func (s *Simulator) sendSMS(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	if !s.require(w, p, "sms", "PhoneNumbers", "SignName", "TemplateCode") {
		return
	}
	var orders []order
	for phone := range strings.SplitSeq(p.Get("PhoneNumbers"), ",") {
		orders = append(orders, order{phone: phone, sign: p.Get("SignName"), param: p.Get("TemplateParam")})
	}
	s.mainland(w, r, orders, 1000)
}

// sendBatchSMS is SendBatchSms: up to a hundred numbers with parameters of their own, in arrays of one length.
func (s *Simulator) sendBatchSMS(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	if !s.require(w, p, "sms", "PhoneNumberJson", "SignNameJson", "TemplateCode") {
		return
	}
	var phones, signs []string
	var params []json.RawMessage
	if json.Unmarshal([]byte(p.Get("PhoneNumberJson")), &phones) != nil || json.Unmarshal([]byte(p.Get("SignNameJson")), &signs) != nil ||
		p.Get("TemplateParamJson") != "" && json.Unmarshal([]byte(p.Get("TemplateParamJson")), &params) != nil {
		s.refuseSMS(w, "isv.INVALID_JSON_PARAM", "JSON参数不合法")
		return
	}
	if len(signs) != len(phones) || len(params) > 0 && len(params) != len(phones) || len(phones) == 0 {
		s.refuseSMS(w, "isv.INVALID_PARAMETERS", "数组长度不一致")
		return
	}
	orders := make([]order, len(phones))
	for i, phone := range phones {
		orders[i] = order{phone: phone, sign: signs[i]}
		if len(params) > 0 {
			orders[i].param = string(params[i])
		}
	}
	s.mainland(w, r, orders, 100)
}

func (s *Simulator) refuseSMS(w http.ResponseWriter, code, message string) {
	s.Journal.refuse("sms", strings.TrimPrefix(code, "isv."))
	s.product(w, code, message)
}

// mainland takes a call of one or more messages, whole or not at all.
func (s *Simulator) mainland(w http.ResponseWriter, r *http.Request, orders []order, most int) {
	troubles := make([]Fault, len(orders))
	for i, o := range orders {
		troubles[i] = s.trouble("sms", aliyunSMS, bare(o.phone))
		if troubles[i].Error == "isv.MOBILE_NUMBER_ILLEGAL" && s.Terms().AcceptBad && len(orders) > 1 {
			troubles[i] = Fault{Accept: true, Later: laterFailed, Error: "isv.MOBILE_NUMBER_ILLEGAL"}
		}
	}
	fault := first(troubles)
	if fault.refuses() && !fault.Accept {
		s.Journal.refuse("sms", "")
		s.strikeHTTP(w, r, fault)
		return
	}
	now, template, outID := s.Now(), r.Form.Get("TemplateCode"), r.Form.Get("OutId")
	if code, message := s.sms.admit(orders, template, outID, most, now); code != "" {
		violation := strings.TrimPrefix(code, "isv.")
		if code == "isv.AMOUNT_NOT_ENOUGH" || code == "isv.DAY_LIMIT_CONTROL" || code == "isv.BUSINESS_LIMIT_CONTROL" || code == "isv.DENY_IP_RANGE" {
			violation = "" // the account's trouble, not the caller's mistake
		}
		s.Journal.refuse("sms", violation)
		s.product(w, code, message)
		return
	}
	bizID := fmt.Sprintf("9%017d^0", s.receipts.number())
	for i, o := range orders {
		s.takeSMS(aliyunSMS, o, troubles[i], smsRecord{id: bizID, outID: outID, template: template, sentAt: now}, r)
	}
	s.succeed(w, r, fault, map[string]any{"RequestId": s.requestID(), "Code": "OK", "Message": "OK", "BizId": bizID})
}

// admit checks the numbers, the registry and the variables, counts the quotas and takes the price.
func (b *smsBook) admit(orders []order, template, outID string, most int, now time.Time) (code, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &b.terms
	switch {
	case t.Overseas:
		return "isv.DENY_IP_RANGE", "源IP地址所在的地区被禁用"
	case len(outID) > 255:
		return "isv.INVALID_PARAMETERS", "OutId过长"
	case len(orders) > most:
		return "isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制"
	}
	var cost int64
	for i := range orders {
		o := &orders[i]
		if !mobile.MatchString(o.phone) && (!t.AcceptBad || len(orders) == 1) {
			return "isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误"
		}
		if code, message = t.approved(o.sign, template); code != "" {
			return code, message
		}
		if o.values, code, message = t.variables(template, o.param); code != "" {
			return code, message
		}
		o.text = t.wording(o.sign, template, o.values)
		o.size = segments(o.text, o.sign, o.values)
		cost += o.size
	}
	keys := make([]uint64, len(orders))
	for i, o := range orders {
		keys[i] = who(o.sign+"\x00"+template, bare(o.phone))
		if b.used(keys[i], now, 24*time.Hour) >= perDay {
			return "isv.BUSINESS_LIMIT_CONTROL", fmt.Sprintf("触发天级流控Permits:%d", perDay)
		}
	}
	if code, message = b.pay(cost, now); code != "" {
		return code, message
	}
	for _, key := range keys {
		b.count(key, now)
	}
	return "", ""
}

// takeSMS takes one message into the books and schedules its receipts.
func (s *Simulator) takeSMS(provider string, o order, f Fault, rec smsRecord, r *http.Request) {
	phone := bare(o.phone)
	rec.who, rec.status = who(provider, phone), 1
	title, body := "【"+o.sign+"】"+rec.template, o.text
	if body == "" {
		body = o.param
	}
	s.Journal.accept("sms", provider, []byte(phone), []byte(rec.outID), func() Entry { return Entry{At: rec.sentAt, Title: title, Body: body} })
	s.reportSMS(provider, phone, o, f, &rec, r)
	s.sms.mu.Lock()
	defer s.sms.mu.Unlock()
	s.sms.keep(rec)
}

// querySMS is QuerySendDetails: one number, one day, in pages, some time after the message was taken.
func (s *Simulator) querySMS(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	if !s.require(w, p, "query", "PhoneNumber", "SendDate", "PageSize", "CurrentPage") {
		return
	}
	fault := s.queryTrouble(aliyunSMS, bare(p.Get("PhoneNumber")))
	if fault.refuses() {
		s.strikeHTTP(w, r, fault)
		return
	}
	size, err1 := strconv.Atoi(p.Get("PageSize"))
	page, err2 := strconv.Atoi(p.Get("CurrentPage"))
	if err1 != nil || err2 != nil || size < 1 || size > 50 || page < 1 {
		s.product(w, "isv.INVALID_PARAMETERS", "参数异常")
		return
	}
	now, total, rows := s.Now(), 0, []map[string]any{}
	for _, rec := range s.sms.find(aliyunSMS, bare(p.Get("PhoneNumber"))) {
		if rec.sentAt.In(beijing).Format("20060102") != p.Get("SendDate") || p.Get("BizId") != "" && rec.id != p.Get("BizId") || now.Sub(rec.sentAt) < s.opt.QueryDelay {
			continue
		}
		if total++; total <= (page-1)*size || total > page*size {
			continue
		}
		row := map[string]any{"PhoneNum": bare(p.Get("PhoneNumber")), "OutId": rec.outID, "TemplateCode": rec.template, "SendStatus": 1,
			"SendDate": rec.sentAt.In(beijing).Format(wallClock), "Content": ""}
		if rec.settled(now) {
			row["SendStatus"], row["ErrCode"], row["ReceiveDate"] = rec.status, rec.code, rec.receivedAt.In(beijing).Format(wallClock)
		}
		rows = append(rows, row)
	}
	s.succeed(w, r, fault, map[string]any{"RequestId": s.requestID(), "Code": "OK", "Message": "OK", "TotalCount": strconv.Itoa(total),
		"SmsSendDetailDTOs": map[string]any{"SmsSendDetailDTO": rows}})
}

// queryTrouble is what is scripted for queries; magic recipients are asked about as anybody.
func (s *Simulator) queryTrouble(provider, phone string) Fault {
	f, _ := s.faults.strike("query", provider, "", phone, s.Now())
	return f
}

func (r *smsRecord) settled(now time.Time) bool {
	return !r.receivedAt.IsZero() && !r.receivedAt.After(now)
}
