package email

import (
	"bytes"
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
	Slow     bool          // throttling: what goes to that mailbox provider is slowed down
	Share    bool          // STOP only when such refusals are widespread; else one provider's opinion: RCPT_SOFT
}

const maxWait = 48 * time.Hour

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

// refused says whether a reply is not the one that lets the message go on.
func (s stage) refused(p reply) bool {
	if s == atData {
		return p.code != 354
	}
	return p.code/100 != 2
}

// judge turns a refusing reply into a verdict.
func judge(s stage, p reply, attempt int, now time.Time) (notify.Verdict, Rule) {
	code, enhanced, text := strconv.Itoa(p.code), p.enhanced(), string(bytes.ToLower(p.text))
	for _, rule := range Rules {
		if !rule.fits(s, code, enhanced, text) {
			continue
		}
		v := notify.Verdict{Class: rule.Class, Code: code}
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
	return notify.Verdict{Class: notify.ClassInDoubt, Code: code, Unknown: true}, Rule{}
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
