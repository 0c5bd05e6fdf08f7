package codes

import (
	"strconv"
	"strings"
	"time"

	"tocsin/notify"
)

// Reply classes what mail systems answer, and what they write into bounces. The first that fits wins; the order is
// provider text, then enhanced code, then basic code, because providers use 5xx for rates and quotas too.
type Reply struct {
	Name     string
	Code     string // reply code or its beginning; "" any
	Enhanced string // enhanced code; a trailing * stands for any ending; "" any
	Text     string // part of the text in lower case; "" any
	Mail     bool   // only as an answer to MAIL
	Bounce   bool   // only in a bounce
	Class    notify.Class
	Wait     time.Duration // before the first retry, doubled with each attempt
	Slow     bool          // throttling: what goes to that mailbox provider is slowed down
	Share    bool          // STOP only when such refusals are widespread; else one provider's opinion: RCPT_SOFT
}

// Said is where a mail system's words stand.
type Said int

// An answer to MAIL is about us, whoever the recipient.
const (
	Answer Said = iota
	ToMail
	InBounce
)

// Mail finds what a reply means. code is 0 and enhanced "" when there is none.
func Mail(code int, enhanced, text string, where Said) (r Reply, known bool) {
	number := ""
	if code > 0 {
		number = strconv.Itoa(code)
	}
	text = strings.ToLower(text)
	for i := range Replies {
		if Replies[i].fits(number, enhanced, text, where) {
			return Replies[i], true
		}
	}
	return r, false
}

func (r *Reply) fits(code, enhanced, text string, where Said) bool {
	if !strings.HasPrefix(code, r.Code) || r.Mail && where != ToMail || r.Bounce && where != InBounce || !strings.Contains(text, r.Text) {
		return false
	}
	if family, any := strings.CutSuffix(r.Enhanced, "*"); any {
		return strings.HasPrefix(enhanced, family)
	}
	return r.Enhanced == "" || r.Enhanced == enhanced
}

