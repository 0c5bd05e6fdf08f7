package notify_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/notify"
)

func resting(from, to string) notify.Dispatch {
	return notify.Dispatch{Course: notify.Course{Quiet: &notify.Quiet{From: from, To: to, Channels: []string{"sms"}}}}
}

func TestQuietHoursAreThoseOfThePerson(t *testing.T) {
	night := resting("22:00", "08:00")
	urgent := resting("22:00", "08:00")
	urgent.Course.Quiet.Override = "PIPL 57"
	deadline := time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC) // 07:00 in Shanghai
	late := night
	late.Deadline = &deadline
	for _, c := range []struct {
		name    string
		d       notify.Dispatch
		r       notify.Recipient
		channel string
		now     string
		until   string // "" : may be disturbed now
	}{
		{"evening at home", night, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T22:00:00+08:00", "2026-03-02T08:00:00+08:00"},
		{"after midnight", night, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-02T01:30:00+08:00", "2026-03-02T08:00:00+08:00"},
		{"a second before", night, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T21:59:59+08:00", ""},
		{"the moment it ends", night, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-02T08:00:00+08:00", ""},
		{"the same instant elsewhere", night, notify.Recipient{Zone: "Europe/Berlin"}, "sms", "2026-03-01T22:00:00+08:00", ""},
		{"a channel that does not disturb", night, notify.Recipient{Zone: "Asia/Shanghai"}, "email", "2026-03-01T23:00:00+08:00", ""},
		{"by where the person lives", night, notify.Recipient{Jurisdiction: "CN-XJ"}, "sms", "2026-03-01T23:00:00+08:00", "2026-03-02T08:00:00+08:00"},
		{"the zone beats where the person lives", night, notify.Recipient{Jurisdiction: "CN", Zone: "Europe/Berlin"}, "sms", "2026-03-01T23:00:00+08:00", ""},
		{"a country of several zones", night, notify.Recipient{Jurisdiction: "US"}, "sms", "2026-03-01T23:00:00-05:00", ""},
		{"nothing known", night, notify.Recipient{}, "sms", "2026-03-01T23:00:00+08:00", ""},
		{"a zone that does not exist", night, notify.Recipient{Zone: "Mars/Olympus"}, "sms", "2026-03-01T23:00:00+08:00", ""},
		{"the law demands it at once", urgent, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T23:00:00+08:00", ""},
		{"the law's time would pass first", late, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T23:00:00+08:00", ""},
		{"the law's time is later", late, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T07:00:00+08:00", "2026-03-01T08:00:00+08:00"},
		{"a rest in the daytime", resting("13:00", "15:00"), notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T13:30:00+08:00", "2026-03-01T15:00:00+08:00"},
		{"before a rest in the daytime", resting("13:00", "15:00"), notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T12:59:00+08:00", ""},
		{"the night a clock is set forward", night, notify.Recipient{Zone: "Europe/Berlin"}, "sms", "2026-03-28T23:00:00+01:00", "2026-03-29T08:00:00+02:00"},
		{"the night a clock is set back", night, notify.Recipient{Zone: "Europe/Berlin"}, "sms", "2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"},
		{"a plan nobody made", notify.Dispatch{}, notify.Recipient{Zone: "Asia/Shanghai"}, "sms", "2026-03-01T23:00:00+08:00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			require.NoError(t, err)
			until, quiet := c.d.QuietUntil(c.r, c.channel, now)
			require.Equal(t, c.until != "", quiet)
			if quiet {
				want, err := time.Parse(time.RFC3339, c.until)
				require.NoError(t, err)
				require.True(t, want.Equal(until), until)
			}
		})
	}
}

// Whoever is not to be disturbed is told later, within a day, and may be disturbed then.
func TestQuietHoursEnd(t *testing.T) {
	zones := []string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "America/Sao_Paulo"}
	rapid.Check(t, func(t *rapid.T) {
		clock := func(name string) string {
			return time.Date(2026, 1, 1, 0, rapid.IntRange(0, 24*60-1).Draw(t, name), 0, 0, time.UTC).Format("15:04")
		}
		d := resting(clock("from"), clock("to"))
		r := notify.Recipient{Zone: rapid.SampledFrom(zones).Draw(t, "zone")}
		now := time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 20*366*24*3600).Draw(t, "now")) * time.Second)
		for range 1500 { // the minutes of an hour that a clock repeats
			until, quiet := d.QuietUntil(r, "sms", now)
			if !quiet {
				return
			}
			if !until.After(now) || until.Sub(now) > 49*time.Hour { // Samoa once left out a day
				t.Fatalf("at %s until %s", now, until)
			}
			now = until
		}
		t.Fatalf("never: %v", d.Course.Quiet)
	})
}
