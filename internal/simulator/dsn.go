package simulator

import (
	"bytes"
	"cmp"
	"fmt"
	"net/textproto"
	"strings"
	"time"
)

// later is how long after a warning of delay a delayed message arrives.
const later = 10 * time.Minute

// letter is what a mail system sends back about a message it took. It is written when it is sent, since many
// wait at once.
type letter struct {
	what             string // laterFailed …, or laterDelivered
	from, to, envid  string // return path, recipient, envelope id
	status, fromHead string
	messageID, date  string
}

const laterDelivered = "delivered"

// diagnostics of reports, by status.
var diagnostics = map[string]string{
	"5.1.1": "550 5.1.1 User unknown", "5.2.2": "552 5.2.2 Mailbox full", "5.2.1": "550 5.2.1 Mailbox disabled", "5.7.1": "554 5.7.1 Message refused",
}

// report schedules what a mail system would send back for a message it took.
func (m *mailConn) report(what, status string, raw []byte, head textproto.MIMEHeader) {
	wants := func(n string) bool { return bytes.Contains(m.notify, []byte(n)) }
	if what == "" && !wants("SUCCESS") || what == laterNothing {
		return
	}
	if head == nil {
		head = header(raw)
	}
	l := letter{what: cmp.Or(what, laterDelivered), from: string(m.from), to: string(m.to), envid: unxtext(string(m.envid)), status: status,
		fromHead: head.Get("From"), messageID: head.Get("Message-Id"), date: head.Get("Date")}
	soon := m.sim.opt.ReceiptDelay
	switch l.what {
	case laterFailed, laterNoID, laterLatin:
		if wants("FAILURE") {
			m.sim.sendBack(soon, l)
		}
	case laterDelayed:
		if wants("DELAY") {
			m.sim.sendBack(soon, l)
		}
		if wants("SUCCESS") {
			l.what = laterDelivered
			m.sim.sendBack(soon+later, l)
		}
	default:
		m.sim.sendBack(soon, l)
	}
}

func (s *Simulator) sendBack(after time.Duration, l letter) {
	s.receipts.add(receipt{due: s.Now().Add(after), provider: smtpDSN, letter: &l})
}

// unxtext reads the xtext form of an envelope id (RFC 3461).
func unxtext(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		var c byte
		if s[i] == '+' && i+2 < len(s) {
			if _, err := fmt.Sscanf(s[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

const boundary = "----simulator-report"

// write is the letter as mail.
func (l *letter) write(number int64, now time.Time) []byte {
	head := func(auto, subject, contentType string) string {
		return "From: MAILER-DAEMON@simulator.example\r\nTo: <" + l.from + ">\r\nSubject: " + subject + "\r\nDate: " + now.Format(time.RFC1123Z) +
			fmt.Sprintf("\r\nMessage-ID: <%d.report@simulator.example>", number) +
			"\r\nAuto-Submitted: " + auto + "\r\nMIME-Version: 1.0\r\nContent-Type: " + contentType + "\r\n\r\n"
	}
	switch l.what {
	case laterAutoReply:
		return []byte(head("auto-replied", "Out of office", "text/plain; charset=utf-8") + "I am away.\r\n")
	case laterComplaint:
		return []byte(head("auto-generated", "Complaint", multipart("feedback-report")) +
			part("text/plain", "This is an abuse report.") +
			part("message/feedback-report", "Feedback-Type: abuse\r\nUser-Agent: simulator/1\r\nVersion: 1\r\nOriginal-Envelope-Id: "+l.envid+"\r\nOriginal-Rcpt-To: "+l.to+"\r\n") +
			l.original(l.from))
	case laterRead:
		return []byte(head("auto-replied", "Read: your message", multipart("disposition-notification")) +
			part("text/plain", "Your message was displayed.") +
			part("message/disposition-notification", "Reporting-UA: simulator.example\r\nFinal-Recipient: rfc822; "+l.to+
				"\r\nOriginal-Message-ID: "+l.messageID+"\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n") +
			l.original(l.from))
	}
	return l.status3464(head)
}

func multipart(report string) string {
	return `multipart/report; report-type=` + report + `; boundary="` + boundary + `"`
}

func part(contentType, body string) string {
	return "--" + boundary + "\r\nContent-Type: " + contentType + "\r\n\r\n" + body + "\r\n"
}

// status3464 is a delivery status notification.
func (l *letter) status3464(head func(auto, subject, contentType string) string) []byte {
	action, status, envid, returned := l.what, cmp.Or(l.status, "5.1.1"), l.envid, l.from
	explain := part("text/plain; charset=utf-8", "Your message to <"+l.to+">: "+action+".\r\n")
	switch l.what {
	case laterDelivered:
		status = "2.0.0"
	case laterDelayed:
		status = "4.4.1"
	case laterForged:
		action, envid, returned = laterFailed, "1.1.em.aaaaaaaaaaaaaaaa", "b+1.1.em.aaaaaaaaaaaaaaaa@bounce.example"
		head = func(auto, subject, contentType string) string { // nothing in it is authentic
			return "From: MAILER-DAEMON@simulator.example\r\nTo: <" + returned + ">\r\nSubject: " + subject +
				"\r\nAuto-Submitted: " + auto + "\r\nMIME-Version: 1.0\r\nContent-Type: " + contentType + "\r\n\r\n"
		}
	case laterNoID:
		action, envid = laterFailed, ""
	case laterLatin:
		action = laterFailed
		explain = part("text/plain; charset=iso-8859-1", "Die Nachricht an <"+l.to+"> konnte nicht zugestellt werden: Empf\xe4nger unbekannt.\r\n")
	}
	group := "Reporting-MTA: dns; simulator.example\r\n"
	if envid != "" {
		group = "Original-Envelope-Id: " + envid + "\r\n" + group
	}
	diagnostic := cmp.Or(diagnostics[status], map[string]string{laterDelivered: "250 2.0.0 OK", laterDelayed: "451 4.4.1 Connection timed out"}[action], "550 "+status+" Failed")
	return []byte(head("auto-replied", "Delivery status: "+action, multipart("delivery-status")) + explain +
		part("message/delivery-status", group+"\r\nFinal-Recipient: rfc822; "+l.to+"\r\nAction: "+action+"\r\nStatus: "+status+"\r\nDiagnostic-Code: smtp; "+diagnostic+"\r\n") +
		l.original(returned))
}

// original is the last part: the message's header, as RET=HDRS asks.
func (l *letter) original(returnPath string) string {
	return part("text/rfc822-headers", "Return-Path: <"+returnPath+">\r\nFrom: "+l.fromHead+"\r\nTo: "+l.to+"\r\nMessage-Id: "+l.messageID+"\r\nDate: "+l.date+"\r\n") +
		"--" + boundary + "--\r\n"
}
