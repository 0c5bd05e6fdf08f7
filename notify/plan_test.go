package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// crowd imports people who live in several places: 600 with a phone in China, 300 of them with a mailbox as
// well, 100 in Germany with a phone only, 50 with a mailbox of whom nothing else is known, 10 with a device alone.
func (w *world) crowd() notify.Audience {
	w.t.Helper()
	var lines strings.Builder
	for i := range 600 {
		mail := ""
		if i < 300 {
			mail = fmt.Sprintf(`,"emails":["c%d@example.com"]`, i)
		}
		fmt.Fprintf(&lines, `{"person_key":"c%d","jurisdiction":"CN","locale":"zh-Hans","phones":["+8613900%06d"]%s}`+"\n", i, i, mail)
	}
	for i := range 100 {
		fmt.Fprintf(&lines, `{"person_key":"d%d","jurisdiction":"DE","locale":"de","phones":["+49151100%05d"]}`+"\n", i, i)
	}
	for i := range 50 {
		fmt.Fprintf(&lines, `{"person_key":"m%d","emails":["m%d@example.com"]}`+"\n", i, i)
	}
	for i := range 10 {
		fmt.Fprintf(&lines, `{"person_key":"p%d","push":[{"provider":"aliyun","target":"DEVICE","id":"device%026d"}]}`+"\n", i, i)
	}
	a, err := w.service.Import(w.ctx, rui, w.id, "crowd.ndjson", "ndjson", strings.NewReader(lines.String()), nil)
	require.NoError(w.t, err)
	require.EqualValues(w.t, 760, a.Total)
	return a
}

func codes(notes []notify.PlanNote) (out []string) {
	for _, n := range notes {
		out = append(out, strings.TrimSpace(n.Code+" "+n.Value))
	}
	return out
}

func TestAPlanCountsPeopleProvidersCostAndTime(t *testing.T) {
	w := newWorld(t)
	deadline := w.clock.Now().Add(80 * time.Hour)
	d := w.edited(w.propose(individuals, notify.Policy{Quorum: 1, Deadline: &deadline, AtOnce: "PIPL 57"}))
	v, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Channels: []string{"sms", "email"}})
	require.NoError(t, err)
	_, err = w.service.Plan(w.ctx, audit, d.ID, "")
	w.fault(incident.Conflict, err)
	a := w.crowd()
	w.service.SetWays([]notify.Way{
		{ID: "aliyun", Channel: "sms", Regions: []string{"CN"}, Rate: 10, Price: notify.Price{Amount: 0.04, Currency: "CNY"}},
		{ID: "relay", Channel: "email", Rate: 100, Price: notify.Price{Amount: 0.0001, Currency: "USD"}},
	})
	p, err := w.service.Plan(w.ctx, audit, d.ID, "")
	require.NoError(t, err)
	require.Equal(t, a.ID, p.Audience)
	require.EqualValues(t, 760, p.People)
	require.EqualValues(t, 110, p.Unreachable, "the Germans, whom only a mainland provider could serve, and those with a device alone")
	require.Equal(t, []string{"region DE", "unreachable"}, codes(p.Problems))
	require.EqualValues(t, 100, p.Problems[0].People)
	require.Contains(t, p.Problems[0].Text["en"], "100 people who live in DE")
	require.Contains(t, p.Problems[0].Text["zh-Hans"], "100 人")

	sms, mail := p.Channels[0], p.Channels[1]
	require.EqualValues(t, []int64{600, 600}, []int64{sms.First, sms.AtMost})
	require.EqualValues(t, []int64{50, 80}, []int64{mail.First, mail.AtMost}, "a tenth of the 300 may fail before they are written to")
	parts := sms.Providers[0].Parts
	require.Equal(t, float64(int(parts)), parts, "all in Chinese: whole parts")
	require.Equal(t, "configured", sms.Providers[0].RateFrom)
	require.InDelta(t, 60*parts, sms.Providers[0].Seconds, 1e-9)
	require.Len(t, p.Cost, 2)
	require.InDelta(t, 600*parts*0.04, p.Cost[0].Least, 1e-9)
	require.InDelta(t, 80*0.0001, p.Cost[1].Most, 1e-9)
	require.Equal(t, w.clock.Now().Add(time.Duration(60*parts)*time.Second), *p.Sent)
	require.Equal(t, notify.Finishes, p.Verdict)

	var china notify.SegmentPlan
	for _, s := range p.Segments {
		if s.Kind == "jurisdiction" && s.Value == "CN" {
			china = s
		}
	}
	require.Equal(t, notify.SegmentPlan{Kind: "jurisdiction", Value: "CN", People: 600, First: map[string]int64{"sms": 600}}, china)

	_, err = w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Course: &notify.Course{Waits: map[string]notify.Duration{"sms": notify.Duration(time.Hour)}}})
	require.NoError(t, err)
	p, err = w.service.Plan(w.ctx, audit, d.ID, "")
	require.NoError(t, err)
	require.EqualValues(t, 350, p.Channels[1].AtMost, "whoever has both may be sent both")
}

