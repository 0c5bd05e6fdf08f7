package obligation

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// tree is a small law of its own: the built-in vocabulary, regions and calendars, and these files.
func tree(t testing.TB, files map[string]string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for _, glob := range []string{"law/facts.yaml", "law/regions.yaml", "law/calendars/*.yaml"} {
		names, err := fs.Glob(embedded, glob)
		require.NoError(t, err)
		for _, name := range names {
			body, err := embedded.ReadFile(name)
			require.NoError(t, err)
			out[name] = &fstest.MapFile{Data: body}
		}
	}
	for name, body := range files {
		out[name] = &fstest.MapFile{Data: []byte(body)}
	}
	return out
}

func lawOf(t testing.TB, files map[string]string) *law {
	t.Helper()
	l, faults := load(tree(t, files))
	for _, f := range faults {
		require.True(t, f.Warning, f.Error())
	}
	return l
}

func inZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	require.NoError(t, err)
	return zone
}

const clockFormat = "2006-01-02 15:04:05"

// counted gives the deadline and the last lawful instant in local time; the latter "" where it is the same.
func counted(t testing.TB, l *law, rule, place, zone, start string, n int) (end, late string) {
	t.Helper()
	loc := inZone(t, zone)
	at, err := time.ParseInLocation("2006-01-02 15:04", start, loc)
	require.NoError(t, err)
	d := &derivation{scope: &scope{law: l}}
	var m measured
	d.count(&m, &periodDef{N: n, Count: rule}, at, row{code: place, zone: loc}, true)
	if m.end == nil {
		require.NotEmpty(t, m.gap["en"])
		require.NotEmpty(t, m.gap["zh-Hans"])
		return "none, from " + m.earliest.In(loc).Format(clockFormat), ""
	}
	if m.late != nil {
		late = m.late.In(loc).Format(clockFormat)
	}
	return m.end.In(loc).Format(clockFormat), late
}

