package codes

import (
	"time"

	"tocsin/notify"
)

// Submission is what Aliyun answers to a submission in the mainland (channels.md section 2.3).
var Submission = Table{Source: "https://help.aliyun.com/document_detail/101346.html", Rules: []Rule{
	{"isp.SYSTEM_ERROR", notify.ClassInDoubt, ask, 0},
	{"isp.GATEWAY_ERROR", notify.ClassInDoubt, ask, 0},
	{"isp.UNKNOWN", notify.ClassInDoubt, ask, 0},
	{"isv.BUSINESS_LIMIT_CONTROL", notify.ClassRetryAt, window, time.Hour},
	{"isv.MOBILE_NUMBER_ILLEGAL", notify.ClassRcptPerm, next, 0},
	{"isv.MOBILE_COUNT_OVER_LIMIT", notify.ClassBug, page, 0},
	{"isv.TEMPLATE_MISSING_PARAMETERS", notify.ClassBug, page, 0},
	{"isv.INVALID_PARAMETERS", notify.ClassBug, page, 0},
	{"isv.INVALID_JSON_PARAM", notify.ClassBug, page, 0},
	{"isv.PARAM_LENGTH_LIMIT", notify.ClassRcptSoft, bare, 0},
	{"isv.PARAM_NOT_SUPPORT_URL", notify.ClassRcptSoft, bare, 0},
	{"isv.BLACK_KEY_CONTROL_LIMIT", notify.ClassRcptSoft, bare, 0},
	{"isv.SMS_CONTENT_ILLEGAL", notify.ClassStop, "switch the template", 0},
	{"isv.SMS_TEMPLATE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SMS_SIGNATURE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SMS_SIGN_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SIGN_STATE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.SMS_SIGNATURE_SCENE_ILLEGAL", notify.ClassStop, failover, 0},
	{"isv.EXTEND_CODE_ERROR", notify.ClassStop, failover, 0},
	{"isv.AMOUNT_NOT_ENOUGH", notify.ClassStop, "top up; " + failover, 0},
	{"isv.OUT_OF_SERVICE", notify.ClassStop, "top up; " + failover, 0},
	{"isv.DAY_LIMIT_CONTROL", notify.ClassStop, "raise the cap in the console; " + failover, 0},
	{"isv.MONTH_LIMIT_CONTROL", notify.ClassStop, "raise the cap in the console; " + failover, 0},
	{"isv.ACCOUNT_NOT_EXISTS", notify.ClassStop, failover, 0},
	{"isv.ACCOUNT_ABNORMAL", notify.ClassStop, failover, 0},
	{"isv.PRODUCT_UN_SUBSCRIPT", notify.ClassStop, failover, 0},
	{"isv.PRODUCT_UNSUBSCRIBE", notify.ClassStop, failover, 0},
	{"isp.RAM_PERMISSION_DENY", notify.ClassStop, failover, 0},
	{"isv.DENY_IP_RANGE", notify.ClassStop, "send from the mainland; " + failover, 0},
	{"isv.DOMESTIC_NUMBER_NOT_SUPPORTED", notify.ClassBug, page, 0},
	{"isv.INTERFACE_OFFLINE", notify.ClassBug, page, 0},
}}

// RefusesValues tells whether a code of Aliyun speaks of one person's values, not of the message.
func RefusesValues(code string) bool {
	r, ok := Submission.Find(code)
	return ok && r.Action == bare
}

// Global is what Aliyun answers to a submission abroad (channels.md section 2.5), without isv. and isp.: the
// provider's pages have the codes both ways.
var Global = Table{Source: "https://www.alibabacloud.com/help/en/sms/developer-reference/error-codes", Rules: []Rule{
	{"SYSTEM_ERROR", notify.ClassInDoubt, ask, 0},
	{"GATEWAY_ERROR", notify.ClassInDoubt, ask, 0},
	{"UNKNOWN", notify.ClassInDoubt, ask, 0},
	{"BUSINESS_LIMIT_CONTROL_MINUTE", notify.ClassRetryAt, window, time.Minute},
	{"BUSINESS_LIMIT_HOUR", notify.ClassRetryAt, window, time.Hour},
	{"BUSINESS_LIMIT_DAY", notify.ClassRetryAt, window, 24 * time.Hour},
	{"BUSINESS_LIMIT_CONTROL_PHONE", notify.ClassRetryAt, window, 24 * time.Hour},
	{"BUSINESS_LIMIT_CONTROL", notify.ClassRetryAt, window, time.Hour},
	{"NOT_SUPPORTED_COUNTRY", notify.ClassRcptPerm, next, 0},
	{"COUNTRY_RESTRICTED", notify.ClassRcptPerm, next, 0},
	{"MOBILE_NUMBER_ILLEGAL", notify.ClassRcptPerm, next, 0},
	{"MOBILE_COUNT_OVER_LIMIT", notify.ClassBug, page, 0},
	{"CONTENT_MISSING_PARAMETERS", notify.ClassBug, page, 0},
	{"INVALID_PARAMETERS", notify.ClassBug, page, 0},
	{"INVALID_JSON_PARAM", notify.ClassBug, page, 0},
	{"SENDERID_ERROR", notify.ClassBug, page, 0},
	{"INVALID_SENDERID", notify.ClassStop, failover, 0},
	{"PARAM_LENGTH_LIMIT", notify.ClassRcptSoft, next, 0},
	{"BLACK_KEY_CONTROL_LIMIT", notify.ClassRcptSoft, next, 0},
	{"SMS_CONTENT_CODE_ILLEGAL", notify.ClassStop, failover, 0},
	{"SMS_SIGN_NAME_ILLEGAL", notify.ClassStop, failover, 0},
	{"AMOUNT_NOT_ENOUGH", notify.ClassStop, "top up; " + failover, 0},
	{"OUT_OF_SERVICE", notify.ClassStop, "top up; " + failover, 0},
	{"BILLING_DEDUCTION_ERROR", notify.ClassStop, "top up; " + failover, 0},
	{"FORBIDDEN_ACTION", notify.ClassStop, failover, 0},
	{"ACCOUNT_NOT_EXISTS", notify.ClassStop, failover, 0},
	{"ACCOUNT_ABNORMAL", notify.ClassStop, failover, 0},
	{"PRODUCT_UN_SUBSCRIPT", notify.ClassStop, failover, 0},
	{"RAM_PERMISSION_DENY", notify.ClassStop, failover, 0},
	{"RAM_CHECK_FAILED", notify.ClassStop, failover, 0},
}}
