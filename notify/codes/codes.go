// Package codes is what providers and carriers of short messages and what mail systems answer, as tables: each code
// with its class, by which channels class answers and receipts class reports.
package codes

import (
	"errors"
	"strings"
	"time"

	"tocsin/internal/call"
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

// Find gives the rule of a code: the one in full, else the longest beginning.
func (t Table) Find(code string) (found Rule, ok bool) {
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

// Verdict is what a code means. An unknown one is never permanent.
func (t Table) Verdict(code string, window time.Duration, now time.Time) notify.Verdict {
	r, ok := t.Find(code)
	if !ok {
		r.Class = notify.ClassRcptSoft
	}
	v := notify.Verdict{Class: r.Class, Code: code, Slower: r.Class == notify.ClassRetry, Unknown: !ok}
	if r.Class == notify.ClassRetryAt {
		if window == 0 {
			window = r.Wait
		}
		v.RetryAt = now.Add(window)
	}
	return v
}

// Judge turns a failed call into a verdict: a refusal in the provider's own words is the table's to class.
func (t Table) Judge(err error, now time.Time) notify.Verdict {
	var e *call.Error
	switch {
	case !errors.As(err, &e):
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "no-answer"}
	case e.Class != call.Business:
		return notify.Verdict{Class: notify.Class(e.Class), Code: e.Code, Slower: e.Class == call.Retry && e.Status > 0}
	default:
		return t.Verdict(e.Code, e.Window, now)
	}
}

// What is done, in words that recur.
const (
	ask      = "ask by our own id, then send again"
	bare     = "send the template without variables, else leave the person to the next channel"
	next     = "next channel"
	share    = "pause when more than 2 % within 5 minutes, else next channel"
	failover = "pause, page the operator, go on over the next provider"
	page     = "pause, page the developer"
	window   = "send again when the window the message names is over"
)
