package sms

import (
	"strings"
	"time"

	"tocsin/notify"
)

// Rule says what one code of a provider means and what is done about it.
type Rule struct {
	Code   string // in full, or up to a final *
	Class  notify.Class
	Action string        // for people; the class decides what the machine does
	Wait   time.Duration // of RETRY_AT when the answer names no window
}

// Table is the codes of one provider, from one page of it.
type Table struct {
	Source string
	Rules  []Rule
}

// find gives the rule of a code: the one in full, else the longest beginning.
func (t Table) find(code string) (found Rule, ok bool) {
	for _, r := range t.Rules {
		if r.Code == code {
			return r, true
		}
		if begin, open := strings.CutSuffix(r.Code, "*"); open && strings.HasPrefix(code, begin) && len(r.Code) > len(found.Code) {
			found, ok = r, true
		}
	}
	return found, ok
}

// verdict is what a code means. An unknown one is never permanent.
func (t Table) verdict(code string, window time.Duration, now time.Time) notify.Verdict {
	r, ok := t.find(code)
	if !ok {
		r.Class = notify.ClassRcptSoft
	}
	v := notify.Verdict{Class: r.Class, Code: code}
	if r.Class == notify.ClassRetryAt {
		if window == 0 {
			window = r.Wait
		}
		v.RetryAt = now.Add(window)
	}
	return v
}

// What is done, in words that recur.
const (
	ask      = "ask by our own id, then send again"
	bare     = "send the template without variables, else leave the person to the next channel"
	next     = "next channel"
	failover = "pause, page the operator, go on over the next provider"
	page     = "pause, page the developer"
	window   = "send again when the window the message names is over"
)

// refusesValues are codes that speak of one person's values, not of the message.
func refusesValues(code string) bool {
	r, ok := Submission.find(code)
	return ok && r.Action == bare
}

// Submission is what Aliyun answers to a submission in the mainland (channels.md section 2.3).
var Submission = Table{Source: "https://help.aliyun.com/document_detail/101346.html", Rules: []Rule{
	{"isp.SYSTEM_ERROR", notify.ClassInDoubt, ask, 0},
	{"isp.GATEWAY_ERROR", notify.ClassInDoubt, ask, 0},
	{"isp.UNKNOWN", notify.ClassInDoubt, ask, 0},
	{"isv.BUSINESS_LIMIT_CONTROL", notify.ClassRetryAt, window, time.Hour},
	{"isv.MOBILE_NUMBER_ILLEGAL", notify.ClassRcptPerm, next, 0},
	{"isv.MOBILE_COUNT_OVER_LIMIT", notify.ClassBug, page, 0},
	{"isv.TEMPLATE_MISSING_PARAMETERS", notify.ClassBug, page, 0},
	{"isv.INVALID_PARAMETERS", notify.ClassBug, page, 0},
	{"isv.INVALID_JSON_PARAM", notify.ClassBug, page, 0},
	{"isv.PARAM_LENGTH_LIMIT", notify.ClassRcptSoft, bare, 0},
	{"isv.PARAM_NOT_SUPPORT_URL", notify.ClassRcptSoft, bare, 0},
	{"isv.BLACK_KEY_CONTROL_LIMIT", notify.ClassRcptSoft, bare, 0},
	{"isv.SMS_CONTENT_ILLEGAL", notify.ClassStop, "switch the template", 0},
	{"isv.SMS_TEMPLATE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SMS_SIGNATURE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SMS_SIGN_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SIGN_STATE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SMS_SIGNATURE_SCENE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.EXTEND_CODE_ERROR", notify.ClassStop, failover, 0},
	{"isv.AMOUNT_NOT_ENOUGH", notify.ClassStop, "top up; " + failover, 0},
	{"isv.OUT_OF_SERVICE", notify.ClassStop, "top up; " + failover, 0},
	{"isv.DAY_LIMIT_CONTROL", notify.ClassStop, "raise the cap in the console; " + failover, 0},
	{"isv.MONTH_LIMIT_CONTROL", notify.ClassStop, "raise the cap in the console; " + failover, 0},
	{"isv.ACCOUNT_NOT_EXISTS", notify.ClassStop, failover, 0},
	{"isv.ACCOUNT_ABNORMAL", notify.ClassStop, failover, 0},
	{"isv.PRODUCT_UN_SUBSCRIPT", notify.ClassStop, failover, 0},
	{"isv.PRODUCT_UNSUBSCRIBE", notify.ClassStop, failover, 0},
	{"isp.RAM_PERMISSION_DENY", notify.ClassStop, failover, 0},
	{"isv.DENY_IP_RANGE", notify.ClassStop, "send from the mainland; " + failover, 0},
	{"isv.DOMESTIC_NUMBER_NOT_SUPPORTED", notify.ClassBug, page, 0},
	{"isv.INTERFACE_OFFLINE", notify.ClassBug, page, 0},
}}

// Carrier is what carriers say of a message that was submitted (channels.md section 2.4). REJECTD and its like
// stop a campaign only by their share, which one message cannot know.
var Carrier = Table{Source: "https://help.aliyun.com/document_detail/101347.html", Rules: []Rule{
	{"DELIVERED", notify.ClassDelivered, "", 0},
	{"DELIVRD", notify.ClassDelivered, "", 0},
	{"EXPIRED", notify.ClassRcptSoft, next, 0},
	{"UNDELIV", notify.ClassRcptSoft, next, 0},
	{"MK:0000", notify.ClassRcptSoft, next, 0},
	{"MK:0005", notify.ClassRcptSoft, next, 0},
	{"MK:0010", notify.ClassRcptSoft, next, 0},
	{"MK:0013", notify.ClassRcptSoft, next, 0},
	{"MK:0023", notify.ClassRcptSoft, next, 0},
	{"MN:0001", notify.ClassRcptSoft, next, 0},
	{"MK:0001", notify.ClassRcptPerm, next, 0},
	{"CB:0001", notify.ClassRcptPerm, next, 0},
	{"DB:0101", notify.ClassRcptPerm, next, 0},
	{"MBBLACK", notify.ClassRcptPerm, next, 0},
	{"DBBLACK", notify.ClassRcptPerm, next, 0},
	{"DB:0144", notify.ClassRcptPerm, next, 0},
	{"REJECTD", notify.ClassRcptSoft, next, 0},
	{"MK:0014", notify.ClassRcptSoft, next, 0},
	{"MK:0115", notify.ClassRcptSoft, next, 0},
	{"IB:0008", notify.ClassRetryAt, "lower the rate", time.Hour},
	{"CMPPERR:8", notify.ClassRetryAt, "lower the rate", time.Hour},
	{"DB:0142", notify.ClassRetryAt, "the number's cap of the day", 24 * time.Hour},
}}

// carrierVerdict is what a carrier's code of a failed message means; the platform's own codes come there too.
func carrierVerdict(code string, now time.Time) notify.Verdict {
	table := Carrier
	if strings.HasPrefix(code, "isv.") || strings.HasPrefix(code, "isp.") {
		table = Submission
	}
	v := table.verdict(code, 0, now)
	if v.Class == notify.ClassDelivered { // contradicts the status: believe the worse
		v.Class = notify.ClassRcptSoft
	}
	return v
}
