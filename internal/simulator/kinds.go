package simulator

import (
	"bytes"
	"net/http"
	"strings"
	"time"
)

// What comes back later for a message that was taken.
const (
	laterNothing   = "nothing"
	laterFailed    = "failed"
	laterDelayed   = "delayed"
	laterRead      = "read"
	laterComplaint = "complaint"
	laterAutoReply = "auto-reply"
	laterForged    = "forged"    // a report about a delivery that never was
	laterNoID      = "no-id"     // a report without envelope id
	laterLatin     = "latin"     // a report in ISO 8859-1
	laterLate      = "late"      // delivered, but the word comes late
	laterTwice     = "twice"     // twice, then a late failure
	laterDisorder  = "disorder"  // a failure first, then delivered
	laterEarly     = "early"     // before the answer to the call
	laterUnknown   = "unknown"   // with another about an id that never was
	laterMalformed = "malformed" // in one batch with an element that cannot be read
)

const (
	unavailableHTML = "<html><body><h1>Bad Gateway</h1></body></html>"
	unavailableJSON = `{"Code":"ServiceUnavailable","Message":"The request has failed due to a temporary failure of the server."}`
	truncatedJSON   = `{"RequestId":"SIM-TRUNCATED","Code":"OK","Mess`
)

// Kind is one way a delivery can go wrong: by a magic recipient, for a share of all recipients, or at will.
type Kind struct {
	Name     string `json:"name"`           // also the local part or beginning of a device id that has it
	Channels string `json:"channels"`       // where it can happen
	Number   string `json:"number"`         // last six digits of phones that have it
	Once     bool   `json:"once"`           // only the first time for a recipient
	Stops    bool   `json:"stops"`          // it is about the account, so it is not part of "every fault"
	ZH       string `json:"zh"`             // what happens, for readers
	EN       string `json:"en"`             // the same
	Fault    Fault  `json:"fault,omitzero"` // what happens, for the doubles
}

