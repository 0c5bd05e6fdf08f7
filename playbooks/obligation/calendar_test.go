package obligation

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func on(t testing.TB, s string) day {
	t.Helper()
	at, err := time.Parse(time.DateOnly, s)
	require.NoError(t, err)
	return dateOf(at.Date())
}

// easter is the Sunday by the Gregorian computus, or by the Julian one of the Orthodox churches.
func easter(year int, orthodox bool) day {
	a := year % 19
	if orthodox {
		d := (19*a + 15) % 30
		e := (2*(year%4) + 4*(year%7) - d + 34) % 7
		return dateOf(year, time.Month((d+e+114)/31), (d+e+114)%31+1) + 13
	}
	b, c := year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	return dateOf(year, time.Month((h+l-7*m+114)/31), (h+l-7*m+114)%31+1)
}

// Feasts that hang on Easter stand in every calendar where the computus puts them.
func TestMovableFeasts(t *testing.T) {
	l := lawOf(t, nil)
	after := map[string]day{"Maundy Thursday": -3, "Good Friday": -2, "Easter Sunday": 0, "Easter Monday": 1, "Ascension Day": 39, "Pentecost": 49,
		"Whit Monday": 50, "Corpus Christi": 60, "Clean Monday": -48}
	for _, id := range sortedKeys(l.calendars) {
		c := l.calendars[id]
		orthodox := id == "GR" || id == "CY" || id == "BG" || id == "RO"
		for d, name := range c.off {
			if n, ok := after[name["en"]]; ok {
				require.Equal(t, easter(d.utc().Year(), orthodox)+n, d, "%s %s", id, name["en"])
			}
		}
	}
	require.Equal(t, "2026-04-05", easter(2026, false).String())
	require.Equal(t, "2026-04-12", easter(2026, true).String())
}

func TestEveryStateHasCalendarAndZone(t *testing.T) {
	l := lawOf(t, nil)
	for _, code := range append(append([]string{}, l.regions.Groups["EU"]...), "IS", "LI", "NO") {
		c := l.calendars[code]
		require.NotNil(t, c, code)
		require.True(t, c.covers(on(t, "2025-01-01")) && c.covers(on(t, "2028-12-31")), code)
		require.False(t, c.working(on(t, "2027-01-01")), code)
		require.NotNil(t, l.regions.zones[code], code)
	}
	require.Len(t, l.regions.Groups["EU"], 27)
	for _, code := range []string{"CN", "HK", "MO", "TW"} {
		require.NotNil(t, l.regions.zones[code], code)
	}
}

func TestCalendarData(t *testing.T) {
	l := lawOf(t, nil)
	for _, c := range []struct {
		calendar, date string
		worked         bool
	}{
		{"CN", "2026-02-14", true}, {"CN", "2026-02-15", false}, {"CN", "2026-02-23", false}, {"CN", "2026-10-10", true}, {"CN", "2026-10-08", true},
		{"CN", "2025-10-06", false}, {"CN", "2024-02-18", true},
		{"US", "2026-06-19", false}, {"US", "2026-07-03", false}, {"US", "2026-11-26", false}, {"US", "2026-11-27", true}, {"US", "2026-04-03", true},
		{"US-SEC", "2026-11-26", false}, {"US-SEC", "2026-10-12", false},
		{"BR", "2026-11-20", false}, {"BR", "2025-11-20", false}, {"BR", "2026-02-17", true},
		{"JP", "2026-03-20", false}, {"JP", "2026-09-22", false}, {"JP", "2026-09-23", false}, {"JP", "2027-03-22", false}, {"JP", "2026-12-29", false}, {"JP", "2027-01-04", true},
		{"SK", "2026-05-08", true}, {"IT", "2027-10-04", false}, {"DK", "2026-05-01", true}, {"PL", "2026-12-24", false},
	} {
		require.Equal(t, c.worked, l.calendars[c.calendar].working(on(t, c.date)), "%s %s", c.calendar, c.date)
	}
	for id, c := range l.calendars {
		for d := range c.worked {
			require.True(t, weekend(d), "%s %s is worked anyway", id, d)
			require.NotContains(t, c.off, d)
		}
		for d := range c.off {
			require.True(t, c.covers(d), "%s %s is not covered", id, d)
		}
	}
	require.Equal(t, "2026-12-31", l.calendars["CN"].last(on(t, "2024-06-01")).String())
}

