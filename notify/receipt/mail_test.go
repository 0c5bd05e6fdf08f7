package receipt

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"tocsin/notify"
)

const other = "1.9.email12.zzzzzzzzzzzzzzzz"

// mailOf is a message with the line ends of the wire. Its header comes before the first blank line.
func mailOf(text string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n"))
}

const daemon = "From: MAILER-DAEMON@mx.example.net\nTo: <b+" + id + "@bounce.example.com>\nDate: Sun, 01 Mar 2026 12:00:05 +0800\n"

// TestMail holds what comes to return paths, as mail systems and people really write it.
func TestMail(t *testing.T) {
	report := func(status string) string {
		return daemon + "Subject: Undelivered\nAuto-Submitted: auto-replied\nContent-Type: multipart/report; boundary=b\n\n" +
			"--b\nContent-Type: text/plain\n\nIt did not arrive.\n--b\nContent-Type: message/delivery-status\n\n" +
			"Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; someone@example.org\n" + status + "\n\n--b--\n"
	}
	arf := func(kind string) string {
		return "From: fbl@mailbox.example\nTo: <complaints@example.com>\nSubject: report\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n" +
			"--b\nContent-Type: text/plain\n\nSomebody complained.\n--b\nContent-Type: message/feedback-report\n\n" +
			"Feedback-Type: " + kind + "\nVersion: 1\nOriginal-Mail-From: <b+" + id + "@bounce.example.com>\n\n--b\n" +
			"Content-Type: message/rfc822\n\nFrom: notice@example.com\n\nbody\n--b--\n"
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("抱歉,您的邮件被退回。原因:该用户不存在")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		token, mail string
		kind        Kind
		class       notify.Class
		code        string
	}{
		"no envelope id":           {id, report("Action: failed\nStatus: 5.1.1"), Report, notify.ClassRcptPerm, "5.1.1"},
		"a delay":                  {id, report("Action: delayed\nStatus: 4.4.1"), Report, notify.ClassAccepted, "4.4.1"},
		"arrived":                  {id, report("Action: delivered (to mailbox)\nStatus: 2.0.0"), Report, notify.ClassDelivered, "2.0.0"},
		"given up":                 {id, report("Action: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; 451 4.4.1 timed out"), Report, notify.ClassRcptSoft, "4.4.7"},
		"the text knows better":    {id, report("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 552 5.2.2 over quota"), Report, notify.ClassRcptSoft, "5.0.0"},
		"the code behind the code": {id, report("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 nobody"), Report, notify.ClassRcptPerm, "5.0.0"},
		"without action":           {id, report("Status: 5.1.1"), Report, notify.ClassRcptPerm, "5.1.1"},
		"unknown action":           {id, report("Action: pondered\nStatus: 5.1.1"), Report, "", ""},
		"in capitals":              {strings.ToUpper(id), report("ACTION: FAILED\nSTATUS: 5.1.1"), Report, notify.ClassRcptPerm, "5.1.1"},

		"a complaint":              {"", arf("abuse"), Complaint, notify.ClassDelivered, "complaint"},
		"a complaint of no kind":   {"", arf(""), Complaint, notify.ClassDelivered, "complaint"},
		"no spam, says the reader": {"", arf("not-spam"), Other, "", ""},
		"a report on signatures":   {"", arf("auth-failure"), Other, "", ""},

		"QQ, in HTML": {id, daemon + "Subject: =?utf-8?B?57O757uf6YCA5L+h?=\nContent-Type: text/html; charset=utf-8\n\n" +
			"<style>p{margin:550 px}</style><p>收件人邮箱空间不足,无法投递</p>", Plain, notify.ClassRcptSoft, "full"},
		"163, in GB18030": {id, daemon + "Subject: =?utf-8?B?57O757uf6YCA5L+h?=\nContent-Type: text/plain; charset=gb18030\n\n" + gb, Plain, notify.ClassRcptPerm, "no-mailbox"},
		"frequency":       {id, daemon + "Subject: failure notice\n\nhost mx.example.net said: 550 Ip frequency limited", Plain, notify.ClassRetryAt, "550"},
		"exim": {id, "From: Mail Delivery System <Mailer-Daemon@mx.example.net>\nX-Failed-Recipients: someone@example.org\nAuto-Submitted: auto-replied\n" +
			"Subject: Mail delivery failed: returning message to sender\n\n  someone@example.org\n    550 5.1.1 Unrouteable address\n", Plain, notify.ClassRcptPerm, "5.1.1"},
		"qmail":                      {id, daemon + "Subject: failure notice\n\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n550 5.7.1 ours", Plain, notify.ClassRcptPerm, "5.1.1"},
		"our hotline is no code":     {id, daemon + "Subject: failure notice\n\nNot taken.\n----- Original message -----\nCall 500-100 now, 550 5.1.1 times", Plain, notify.ClassRcptSoft, "bounce"},
		"nobody knows why":           {id, daemon + "Subject: =?gb2312?B?zcvQxQ==?=\n\nno reason given", Plain, notify.ClassRcptSoft, "bounce"},
		"a warning":                  {id, daemon + "Subject: Warning: message delayed 4 hours\n\n451 4.4.1 later", Other, "", ""},
		"a daemon without news":      {id, daemon + "Subject: Welcome\n\nHello.", Other, "", ""},
		"a person away":              {id, "From: someone@example.org\nSubject: failure notice\nAuto-Submitted: auto-replied\n\n550 5.1.1 I am away", AutoReply, "", ""},
		"a person away, the old way": {id, "From: someone@example.org\nSubject: away\nPrecedence: auto_reply\n\nSorry", AutoReply, "", ""},
		"a person away, another way": {id, "From: someone@example.org\nSubject: away\nX-Autoreply: yes\n\nSorry", AutoReply, "", ""},
		"a person answers":           {id, "From: someone@example.org\nSubject: Re: undelivered\n\nI got 550 5.1.1 of them.", Other, "", ""},
		"who it names is nobody's":   {"", "From: MAILER-DAEMON@mx.example.net\nTo: <b+nonsense@x.example>\nSubject: failure notice\n\n550 5.1.1 no", Plain, "", ""},
		"nothing but a header":       {id, daemon, Other, "", ""},
		"of an impossible type":      {id, daemon + "Subject: failure notice\nContent-Type: ;;;\nContent-Transfer-Encoding: rot13\n\n550 5.1.1 no", Plain, notify.ClassRcptPerm, "5.1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			kind, got := Mail(c.token, mailOf(c.mail))
			require.Equal(t, c.kind, kind)
			if c.class == "" {
				require.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			require.Equal(t, [3]any{id, c.class, c.code}, [3]any{got[0].OutID, got[0].Class, got[0].Code})
		})
	}
}

