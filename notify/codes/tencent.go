package codes

import (
	"time"

	"tocsin/notify"
)

// Cloud is what Tencent answers to a submission (channels.md section 7).
var Cloud = Table{Source: "https://cloud.tencent.com/document/api/382/55981", Rules: []Rule{
	{"RequestLimitExceeded*", notify.ClassRetry, "lower the rate", 0},
	{"InternalError*", notify.ClassInDoubt, ask, 0},
	{"InternalError.RequestTimeException", notify.ClassStop, "set the clock", 0},
	{"InternalError.SigFieldMissing", notify.ClassStop, failover, 0},
	{"InternalError.SigVerificationFail", notify.ClassStop, failover, 0},
	{"InternalError.JsonParseFail", notify.ClassBug, page, 0},
	{"InternalError.RestApiInterfaceNotExist", notify.ClassBug, page, 0},
	{"LimitExceeded.PhoneNumberThirtySecondLimit", notify.ClassRetryAt, window, 30 * time.Second},
	{"LimitExceeded.PhoneNumberOneHourLimit", notify.ClassRetryAt, window, time.Hour},
	{"LimitExceeded.PhoneNumberDailyLimit", notify.ClassRetryAt, window, 24 * time.Hour},
	{"LimitExceeded.PhoneNumberSameContentDailyLimit", notify.ClassRetryAt, window, 24 * time.Hour},
	{"LimitExceeded.DeliveryFrequencyLimit", notify.ClassRetryAt, window, time.Minute},
	{"LimitExceeded.AppDailyLimit", notify.ClassStop, "raise the cap in the console; " + failover, 0},
	{"LimitExceeded.DailyLimit", notify.ClassStop, "raise the cap in the console; " + failover, 0},
	{"LimitExceeded.PhoneNumberCountLimit", notify.ClassBug, page, 0},
	{"FailedOperation.InsufficientBalanceInSmsPackage", notify.ClassStop, "top up; " + failover, 0},
	{"FailedOperation.SignatureIncorrectOrUnapproved", notify.ClassStop, failover, 0},
	{"FailedOperation.TemplateIncorrectOrUnapproved", notify.ClassStop, failover, 0},
	{"FailedOperation.MissingSignature*", notify.ClassStop, failover, 0},
	{"FailedOperation.MissingTemplate*", notify.ClassStop, failover, 0},
	{"FailedOperation.NotEnterpriseCertification", notify.ClassStop, failover, 0},
	{"FailedOperation.ContainSensitiveWord", notify.ClassStop, failover, 0},
	{"FailedOperation.PhoneNumberInBlacklist", notify.ClassRcptPerm, next, 0},
	{"FailedOperation.FailResolvePacket", notify.ClassBug, page, 0},
	{"FailedOperation.JsonParseFail", notify.ClassBug, page, 0},
	{"FailedOperation.MarketingSendTimeConstraint", notify.ClassStop, "use a notice template; " + failover, 0},
	{"UnauthorizedOperation*", notify.ClassStop, failover, 0}, // SerivceSuspendDueToArrears is spelled so
	{"AuthFailure*", notify.ClassStop, failover, 0},           // credentials, clock
	{"InvalidParameterValue.IncorrectPhoneNumber", notify.ClassRcptPerm, next, 0},
	{"InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", notify.ClassBug, page, 0},
	{"InvalidParameterValue.TemplateParameterLengthLimit", notify.ClassBug, page, 0},
	{"InvalidParameterValue.SdkAppIdNotExist", notify.ClassStop, failover, 0},
	{"InvalidParameter*", notify.ClassBug, page, 0},
	{"MissingParameter*", notify.ClassBug, page, 0},
	{"UnknownParameter*", notify.ClassBug, page, 0},
	{"InvalidAction*", notify.ClassBug, page, 0},
	{"NoSuchVersion*", notify.ClassBug, page, 0},
	{"UnsupportedOperation.UnsuportedRegion", notify.ClassRcptPerm, next, 0},
	{"UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber", notify.ClassBug, page, 0},
	{"UnsupportedOperation*", notify.ClassBug, page, 0},
}}
