package email

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/notify"
	"tocsin/templates"
)

// received undoes dot stuffing and reads the text part back.
func received(t require.TestingT, wire []byte) (subject, text string) {
	raw, ok := strings.CutSuffix(string(wire), "\r\n.\r\n")
	require.True(t, ok, "ended by a final dot")
	require.NotContains(t, raw, "\r\n.\r\n", "ended once")
	raw = strings.ReplaceAll(raw+"\r\n", "\r\n.", "\r\n")
	require.NotContains(t, strings.ReplaceAll(raw, "\r\n", ""), "\n")
	for line := range strings.SplitSeq(raw, "\r\n") {
		require.LessOrEqual(t, len(line), 78)
	}
	m, err := message.Read(strings.NewReader(raw))
	require.NoError(t, err)
	b, err := io.ReadAll(m.Body)
	require.NoError(t, err)
	subject, err = m.Header.Text("Subject")
	require.NoError(t, err)
	return subject, strings.ReplaceAll(string(b), "\r\n", "\n")
}

// Whatever stands around the slots and in the values, the reader gets the text with the values put in.
func TestFillIsTheTextWithTheValues(t *testing.T) {
	piece := rapid.StringOf(rapid.SampledFrom([]rune("ab.=- \n中字😀<&>_?0")))
	value := rapid.StringOfN(rapid.SampledFrom([]rune("ab.=-\n 中😀<&>\"'")), 1, -1, -1)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		b.WriteString("x" + strings.Repeat("长", rapid.IntRange(0, 12).Draw(t, "lead")))
		for range rapid.IntRange(0, 4).Draw(t, "slots") {
			b.WriteString(piece.Draw(t, "piece") + rapid.SampledFrom([]string{"[[code]]", "[[ref]]", "[[unknown]]"}).Draw(t, "slot"))
		}
		b.WriteString(piece.Draw(t, "tail"))
		text := b.String()
		m := notify.FrozenMessage{Document: "ntc_1", Message: templates.Message{From: "a@acme.example", Subject: "S [[code]]", Text: text}}
		l, err := compose(m, "acme.example", time.Unix(0, 0))
		require.NoError(t, err)
		values := map[string]string{"code": value.Draw(t, "code"), "ref": value.Draw(t, "ref")}
		o := &notify.Outgoing{OutID: "o", Attempt: 2, Code: values["code"], Ref: values["ref"]}
		require.True(t, l.complete(o))
		r := &run{sender: &sender{letter: l}, out: []notify.Outgoing{*o}}
		j := job{to: "p@people.example"}
		subject, got := received(t, r.dotted(nil, &conn{}, j))
		plain := l.fill(nil, o, j.to)
		require.Equal(t, string(stuff(bytes.Clone(plain)))+".\r\n", string(r.dotted(nil, &conn{}, j)))
		l.digits = rapid.IntRange(1, 6).Draw(t, "digits")
		require.Equal(t, fmt.Sprintf("before%d LAST\r\n%s", len(plain), plain), string(r.chunk([]byte("before"), &conn{}, j)))
		want := slotPattern.ReplaceAllStringFunc(text, func(s string) string {
			if v, ok := values[strings.Trim(s, "[]")]; ok {
				return v
			}
			return s
		})
		require.Contains(t, []string{want, want + "\n"}, got, "a text without a final line end gets one")
		require.Equal(t, strings.TrimRight("S "+strings.ReplaceAll(values["code"], "\n", " "), " "), strings.TrimRight(subject, " "))
	})
}

func TestMissingValue(t *testing.T) {
	l, err := compose(notify.FrozenMessage{Message: templates.Message{From: "a@acme.example", Subject: "S", Text: "[[code]] [[extra]]", Slots: []string{"extra"}}},
		"acme.example", time.Unix(0, 0))
	require.NoError(t, err)
	require.False(t, l.complete(&notify.Outgoing{Code: "c"}))
	require.True(t, l.complete(&notify.Outgoing{Code: "c", Vars: map[string]string{"extra": ""}}))
}