// Who has mail first already is not told to put it first, and no provider is blamed for a dispatch's own limit.
func TestAPlanKnowsItsOwnLimit(t *testing.T) {
	w := newWorld(t)
	deadline := w.clock.Now().Add(time.Second)
	d := w.edited(w.propose(individuals, notify.Policy{Quorum: 1, Deadline: &deadline}))
	edited, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Channels: []string{templates.Email}, Course: &notify.Course{Rates: map[string]float64{"email": 0.1}}})
	require.NoError(t, err)
	require.Equal(t, notify.Limits{Failed: 0.1, Complaints: 0.003, After: 100}, edited.Course.Limit, "what holds stands in what is approved")
	w.crowd()
	w.service.SetWays([]notify.Way{{ID: "r", Channel: "email", Rate: 100}})
	p, err := w.service.Plan(w.ctx, audit, d.ID, "")
	require.NoError(t, err)
	require.Equal(t, []string{"cannot", "start-now", "publish-page", "own-rate email"}, codes(p.Advice))
}

func TestAPlanSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name     string
		left     time.Duration // until the deadline
		ways     []notify.Way
		measured float64
		basis    map[string]string
		paused   bool
		verdict  notify.PlanVerdict
		problems []string
		advice   []string
	}{
		{"far too slow", time.Minute, []notify.Way{{ID: "a", Channel: "sms", Rate: 1}, {ID: "r", Channel: "email", Rate: 100}}, 0, nil, false,
			notify.Cannot, []string{"unreachable"}, []string{"cannot", "start-now", "email-first", "publish-page", "slowest a"}},
		{"slower than it is configured", time.Minute, []notify.Way{{ID: "a", Channel: "sms", Rate: 1000}, {ID: "r", Channel: "email", Rate: 100}}, 1, nil, false,
			notify.Cannot, []string{"unreachable"}, []string{"cannot", "start-now", "email-first", "publish-page", "slowest a"}},
		{"out in time, bounces perhaps not", time.Hour, []notify.Way{{ID: "a", Channel: "sms", Rate: 1000}, {ID: "r", Channel: "email", Rate: 100}}, 0, nil, false,
			notify.Tight, []string{"unreachable"}, []string{"tight", "start-now", "publish-page"}},
		{"nobody knows how fast", 100 * time.Hour, []notify.Way{{ID: "a", Channel: "sms"}, {ID: "r", Channel: "email", Rate: 100}}, 0, nil, false,
			notify.Tight, []string{"rate-unknown a", "unreachable"}, []string{"tight", "start-now", "publish-page"}},
		{"no provider at all", 100 * time.Hour, []notify.Way{{ID: "r", Channel: "email", Rate: 100}}, 0, nil, false,
			notify.Finishes, []string{"no-provider sms", "unreachable"}, nil},
		{"a basis for the Germans", 100 * time.Hour, []notify.Way{{ID: "a", Channel: "sms", Regions: []string{"CN"}, Rate: 1000}, {ID: "r", Channel: "email", Rate: 100}}, 0,
			map[string]string{"a/EEA": "GDPR 46(2)(c)"}, false, notify.Finishes, []string{"unreachable"}, nil},
		{"paused, and no second one", 100 * time.Hour, []notify.Way{{ID: "a", Channel: "sms", Rate: 1000}, {ID: "r", Channel: "email", Rate: 100}}, 0, nil, true,
			notify.Finishes, []string{"paused a", "unreachable"}, nil},
		{"paused, and a second one", 100 * time.Hour, []notify.Way{{ID: "a", Channel: "sms", Rate: 1000}, {ID: "b", Channel: "sms", Rate: 10}, {ID: "r", Channel: "email", Rate: 100}}, 0, nil, true,
			notify.Finishes, []string{"unreachable"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			deadline := w.clock.Now().Add(c.left)
			d := w.edited(w.propose(individuals, notify.Policy{Quorum: 1, Deadline: &deadline, AtOnce: "PIPL 57", Transfers: c.basis}))
			_, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Channels: []string{templates.SMS, templates.Email}})
			require.NoError(t, err)
			w.crowd()
			for i := range c.ways {
				c.ways[i].Price.Currency = "CNY"
			}
			w.service.SetWays(c.ways)
			w.do(system, func(tx notify.Tx) error {
				err := tx.PutProviderState(w.ctx, notify.ProviderState{ID: "a", Channel: "sms", Paused: c.paused})
				return errors.Join(err, tx.PutProviderRate(w.ctx, "a", "sms", c.measured))
			})
			p, err := w.service.Plan(w.ctx, audit, d.ID, "")
			require.NoError(t, err)
			require.Equal(t, c.verdict, p.Verdict)
			require.Equal(t, c.problems, codes(p.Problems))
			require.Equal(t, c.advice, codes(p.Advice))
			for _, n := range append(append(p.Problems, p.Advice...), p.Assumptions...) {
				require.NotEmpty(t, n.Text["en"], n.Code)
				require.NotEmpty(t, n.Text["zh-Hans"], n.Code)
			}
		})
	}
}

func TestAPlanWaitsForTheMorning(t *testing.T) {
	w := newWorld(t)
	w.clock.Advance(time.Date(2026, 12, 2, 15, 0, 0, 0, time.UTC).Sub(w.clock.Now())) // 23:00 in China
	d := w.edited(w.propose(individuals, notify.Policy{Quorum: 1}))
	_, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Channels: []string{templates.SMS}})
	require.NoError(t, err)
	w.crowd()
	w.service.SetWays([]notify.Way{{ID: "a", Channel: "sms", Rate: 1000}})
	p, err := w.service.Plan(w.ctx, audit, d.ID, "")
	require.NoError(t, err)
	require.Contains(t, codes(p.Advice), "quiet 2026-12-03T00:00:00Z")
	require.True(t, p.Sent.After(time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC)))
	require.Contains(t, codes(p.Problems), "price-unknown a")
}
