package simulator

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	perDay    = 50     // notices per signature, template and number in 24 hours
	kept      = 50_000 // records that QuerySendDetails finds
	wallClock = "2006-01-02 15:04:05"
)

var (
	beijing = time.FixedZone("CST", 8*3600)
	mobile  = regexp.MustCompile(`^(?:\+?86|0086)?(1[3-9][0-9]{9})$`)
	anyURL  = regexp.MustCompile(`(?i)://|www\.|\.(com|cn|net|org|example)\b`)
)

// smsRecord is what the provider knows of one message.
type smsRecord struct {
	phone, bizID, outID, template string
	sentAt                        time.Time
	receivedAt                    time.Time // zero: not yet
	status                        int       // 1 waiting, 2 failed, 3 delivered
	errCode                       string
}

// smsBook keeps quotas, the balance and the last records.
type smsBook struct {
	mu      sync.Mutex
	limited bool
	balance int64
	quota   map[uint64]smsQuota
	records []*smsRecord // ring
	next    int
	byPhone map[string][]*smsRecord
}

type smsQuota struct {
	since int64
	used  int
}

func newSMSBook(balance int64) *smsBook {
	return &smsBook{limited: balance > 0, balance: balance, quota: map[uint64]smsQuota{}, byPhone: map[string][]*smsRecord{}}
}

// sendSMS is SendSms for one or more numbers with one set of parameters.
func (s *Simulator) sendSMS(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	for _, name := range []string{"PhoneNumbers", "SignName", "TemplateCode"} {
		if p.Get(name) == "" {
			s.Journal.refuse("sms", "missing-"+strings.ToLower(name))
			s.fail(w, missing(name))
			return
		}
	}
	phones := strings.Split(p.Get("PhoneNumbers"), ",")
	fault, struck := s.faults.strike("sms", "", bare(phones[0]))
	if struck && !fault.Accept {
		s.Journal.refuse("sms", "")
		s.strikeHTTP(w, r, fault)
		return
	}
	if code, message := s.checkSMS(phones, p.Get("SignName"), p.Get("TemplateCode"), p.Get("TemplateParam"), p.Get("OutId")); code != "" {
		s.Journal.refuse("sms", strings.TrimPrefix(code, "isv."))
		s.product(w, code, message)
		return
	}
	now := s.opt.Clock.Now()
	size := segments(p.Get("SignName"), p.Get("TemplateParam"))
	if code, message := s.sms.pay(phones, p.Get("SignName"), p.Get("TemplateCode"), size, now); code != "" {
		s.Journal.refuse("sms", "")
		s.product(w, code, message)
		return
	}
	bizID := fmt.Sprintf("9%017d^0", s.receipts.number())
	for _, phone := range phones {
		rec := &smsRecord{phone: bare(phone), bizID: bizID, outID: p.Get("OutId"), template: p.Get("TemplateCode"), sentAt: now, status: 1}
		s.sms.keep(rec)
		s.Journal.accept(Entry{At: now, Channel: "sms", Recipient: rec.phone, ID: rec.outID, Title: "【" + p.Get("SignName") + "】" + p.Get("TemplateCode")},
			func() string { return p.Get("TemplateParam") })
		s.reportSMS(rec, size)
	}
	if struck {
		s.strikeHTTP(w, r, fault)
		return
	}
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "Code": "OK", "Message": "OK", "BizId": bizID})
}

func bare(phone string) string {
	if m := mobile.FindStringSubmatch(phone); m != nil {
		return m[1]
	}
	return phone
}

// checkSMS applies the rules of numbers, templates, signatures and variables.
func (s *Simulator) checkSMS(phones []string, sign, template, param, outID string) (code, message string) {
	switch {
	case len(phones) > 1000:
		return "isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制"
	case len(outID) >= 256:
		return "isv.INVALID_PARAMETERS", "参数异常"
	case len(s.opt.Signs) > 0 && !slices.Contains(s.opt.Signs, sign) || utf8.RuneCountInString(sign) > 20:
		return "isv.SMS_SIGNATURE_ILLEGAL", "签名不合法"
	case !strings.HasPrefix(template, "SMS_"):
		return "isv.SMS_TEMPLATE_ILLEGAL", "模板不合法"
	}
	for _, p := range phones {
		if !mobile.MatchString(p) || magicPhone(bare(p)) == "990005" {
			return "isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误"
		}
		if magicPhone(bare(p)) == "990006" {
			return "isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5"
		}
	}
	values := map[string]any{}
	if param != "" && json.Unmarshal([]byte(param), &values) != nil {
		return "isv.INVALID_JSON_PARAM", "JSON参数不合法"
	}
	if len(s.opt.Templates) > 0 {
		names, known := s.opt.Templates[template]
		if !known {
			return "isv.SMS_TEMPLATE_ILLEGAL", "模板不合法"
		}
		for _, name := range names {
			if _, ok := values[name]; !ok {
				return "isv.TEMPLATE_MISSING_PARAMETERS", "模板缺少变量"
			}
		}
	}
	for _, v := range values {
		text, ok := v.(string)
		switch n := utf8.RuneCountInString(text); {
		case !ok:
			return "isv.INVALID_JSON_PARAM", "参数必须为字符串"
		case n < 1 || n > 35:
			return "isv.PARAM_LENGTH_LIMIT", "参数超出长度限制"
		case anyURL.MatchString(text):
			return "isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL"
		}
	}
	return "", ""
}

