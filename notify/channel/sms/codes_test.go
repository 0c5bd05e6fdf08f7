package sms

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