// TestOnlyTheEnvelopeSaysWho: a bounce sent to one person's return path cannot fail another's delivery.
func TestOnlyTheEnvelopeSaysWho(t *testing.T) {
	forged := "From: MAILER-DAEMON@mx.example.net\nTo: <b+" + other + "@bounce.example.com>\nContent-Type: multipart/report; boundary=b\n\n--b\n" +
		"Content-Type: message/delivery-status\n\nOriginal-Envelope-Id: " + other + "\n\nOriginal-Recipient: rfc822; victim@example.org\nAction: failed\nStatus: 5.1.1\n\n" +
		"--b\nContent-Type: text/rfc822-headers\n\nReturn-Path: <b+" + other + "@bounce.example.com>\n\n--b--\n"
	_, got := Mail(id, mailOf(forged))
	require.Empty(t, cmp.Diff([]notify.Receipt{{OutID: id, Class: notify.ClassRcptPerm, Code: "5.1.1"}}, got))
	_, got = Mail("", mailOf(forged))
	require.Len(t, got, 1)
	require.Equal(t, other, got[0].OutID, "without an envelope the message's own return path tells")
}

// TestAnyMail: whatever comes in, only the envelope's token goes out, and times are whole.
func TestAnyMail(t *testing.T) {
	lines := rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"", "--b", "--b--", "Content-Type: multipart/report; boundary=b", "Content-Type: message/delivery-status",
			"Content-Type: message/feedback-report", "Content-Type: text/plain; charset=gb18030", "Content-Transfer-Encoding: base64", "From: MAILER-DAEMON@x.example",
			"To: <b+" + other + "@bounce.example.com>", "Original-Envelope-Id: " + other, "Action: failed", "Status: 5.1.1", "Feedback-Type: abuse", "550 5.1.1 no"}),
		rapid.StringN(0, 40, 80)), 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		_, got := Mail(id, mailOf(strings.Join(lines.Draw(t, "lines"), "\n")))
		for _, r := range got {
			require.Equal(t, id, r.OutID)
			require.NotEmpty(t, r.Class)
			require.Equal(t, r.At.Truncate(time.Microsecond), r.At)
		}
	})
}

func FuzzMail(f *testing.F) {
	f.Add(id, mailOf(daemon+"Subject: failure notice\n\n550 5.1.1 no"))
	f.Add("", mailOf(daemon+"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n\n--b--"))
	f.Fuzz(func(t *testing.T, token string, body []byte) {
		_, got := Mail(token, body)
		for _, r := range got {
			require.True(t, outID.MatchString(r.OutID))
			require.True(t, token == "" || strings.EqualFold(strings.TrimSpace(token), r.OutID))
		}
	})
}