// Replies is channels.md section 5.2 as data.
var Replies = []Reply{
	// provider texts: QQ
	{Name: "frequency", Code: "5", Text: "frequency limited", Class: notify.ClassRetryAt, Wait: 15 * time.Minute, Slow: true},
	{Name: "connection-denied", Code: "5", Text: "connection denied", Class: notify.ClassRetryAt, Wait: 30 * time.Minute, Slow: true},
	{Name: "flooded", Code: "5", Text: "mailbox unavailable or access denied", Class: notify.ClassRetryAt, Wait: time.Hour},
	{Name: "content", Code: "5", Text: "mail content denied", Class: notify.ClassStop, Share: true},
	{Name: "no-mailbox", Text: "mailbox not found", Class: notify.ClassRcptPerm},
	// 163
	{Name: "spam", Code: "554", Text: "dt:spm", Class: notify.ClassStop, Share: true},
	{Name: "requeue", Code: "451", Text: "dt:spm", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "too-many-connections", Code: "421", Text: "hl:icc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "too-many-messages", Code: "421", Text: "hl:ifc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "reputation", Code: "421", Text: "hl:rep", Class: notify.ClassStop, Share: true},
	{Name: "listed", Code: "450", Text: "dt:rbl", Class: notify.ClassStop, Share: true},
	{Name: "per-connection", Code: "450", Text: "mi:dmc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "rate", Code: "450", Text: "rp:drc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "quarter-hour", Code: "451", Text: "mi:sfq", Class: notify.ClassRetryAt, Wait: 15 * time.Minute, Slow: true},
	// DirectMail
	{Name: "content", Code: "554", Text: "reject by content spam", Class: notify.ClassStop},
	{Name: "quota", Code: "552", Text: "sending quota", Class: notify.ClassStop},
	{Name: "account", Code: "551", Text: "main account unavailable", Class: notify.ClassStop},
	{Name: "no-mailbox", Code: "559", Class: notify.ClassRcptPerm},
	{Name: "sender-mismatch", Code: "436", Class: notify.ClassBug},
	{Name: "too-many-recipients", Code: "556", Class: notify.ClassBug},
	{Name: "too-long", Code: "557", Class: notify.ClassBug},
	{Name: notify.Honeypot, Code: "561", Class: notify.ClassRcptPerm},
	// widespread texts without an enhanced code
	{Name: "no-mailbox", Code: "5", Text: "user unknown", Class: notify.ClassRcptPerm},
	{Name: "no-mailbox", Code: "5", Text: "no such user", Class: notify.ClassRcptPerm},
	{Name: "no-mailbox", Code: "5", Text: "user not found", Class: notify.ClassRcptPerm},
	{Name: "greylist", Code: "4", Text: "greylist", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Name: "no-mailbox", Text: "用户不存在", Bounce: true, Class: notify.ClassRcptPerm},   // QQ and 163
	{Name: "no-mailbox", Text: "邮件地址不存在", Bounce: true, Class: notify.ClassRcptPerm}, // 163
	{Name: "full", Text: "空间不足", Bounce: true, Class: notify.ClassRcptSoft},          // QQ
	{Name: "full", Text: "quota exceeded", Bounce: true, Class: notify.ClassRcptSoft},
	{Name: "full", Text: "mailbox is full", Bounce: true, Class: notify.ClassRcptSoft},
	{Name: "rate", Code: "4", Text: "rate limit", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "rate", Code: "4", Text: "too many", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},
	{Name: "rate", Code: "4", Text: "throttl", Class: notify.ClassRetryAt, Wait: 5 * time.Minute, Slow: true},

	// enhanced codes
	{Enhanced: "5.1.1", Class: notify.ClassRcptPerm},
	{Enhanced: "5.1.2", Class: notify.ClassRcptPerm},
	{Enhanced: "5.1.3", Class: notify.ClassRcptPerm},
	{Enhanced: "5.1.6", Class: notify.ClassRcptPerm}, // moved away
	{Enhanced: "5.1.10", Class: notify.ClassRcptPerm},
	{Enhanced: "5.2.1", Class: notify.ClassRcptPerm},
	{Enhanced: "5.6.7", Class: notify.ClassRcptPerm}, // SMTPUTF8 needed and not there
	{Enhanced: "5.2.2", Class: notify.ClassRcptSoft},
	{Enhanced: "4.2.2", Class: notify.ClassRcptSoft},
	{Enhanced: "4.2.0", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Enhanced: "4.7.*", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Enhanced: "4.3.*", Class: notify.ClassRetry},
	{Enhanced: "4.4.*", Class: notify.ClassRetry},
	{Enhanced: "5.1.7", Class: notify.ClassStop}, // the sender's address
	{Enhanced: "5.1.8", Class: notify.ClassStop},
	{Name: "not-authenticated", Enhanced: "5.7.26", Class: notify.ClassStop},
	{Name: "not-authenticated", Enhanced: "5.7.515", Class: notify.ClassStop},
	{Name: "not-authenticated", Enhanced: "5.7.*", Text: "authenticat", Class: notify.ClassStop},
	{Name: "not-authenticated", Enhanced: "5.7.*", Text: "dmarc", Class: notify.ClassStop},
	{Enhanced: "5.7.*", Mail: true, Class: notify.ClassStop},
	{Enhanced: "5.7.*", Class: notify.ClassStop, Share: true},
	{Enhanced: "5.5.*", Class: notify.ClassBug},
	{Enhanced: "5.6.*", Class: notify.ClassBug},

	// basic codes
	{Code: "421", Class: notify.ClassRetry},
	{Code: "450", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Code: "451", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Code: "452", Class: notify.ClassRcptSoft},
	{Code: "4", Class: notify.ClassRetry},
	{Code: "530", Class: notify.ClassStop},
	{Code: "534", Class: notify.ClassStop},
	{Code: "535", Class: notify.ClassStop},
	{Code: "50", Class: notify.ClassBug},
	{Code: "5", Mail: true, Class: notify.ClassStop}, // our sender is refused, whoever the recipient
	{Code: "5", Class: notify.ClassRcptSoft},         // unknown is never permanent
}