// The table of channels.md section 5.2, row by row.
func TestRules(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		at    stage
		line  string
		class notify.Class
		wait  time.Duration
		own   bool // the opinion or the limit of one mailbox provider
	}{
		{atRcpt, "450 4.2.0 greylisted", notify.ClassRetryAt, 10 * time.Minute, false},
		{atRcpt, "451 4.7.1 try again", notify.ClassRetryAt, 10 * time.Minute, false},
		{atRcpt, "450 try again later", notify.ClassRetryAt, 10 * time.Minute, false},
		{atMail, "421 service not available", notify.ClassRetry, 0, false},
		{atRcpt, "451 4.4.2 bad connection", notify.ClassRetry, 0, false},
		{atFinal, "451 4.3.0 local error", notify.ClassRetry, 0, false},
		{atRcpt, "550 5.1.1 no", notify.ClassRcptPerm, 0, false},
		{atRcpt, "550 5.1.2 no", notify.ClassRcptPerm, 0, false},
		{atRcpt, "553 5.1.3 no", notify.ClassRcptPerm, 0, false},
		{atRcpt, "550 5.1.10 null MX", notify.ClassRcptPerm, 0, false},
		{atRcpt, "550 5.2.1 disabled", notify.ClassRcptPerm, 0, false},
		{atRcpt, "550 Mailbox not found", notify.ClassRcptPerm, 0, false},
		{atRcpt, "559 Invalid rcptto", notify.ClassRcptPerm, 0, false},
		{atRcpt, "552 5.2.2 full", notify.ClassRcptSoft, 0, false},
		{atRcpt, "452 4.2.2 full", notify.ClassRcptSoft, 0, false},
		{atFinal, "550 Domain frequency limited", notify.ClassRetryAt, 15 * time.Minute, true},
		{atFinal, "550 Sender frequency limited", notify.ClassRetryAt, 15 * time.Minute, true},
		{atFinal, "550 Connection frequency limited", notify.ClassRetryAt, 15 * time.Minute, true},
		{atMail, "550 Connection denied", notify.ClassRetryAt, 30 * time.Minute, true},
		{atRcpt, "550 Mailbox unavailable or access denied", notify.ClassRetryAt, time.Hour, false},
		{atFinal, "550 Mail content denied", notify.ClassStop, 0, true},
		{atFinal, "554 DT:SPM", notify.ClassStop, 0, true},
		{atFinal, "550 5.7.1 content", notify.ClassStop, 0, true},
		{atFinal, "554 Reject by content spam", notify.ClassStop, 0, false},
		{atMail, "421 HL:ICC 1", notify.ClassRetryAt, 5 * time.Minute, true},
		{atMail, "421 HL:IFC 1", notify.ClassRetryAt, 5 * time.Minute, true},
		{atFinal, "450 MI:DMC", notify.ClassRetryAt, 5 * time.Minute, true},
		{atFinal, "450 RP:DRC", notify.ClassRetryAt, 5 * time.Minute, true},
		{atFinal, "451 MI:SFQ", notify.ClassRetryAt, 15 * time.Minute, true},
		{atFinal, "451 DT:SPM please try again", notify.ClassRetryAt, 5 * time.Minute, true},
		{atMail, "421 HL:REP", notify.ClassStop, 0, true},
		{atRcpt, "450 DT:RBL", notify.ClassStop, 0, true},
		{atFinal, "550 5.7.26 unauthenticated", notify.ClassStop, 0, false},
		{atFinal, "550 5.7.515 access denied", notify.ClassStop, 0, false},
		{atFinal, "552 Daily sending quota exceeded", notify.ClassStop, 0, false},
		{atFinal, "552 Not enough sending quota", notify.ClassStop, 0, false},
		{atMail, "551 Main account unavailable", notify.ClassStop, 0, false},
		{atMail, "535 authentication failed", notify.ClassStop, 0, false},
		{atMail, "436 MAIL FROM mismatch", notify.ClassBug, 0, false},
		{atRcpt, "556 too many RCPT", notify.ClassBug, 0, false},
		{atFinal, "557 too long", notify.ClassBug, 0, false},
		{atRcpt, "561 honeypot", notify.ClassRcptPerm, 0, false},
		{atRcpt, "501 5.5.4 bad parameter", notify.ClassBug, 0, false},
		{atRcpt, "450 Ip frequency limited", notify.ClassRetryAt, 10 * time.Minute, false},
		{atFinal, "550 Ip frequency limited", notify.ClassRetryAt, 15 * time.Minute, true},
		{atFinal, "550 5.7.9 DMARC policy", notify.ClassStop, 0, false},
		{atFinal, "550 5.7.1 Authentication required by policy", notify.ClassStop, 0, false},
		{atMail, "550 5.7.1 not yours", notify.ClassStop, 0, false},
		{atMail, "553 5.1.8 sender domain", notify.ClassStop, 0, false},
		{atRcpt, "450 4.7.0 Too many messages from you", notify.ClassRetryAt, 5 * time.Minute, true},
		{atFinal, "421 4.7.28 unusual rate limit", notify.ClassRetryAt, 5 * time.Minute, true},
		{atFinal, "452 Requested action throttled", notify.ClassRetryAt, 5 * time.Minute, true},
		{atMail, "550 sender refused", notify.ClassStop, 0, false},
		{atRcpt, "550 who knows", notify.ClassRcptSoft, 0, false},
		{atFinal, "599 who knows", notify.ClassRcptSoft, 0, false},
	} {
		t.Run(c.line, func(t *testing.T) {
			var r reply
			_, err := fmt.Sscanf(c.line, "%d", &r.code)
			require.NoError(t, err)
			r.text = []byte(c.line[4:])
			v, rule := judge(c.at, r, 1, now)
			require.Equal(t, c.class, v.Class)
			require.NotContains(t, v.Code, " ")
			require.Equal(t, c.own, rule.Slow || rule.Share)
			if c.class == notify.ClassRetryAt {
				require.Equal(t, now.Add(c.wait), v.RetryAt)
				second, _ := judge(c.at, r, 2, now)
				require.Equal(t, now.Add(2*c.wait), second.RetryAt)
				late, _ := judge(c.at, r, 99, now)
				require.LessOrEqual(t, late.RetryAt.Sub(now), maxWait)
			} else {
				require.Zero(t, v.RetryAt)
			}
		})
	}
}
