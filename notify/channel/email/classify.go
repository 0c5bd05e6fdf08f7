package email

import (
	"strconv"
	"time"

	"tocsin/notify"
	"tocsin/notify/codes"
)

// stage is how far a message has come; the same code means different things at different stages.
type stage int

const (
	atMail stage = iota
	atRcpt
	atData
	atFinal
)

const maxWait = 48 * time.Hour

// refused says whether a reply is not the one that lets the message go on.
func (s stage) refused(p reply) bool {
	if s == atData {
		return p.code != 354
	}
	return p.code/100 != 2
}

// judge turns a refusing reply into a verdict.
func judge(s stage, p reply, attempt int, now time.Time) (notify.Verdict, codes.Reply) {
	where, enhanced := codes.Answer, p.enhanced()
	if s == atMail {
		where = codes.ToMail
	}
	rule, known := codes.Mail(p.code, enhanced, string(p.text), where)
	v := notify.Verdict{Class: rule.Class, Code: strconv.Itoa(p.code)}
	if !known {
		v.Class, v.Unknown = notify.ClassInDoubt, true
		return v, rule
	}
	if enhanced != "" {
		v.Code += "/" + enhanced
	}
	if rule.Name != "" {
		v.Code += "/" + rule.Name
	}
	if rule.Class == notify.ClassRetryAt {
		v.RetryAt = now.Add(min(rule.Wait<<min(max(attempt-1, 0), 12), maxWait))
	}
	return v, rule
}

// judge also draws the consequences for the mailbox provider that keeps the address.
func (c *Channel) judge(s stage, p reply, attempt int, to string) notify.Verdict {
	v, rule := judge(s, p, attempt, c.opt.Clock.Now())
	if rule.Slow && s != atMail {
		c.domains.slow(to)
	}
	if rule.Share && !c.domains.widespread() {
		v.Class = notify.ClassRcptSoft
	}
	return v
}
