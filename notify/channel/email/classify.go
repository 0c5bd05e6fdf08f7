package email

import (
	"strconv"
	"strings"
	"time"

	"tocsin/notify"
)

// stage is how far a message has come; the same code means different things at different stages.
type stage int

const (
	atMail stage = iota
	atRcpt
	atData
	atFinal
)

// Rule classes replies of relays and mailbox providers. The first that fits wins; the order is provider text,
// then enhanced code, then basic code, because providers use 5xx for rates and quotas too.
type Rule struct {
	Name     string
	Code     string // reply code or its beginning; "" any
	Enhanced string // enhanced code; a trailing * stands for any ending; "" any
	Text     string // part of the text in lower case; "" any
	Mail     bool   // only as an answer to MAIL
	Class    notify.Class
	Wait     time.Duration // before the first retry, doubled with each attempt
}

const maxWait = 48 * time.Hour

// Rules is channels.md section 5.2 as data.
var Rules = []Rule{
	// provider texts: QQ
	{Name: "frequency", Code: "5", Text: "frequency limited", Class: notify.ClassRetryAt, Wait: 15 * time.Minute},
	{Name: "connection-denied", Code: "5", Text: "connection denied", Class: notify.ClassRetryAt, Wait: 30 * time.Minute},
	{Name: "flooded", Code: "5", Text: "mailbox unavailable or access denied", Class: notify.ClassRetryAt, Wait: time.Hour},
	{Name: "content", Code: "5", Text: "mail content denied", Class: notify.ClassStop},
	{Name: "no-mailbox", Code: "5", Text: "mailbox not found", Class: notify.ClassRcptPerm},
	// 163
	{Name: "spam", Code: "554", Text: "dt:spm", Class: notify.ClassStop},
	{Name: "requeue", Code: "451", Text: "dt:spm", Class: notify.ClassRetryAt, Wait: 5 * time.Minute},
	{Name: "too-many-connections", Code: "421", Text: "hl:icc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute},
	{Name: "too-many-messages", Code: "421", Text: "hl:ifc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute},
	{Name: "reputation", Code: "421", Text: "hl:rep", Class: notify.ClassStop},
	{Name: "listed", Code: "450", Text: "dt:rbl", Class: notify.ClassStop},
	{Name: "per-connection", Code: "450", Text: "mi:dmc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute},
	{Name: "rate", Code: "450", Text: "rp:drc", Class: notify.ClassRetryAt, Wait: 5 * time.Minute},
	{Name: "quarter-hour", Code: "451", Text: "mi:sfq", Class: notify.ClassRetryAt, Wait: 15 * time.Minute},
	// DirectMail
	{Name: "content", Code: "554", Text: "reject by content spam", Class: notify.ClassStop},
	{Name: "quota", Code: "552", Text: "sending quota", Class: notify.ClassStop},
	{Name: "account", Code: "551", Text: "main account unavailable", Class: notify.ClassStop},
	{Name: "no-mailbox", Code: "559", Class: notify.ClassRcptPerm},
	{Name: "sender-mismatch", Code: "436", Class: notify.ClassBug},
	{Name: "too-many-recipients", Code: "556", Class: notify.ClassBug},
	{Name: "too-long", Code: "557", Class: notify.ClassBug},
	{Name: "honeypot", Code: "561", Class: notify.ClassRcptPerm},
	// widespread texts without an enhanced code
	{Name: "no-mailbox", Code: "55", Text: "user unknown", Class: notify.ClassRcptPerm},
	{Name: "no-mailbox", Code: "55", Text: "no such user", Class: notify.ClassRcptPerm},
	{Name: "no-mailbox", Code: "55", Text: "user not found", Class: notify.ClassRcptPerm},
	{Name: "greylist", Code: "4", Text: "greylist", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},

	// enhanced codes
	{Enhanced: "5.1.1", Class: notify.ClassRcptPerm},
	{Enhanced: "5.1.2", Class: notify.ClassRcptPerm},
	{Enhanced: "5.1.3", Class: notify.ClassRcptPerm},
	{Enhanced: "5.1.10", Class: notify.ClassRcptPerm},
	{Enhanced: "5.2.1", Class: notify.ClassRcptPerm},
	{Enhanced: "5.6.7", Class: notify.ClassRcptPerm}, // SMTPUTF8 needed and not there
	{Enhanced: "5.2.2", Class: notify.ClassRcptSoft},
	{Enhanced: "4.2.2", Class: notify.ClassRcptSoft},
	{Enhanced: "4.2.0", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Enhanced: "4.7.*", Class: notify.ClassRetryAt, Wait: 10 * time.Minute},
	{Enhanced: "4.3.*", Class: notify.ClassRetry},
	{Enhanced: "4.4.*", Class: notify.ClassRetry},
	{Enhanced: "5.7.*", Class: notify.ClassStop},
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

func (r Rule) fits(s stage, code, enhanced, text string) bool {
	if !strings.HasPrefix(code, r.Code) || r.Mail && s != atMail {
		return false
	}
	if r.Text != "" && !strings.Contains(text, r.Text) {
		return false
	}
	if family, all := strings.CutSuffix(r.Enhanced, "*"); all {
		return strings.HasPrefix(enhanced, family)
	}
	return r.Enhanced == "" || r.Enhanced == enhanced
}

// judge turns a refusing reply into a verdict.
func judge(s stage, r reply, attempt int, now time.Time) notify.Verdict {
	code, text := strconv.Itoa(r.code), strings.ToLower(r.text)
	for _, rule := range Rules {
		if !rule.fits(s, code, r.enhanced, text) {
			continue
		}
		v := notify.Verdict{Class: rule.Class, Code: code}
		if r.enhanced != "" {
			v.Code += "/" + r.enhanced
		}
		if rule.Name != "" {
			v.Code += "/" + rule.Name
		}
		if rule.Class == notify.ClassRetryAt {
			v.RetryAt = now.Add(min(rule.Wait<<min(max(attempt-1, 0), 12), maxWait))
		}
		return v
	}
	return notify.Verdict{Class: notify.ClassInDoubt, Code: code}
}
