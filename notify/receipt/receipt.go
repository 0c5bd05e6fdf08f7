// Package receipt turns providers' callbacks and bounces into receipts. It trusts nothing it reads: who a
// receipt is about is authenticated later, by the outgoing id in it.
package receipt

import (
	"maps"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/notify"
)

// maxBody is the largest callback that is read; bounces of mail quote what they bounce.
const maxBody = 1 << 20

// The ids of providers whose word comes as callbacks. They are kept with deliveries, so they never change.
const (
	Aliyun     = "aliyun"
	AliyunIntl = "aliyun-intl"
	Tencent    = "tencent"
)

// provider reads one provider's callbacks and says how they are acknowledged.
type provider struct {
	id      string // under which it is configured; "": one of several, which the delivery knows
	decode  func(now time.Time, contentType string, body []byte) ([]notify.Receipt, error)
	ack     string
	ackType string
}

// providers by the name in the callback's path.
var providers = map[string]provider{
	"aliyun-sms":      {id: Aliyun, decode: aliyunSMS, ack: `{"code":0,"msg":"received"}`, ackType: "application/json"},
	"aliyun-sms-intl": {id: AliyunIntl, decode: aliyunGlobe, ack: `{"code":0,"msg":"received"}`, ackType: "application/json"},
	"tencent-sms":     {id: Tencent, decode: tencentSMS, ack: `{"result":0,"errmsg":"OK"}`, ackType: "application/json"},
	"smtp-dsn":        {decode: smtpDSN, ack: "received\n", ackType: "text/plain; charset=utf-8"},
}

// Providers are the names that callbacks may come under.
func Providers() []string { return slices.Sorted(maps.Keys(providers)) }

// read decodes a callback without weighing refusals for content.
func read(now time.Time, name, contentType string, body []byte) (receipts []notify.Receipt, ack []byte, ackType string, err error) {
	p, ok := providers[name]
	if !ok {
		return nil, nil, "", incident.NewFault(incident.NotFound, "there is no such provider")
	}
	if len(body) > maxBody {
		return nil, nil, "", incident.NewFault(incident.TooLarge, "a callback has at most %d bytes", maxBody)
	}
	if receipts, err = p.decode(now, contentType, body); err != nil {
		return nil, nil, "", err
	}
	for i := range receipts {
		receipts[i].Provider = p.id
	}
	return receipts, []byte(p.ack), p.ackType, nil
}

// malformed is the fault of a body that is not what the provider sends. It says nothing of the body.
func malformed(want string) error {
	return incident.InvalidInput([]incident.Problem{{Pointer: "", Rule: "format", Message: "the body is not " + want}})
}
