package sms

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/aliyun"
	"tocsin/notify"
)

var _ notify.Querier = (*Channel)(nil)

var beijing = time.FixedZone("CST", 8*3600)

// querySpan is how many days back a delivery in doubt is looked for.
const querySpan = 2

// Query asks the provider what became of a delivery, by our own id. found is false when the provider has
// nothing under it today or yesterday; it lists a message only after a while, so a caller must not ask at once.
func (c *Channel) Query(ctx context.Context, o notify.Outgoing) (notify.Verdict, bool, error) {
	phone, ok := mainland(o.Address)
	if !ok {
		return notify.Verdict{}, false, nil
	}
	now := c.opt.Clock.Now()
	for back := range querySpan {
		day := now.In(beijing).AddDate(0, 0, -back).Format("20060102")
		details, err := c.client.QuerySMS(ctx, phone, day)
		if err != nil {
			return notify.Verdict{}, false, fmt.Errorf("query sms: %w", err)
		}
		for _, d := range details {
			if d.OutID == o.OutID {
				return detailVerdict(d, now), true, nil
			}
		}
	}
	return notify.Verdict{}, false, nil
}

// detailVerdict says what a status means. A failed one is classed by its carrier code.
func detailVerdict(d aliyun.SMSDetail, now time.Time) notify.Verdict {
	switch d.Status {
	case 3:
		return notify.Verdict{Class: notify.ClassDelivered, Code: "DELIVERED"}
	case 2:
		v := notify.Verdict{Class: carrierClass(d.ErrCode), Code: d.ErrCode}
		switch v.Class {
		case notify.ClassDelivered: // contradicts the status: believe the worse
			v.Class = notify.ClassRcptSoft
		case notify.ClassRetryAt:
			v.RetryAt = now.Add(time.Hour)
		}
		return v
	default:
		return notify.Verdict{Class: notify.ClassAccepted, Code: "WAITING"}
	}
}
