package receipt

import (
	"bufio"
	"io"
	"mime"
	"regexp"
	"strconv"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"

	"tocsin/notify"
	"tocsin/notify/codes"
)

const (
	maxDepth  = 4        // multiparts within each other
	maxParts  = 16       // of one message
	maxStatus = 64 << 10 // bytes of a delivery status
	maxGroups = 64       // recipients in one
)

// walk collects what is structured (delivery status, abuse report, returned headers) and the first words.
func (l *letter) walk(e *message.Entity, depth int) {
	if l.parts++; depth > maxDepth || l.parts > maxParts {
		return
	}
	if r := e.MultipartReader(); r != nil {
		for l.parts <= maxParts {
			part, err := r.NextPart()
			if part == nil || !readable(err) {
				return
			}
			l.walk(part, depth+1)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(e.Header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	switch kind {
	case "message/delivery-status", "message/global-delivery-status":
		l.status(e.Body)
	case "message/feedback-report":
		l.feedback(e.Body)
	case "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers":
		h := fields(e.Body)
		l.addressed(h.Get("Return-Path"))
	case "text/plain", "text/html":
		l.words(kind, e.Body)
	}
}

// fields reads the header at the beginning of a body.
func fields(body io.Reader) textproto.Header {
	h, _ := textproto.ReadHeader(bufio.NewReader(io.LimitReader(body, maxStatus))) // what could be read of it
	return h
}

// status reads the groups of fields: the first is about the message, each further one about a recipient.
func (l *letter) status(body io.Reader) {
	r := bufio.NewReader(io.LimitReader(body, maxStatus))
	first := len(l.groups) == 0
	for n := 0; n < maxGroups; n++ {
		h, err := textproto.ReadHeader(r)
		if h.Len() > 0 {
			if l.candidate(h.Get("Original-Envelope-Id")); !first || h.Has("Action") {
				l.groups = append(l.groups, group{h})
			}
			first = false
		}
		if err != nil {
			return
		}
		if _, err := r.Peek(1); err != nil {
			return
		}
	}
}

// noComplaint are the kinds of feedback in which nobody complains (RFC 6430, RFC 6591).
var noComplaint = map[string]bool{"not-spam": true, "auth-failure": true, "dmarc": true}

// feedback reads an abuse report. Mailbox providers send it to one address, so the envelope of what is
// complained about tells whom it is about.
func (l *letter) feedback(body io.Reader) {
	h := fields(body)
	if l.abuse = strings.ToLower(strings.TrimSpace(h.Get("Feedback-Type"))); l.abuse == "" {
		l.abuse = "other"
	}
	l.candidate(h.Get("Original-Envelope-Id"))
	l.addressed(h.Get("Original-Mail-From"))
}

// group is what a status says about one recipient.
type group struct{ textproto.Header }

// actions that are no failure. A delay is none: the relay has the message and goes on trying.
var actions = map[string]notify.Class{
	"delivered": notify.ClassDelivered,
	"relayed":   notify.ClassAccepted,
	"expanded":  notify.ClassAccepted,
	"delayed":   notify.ClassAccepted,
}

func (g group) verdict() (v notify.Verdict, ok bool) {
	action, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(g.Get("Action"))), " ")
	v.Code, _, _ = strings.Cut(strings.TrimSpace(g.Get("Status")), " ")
	if v.Class, ok = actions[action]; ok {
		return v, true
	}
	if action != "failed" && (action != "" || !strings.HasPrefix(v.Code, "5.")) {
		return v, false
	}
	class, rule := failure(v.Code, g.Get("Diagnostic-Code"))
	v.Class, v.Code = class, alarming(v.Code, rule)
	return v, true
}

// saidCode is a reply code as mail systems quote it, and the enhanced code behind it. 400 numbers are hotlines.
var saidCode = regexp.MustCompile(`\b(4[2-7]\d|5[0-7]\d)(?:[ -]+#?([45]\.\d{1,3}\.\d{1,3})\b)?[ -]|\(#([45]\.\d{1,3}\.\d{1,3})\)`)

// said finds the reply that a text quotes; qmail gives the enhanced code alone.
func said(text string) (code int, enhanced string) {
	if m := saidCode.FindStringSubmatch(text + " "); m != nil {
		code, _ = strconv.Atoi(m[1])
		enhanced = m[2] + m[3]
	}
	return code, enhanced
}

// alarming keeps with a code the one rule that people must hear of.
func alarming(code, rule string) string {
	if rule != notify.Honeypot {
		return code
	}
	return strings.TrimPrefix(code+"/"+rule, "/")
}

// failure is the class of a delivery that a mail system gave up: a provider's text first, then its codes.
// Where the same reply to us would mean to come again, the relay has done so, in vain.
func failure(status, text string) (notify.Class, string) {
	code, enhanced := said(text)
	if status == "" || strings.HasSuffix(status, ".0.0") && enhanced != "" {
		status = enhanced
	}
	r, known := codes.Mail(code, status, text, codes.InBounce)
	if !known || r.Class == notify.ClassRetry || r.Class == notify.ClassRetryAt && code < 500 {
		r.Class = notify.ClassRcptSoft
	}
	return r.Class, r.Name
}
