package sms

import (
	"strings"

	"tocsin/notify"
)

// Submission is channels.md section 2.3 as data: what the provider's answer to a submission means.
var Submission = map[string]notify.Class{
	"isp.SYSTEM_ERROR":                  notify.ClassInDoubt,
	"isp.GATEWAY_ERROR":                 notify.ClassInDoubt,
	"isp.UNKNOWN":                       notify.ClassInDoubt,
	"isv.BUSINESS_LIMIT_CONTROL":        notify.ClassRetryAt,
	"isv.MOBILE_NUMBER_ILLEGAL":         notify.ClassRcptPerm,
	"isv.MOBILE_COUNT_OVER_LIMIT":       notify.ClassBug,
	"isv.TEMPLATE_MISSING_PARAMETERS":   notify.ClassBug,
	"isv.INVALID_PARAMETERS":            notify.ClassBug,
	"isv.INVALID_JSON_PARAM":            notify.ClassBug,
	"isv.PARAM_LENGTH_LIMIT":            notify.ClassStop,
	"isv.PARAM_NOT_SUPPORT_URL":         notify.ClassStop,
	"isv.BLACK_KEY_CONTROL_LIMIT":       notify.ClassStop,
	"isv.SMS_CONTENT_ILLEGAL":           notify.ClassStop,
	"isv.SMS_TEMPLATE_ILLEGAL":          notify.ClassStop,
	"isv.SMS_SIGNATURE_ILLEGAL":         notify.ClassStop,
	"isv.SMS_SIGN_ILLEGAL":              notify.ClassStop,
	"isv.SIGN_STATE_ILLEGAL":            notify.ClassStop,
	"isv.SMS_SIGNATURE_SCENE_ILLEGAL":   notify.ClassStop,
	"isv.EXTEND_CODE_ERROR":             notify.ClassStop,
	"isv.AMOUNT_NOT_ENOUGH":             notify.ClassStop,
	"isv.OUT_OF_SERVICE":                notify.ClassStop,
	"isv.DAY_LIMIT_CONTROL":             notify.ClassStop,
	"isv.MONTH_LIMIT_CONTROL":           notify.ClassStop,
	"isv.ACCOUNT_NOT_EXISTS":            notify.ClassStop,
	"isv.ACCOUNT_ABNORMAL":              notify.ClassStop,
	"isv.PRODUCT_UN_SUBSCRIPT":          notify.ClassStop,
	"isv.PRODUCT_UNSUBSCRIBE":           notify.ClassStop,
	"isp.RAM_PERMISSION_DENY":           notify.ClassStop,
	"isv.DENY_IP_RANGE":                 notify.ClassStop,
	"isv.DOMESTIC_NUMBER_NOT_SUPPORTED": notify.ClassBug,
	"isv.INTERFACE_OFFLINE":             notify.ClassBug,
}

// CarrierRule classes carrier codes of a message that was submitted.
type CarrierRule struct {
	Code  string
	Class notify.Class
}

// Carrier is channels.md section 2.4 as data. REJECTD and its like stop a campaign only by their share,
// which one message cannot know.
var Carrier = []CarrierRule{
	{"DELIVERED", notify.ClassDelivered}, {"DELIVRD", notify.ClassDelivered},
	{"EXPIRED", notify.ClassRcptSoft}, {"UNDELIV", notify.ClassRcptSoft},
	{"MK:0000", notify.ClassRcptSoft}, {"MK:0005", notify.ClassRcptSoft}, {"MK:0010", notify.ClassRcptSoft},
	{"MK:0013", notify.ClassRcptSoft}, {"MK:0023", notify.ClassRcptSoft}, {"MN:0001", notify.ClassRcptSoft},
	{"MK:0001", notify.ClassRcptPerm}, {"CB:0001", notify.ClassRcptPerm}, {"DB:0101", notify.ClassRcptPerm},
	{"MBBLACK", notify.ClassRcptPerm}, {"DBBLACK", notify.ClassRcptPerm}, {"DB:0144", notify.ClassRcptPerm},
	{"REJECTD", notify.ClassRcptSoft}, {"MK:0014", notify.ClassRcptSoft}, {"MK:0115", notify.ClassRcptSoft},
	{"IB:0008", notify.ClassRetryAt}, {"CMPPERR:8", notify.ClassRetryAt}, {"DB:0142", notify.ClassRetryAt},
}

// carrierClass is the class of a carrier's code.
func carrierClass(code string) notify.Class {
	for _, r := range Carrier {
		if r.Code == code {
			return r.Class
		}
	}
	if strings.HasPrefix(code, "isv.") {
		if class, ok := Submission[code]; ok {
			return class
		}
	}
	return notify.ClassRcptSoft
}
