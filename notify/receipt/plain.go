package receipt

import (
	"io"
	"net/mail"
	"regexp"
	"strconv"
	"strings"

	"tocsin/notify"
)

// maxWords is how much is read of what people read: the reason stands at the beginning.
const maxWords = 8 << 10

// daemons are the senders of bounces, by the part of the address before the @.
var daemons = map[string]bool{"mailer-daemon": true, "postmaster": true, "mail-daemon": true, "mailerdaemon": true}

// failed are parts of the subjects of bounces, in lower case.
var failed = []string{
	"undeliver", "delivery failure", "delivery failed", "delivery has failed", "delivery status notification (failure)", "failure notice",
	"returned mail", "returned to sender", "delivery error", "could not be delivered", "not delivered", "退信", "投递失败", "发送失败",
}

// delays are parts of the subjects of warnings. The mail system goes on trying: no bounce.
var delays = []string{"delay", "warning", "still being retried", "延迟"}

// quotes begin the message that came back; its words are ours, not the mail system's.
var quotes = []string{"original message", "copy of the message", "copy of your message", "原始邮件", "邮件原文", "\nreceived: "}

// automaticFields mark answers of machines for people (RFC 3834 and what was there before it).
var automaticFields = map[string][]string{
	"Auto-Submitted": {"auto-"},
	"Precedence":     {"auto_reply", "bulk", "junk"},
	"X-Autoreply":    {""}, "X-Autorespond": {""}, "X-Autoresponder": {""},
}

func (l *letter) automatic() bool {
	for field, values := range automaticFields {
		for _, v := range values {
			if l.head.Has(field) && strings.HasPrefix(strings.ToLower(strings.TrimSpace(l.head.Get(field))), v) {
				return true
			}
		}
	}
	return false
}

// daemon tells whether a mail system wrote it. It decides nothing about whom the message is about.
func (l *letter) daemon() bool {
	if l.head.Has("X-Failed-Recipients") {
		return true
	}
	local := l.head.Get("From")
	if a, err := mail.ParseAddress(local); err == nil {
		local = a.Address
	}
	local, _, _ = strings.Cut(strings.Trim(strings.TrimSpace(local), "<>"), "@")
	return daemons[strings.ToLower(local)]
}

// plain classes a bounce without structure: subject and body say only how it failed.
func (l *letter) plain() (v notify.Verdict, ok bool) {
	subject, err := l.head.Text("Subject")
	if err != nil {
		subject = l.head.Get("Subject")
	}
	if subject = strings.ToLower(subject); contains(subject, delays) {
		return v, false
	}
	code, enhanced := said(l.text)
	class, rule := failure("", l.text)
	switch {
	case enhanced != "":
		v.Code = enhanced
	case code > 0:
		v.Code = strconv.Itoa(code)
	case rule != "":
		v.Code = rule
	default:
		v.Code = "bounce"
	}
	v.Class = class
	if v.Code != rule {
		v.Code = alarming(v.Code, rule)
	}
	return v, code >= 500 || enhanced != "" || rule != "" || contains(subject, failed)
}

func contains(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`)

// words keeps the beginning of the first readable part.
func (l *letter) words(kind string, body io.Reader) {
	if l.text != "" {
		return
	}
	b, _ := io.ReadAll(io.LimitReader(body, maxWords)) // damaged at the end: the beginning will do
	text := string(b)
	if kind == "text/html" {
		text = tags.ReplaceAllString(text, " ")
	}
	lower := strings.ToLower(text)
	for _, q := range quotes {
		if i := strings.Index(lower, q); i >= 0 && i <= len(text) {
			text, lower = text[:i], lower[:i]
		}
	}
	l.text = strings.TrimSpace(text)
}