// kinds is the one table of what can go wrong, from channels.md section 12.
var kinds = []Kind{
	{"nouser", "email", "", false, false, "拒收：无此邮箱（RCPT 550 5.1.1）", "refused: no such mailbox (RCPT 550 5.1.1)", Fault{At: AtRcpt, Code: 550, Text: "5.1.1 User unknown"}},
	{"full", "email", "", false, false, "拒收：邮箱已满（RCPT 552 5.2.2）", "refused: mailbox full (RCPT 552 5.2.2)", Fault{At: AtRcpt, Code: 552, Text: "5.2.2 Mailbox full"}},
	{"greylist", "email", "", true, false, "第一次 450 4.2.0，再来则收下", "450 4.2.0 once, then taken", Fault{At: AtRcpt, Code: 450, Text: "4.2.0 Greylisted, try again later"}},
	{"busy", "email", "", true, false, "第一次 421 并断开连接", "421 once, and the connection is closed", Fault{At: AtRcpt, Code: 421, Text: "4.3.2 Service not available, closing channel", Drop: true}},
	{"frequency", "email", "", true, false, "第一次 550 频率限制（QQ 邮箱的说法）", "550 once for frequency, as QQ words it", Fault{At: AtRcpt, Code: 550, Text: "Domain frequency limited"}},
	{"rejected", "email", "", false, false, "读完邮件后拒收（554 5.3.0）", "refused after the message (554 5.3.0)", Fault{At: AtFinal, Code: 554, Text: "5.3.0 Transaction failed"}},
	{"blocked", "email", "", false, true, "读完邮件后因内容拒收（550 5.7.1）", "refused for its content (550 5.7.1)", Fault{At: AtFinal, Code: 550, Text: "5.7.1 Mail content denied"}},
	{"quota", "email", "", true, true, "第一次 552：当日额度用完", "552 once: the daily sending quota is used up", Fault{At: AtRcpt, Code: 552, Text: "Daily sending quota exceeded"}},
	{"bounce", "email", "", false, false, "收下，之后退信：无此邮箱（5.1.1）", "taken, then a report: no such mailbox (5.1.1)", Fault{Accept: true, Later: laterFailed, Error: "5.1.1"}},
	{"fullreport", "email", "", false, false, "收下，之后退信：邮箱已满（5.2.2）", "taken, then a report: mailbox full (5.2.2)", Fault{Accept: true, Later: laterFailed, Error: "5.2.2"}},
	{"delay", "email", "", false, false, "收下，通知延迟，十分钟后送达", "taken, a report of delay, ten minutes later delivered", Fault{Accept: true, Later: laterDelayed}},
	{"complain", "email", "", false, false, "收下，之后投诉（ARF）", "taken, then a complaint (ARF)", Fault{Accept: true, Later: laterComplaint}},
	{"autoreply", "email", "", false, false, "收下，之后自动回复，不是退信", "taken, then an automatic answer that is no bounce", Fault{Accept: true, Later: laterAutoReply}},
	{"read", "email", "", false, false, "收下，之后已读回执", "taken, then a receipt that it was read", Fault{Accept: true, Later: laterRead}},
	{"forged", "email", "", false, false, "收下，之后伪造的退信", "taken, then a forged report about somebody else", Fault{Accept: true, Later: laterForged}},
	{"noenvid", "email", "", false, false, "收下，退信里没有信封编号", "taken, then a report without envelope id", Fault{Accept: true, Later: laterNoID, Error: "5.1.1"}},
	{"latin", "email", "", false, false, "收下，退信不是 UTF-8", "taken, then a report that is not UTF-8", Fault{Accept: true, Later: laterLatin, Error: "5.1.1"}},

	{"dead", "sms", "990001", false, false, "收下，回执空号（MK:0001）", "taken, receipt: no such number (MK:0001)", Fault{Accept: true, Later: laterFailed, Error: "MK:0001"}},
	{"off", "sms", "990002", false, false, "收下，回执关机（UNDELIV）", "taken, receipt: switched off (UNDELIV)", Fault{Accept: true, Later: laterFailed, Error: "UNDELIV"}},
	{"late", "sms", "990003", false, false, "收下，回执晚十分钟", "taken, receipt ten minutes late", Fault{Accept: true, Later: laterLate}},
	{"vanish", "email sms", "990004", false, false, "收下，再无消息", "taken, never heard of again", Fault{Accept: true, Later: laterNothing}},
	{"illegal", "sms", "990005", false, false, "拒绝：号码不合法", "refused: the number is not legal", Fault{Error: "isv.MOBILE_NUMBER_ILLEGAL", Text: "手机号码格式错误"}},
	{"limited", "sms", "990006", true, false, "第一次拒绝：小时级流控", "refused once: the number's hourly limit", Fault{Error: "isv.BUSINESS_LIMIT_CONTROL", Text: "触发小时级流控Permits:5"}},
	{"twice", "sms", "990007", false, false, "回执两次，之后又来一次失败", "receipt twice, then a late failure", Fault{Accept: true, Later: laterTwice}},
	{"blacklist", "sms", "990008", false, false, "收下，回执黑名单（MBBLACK）", "taken, receipt: blacklisted (MBBLACK)", Fault{Accept: true, Later: laterFailed, Error: "MBBLACK"}},
	{"expired", "sms", "990009", false, false, "收下，回执过期（国际 Status 6）", "taken, receipt: expired (Status 6 abroad)", Fault{Accept: true, Later: laterFailed, Error: "EXPIRED"}},
	{"disorder", "sms", "990010", false, false, "回执乱序：先失败，后送达", "receipts out of order: a failure, then delivered", Fault{Accept: true, Later: laterDisorder}},
	{"early", "sms", "990011", false, false, "回执先于应答", "receipt before the answer to the call", Fault{Accept: true, Later: laterEarly}},
	{"unknown", "sms", "990012", false, false, "回执夹带未知编号", "receipt together with one about an unknown id", Fault{Accept: true, Later: laterUnknown}},
	{"malformed", "sms", "990013", false, false, "回执批次里有一条读不懂", "receipt in a batch with one that cannot be read", Fault{Accept: true, Later: laterMalformed}},
	{"refusedcontent", "sms", "990014", false, true, "收下，回执运营商因内容拒绝（REJECTD）", "taken, receipt: the carrier rejects the content (REJECTD)", Fault{Accept: true, Later: laterFailed, Error: "REJECTD"}},
	{"balance", "sms", "990015", true, true, "第一次拒绝：余额不足", "refused once: the balance is used up", Fault{Error: "isv.AMOUNT_NOT_ENOUGH", Text: "账户余额不足"}},

	{"gone", "push", "", false, false, "设备不存在：悄悄丢弃", "no such device: dropped without a word", Fault{Later: laterNothing}},

	{"slow", "email sms push", "990020", true, false, "第一次应答慢三秒（--slow 可改）", "the answer takes three seconds (--slow), once", Fault{Delay: 3 * time.Second}},
	{"hang", "email sms push", "990021", true, false, "第一次收下后一分钟不应答再断开（--hang 可改）", "taken, then no answer for a minute (--hang) and a cut, once", Fault{Accept: true, Hang: time.Minute, Drop: true}},
	{"reset", "email sms push", "990022", true, false, "第一次未收下就断开", "cut before it is taken, once", Fault{At: AtData, Drop: true}},
	{"lost", "email sms push", "990023", true, false, "第一次收下后断开，没有应答", "taken, and cut before the answer, once", Fault{Accept: true, Drop: true}},
	{"error500", "sms push", "990024", true, false, "第一次 500 网页，未收下", "500 with a web page, not taken, once", Fault{Code: http.StatusInternalServerError, Text: unavailableHTML}},
	{"error502", "sms push", "990025", true, false, "第一次 502 网页，已收下", "502 with a web page, taken all the same, once", Fault{Accept: true, Code: http.StatusBadGateway, Text: unavailableHTML}},
	{"error503", "sms push", "990026", true, false, "第一次 503 JSON，未收下", "503 with JSON, not taken, once", Fault{Code: http.StatusServiceUnavailable, Text: unavailableJSON}},
	{"empty", "sms push", "990027", true, false, "第一次空的 200，已收下", "an empty 200, taken, once", Fault{Accept: true, Code: http.StatusOK}},
	{"truncated", "sms push", "990028", true, false, "第一次应答被截断，已收下", "a truncated answer, taken, once", Fault{Accept: true, Code: http.StatusOK, Text: truncatedJSON}},
	{"cut", "sms push", "990033", true, false, "第一次已收下，应答中途断开", "taken, and cut in the middle of the answer, once", Fault{Accept: true, Code: http.StatusOK, Text: truncatedJSON, Drop: true}},
	{"number", "sms push", "990029", true, false, "第一次 Code 是数字，未收下", "Code is a number, not taken, once", Fault{Code: http.StatusBadRequest, Text: `{"Code":7,"Message":"no"}`}},
	{"throttled", "sms push", "990030", true, false, "第一次限流", "throttled once", Fault{Code: http.StatusBadRequest, Error: "Throttling.User", Text: "Request was denied due to user flow control."}},
	{"drip", "sms push", "990031", true, false, "第一次应答一字一字地来（--slow 可改）", "the answer comes letter by letter (--slow), once", Fault{Drip: true}},
	{"skew", "sms push", "990032", true, true, "第一次：时间戳过期", "the timestamp is called expired, once", Fault{Code: http.StatusBadRequest, Error: "InvalidTimeStamp.Expired", Text: "Specified time stamp or date value is expired."}},
}