// segments estimates the billed size: 70 characters, else pieces of 67.
func segments(sign, param string) int64 {
	n := int64(utf8.RuneCountInString(sign) + 40 + utf8.RuneCountInString(param))
	if n <= 70 {
		return 1
	}
	return (n + 66) / 67
}

// pay counts the quota of each number and takes the price.
func (b *smsBook) pay(phones []string, sign, template string, size int64, now time.Time) (code, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, phone := range phones {
		h := fnv.New64a()
		h.Write([]byte(sign + "\x00" + template + "\x00" + bare(phone)))
		q := b.quota[h.Sum64()]
		if now.Unix()-q.since >= 24*3600 {
			q = smsQuota{since: now.Unix()}
		}
		if q.used >= perDay {
			return "isv.BUSINESS_LIMIT_CONTROL", fmt.Sprintf("触发天级流控Permits:%d", perDay)
		}
		q.used++
		b.quota[h.Sum64()] = q
	}
	cost := size * int64(len(phones))
	if b.limited && b.balance < cost {
		return "isv.AMOUNT_NOT_ENOUGH", "账户余额不足"
	}
	b.balance -= cost
	return "", ""
}

// keep remembers a record, forgetting the oldest when there are too many.
func (b *smsBook) keep(r *smsRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.records) < kept {
		b.records = append(b.records, r)
	} else {
		old := b.records[b.next]
		b.byPhone[old.phone] = slices.DeleteFunc(b.byPhone[old.phone], func(x *smsRecord) bool { return x == old })
		if len(b.byPhone[old.phone]) == 0 {
			delete(b.byPhone, old.phone)
		}
		b.records[b.next] = r
		b.next = (b.next + 1) % kept
	}
	b.byPhone[r.phone] = append(b.byPhone[r.phone], r)
}

// reportSMS decides what becomes of a message and schedules its receipts.
func (s *Simulator) reportSMS(r *smsRecord, size int64) {
	delay, code, times := s.opt.ReceiptDelay, "DELIVERED", 1
	switch magicPhone(r.phone) {
	case "990001":
		code = "MK:0001"
	case "990002":
		code = "UNDELIV"
	case "990003":
		delay = later
	case "990004":
		return
	case "990007":
		times = 2
	case "990008":
		code = "MBBLACK"
	}
	at := r.sentAt.Add(delay)
	s.sms.settle(r, code, at)
	rep := smsReport{Phone: r.phone, SendTime: r.sentAt.In(beijing).Format(wallClock), ReportTime: at.In(beijing).Format(wallClock),
		Success: code == "DELIVERED", ErrCode: code, ErrMsg: code, Size: strconv.FormatInt(size, 10), BizID: r.bizID, OutID: r.outID}
	for range times {
		s.receipts.add(receipt{due: at, provider: "aliyun-sms", sms: rep})
	}
	if times > 1 {
		rep.Success, rep.ErrCode, rep.ErrMsg = false, "UNDELIV", "UNDELIV"
		s.receipts.add(receipt{due: at.Add(later), provider: "aliyun-sms", sms: rep})
	}
}

func (b *smsBook) settle(r *smsRecord, code string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.errCode, r.receivedAt, r.status = code, at, 2
	if code == "DELIVERED" {
		r.status = 3
	}
}

// querySMS is QuerySendDetails: one number, one day, in pages, some time after the message was taken.
func (s *Simulator) querySMS(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	for _, name := range []string{"PhoneNumber", "SendDate", "PageSize", "CurrentPage"} {
		if p.Get(name) == "" {
			s.fail(w, missing(name))
			return
		}
	}
	if f, ok := s.faults.strike("query", "", bare(p.Get("PhoneNumber"))); ok {
		s.strikeHTTP(w, r, f)
		return
	}
	size, err1 := strconv.Atoi(p.Get("PageSize"))
	page, err2 := strconv.Atoi(p.Get("CurrentPage"))
	if err1 != nil || err2 != nil || size < 1 || size > 50 || page < 1 {
		s.product(w, "isv.INVALID_PARAMETERS", "参数异常")
		return
	}
	total, rows := s.sms.find(bare(p.Get("PhoneNumber")), p.Get("SendDate"), p.Get("BizId"), s.opt.Clock.Now(), s.opt.QueryDelay, size, page)
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "Code": "OK", "Message": "OK", "TotalCount": strconv.Itoa(total),
		"SmsSendDetailDTOs": map[string]any{"SmsSendDetailDTO": rows}})
}

func (b *smsBook) find(phone, day, bizID string, now time.Time, delay time.Duration, size, page int) (total int, rows []map[string]any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rows = []map[string]any{}
	for _, r := range b.byPhone[phone] {
		if r.sentAt.In(beijing).Format("20060102") != day || bizID != "" && r.bizID != bizID || now.Sub(r.sentAt) < delay {
			continue
		}
		total++
		if total <= (page-1)*size || total > page*size {
			continue
		}
		row := map[string]any{"PhoneNum": r.phone, "OutId": r.outID, "TemplateCode": r.template, "SendStatus": 1,
			"SendDate": r.sentAt.In(beijing).Format(wallClock), "Content": ""}
		if !r.receivedAt.IsZero() && !r.receivedAt.After(now) {
			row["SendStatus"], row["ErrCode"], row["ReceiveDate"] = r.status, r.errCode, r.receivedAt.In(beijing).Format(wallClock)
		}
		rows = append(rows, row)
	}
	return total, rows
}