const ownCalendar = `calendars:
  - id: %s
    name: {en: ours, zh-Hans: 自有}
    from: 2029-01-01
    until: 2029-12-31
    source: a notice made up for this test
    holidays: [{name: {en: Day off, zh-Hans: 休息日}, days: [2029-03-05]}]
`

// What an operator adds to the US calendar holds for the Commission's too, which rests on it.
func TestOwnCalendarExtendsTheBuiltIn(t *testing.T) {
	l := lawOf(t, map[string]string{"own/law/us.yaml": fmt.Sprintf(ownCalendar, "US")})
	for _, id := range []string{"US", "US-SEC"} {
		c := l.calendars[id]
		require.True(t, c.covers(on(t, "2026-03-05")) && c.covers(on(t, "2029-03-05")))
		require.False(t, c.working(on(t, "2029-03-05")))
		require.Equal(t, "2029-12-31", c.last(on(t, "2028-12-01")).String(), "no gap between the two")
	}
	require.Equal(t, "US federal business days", l.calendars["US"].name["en"])
	gap := lawOf(t, map[string]string{"own/law/cn.yaml": fmt.Sprintf(ownCalendar, "CN")}).calendars["CN"]
	require.Equal(t, "2026-12-31", gap.last(on(t, "2026-12-01")).String())
	end, _ := counted(t, lawOf(t, map[string]string{"own/law/cn.yaml": fmt.Sprintf(ownCalendar, "CN")}), "cn-wd", "CN", "Asia/Shanghai", "2026-12-30 09:00", 2)
	require.Contains(t, end, "none", "2027 and 2028 are still missing")
}

func TestCalendarFaults(t *testing.T) {
	for body, want := range map[string]string{
		"calendars: [{id: XX, name: {en: x, zh-Hans: 甲}, from: 2026-01-01, until: 2025-01-01, source: s}]":                                   "ends before it begins",
		"calendars: [{id: XX, name: {en: x, zh-Hans: 甲}, from: 2026-1-1, until: 2027-01-01, source: s}]":                                     "YYYY-MM-DD",
		"calendars: [{id: XX, name: {en: x, zh-Hans: 甲}, from: 2026-01-01, until: 2027-01-01}]":                                              "missing source",
		"calendars: [{name: {en: x, zh-Hans: 甲}}]":                                                                                           "needs an id",
		"calendars: [{id: XX, base: YY, name: {en: x, zh-Hans: 甲}, source: s}]":                                                              "no calendar \"YY\"",
		"calendars: [{id: XX, from: 2026-01-01, until: 2027-01-01, source: s}]":                                                              "no text in en",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\ndeadline: {n: 1, count: bd}"):                                              "is not one of",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\ndeadline: {n: 1, count: hours, with: q}"):                                  "one of: n and count, with, before, at",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\ndeadline: {at: \"dew:sa\"}"):                                               "unknown anchor",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\ndeadline: {n: 1, count: hours, anchor: found}"):                            "only a cap",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\nuntil: closed"):                                                            "unknown anchor",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\ndeadline: {with: nobody}"):                                                 "no rule \"nobody\"",
		clockLaw + ruleText("r", "{name: sa}", "anchor: aware_at\nlegal_limit: {with: q}") + ruleText("q", "{name: sa}", "anchor: aware_at"): "takes its legal limit with it",
	} {
		_, faults := load(tree(t, map[string]string{"law/x.yaml": body}))
		require.Contains(t, fmt.Sprint(faults), want)
	}
}

func TestCalendarThatRestsOnNothingIsAFault(t *testing.T) {
	src := `calendars: [{id: ZZ, base: NOWHERE, name: {en: ours, zh-Hans: 自有}, source: a notice made up for this test}]`
	require.Contains(t, fmt.Sprint(Lint(tree(t, map[string]string{"law/mine.yaml": src}), someday)), `no calendar "NOWHERE" to rest on`)
}