// The worked examples of the law notes, and the traps beside them.
func TestCounting(t *testing.T) {
	l := lawOf(t, nil)
	const brussels, newYork, tokyo, shanghai = "Europe/Brussels", "America/New_York", "Asia/Tokyo", "Asia/Shanghai"
	for _, c := range []struct {
		name, rule, place, zone, start string
		n                              int
		end, late                      string
	}{
		{"GDPR 72 hours through a weekend", "hours", "BE", brussels, "2026-11-20 16:20", 72, "2026-11-23 16:20:00", ""},
		{"GDPR 72 hours from the next full hour", "eu-hours", "BE", brussels, "2026-11-20 16:20", 72, "2026-11-23 16:20:00", "2026-11-23 17:00:00"},
		{"the hour that begins with the event is not counted", "eu-hours", "BE", brussels, "2026-11-20 16:00", 72, "2026-11-23 16:00:00", "2026-11-23 17:00:00"},
		{"72 hours over the end of summer time", "hours", "BE", brussels, "2026-10-23 16:20", 72, "2026-10-26 15:20:00", ""},
		{"72 hours over the start of summer time", "hours", "BE", brussels, "2026-03-27 16:20", 72, "2026-03-30 17:20:00", ""},
		{"one EU month, no such day, a Sunday", "eu-months", "BE", brussels, "2027-01-31 10:00", 1, "2027-02-28 23:59:59", "2027-03-01 23:59:59"},
		{"NIS2: the same without roll", "eu-months-national", "BE", brussels, "2027-01-31 10:00", 1, "2027-02-28 23:59:59", ""},
		{"a leap year", "eu-months", "BE", brussels, "2028-01-31 10:00", 1, "2028-02-29 23:59:59", ""},
		{"CRA 14 days to a Saturday that is a holiday too", "eu-days", "BE", brussels, "2026-12-12 09:00", 14, "2026-12-26 23:59:59", "2026-12-28 23:59:59"},
		{"a roll over Christmas", "eu-days", "DE", "Europe/Berlin", "2026-12-11 09:00", 14, "2026-12-25 23:59:59", "2026-12-28 23:59:59"},
		{"the Orthodox Easter Monday of Greece", "eu-days", "GR", "Europe/Athens", "2026-03-30 09:00", 14, "2026-04-13 23:59:59", "2026-04-14 23:59:59"},
		{"that Monday is worked in Belgium", "eu-days", "BE", brussels, "2026-03-30 09:00", 14, "2026-04-13 23:59:59", ""},
		{"Good Friday is worked in Belgium", "eu-days", "BE", brussels, "2026-03-20 09:00", 14, "2026-04-03 23:59:59", ""},
		{"Good Friday is off in Germany", "eu-days", "DE", "Europe/Berlin", "2026-03-20 09:00", 14, "2026-04-03 23:59:59", "2026-04-07 23:59:59"},
		{"DORA relief to noon of the next working day", "dora", "BE", brussels, "2026-11-21 10:00", 4, "2026-11-21 14:00:00", "2026-11-23 12:00:00"},
		{"no relief on a working day", "dora", "BE", brussels, "2026-11-20 10:00", 4, "2026-11-20 14:00:00", ""},
		{"relief on a bank holiday of the entity's state", "dora", "DE", "Europe/Berlin", "2026-04-06 08:00", 4, "2026-04-06 12:00:00", "2026-04-07 12:00:00"},
		{"DORA intermediate from submission", "dora", "BE", brussels, "2026-11-21 13:10", 72, "2026-11-24 13:10:00", ""},
		{"DORA final with relief", "dora-months", "BE", brussels, "2027-01-31 10:00", 1, "2027-02-28 23:59:59", "2027-03-01 12:00:00"},
		{"SEC: Thanksgiving does not count", "sec-bd", "", newYork, "2026-11-25 15:00", 4, "2026-12-02 23:59:59", ""},
		{"SEC: from a Saturday the Monday is day 1", "sec-bd", "", newYork, "2026-11-21 15:00", 4, "2026-11-27 23:59:59", ""},
		{"SEC: from Thanksgiving itself", "sec-bd", "", newYork, "2026-11-26 15:00", 4, "2026-12-02 23:59:59", ""},
		{"SEC: Good Friday is worked, Juneteenth is not", "sec-bd", "", newYork, "2026-04-02 09:00", 1, "2026-04-03 23:59:59", ""},
		{"Juneteenth", "us-bd", "", newYork, "2026-06-18 09:00", 1, "2026-06-22 23:59:59", ""},
		{"a holiday on a Saturday is kept on the Friday", "us-bd", "", newYork, "2026-07-02 09:00", 1, "2026-07-06 23:59:59", ""},
		{"a new year kept on the old year's last day", "us-bd", "", newYork, "2027-12-30 09:00", 1, "2028-01-03 23:59:59", ""},
		{"HIPAA 60 days", "cal-days", "", newYork, "2026-11-22 09:00", 60, "2027-01-21 23:59:59", ""},
		{"California 30 days", "cal-days", "", "America/Los_Angeles", "2026-11-22 23:30", 30, "2026-12-22 23:59:59", ""},
		{"California, AG 15 days after the notice", "cal-days", "", "America/Los_Angeles", "2026-12-22 23:30", 15, "2027-01-06 23:59:59", ""},
		{"HIPAA, fewer than 500", "year-days", "", newYork, "2026-05-05 09:00", 60, "2027-03-01 23:59:59", ""},
		{"HIPAA, fewer than 500, before a leap year's end of February", "year-days", "", newYork, "2027-12-31 23:00", 60, "2028-02-29 23:59:59", ""},
		{"Singapore 3 days", "cal-days", "SG", "Asia/Singapore", "2026-11-20 18:00", 3, "2026-11-23 23:59:59", ""},
		{"Brazil: 20 November is a holiday", "br-bd", "", "America/Sao_Paulo", "2026-11-19 10:00", 3, "2026-11-25 23:59:59", ""},
		{"Brazil: carnival is worked", "br-bd", "", "America/Sao_Paulo", "2026-02-13 10:00", 3, "2026-02-18 23:59:59", ""},
		{"Japan: the day of knowledge is day 1", "jp-days", "", tokyo, "2026-11-22 10:00", 30, "2026-12-21 23:59:59", ""},
		{"Japan: a last day in the year-end holidays moves past them", "jp-days", "", tokyo, "2026-12-01 10:00", 30, "2026-12-30 23:59:59", "2027-01-04 23:59:59"},
		{"Japan: an equinox on a Sunday, and its day in lieu", "jp-days", "", tokyo, "2027-02-20 10:00", 30, "2027-03-21 23:59:59", "2027-03-23 23:59:59"},
		{"China: 4 hours through a night and a weekend", "hours", "CN", shanghai, "2026-11-20 22:30", 4, "2026-11-21 02:30:00", ""},
		{"China: 4 hours through the National Day", "hours", "CN", shanghai, "2026-09-30 23:00", 4, "2026-10-01 03:00:00", ""},
		{"China: 2日 is not 48 hours", "cal-days", "CN", shanghai, "2026-11-20 09:00", 2, "2026-11-22 23:59:59", ""},
		{"China: 30日 into a holiday is not moved", "cal-days", "CN", shanghai, "2026-09-02 09:00", 30, "2026-10-02 23:59:59", ""},
		{"China: 5 working days over a make-up Saturday", "cn-wd", "CN", shanghai, "2026-05-06 09:00", 5, "2026-05-12 23:59:59", ""},
		{"China: 5 working days over the National Day and a make-up Sunday", "cn-wd", "CN", shanghai, "2026-09-18 09:00", 5, "2026-09-24 23:59:59", ""},
		{"China: a make-up Saturday after the National Day", "cn-wd", "CN", shanghai, "2026-09-30 17:00", 3, "2026-10-10 23:59:59", ""},
		{"China: the first day is not counted, even when off", "cn-wd", "CN", shanghai, "2026-02-23 09:00", 5, "2026-02-28 23:59:59", ""},
		{"China: 10 working days over the Spring Festival", "cn-wd", "CN", shanghai, "2026-02-11 09:00", 10, "2026-03-03 23:59:59", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			end, late := counted(t, l, c.rule, c.place, c.zone, c.start, c.n)
			require.Equal(t, c.end, end)
			require.Equal(t, c.late, late)
		})
	}
}

