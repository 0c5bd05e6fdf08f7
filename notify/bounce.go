package notify

import (
	"strconv"
	"strings"
	"time"
)

// replyRule classes what mail systems answer and write into bounces. A field left empty fits anything.
type replyRule struct {
	name     string
	code     string // reply code or its beginning
	enhanced string // enhanced code (RFC 3463); a trailing * stands for any ending, a leading x for 4 or 5
	text     string // part of the text, in lower case
	class    Class
	wait     time.Duration // before the first retry
}

// replyRules are tried from the top: a provider's text, then the enhanced code, then the basic code, because
// providers use 5xx for rates and quotas too.
var replyRules = []replyRule{
	// QQ (channels.md 5.2, S27)
	{name: "frequency", code: "5", text: "frequency limited", class: ClassRetryAt, wait: 15 * time.Minute},
	{name: "connection-denied", code: "5", text: "connection denied", class: ClassRetryAt, wait: 30 * time.Minute},
	{name: "flooded", code: "5", text: "mailbox unavailable or access denied", class: ClassRetryAt, wait: time.Hour},
	{name: "content", code: "5", text: "mail content denied", class: ClassStop},
	{name: "no-mailbox", text: "mailbox not found", class: ClassRcptPerm},
	// 163 (channels.md 5.2, S28)
	{name: "content", code: "554", text: "dt:spm", class: ClassStop},
	{name: "requeue", code: "451", text: "dt:spm", class: ClassRetryAt, wait: 2 * time.Minute},
	{name: "connections", code: "421", text: "hl:icc", class: ClassRetryAt, wait: 5 * time.Minute},
	{name: "messages", code: "421", text: "hl:ifc", class: ClassRetryAt, wait: 5 * time.Minute},
	{name: "reputation", code: "421", text: "hl:rep", class: ClassStop},
	{name: "listed", code: "450", text: "dt:rbl", class: ClassStop},
	{name: "per-connection", code: "450", text: "mi:dmc", class: ClassRetryAt, wait: 5 * time.Minute},
	{name: "rate", code: "450", text: "rp:drc", class: ClassRetryAt, wait: 5 * time.Minute},
	{name: "quarter-hour", code: "451", text: "mi:sfq", class: ClassRetryAt, wait: 15 * time.Minute},
	// DirectMail (channels.md 5.2, S30)
	{name: "content", code: "554", text: "reject by content spam", class: ClassStop},
	{name: "quota", code: "552", text: "sending quota", class: ClassStop},
	{name: "account", code: "551", text: "main account unavailable", class: ClassStop},
	{name: "no-mailbox", code: "559", class: ClassRcptPerm},
	{name: "sender-mismatch", code: "436", class: ClassBug},
	{name: "too-many-recipients", code: "556", class: ClassBug},
	{name: "too-long", code: "557", class: ClassBug},
	{name: "honeypot", code: "561", class: ClassRcptPerm},
	// widespread texts, for replies without an enhanced code and for bounces that nobody structured
	{name: "no-mailbox", code: "5", text: "user unknown", class: ClassRcptPerm},
	{name: "no-mailbox", code: "5", text: "no such user", class: ClassRcptPerm},
	{name: "no-mailbox", code: "5", text: "user not found", class: ClassRcptPerm},
	{name: "no-mailbox", text: "用户不存在", class: ClassRcptPerm},   // QQ and 163 in their own bounces
	{name: "no-mailbox", text: "邮件地址不存在", class: ClassRcptPerm}, // 163
	{name: "full", text: "空间不足", class: ClassRcptSoft},          // QQ
	{name: "full", text: "quota exceeded", class: ClassRcptSoft},
	{name: "full", text: "mailbox is full", class: ClassRcptSoft},
	{name: "greylist", code: "4", text: "greylist", class: ClassRetryAt, wait: 10 * time.Minute},
	// enhanced codes (channels.md 5.2, S26)
	{enhanced: "5.1.1", class: ClassRcptPerm},
	{enhanced: "5.1.2", class: ClassRcptPerm},
	{enhanced: "5.1.3", class: ClassRcptPerm},
	{enhanced: "5.1.6", class: ClassRcptPerm},
	{enhanced: "5.1.10", class: ClassRcptPerm},
	{enhanced: "5.2.1", class: ClassRcptPerm},
	{enhanced: "5.6.7", class: ClassRcptPerm}, // needs SMTPUTF8 where there is none
	{enhanced: "x.2.2", class: ClassRcptSoft},
	{enhanced: "4.2.0", class: ClassRetryAt, wait: 10 * time.Minute},
	{enhanced: "4.7.*", class: ClassRetryAt, wait: 10 * time.Minute},
	{enhanced: "4.3.*", class: ClassRetry},
	{enhanced: "4.4.*", class: ClassRetry},
	{enhanced: "5.7.*", class: ClassStop}, // policy, content, authentication: ours to repair
	{enhanced: "5.5.*", class: ClassBug},
	{enhanced: "5.6.*", class: ClassBug},
	// basic codes
	{code: "421", class: ClassRetry},
	{code: "450", class: ClassRetryAt, wait: 10 * time.Minute},
	{code: "451", class: ClassRetryAt, wait: 10 * time.Minute},
	{code: "452", class: ClassRcptSoft},
	{code: "4", class: ClassRetry},
	{code: "530", class: ClassStop},
	{code: "534", class: ClassStop},
	{code: "535", class: ClassStop},
	{code: "50", class: ClassBug},
}

// fits takes the code as text and the text in lower case.
func (r *replyRule) fits(code, enhanced, text string) bool {
	if !strings.HasPrefix(code, r.code) || !strings.Contains(text, r.text) {
		return false
	}
	want := r.enhanced
	if rest, either := strings.CutPrefix(want, "x"); either && enhanced != "" {
		want, enhanced = rest, strings.TrimLeft(enhanced, "45")
	}
	if family, any := strings.CutSuffix(want, "*"); any {
		return strings.HasPrefix(enhanced, family)
	}
	return want == "" || want == enhanced
}

// ClassifyReply gives a class to what a mail system answered or wrote into a bounce. code is 0 and enhanced
// "" when there is none. after is how long to wait before the first retry of a RETRY_AT; rule is the short
// name of the text rule that decided, or "". What is unknown is never a dead address.
func ClassifyReply(code int, enhanced, text string) (class Class, after time.Duration, rule string) {
	number := ""
	if code > 0 {
		number = strconv.Itoa(code)
	}
	text = strings.ToLower(text)
	for i := range replyRules {
		if r := &replyRules[i]; r.fits(number, enhanced, text) {
			return r.class, r.wait, r.name
		}
	}
	return ClassRcptSoft, 0, ""
}
