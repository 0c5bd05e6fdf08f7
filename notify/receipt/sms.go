package receipt

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"tocsin/notify"
	"tocsin/notify/codes"
)

// beijing is the zone of the clouds' times, which do not name one.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// elements parts a push of mixed reports. A malformed element loses itself, not the others: the whole push
// comes again only a few times, and then as malformed as before.
func elements[T any](body []byte, receipt func(T) notify.Receipt) ([]notify.Receipt, error) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '{' { // one report, outside its array
		body = append(append([]byte{'['}, body...), ']')
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, malformed("a JSON array of reports")
	}
	receipts := make([]notify.Receipt, 0, len(raw))
	for _, e := range raw {
		var report T
		if json.Unmarshal(e, &report) != nil {
			continue
		}
		if r := receipt(report); r.OutID != "" || r.ProviderID != "" && r.Address != "" {
			receipts = append(receipts, r)
		}
	}
	return receipts, nil
}

// word is the receipt of a report: delivered, or failed for a carrier's reason.
func word(now time.Time, delivered bool, code, text string) notify.Receipt {
	if delivered {
		return notify.Receipt{Class: notify.ClassDelivered, Code: code}
	}
	v, content := codes.Failed(code, text, now)
	if content {
		v.Class = suspect
	}
	return notify.Receipt{Class: v.Class, Code: code, RetryAt: v.RetryAt}
}

// at reads a provider's time; when it names none that can be read, when it came in will do.
func at(layout, s string) time.Time {
	t, err := time.ParseInLocation(layout, s, beijing)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// mainlandReport is one element of Aliyun's SmsReport push.
type mainlandReport struct {
	Success    bool   `json:"success"`
	ErrCode    string `json:"err_code"`
	ErrMsg     string `json:"err_msg"`
	BizID      string `json:"biz_id"`
	OutID      string `json:"out_id"`
	ReportTime string `json:"report_time"`
}

func aliyunSMS(now time.Time, _ string, body []byte) ([]notify.Receipt, error) {
	return elements(body, func(m mainlandReport) notify.Receipt {
		r := word(now, m.Success, m.ErrCode, m.ErrMsg)
		r.OutID, r.ProviderID, r.At = m.OutID, m.BizID, at(time.DateTime, m.ReportTime)
		return r
	})
}

// globeReport is Aliyun's report of a message abroad. Our id is its task's.
type globeReport struct {
	Status      string // 1 delivered, 2 failed, 6 expired
	ErrorCode   string
	Description string `json:"ErrorDescription"`
	TaskID      string `json:"TaskId"`
	MessageID   string `json:"MessageId"`
	ReceiveDate string
}

func aliyunGlobe(now time.Time, _ string, body []byte) ([]notify.Receipt, error) {
	return elements(body, func(g globeReport) notify.Receipt {
		r := notify.Receipt{}
		switch g.Status {
		case "1":
			r = word(now, true, g.ErrorCode, "")
		case "2":
			r = word(now, false, g.ErrorCode, g.Description)
		case "6":
			r = notify.Receipt{Class: notify.ClassRcptSoft, Code: "EXPIRED"}
		default:
			return r // no word yet
		}
		r.OutID, r.ProviderID, r.At = g.TaskID, g.MessageID, at(time.RFC1123Z, g.ReceiveDate)
		return r
	})
}

// cloudReport is one element of Tencent's push. It does not repeat our id: its own and the number say which
// delivery it is about.
type cloudReport struct {
	ReceivedAt string `json:"user_receive_time"`
	Nation     string `json:"nationcode"`
	Mobile     string `json:"mobile"`
	Status     string `json:"report_status"` // SUCCESS | FAIL
	Code       string `json:"errmsg"`
	Text       string `json:"description"`
	Serial     string `json:"sid"`
}

func tencentSMS(now time.Time, _ string, body []byte) ([]notify.Receipt, error) {
	return elements(body, func(c cloudReport) notify.Receipt {
		if c.Status != "SUCCESS" && c.Status != "FAIL" || c.Nation == "" || c.Mobile == "" {
			return notify.Receipt{}
		}
		r := word(now, c.Status == "SUCCESS", c.Code, c.Text)
		r.ProviderID, r.At = c.Serial, at(time.DateTime, c.ReceivedAt)
		r.Address = "+" + strings.TrimPrefix(c.Nation, "+") + c.Mobile
		return r
	})
}
