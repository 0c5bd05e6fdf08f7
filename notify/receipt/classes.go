package receipt

import (
	"strings"

	"tocsin/notify"
)

// rule gives a class to codes or texts. The tables below are tried from the top; carriers' and mailbox
// providers' codes are open-ended, so an unknown one is never a dead address.
type rule struct {
	is     string // the whole code, in upper case
	prefix string // or its beginning
	part   string // or a part of code or text, in upper case
	class  notify.Class
}

func classOf(rules []rule, code, text string) notify.Class {
	code = strings.ToUpper(strings.TrimSpace(code))
	both := code + " " + strings.ToUpper(text)
	for _, r := range rules {
		switch {
		case r.is != "" && code == r.is,
			r.prefix != "" && strings.HasPrefix(code, r.prefix),
			r.part != "" && strings.Contains(both, r.part):
			return r.class
		}
	}
	return notify.ClassRcptSoft
}

// smsCodes are the err_code values of mainland SMS reports: carriers' codes and the platform's own.
var smsCodes = []rule{
	{is: "DELIVERED", class: notify.ClassDelivered},
	{is: "DELIVRD", class: notify.ClassDelivered},

	{is: "MK:0001", class: notify.ClassRcptPerm}, // no such number, at three carriers
	{is: "CB:0001", class: notify.ClassRcptPerm},
	{is: "DB:0101", class: notify.ClassRcptPerm},
	{is: "MBBLACK", class: notify.ClassRcptPerm}, // on a carrier's blacklist: dead for SMS
	{is: "DBBLACK", class: notify.ClassRcptPerm},
	{is: "DB:0144", class: notify.ClassRcptPerm},
	{part: "BLACKLIST", class: notify.ClassRcptPerm},
	{part: "黑名单", class: notify.ClassRcptPerm},

	{is: "IB:0008", class: notify.ClassRetryAt}, // flow at the gateway, daily cap of the number
	{is: "CMPPERR:8", class: notify.ClassRetryAt},
	{is: "DB:0142", class: notify.ClassRetryAt},

	{is: "ISV.MOBILE_NUMBER_ILLEGAL", class: notify.ClassRcptPerm},
	{is: "ISV.BUSINESS_LIMIT_CONTROL", class: notify.ClassRetryAt},
	{is: "ISP.SYSTEM_ERROR", class: notify.ClassInDoubt},
	{is: "ISP.GATEWAY_ERROR", class: notify.ClassInDoubt},
	{is: "ISP.UNKNOWN", class: notify.ClassInDoubt},
	{is: "ISV.MOBILE_COUNT_OVER_LIMIT", class: notify.ClassBug},
	{is: "ISV.TEMPLATE_MISSING_PARAMETERS", class: notify.ClassBug},
	{is: "ISV.INVALID_PARAMETERS", class: notify.ClassBug},
	{is: "ISV.INVALID_JSON_PARAM", class: notify.ClassBug},
	{is: "ISV.DOMESTIC_NUMBER_NOT_SUPPORTED", class: notify.ClassBug},
	{is: "ISV.INTERFACE_OFFLINE", class: notify.ClassBug},
	{prefix: "ISV.", class: notify.ClassStop}, // template, signature, content, balance, account
	{prefix: "ISP.RAM", class: notify.ClassStop},
}
