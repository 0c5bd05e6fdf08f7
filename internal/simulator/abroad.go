package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var abroadNumber = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

// abroadCodes translate codes of mainland SMS to those of the product for numbers abroad (channels.md 2.5).
var abroadCodes = map[string]string{
	"isv.BUSINESS_LIMIT_CONTROL": "BUSINESS_LIMIT_CONTROL_PHONE",
}

func responseCode(s *Simulator, w http.ResponseWriter, code, text string) {
	if other, known := abroadCodes[code]; known {
		code = other
	}
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "ResponseCode": code, "ResponseDescription": text})
}

// strikeAbroad makes a fault happen in this product's words.
func (s *Simulator) strikeAbroad(w http.ResponseWriter, r *http.Request, f Fault) {
	if f.Error != "" && f.Code == 0 && !f.Drop {
		responseCode(s, w, f.Error, f.Text)
		return
	}
	s.strikeHTTP(w, r, f)
}

// sendAbroad is SendMessageToGlobe: one number, free text.
func (s *Simulator) sendAbroad(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	if !s.require(w, p, "sms", "To", "Message") {
		return
	}
	fault := s.trouble("sms", aliyunIntl, bare(p.Get("To")))
	if fault.refuses() && !fault.Accept {
		s.Journal.refuse("sms", "")
		s.strikeAbroad(w, r, fault)
		return
	}
	if code := s.checkAbroad(p.Get("To"), p.Get("Message"), p.Get("TaskId")); code != "" {
		s.Journal.refuse("sms", strings.TrimPrefix(code, "isv."))
		responseCode(s, w, code, "The request is refused.")
		return
	}
	size := globalSegments(p.Get("Message"))
	if code := s.payAbroad(size); code != "" {
		s.Journal.refuse("sms", "")
		responseCode(s, w, code, "The account is out of funds.")
		return
	}
	id := s.takeAbroad(p.Get("To"), p.Get("From"), p.Get("Message"), p.Get("TaskId"), size, fault, r)
	s.succeed(w, r, fault, map[string]any{"RequestId": s.requestID(), "ResponseCode": "OK", "ResponseDescription": "OK", "MessageId": id,
		"To": p.Get("To"), "From": p.Get("From"), "Segments": strconv.FormatInt(size, 10)})
}

// sendBatchAbroad is BatchSendMessageToGlobe: up to a thousand numbers, some of which may fail by themselves.
func (s *Simulator) sendBatchAbroad(w http.ResponseWriter, r *http.Request) {
	p := r.Form
	if !s.require(w, p, "sms", "To", "Message") {
		return
	}
	var numbers []string
	if json.Unmarshal([]byte(p.Get("To")), &numbers) != nil || len(numbers) == 0 || len(numbers) > 1000 {
		s.Journal.refuse("sms", "abroad-numbers")
		responseCode(s, w, "isv.INVALID_PARAMETERS", "To is an array of at most 1,000 numbers.")
		return
	}
	size, failed, ids := globalSegments(p.Get("Message")), []string{}, []string{}
	for _, to := range numbers {
		fault := s.trouble("sms", aliyunIntl, bare(to))
		if fault.refuses() && !fault.Accept || s.checkAbroad(to, p.Get("Message"), p.Get("TaskId")) != "" || s.payAbroad(size) != "" {
			s.Journal.refuse("sms", "")
			failed = append(failed, to)
			continue
		}
		ids = append(ids, s.takeAbroad(to, p.Get("From"), p.Get("Message"), p.Get("TaskId"), size, fault, r))
	}
	text := func(v []string) string { b, _ := json.Marshal(v); return string(b) } // strings always encode
	answer(w, http.StatusOK, map[string]any{"RequestId": s.requestID(), "ResponseCode": "OK", "ResponseDescription": "OK", "From": p.Get("From"),
		"SuccessCount": strconv.Itoa(len(ids)), "FailedList": text(failed), "MessageIdList": text(ids)})
}

func (s *Simulator) checkAbroad(to, message, task string) string {
	switch {
	case strings.HasPrefix(to, "86") && mobile.MatchString(to):
		return "isv.NOT_SUPPORTED_COUNTRY"
	case !abroadNumber.MatchString(to):
		return "isv.MOBILE_NUMBER_ILLEGAL"
	case utf8.RuneCountInString(message) > 1530 || len(task) > 255:
		return "isv.INVALID_PARAMETERS"
	}
	return ""
}

// payAbroad takes the price: numbers abroad are billed when they are submitted.
func (s *Simulator) payAbroad(size int64) string {
	s.sms.mu.Lock()
	defer s.sms.mu.Unlock()
	code, _ := s.sms.pay(size, s.Now())
	return code
}

func (s *Simulator) takeAbroad(to, from, message, task string, size int64, f Fault, r *http.Request) (id string) {
	id = fmt.Sprintf("1%017d", s.receipts.number())
	s.takeSMS(aliyunIntl, order{phone: to, sign: from, text: message, size: size}, f, smsRecord{id: id, outID: task, template: "NOTIFY", sentAt: s.Now()}, r)
	return id
}

// queryAbroad is QueryMessage by message id.
func (s *Simulator) queryAbroad(w http.ResponseWriter, r *http.Request) {
	if !s.require(w, r.Form, "query", "MessageId") {
		return
	}
	fault := s.queryTrouble(aliyunIntl, "")
	if fault.refuses() {
		s.strikeAbroad(w, r, fault)
		return
	}
	rec, found := s.sms.byID(r.Form.Get("MessageId"))
	now := s.Now()
	if !found || now.Sub(rec.sentAt) < s.opt.QueryDelay {
		responseCode(s, w, "isv.MESSAGE_NOT_FOUND", "The message is not found.")
		return
	}
	body := map[string]any{"RequestId": s.requestID(), "ResponseCode": "OK", "ResponseDescription": "OK", "MessageId": rec.id, "TaskId": rec.outID,
		"Status": 3, "SendDate": rec.sentAt.In(beijing).Format(wallClock)}
	if rec.settled(now) {
		body["ReceiveDate"], body["ErrorCode"], body["Status"] = rec.receivedAt.In(beijing).Format(wallClock), rec.code, 2
		if rec.status == 3 {
			body["Status"] = 1
		}
	}
	s.succeed(w, r, fault, body)
}

// byID finds a record by the provider's id.
func (b *smsBook) byID(id string) (smsRecord, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range []*records{&b.now, &b.old} {
		for i := len(g.list) - 1; i >= 0; i-- {
			if g.list[i].id == id {
				return g.list[i], true
			}
		}
	}
	return smsRecord{}, false
}

// gsmTwice are the characters of GSM-7 that count twice.
const gsmTwice = "|^€{}[]~\\\f"

// globalSegments counts GSM-7 texts by 160 and 153, others by 70 and 67.
func globalSegments(text string) int64 {
	n, single, multi := int64(0), int64(160), int64(153)
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmTwice, r):
			n += 2
		case r == '`' || r > 0x7e && !strings.ContainsRune("£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà", r):
			n, single, multi = int64(utf8.RuneCountInString(text)), 70, 67
		default:
			n++
		}
		if single == 70 {
			break
		}
	}
	if n <= single {
		return 1
	}
	return (n + multi - 1) / multi
}