// Days are counted where the addressee is, not in UTC.
func TestDaysAreCountedInTheZone(t *testing.T) {
	l := lawOf(t, nil)
	end, _ := counted(t, l, "cal-days", "", "Asia/Shanghai", "2026-03-11 07:59", 30) // still the 10th in UTC
	require.Equal(t, "2026-04-10 23:59:59", end)
	end, _ = counted(t, l, "cal-days", "", "America/Los_Angeles", "2026-03-10 17:00", 30) // already the 11th in UTC
	require.Equal(t, "2026-04-09 23:59:59", end)
}

// Where clocks change at midnight the last second is still that of the day.
func TestLastSecondWhereClocksChangeAtMidnight(t *testing.T) {
	santiago := inZone(t, "America/Santiago")
	require.Equal(t, "2026-04-05T03:59:59Z", dateOf(2026, time.April, 4).end(santiago).Format(time.RFC3339), "23:59:59 happens twice")
	require.Equal(t, "2026-09-06T03:59:59Z", dateOf(2026, time.September, 5).end(santiago).Format(time.RFC3339), "midnight does not happen")
}

var zones = []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"}

func drawCount(t *rapid.T) (rule string, n int, zone *time.Location, start time.Time) {
	rule = rapid.SampledFrom(sortedKeys(countingRules)).Draw(t, "rule")
	n = rapid.IntRange(1, 40).Draw(t, "n")
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC).Unix()
	start = time.Unix(from+rapid.Int64Range(0, 20*31*86400).Draw(t, "start"), 0).UTC()
	return rule, n, zone, start
}

func ends(l *law, rule string, n int, zone *time.Location, start time.Time) measured {
	d := &derivation{scope: &scope{law: l}}
	var m measured
	d.count(&m, &periodDef{N: n, Count: rule}, start, row{code: "DE", zone: zone}, true)
	return m
}

func TestCountingProperties(t *testing.T) {
	l := lawOf(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		rule, n, zone, start := drawCount(t)
		m := ends(l, rule, n, zone, start)
		if m.end == nil {
			return // beyond the data; TestNoDateBeyondTheData
		}
		if m.late != nil && !m.late.After(*m.end) {
			t.Fatalf("%s: the legal limit %s is not after the deadline %s", rule, m.late, m.end)
		}
		if later := ends(l, rule, n, zone, start.Add(time.Duration(rapid.IntRange(0, 90*86400).Draw(t, "later"))*time.Second)); later.end != nil && later.end.Before(*m.end) {
			t.Fatalf("%s: a later start gives an earlier deadline", rule)
		}
		longer := ends(l, rule, n+1, zone, start)
		if longer.end != nil && !longer.end.After(*m.end) {
			t.Fatalf("%s: %d is not later than %d", rule, n+1, n)
		}
		if rule == "hours" && m.end.Sub(start) != time.Duration(n)*time.Hour {
			t.Fatal("hours are not exact")
		}
		if c := l.calendars[countingRules[rule].calendar]; c != nil && rule != "jp-days" {
			if d := dayOf(*m.end, zone); !c.working(d) {
				t.Fatalf("%s ends on %s, which is not worked", rule, d)
			}
		}
	})
}

func TestNoDateBeyondTheData(t *testing.T) {
	l := lawOf(t, nil)
	end, _ := counted(t, l, "cn-wd", "CN", "Asia/Shanghai", "2026-12-28 09:00", 5)
	require.Equal(t, "none, from 2027-01-02 23:59:59", end, "29, 30, 31 December, then every day may be worked")
	end, _ = counted(t, l, "cn-wd", "CN", "Asia/Shanghai", "2026-12-28 09:00", 3)
	require.Equal(t, "2026-12-31 23:59:59", end)
	end, _ = counted(t, l, "cn-wd", "CN", "Asia/Shanghai", "2023-12-28 09:00", 3)
	require.Contains(t, end, "none", "before the data is beyond it too")
	end, late := counted(t, l, "jp-days", "", "Asia/Tokyo", "2027-12-01 09:00", 40)
	require.Equal(t, []string{"2028-01-09 23:59:59", ""}, []string{end, late}, "only the roll needs the calendar")
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.SampledFrom([]string{"cn-wd", "us-bd", "sec-bd", "br-bd"}).Draw(t, "rule")
		n := rapid.IntRange(1, 40).Draw(t, "n")
		start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 6*366*24).Draw(t, "hours")) * time.Hour)
		m := ends(l, rule, n, time.UTC, start)
		c := l.calendars[countingRules[rule].calendar]
		if m.end != nil && (!c.covers(dayOf(*m.end, time.UTC)) || !c.covers(dayOf(start, time.UTC)+1)) {
			t.Fatalf("%s gives a date beyond its data", rule)
		}
		if m.end == nil && m.earliest.Before(start) {
			t.Fatal("the earliest end is before the start")
		}
	})
}
