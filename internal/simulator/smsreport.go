package simulator

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// smsReport is one element of Aliyun's callback for mainland numbers (channels.md 2.4).
type smsReport struct {
	Phone      string `json:"phone_number"`
	SendTime   string `json:"send_time"`
	ReportTime string `json:"report_time"`
	Success    bool   `json:"success"`
	ErrCode    string `json:"err_code"`
	ErrMsg     string `json:"err_msg"`
	Size       string `json:"sms_size"`
	BizID      string `json:"biz_id"`
	OutID      string `json:"out_id"`
}

// abroadReport is one element of Aliyun's callback for numbers abroad.
type abroadReport struct {
	To               string
	SendDate         string
	ReceiveDate      string
	Status           string // 1 delivered, 2 failed, 6 expired
	ErrorCode        string
	ErrorDescription string
	TaskID           string `json:"TaskId"`
	SmsSize          string
	MessageID        string `json:"MessageId"`
}

// tencentReport is one element of Tencent's callback (channels.md 7).
type tencentReport struct {
	Received    string `json:"user_receive_time"`
	Nation      string `json:"nationcode"`
	Mobile      string `json:"mobile"`
	Status      string `json:"report_status"`
	ErrMsg      string `json:"errmsg"`
	Description string `json:"description"`
	SID         string `json:"sid"`
}

// unreadable is an element of no known form.
var unreadable = json.RawMessage(`{"phone_number":13900000000,"To":1,"mobile":1,"success":"perhaps","Status":true,"report_status":{},"biz_id":[]}`)

// outcome is what became of a message at some time.
type outcome struct {
	code string // DELIVERED, or why not
	at   time.Time
}

const deliveredCode = "DELIVERED"

// reportSMS decides what becomes of a message and schedules its receipts.
func (s *Simulator) reportSMS(provider, phone string, o order, f Fault, rec *smsRecord, r *http.Request) {
	soon := outcome{deliveredCode, rec.sentAt.Add(s.opt.ReceiptDelay)}
	switch {
	case f.Later == laterFailed:
		soon.code = f.Error
	case provider == aliyunSMS && !mobile.MatchString(o.phone):
		soon.code = "isv.MOBILE_NUMBER_ILLEGAL"
	case s.unfiled(o.sign):
		soon.code = "REJECTD" // what carriers say of signatures they do not know has nothing to do with signatures
	}
	if f.Later == laterLate {
		soon.at = soon.at.Add(later)
	}
	rec.code, rec.receivedAt, rec.status = soon.code, soon.at, 2
	if soon.code == deliveredCode {
		rec.status = 3
	}
	send := func(x outcome, before ...any) {
		for _, e := range before {
			s.receipts.add(receipt{due: x.at, provider: receiptsOf[provider], element: e})
		}
		s.receipts.add(receipt{due: x.at, provider: receiptsOf[provider], element: element(provider, phone, o, rec, x)})
	}
	switch f.Later {
	case laterNothing:
		rec.receivedAt = time.Time{}
	case laterTwice:
		send(soon)
		send(soon)
		send(outcome{"UNDELIV", soon.at.Add(later)})
	case laterDisorder:
		send(outcome{"UNDELIV", soon.at})
		send(soon)
	case laterUnknown:
		strange := *rec
		strange.id, strange.outID = "900000000000000000^0", "1.1.sms.aaaaaaaaaaaaaaaa"
		send(soon, element(provider, "13900000000", o, &strange, outcome{"MK:0001", soon.at}))
	case laterMalformed:
		send(soon, unreadable)
	case laterEarly:
		rec.receivedAt = rec.sentAt
		s.tellNow(r.Context(), provider, element(provider, phone, o, rec, outcome{deliveredCode, rec.sentAt}))
	default:
		send(soon)
	}
}

func (s *Simulator) unfiled(sign string) bool {
	for _, name := range s.Terms().Unfiled {
		if name == sign {
			return true
		}
	}
	return false
}

// tellNow pushes one receipt before the answer to the call.
func (s *Simulator) tellNow(ctx context.Context, provider string, e any) {
	body, _ := json.Marshal([]any{e}) // strings and bools always encode
	if !s.receipts.post(ctx, receiptsOf[provider], "application/json;charset=utf-8", body) {
		s.receipts.add(receipt{due: s.Now(), provider: receiptsOf[provider], element: e})
	}
}

var receiptsOf = map[string]string{aliyunSMS: mainlandReceipts, aliyunIntl: abroadReceipts, tencentSMS: tencentReceipts}

// element is an outcome in the provider's form.
func element(provider, phone string, o order, rec *smsRecord, x outcome) any {
	ok, size := x.code == deliveredCode, strconv.FormatInt(o.size, 10)
	switch provider {
	case aliyunIntl:
		status, code := "2", x.code
		if ok {
			status, code = "1", "success"
		} else if x.code == "EXPIRED" {
			status = "6"
		}
		return abroadReport{To: strings.TrimPrefix(phone, "+"), SendDate: rec.sentAt.In(beijing).Format(time.RFC1123Z), ReceiveDate: x.at.In(beijing).Format(time.RFC1123Z),
			Status: status, ErrorCode: code, ErrorDescription: code, TaskID: rec.outID, SmsSize: size, MessageID: rec.id}
	case tencentSMS:
		rep := tencentReport{Received: x.at.In(beijing).Format(wallClock), Nation: "86", Mobile: phone, Status: "FAIL", ErrMsg: x.code, Description: x.code, SID: rec.id}
		if strings.HasPrefix(phone, "+") {
			rep.Nation, rep.Mobile = "", strings.TrimPrefix(phone, "+")
		}
		if ok {
			rep.Status, rep.ErrMsg, rep.Description = "SUCCESS", "DELIVRD", "用户短信送达成功"
		}
		return rep
	}
	return smsReport{Phone: phone, SendTime: rec.sentAt.In(beijing).Format(wallClock), ReportTime: x.at.In(beijing).Format(wallClock),
		Success: ok, ErrCode: x.code, ErrMsg: x.code, Size: size, BizID: rec.id, OutID: rec.outID}
}
