package codes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

// TestReplyClasses is channels.md section 5.2 row by row, and what must not be mistaken for a row.
func TestReplyClasses(t *testing.T) {
	for _, c := range []struct {
		code     int
		enhanced string
		text     string
		class    notify.Class
		wait     time.Duration
		rule     string
	}{
		{450, "4.2.0", "Recipient address rejected: Greylisted", notify.ClassRetryAt, 10 * time.Minute, "greylist"},
		{450, "4.2.0", "try again", notify.ClassRetryAt, 10 * time.Minute, ""},
		{451, "4.7.1", "please try again later", notify.ClassRetryAt, 10 * time.Minute, ""},
		{421, "", "service not available", notify.ClassRetry, 0, ""},
		{0, "4.4.7", "delivery time expired", notify.ClassRetry, 0, ""},
		{451, "4.3.2", "system not accepting", notify.ClassRetry, 0, ""},
		{550, "5.1.1", "no such person", notify.ClassRcptPerm, 0, ""},
		{550, "5.1.2", "bad destination system", notify.ClassRcptPerm, 0, ""},
		{553, "5.1.3", "bad syntax", notify.ClassRcptPerm, 0, ""},
		{556, "5.1.10", "null mx", notify.ClassBug, 0, "too-many-recipients"}, // 556 is DirectMail's
		{550, "5.1.10", "null mx", notify.ClassRcptPerm, 0, ""},
		{550, "5.2.1", "disabled", notify.ClassRcptPerm, 0, ""},
		{550, "", "Mailbox not found. http://service.mail.example", notify.ClassRcptPerm, 0, "no-mailbox"},
		{559, "", "Invalid rcptto", notify.ClassRcptPerm, 0, "no-mailbox"},
		{550, "", "User not found: somebody", notify.ClassRcptPerm, 0, "no-mailbox"},
		{552, "5.2.2", "over quota", notify.ClassRcptSoft, 0, ""},
		{452, "4.2.2", "over quota", notify.ClassRcptSoft, 0, ""},
		{452, "", "insufficient storage", notify.ClassRcptSoft, 0, ""},
		{550, "", "Domain frequency limited", notify.ClassRetryAt, 15 * time.Minute, "frequency"},
		{550, "", "Sender frequency limited", notify.ClassRetryAt, 15 * time.Minute, "frequency"},
		{550, "", "Ip frequency limited", notify.ClassRetryAt, 15 * time.Minute, "frequency"},
		{550, "", "Connection frequency limited", notify.ClassRetryAt, 15 * time.Minute, "frequency"},
		{550, "", "Connection denied", notify.ClassRetryAt, 30 * time.Minute, "connection-denied"},
		{550, "5.1.1", "Mailbox unavailable or access denied", notify.ClassRetryAt, time.Hour, "flooded"},
		{550, "", "Mail content denied", notify.ClassStop, 0, "content"},
		{554, "", "DT:SPM smtp1", notify.ClassStop, 0, "spam"},
		{451, "", "DT:SPM please try again", notify.ClassRetryAt, 5 * time.Minute, "requeue"},
		{421, "", "HL:ICC", notify.ClassRetryAt, 5 * time.Minute, "too-many-connections"},
		{421, "", "HL:IFC", notify.ClassRetryAt, 5 * time.Minute, "too-many-messages"},
		{450, "", "MI:DMC", notify.ClassRetryAt, 5 * time.Minute, "per-connection"},
		{450, "", "RP:DRC", notify.ClassRetryAt, 5 * time.Minute, "rate"},
		{451, "", "MI:SFQ", notify.ClassRetryAt, 15 * time.Minute, "quarter-hour"},
		{421, "", "HL:REP", notify.ClassStop, 0, "reputation"},
		{450, "", "DT:RBL", notify.ClassStop, 0, "listed"},
		{550, "5.7.1", "message refused", notify.ClassStop, 0, ""},
		{550, "5.7.26", "unauthenticated", notify.ClassStop, 0, "not-authenticated"},
		{550, "5.7.515", "access denied", notify.ClassStop, 0, "not-authenticated"},
		{554, "", "Reject by content spam at DATA", notify.ClassStop, 0, "content"},
		{552, "", "Daily sending quota exceeded", notify.ClassStop, 0, "quota"},
		{552, "", "Monthly sending quota exceeded", notify.ClassStop, 0, "quota"},
		{552, "", "Not enough sending quota", notify.ClassStop, 0, "quota"},
		{551, "", "Main account unavailable", notify.ClassStop, 0, "account"},
		{535, "", "Authentication failed", notify.ClassStop, 0, ""},
		{436, "", "mismatch", notify.ClassBug, 0, "sender-mismatch"},
		{556, "", "too many", notify.ClassBug, 0, "too-many-recipients"},
		{557, "", "too long", notify.ClassBug, 0, "too-long"},
		{561, "", "honeypot", notify.ClassRcptPerm, 0, "honeypot"},
		{501, "5.5.4", "syntax", notify.ClassBug, 0, ""},
		{0, "", "该用户不存在", notify.ClassRcptPerm, 0, "no-mailbox"},
		{0, "", "收件人空间不足", notify.ClassRcptSoft, 0, "full"},
		{550, "", "something nobody has seen", notify.ClassRcptSoft, 0, ""},
		{554, "5.0.0", "", notify.ClassRcptSoft, 0, ""},
		{0, "", "", "", 0, ""}, // nothing is known
		{0, "5.2.20", "", "", 0, ""},
		{0, "5.1.11", "", "", 0, ""},
	} {
		r, _ := Mail(c.code, c.enhanced, c.text, InBounce)
		require.Equal(t, [3]any{c.class, c.wait, c.rule}, [3]any{r.Class, r.Wait, r.Name}, "%d %s %s", c.code, c.enhanced, c.text)
	}
}
