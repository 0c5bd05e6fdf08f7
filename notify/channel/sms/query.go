package sms

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/aliyun"
	"tocsin/notify"
	"tocsin/notify/codes"
)

var (
	_ notify.Querier = (*Channel)(nil)
	_ notify.Coverer = (*Channel)(nil)
)

var beijing = time.FixedZone("CST", 8*3600)

// slack is how far the provider's clock may stand from ours, and how long a call may have taken.
const slack = 5 * time.Minute

// Query asks the provider what became of a delivery, by our own id. It lists a message only after a while: until
// then one that is not found stays in doubt, and only later is it provably not there.
func (c *Channel) Query(ctx context.Context, o notify.Outgoing) (notify.Verdict, bool, error) {
	phone, ok := mainland(o.Address)
	if !ok {
		return notify.Verdict{}, false, nil
	}
	now := c.opt.Clock.Now()
	for _, day := range days(o.Since, now) {
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
	return unlisted(o, now, c.opt.Settles)
}

// unlisted is the answer for a delivery that a provider does not list.
func unlisted(o notify.Outgoing, now time.Time, settles time.Duration) (notify.Verdict, bool, error) {
	since := o.Since
	if since.IsZero() {
		since = now
	}
	if until := since.Add(settles); now.Before(until) {
		return notify.Verdict{Class: notify.ClassInDoubt, Code: "not-listed-yet", RetryAt: until}, true, nil
	}
	return notify.Verdict{}, false, nil
}

// days are the days in Beijing on which a message may have been sent, the likelier first. Around midnight they
// are two; when it is not known when it was sent, today and yesterday.
func days(since, now time.Time) []string {
	from, to := since.Add(-slack), since.Add(slack)
	if since.IsZero() {
		from, to = now.AddDate(0, 0, -1), now
	}
	const layout = "20060102"
	last, first := to.In(beijing).Format(layout), from.In(beijing).Format(layout)
	if first == last {
		return []string{last}
	}
	return []string{last, first}
}

// detailVerdict says what a status means. A failed one is classed by its carrier code.
func detailVerdict(d aliyun.SMSDetail, now time.Time) notify.Verdict {
	switch d.Status {
	case 3:
		return notify.Verdict{Class: notify.ClassDelivered, Code: "DELIVERED"}
	case 2:
		return failed(d.ErrCode, now)
	default:
		return notify.Verdict{Class: notify.ClassAccepted, Code: "WAITING"}
	}
}

func failed(code string, now time.Time) notify.Verdict {
	v, _ := codes.Failed(code, "", now)
	return v
}
