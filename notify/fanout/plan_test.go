package fanout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/notify"
	"tocsin/notify/fanout"
)

// mixed are people who live anywhere and have any addresses, wishes and numbers.
func mixed(t *rapid.T) []notify.Recipient {
	out := make([]notify.Recipient, rapid.IntRange(1, 40).Draw(t, "people"))
	pick := func(from ...string) string { return rapid.SampledFrom(from).Draw(t, "") }
	for i := range out {
		p := notify.Recipient{PersonKey: fmt.Sprintf("u-%d", i), Jurisdiction: pick("", "CN", "CN-SH", "DE", "DE-BY", "US"), Locale: pick("", "zh-Hans", "en")}
		if rapid.Bool().Draw(t, "mail") {
			p.Emails = []string{fmt.Sprintf("u%d@example.com", i)}
		}
		for n := range rapid.IntRange(0, 2).Draw(t, "phones") {
			p.Phones = append(p.Phones, fmt.Sprintf(pick("+86139000%05d", "+49151100%05d", "+8610655%05d", "+1202555%04d"), 50*n+i))
		}
		if len(p.Phones) > 0 && rapid.Bool().Draw(t, "work phone") {
			p.Shared = p.Phones[:1]
		}
		if rapid.Bool().Draw(t, "wish") {
			p.Channels = []string{pick("sms", "email")}
			p.Safe = rapid.Bool().Draw(t, "safe")
		}
		if rapid.IntRange(0, 4).Draw(t, "burnt") == 0 {
			p.Burnt = []string{pick("sms", "email")}
		}
		out[i] = p
	}
	return out
}

// TestAPlanCountsWhatTheFanOutDoes draws people and providers: each provider gets as many first messages as the
// plan says, and as many people as it says get none.
func TestAPlanCountsWhatTheFanOutDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		people := mixed(rt)
		h := newHouse(t, people, notify.Course{Limit: notify.Limits{After: 1000}})
		var providers []notify.Provider
		channels := map[string]*channel{}
		for _, name := range []string{"email", "sms"} {
			for i := range rapid.IntRange(0, 3).Draw(rt, name) {
				p := notify.Provider{ID: fmt.Sprintf("%s-%d", name, i), Regions: rapid.SampledFrom([][]string{nil, {"CN"}, {"EU"}, {"CN", "US"}}).Draw(rt, "regions")}
				c := newChannel(name)
				p.Channel, channels[p.ID] = c, c
				if name == "sms" {
					p.Channel = &narrow{c, rapid.SampledFrom([]notify.Coverage{notify.AllNumbers, notify.Mainland, notify.Abroad}).Draw(rt, "covers")}
				}
				providers = append(providers, p)
			}
		}
		h.options = func(dir string) fanout.Options {
			o := h.plainOptions(dir)
			o.Providers = providers
			return o
		}
		s := h.stepper(t.TempDir())
		plan, err := h.svc.Plan(h.ctx, person, h.d.Notice, "")
		require.NoError(rt, err)
		h.clock.Advance(12 * time.Hour) // into the day of everybody in China
		p := h.settle(s)
		require.NoError(rt, s.Close())
		require.Equal(rt, notify.DispDone, p.State, p.Reason)
		require.Equal(rt, plan.Unreachable, p.People.Failed)
		for _, c := range plan.Channels {
			for _, w := range c.Providers {
				require.EqualValues(rt, w.First, channels[w.ID].total, w.ID)
			}
		}
	})
}
