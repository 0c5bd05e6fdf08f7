package codes

import (
	"strings"
	"time"

	"tocsin/notify"
)

// Carrier is what carriers say of a message that was submitted (channels.md section 2.4). REJECTD and its like
// stop a release only by their share, which one message cannot know.
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
	{"REJECTD", notify.ClassRcptSoft, share, 0},
	{"MK:0014", notify.ClassRcptSoft, share, 0},
	{"MK:0115", notify.ClassRcptSoft, share, 0},
	{"IB:0008", notify.ClassRetryAt, "lower the rate", time.Hour},
	{"CMPPERR:8", notify.ClassRetryAt, "lower the rate", time.Hour},
	{"DB:0142", notify.ClassRetryAt, "the number's cap of the day", 24 * time.Hour},
}}

// words say in a carrier's text what its code does not. They are tried in order.
var words = []struct {
	part string // in upper case
	rule Rule
}{
	{"BLACKLIST", Rule{Class: notify.ClassRcptPerm, Action: next}},
	{"黑名单", Rule{Class: notify.ClassRcptPerm, Action: next}},
	{"SPAM", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"KEYWORD", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"SIGNATURE", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"垃圾短信", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"敏感", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"关键字", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"关键词", Rule{Class: notify.ClassRcptSoft, Action: share}},
	{"签名", Rule{Class: notify.ClassRcptSoft, Action: share}},
}

// Failed is what a carrier's word on a failed message means; the platform's own codes come there too. content
// says that it was refused for what it says: one such message is nothing, many are a reason to stop.
func Failed(code, text string, now time.Time) (v notify.Verdict, content bool) {
	upper := strings.ToUpper(strings.TrimSpace(code))
	r, known := Carrier.Find(upper)
	switch {
	case known:
		v = Carrier.Verdict(upper, 0, now)
	case strings.HasPrefix(code, "isv."), strings.HasPrefix(code, "isp."):
		v = Submission.Verdict(code, 0, now)
	default:
		r.Class = notify.ClassRcptSoft
		both := upper + " " + strings.ToUpper(text)
		for _, w := range words {
			if strings.Contains(both, w.part) {
				r = w.rule
				break
			}
		}
		v.Class = r.Class
	}
	v.Code = code
	if v.Class == notify.ClassDelivered { // contradicts the status: believe the worse
		v.Class = notify.ClassRcptSoft
	}
	return v, r.Action == share
}
