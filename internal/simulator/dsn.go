package simulator

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// later is how long after a warning of delay a delayed message arrives.
const later = 10 * time.Minute

// report schedules what a mail system would send back for a message it took.
func (s *session) report(magic string, head textproto.MIMEHeader) {
	wants := func(n smtp.DSNNotify) bool { return slices.Contains(s.rcpt.Notify, n) }
	now := s.sim.opt.ReceiptDelay
	switch magic {
	case "bounce":
		if wants(smtp.DSNNotifyFailure) {
			s.send(now, s.status("failed", "5.1.1", "550 5.1.1 User unknown", head))
		}
	case "delay":
		if wants(smtp.DSNNotifyDelayed) {
			s.send(now, s.status("delayed", "4.4.1", "451 4.4.1 Connection timed out", head))
		}
		if wants(smtp.DSNNotifySuccess) {
			s.send(now+later, s.status("delivered", "2.0.0", "250 2.0.0 OK", head))
		}
	case "complain":
		s.send(now, s.complaint(head))
	case "autoreply":
		s.send(now, s.envelope("auto-replied", "Out of office", "text/plain; charset=utf-8")+"I am away.\r\n")
	case "":
		if wants(smtp.DSNNotifySuccess) {
			s.send(now, s.status("delivered", "2.0.0", "250 2.0.0 OK", head))
		}
	}
}

func (s *session) send(after time.Duration, message string) {
	s.sim.receipts.add(receipt{due: s.sim.opt.Clock.Now().Add(after), provider: "smtp-dsn", mail: message})
}

// envelope is the header of an answer to the return path.
func (s *session) envelope(auto, subject, contentType string) string {
	return "From: MAILER-DAEMON@simulator.example\r\nTo: <" + s.from + ">\r\nSubject: " + subject +
		"\r\nDate: " + s.sim.opt.Clock.Now().Format(time.RFC1123Z) +
		fmt.Sprintf("\r\nMessage-ID: <%d.report@simulator.example>", s.sim.receipts.number()) +
		"\r\nAuto-Submitted: " + auto + "\r\nMIME-Version: 1.0\r\nContent-Type: " + contentType + "\r\n\r\n"
}

const boundary = "----simulator-report"

// status is a delivery status notification (RFC 3464).
func (s *session) status(action, code, diagnostic string, head textproto.MIMEHeader) string {
	kind := `multipart/report; report-type=delivery-status; boundary="` + boundary + `"`
	return s.envelope("auto-replied", "Delivery status: "+action, kind) +
		"--" + boundary + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nYour message to <" + s.to + ">: " + action + ".\r\n" +
		"--" + boundary + "\r\nContent-Type: message/delivery-status\r\n\r\n" +
		"Original-Envelope-Id: " + s.mail.EnvelopeID + "\r\nReporting-MTA: dns; simulator.example\r\n\r\n" +
		"Final-Recipient: rfc822; " + s.to + "\r\nAction: " + action + "\r\nStatus: " + code +
		"\r\nDiagnostic-Code: smtp; " + diagnostic + "\r\n\r\n" + s.original(head)
}

// complaint is an abuse report (RFC 5965).
func (s *session) complaint(head textproto.MIMEHeader) string {
	kind := `multipart/report; report-type=feedback-report; boundary="` + boundary + `"`
	return s.envelope("auto-generated", "Complaint", kind) +
		"--" + boundary + "\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n" +
		"--" + boundary + "\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: simulator/1\r\nVersion: 1\r\n" +
		"Original-Envelope-Id: " + s.mail.EnvelopeID + "\r\nOriginal-Rcpt-To: " + s.to + "\r\n\r\n" + s.original(head)
}

// original is the last part: the message's header, as RET=HDRS asks.
func (s *session) original(head textproto.MIMEHeader) string {
	var b strings.Builder
	b.WriteString("--" + boundary + "\r\nContent-Type: text/rfc822-headers\r\n\r\n")
	for _, name := range []string{"From", "To", "Message-Id", "Date"} {
		b.WriteString(name + ": " + head.Get(name) + "\r\n")
	}
	return b.String() + "\r\n--" + boundary + "--\r\n"
}