// On reports whether the kind can happen on a channel.
func (k *Kind) On(channel string) bool {
	for c := range strings.FieldsSeq(k.Channels) {
		if c == channel {
			return true
		}
	}
	return false
}

// Kinds lists everything that can go wrong.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// index finds kinds by what a recipient looks like, per channel.
type index struct{ mail, phone, device map[string]*Kind }

var magic = func() index {
	x := index{map[string]*Kind{}, map[string]*Kind{}, map[string]*Kind{}}
	for i := range kinds {
		k := &kinds[i]
		if k.On("email") {
			x.mail[k.Name] = k
		}
		if k.On("sms") {
			x.phone[k.Number] = k
		}
		if k.On("push") {
			x.device[k.Name] = k
		}
	}
	return x
}()

// magicKind is what a recipient asks for by its form: a mailbox bounce@, bounce+7@ or bounce.7@, a phone with
// the last six digits of the table, a device bounce-7 (or gone7).
func magicKind(channel string, recipient []byte) *Kind {
	switch channel {
	case "email":
		return magicMail(recipient)
	case "sms":
		if n := len(recipient); n >= 8 {
			return magic.phone[string(recipient[n-6:])]
		}
	case "push":
		if bytes.HasPrefix(recipient, []byte("gone")) {
			return magic.device["gone"]
		}
		if word, _, cut := bytes.Cut(recipient, []byte("-")); cut {
			return magic.device[string(word)]
		}
	}
	return nil
}

func magicMail(address []byte) *Kind {
	var word [16]byte
	n, rest := 0, false
	for _, b := range address {
		switch {
		case b == '@':
			return magic.mail[string(word[:n])]
		case b >= '0' && b <= '9', b == '+', b == '-', b == '.':
			rest = true
		case rest || n == len(word):
			return nil
		default:
			if b >= 'A' && b <= 'Z' {
				b += 'a' - 'A'
			}
			word[n] = b
			n++
		}
	}
	return nil
}
