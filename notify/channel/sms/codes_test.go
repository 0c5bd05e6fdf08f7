package sms

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/internal/aliyun"
	"tocsin/notify"
)

// The carrier codes of channels.md section 2.4, row by row, as a query's answer gives them.
func TestCarrierCodes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for code, want := range map[string]notify.Class{
		"EXPIRED": notify.ClassRcptSoft, "UNDELIV": notify.ClassRcptSoft, "MK:0010": notify.ClassRcptSoft, "MK:0023": notify.ClassRcptSoft,
		"MK:0005": notify.ClassRcptSoft, "MK:0013": notify.ClassRcptSoft, "MK:0000": notify.ClassRcptSoft, "MN:0001": notify.ClassRcptSoft,
		"MK:0001": notify.ClassRcptPerm, "CB:0001": notify.ClassRcptPerm, "DB:0101": notify.ClassRcptPerm,
		"MBBLACK": notify.ClassRcptPerm, "DBBLACK": notify.ClassRcptPerm, "DB:0144": notify.ClassRcptPerm,
		"REJECTD": notify.ClassRcptSoft, "MK:0014": notify.ClassRcptSoft, "MK:0115": notify.ClassRcptSoft,
		"IB:0008": notify.ClassRetryAt, "CMPPERR:8": notify.ClassRetryAt, "DB:0142": notify.ClassRetryAt,
		"isv.AMOUNT_NOT_ENOUGH": notify.ClassStop, "XX:9999": notify.ClassRcptSoft, "": notify.ClassRcptSoft,
		"DELIVERED": notify.ClassRcptSoft, // with a status that says failed
	} {
		require.Equal(t, want, detailVerdict(aliyun.SMSDetail{Status: 2, ErrCode: code}, now).Class, code)
	}
	require.Equal(t, notify.ClassDelivered, detailVerdict(aliyun.SMSDetail{Status: 3}, now).Class)
	require.Equal(t, notify.ClassAccepted, detailVerdict(aliyun.SMSDetail{Status: 1}, now).Class)
}

// A day of the provider ends at midnight in Beijing, 16:00 UTC.
func TestDaysOfAQuery(t *testing.T) {
	now := time.Date(2026, 3, 1, 16, 30, 0, 0, time.UTC) // 2 March, half past midnight there
	for since, want := range map[time.Time][]string{
		{}: {"20260302", "20260301"},
		time.Date(2026, 3, 1, 16, 20, 0, 0, time.UTC):   {"20260302"},
		time.Date(2026, 3, 1, 16, 1, 0, 0, time.UTC):    {"20260302", "20260301"},
		time.Date(2026, 3, 1, 15, 58, 0, 0, time.UTC):   {"20260302", "20260301"},
		time.Date(2026, 2, 27, 10, 0, 0, 0, time.UTC):   {"20260227"},
		time.Date(2026, 2, 28, 15, 59, 59, 0, time.UTC): {"20260301", "20260228"},
	} {
		require.Equal(t, want, days(since, now), since.String())
	}
}

// Parameters come out as a JSON object that holds just what went in.
func TestParametersAsJSON(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := form{names: []string{"code", "ref"}}
		values := rapid.SliceOfN(rapid.String(), 2, 2).Draw(r, "values")
		var got map[string]string
		require.NoError(r, json.Unmarshal([]byte(f.object(values)), &got))
		require.Equal(r, map[string]string{"code": strings.ToValidUTF8(values[0], "\ufffd"), "ref": strings.ToValidUTF8(values[1], "\ufffd")}, got)
	})
}
