package codes

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/internal/call"
	"tocsin/notify"
)

func TestTables(t *testing.T) {
	for _, table := range []Table{Submission, Carrier, Global, Cloud} {
		require.NotEmpty(t, table.Source)
		seen := map[string]bool{}
		for _, r := range table.Rules {
			require.False(t, seen[r.Code], r.Code)
			seen[r.Code] = true
			require.Equal(t, r.Class == notify.ClassRetryAt, r.Wait > 0, r.Code)
			require.Equal(t, r.Class == notify.ClassDelivered, r.Action == "", r.Code)
		}
	}
}

func TestLongestBeginningWins(t *testing.T) {
	for code, want := range map[string]notify.Class{
		"InternalError.Timeout": notify.ClassInDoubt, "InternalError.SendAndRecvFail": notify.ClassInDoubt, "InternalError.OtherError": notify.ClassInDoubt,
		"InternalError.UnknownError": notify.ClassInDoubt, "InternalError.RequestTimeException": notify.ClassStop,
		"RequestLimitExceeded.UinLimitExceeded": notify.ClassRetry, "AuthFailure.SignatureExpire": notify.ClassStop,
		"UnauthorizedOperation.SerivceSuspendDueToArrears": notify.ClassStop, "InvalidParameterValue.IncorrectPhoneNumber": notify.ClassRcptPerm,
		"InvalidParameterValue.ContentLengthLimit": notify.ClassBug, "MissingParameter.EmptyPhoneNumberSet": notify.ClassBug,
		"UnsupportedOperation.UnsuportedRegion": notify.ClassRcptPerm, "UnsupportedOperation.": notify.ClassBug, "Nothing.Known": notify.ClassRcptSoft, "": notify.ClassRcptSoft,
	} {
		require.Equal(t, want, Cloud.Verdict(code, 0, time.Time{}).Class, code)
	}
}

// Every row of channels.md section 2.4 that is about a failed message, texts included.
func TestFailed(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, row := range []struct {
		code, text string
		class      notify.Class
		content    bool
	}{
		{"EXPIRED", "", notify.ClassRcptSoft, false}, {"UNDELIV", "", notify.ClassRcptSoft, false}, {"MK:0010", "", notify.ClassRcptSoft, false},
		{"MK:0023", "", notify.ClassRcptSoft, false}, {"MK:0005", "", notify.ClassRcptSoft, false}, {"MK:0013", "", notify.ClassRcptSoft, false},
		{"MK:0000", "", notify.ClassRcptSoft, false}, {"MN:0001", "", notify.ClassRcptSoft, false},
		{"MK:0001", "", notify.ClassRcptPerm, false}, {"CB:0001", "", notify.ClassRcptPerm, false}, {"DB:0101", "", notify.ClassRcptPerm, false},
		{"MBBLACK", "", notify.ClassRcptPerm, false}, {"DBBLACK", "", notify.ClassRcptPerm, false}, {"DB:0144", "", notify.ClassRcptPerm, false},
		{"XX:1", "号码在黑名单中", notify.ClassRcptPerm, false}, {"XX:1", "in blacklist", notify.ClassRcptPerm, false},
		{"REJECTD", "", notify.ClassRcptSoft, true}, {"rejectd", "", notify.ClassRcptSoft, true}, {"MK:0014", "", notify.ClassRcptSoft, true},
		{"MK:0115", "", notify.ClassRcptSoft, true}, {"XX:2", "疑似垃圾短信", notify.ClassRcptSoft, true}, {"XX:2", "签名未报备", notify.ClassRcptSoft, true},
		{"XX:2", "keyword hit", notify.ClassRcptSoft, true},
		{"IB:0008", "", notify.ClassRetryAt, false}, {"CMPPERR:8", "", notify.ClassRetryAt, false}, {"DB:0142", "", notify.ClassRetryAt, false},
		{"isv.AMOUNT_NOT_ENOUGH", "", notify.ClassStop, false}, {"isv.MOBILE_NUMBER_ILLEGAL", "", notify.ClassRcptPerm, false},
		{"isv.PARAM_LENGTH_LIMIT", "", notify.ClassRcptSoft, false}, {"isp.SYSTEM_ERROR", "", notify.ClassInDoubt, false}, {"isv.NEW", "", notify.ClassRcptSoft, false},
		{"DELIVERED", "", notify.ClassRcptSoft, false}, {"XX:9999", "?", notify.ClassRcptSoft, false}, {"", "", notify.ClassRcptSoft, false},
	} {
		v, content := Failed(row.code, row.text, now)
		require.Equal(t, row.class, v.Class, row)
		require.Equal(t, row.content, content, row)
		require.Equal(t, row.code, v.Code)
		require.Equal(t, v.Class == notify.ClassRetryAt, v.RetryAt.After(now), row)
	}
}

// Throttled by the gateway is asked to go slower; out of reach is not.
func TestWhoIsThrottledGoesSlower(t *testing.T) {
	judged := func(table Table, class call.Class, code string, status int) notify.Verdict {
		return table.Judge(&call.Error{Class: class, Code: code, Status: status}, time.Time{})
	}
	require.Equal(t, notify.Verdict{Class: notify.ClassRetry, Code: "Throttling.User", Slower: true}, judged(Submission, call.Retry, "Throttling.User", 400))
	require.True(t, judged(Cloud, call.Business, "RequestLimitExceeded.UinLimitExceeded", 200).Slower)
	require.False(t, judged(Submission, call.Retry, "unreachable", 0).Slower)
	require.False(t, judged(Submission, call.Business, "isv.BUSINESS_LIMIT_CONTROL", 200).Slower, "that is one number's limit")
}

func TestUnknownCodesAreSaidToBeSo(t *testing.T) {
	require.True(t, Submission.Verdict("isv.NEW", 0, time.Time{}).Unknown)
	require.False(t, Submission.Verdict("isv.OUT_OF_SERVICE", 0, time.Time{}).Unknown)
}
