package receipt

import (
	"encoding/json"
	"time"

	"tocsin/notify"
)

// beijing is the zone of Aliyun's times, which do not name one.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// smsReport is one element of Aliyun's SmsReport push.
type smsReport struct {
	Success    bool   `json:"success"`
	ErrCode    string `json:"err_code"`
	ErrMsg     string `json:"err_msg"`
	BizID      string `json:"biz_id"`
	OutID      string `json:"out_id"`
	ReportTime string `json:"report_time"`
}

// aliyunSMS reads a push of mixed reports. A malformed element loses itself, not the others: the whole
// push comes again only three times, and then as malformed as before.
func aliyunSMS(_ string, body []byte) ([]notify.Receipt, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(body, &elements); err != nil {
		return nil, malformed("a JSON array of reports")
	}
	receipts := make([]notify.Receipt, 0, len(elements))
	for _, e := range elements {
		var r smsReport
		if err := json.Unmarshal(e, &r); err != nil || r.OutID == "" {
			continue
		}
		receipts = append(receipts, r.receipt())
	}
	return receipts, nil
}

func (r smsReport) receipt() notify.Receipt {
	class := notify.ClassDelivered
	if !r.Success {
		class = classOf(smsCodes, r.ErrCode, r.ErrMsg)
		if class == notify.ClassDelivered { // the code contradicts the flag
			class = notify.ClassRcptSoft
		}
	}
	at, err := time.ParseInLocation(time.DateTime, r.ReportTime, beijing)
	if err != nil {
		at = time.Time{} // when it came in will do
	}
	return notify.Receipt{OutID: r.OutID, ProviderID: r.BizID, Class: class, Code: r.ErrCode, At: at.UTC()}
}
