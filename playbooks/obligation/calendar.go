package obligation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// calendarDef is the days off of a place, as dated data: a day beyond its cover is never guessed. A second
// calendar of the same id, as in an operator's own tree, adds its days and what it covers.
type calendarDef struct {
	At       place
	ID       string       `yaml:"id"`
	Base     string       `yaml:"base"` // takes over that calendar's days and cover
	Name     words        `yaml:"name"`
	From     string       `yaml:"from"`  // first day covered
	Until    string       `yaml:"until"` // last day covered
	Holidays []holidayDef `yaml:"holidays"`
	Workdays []string     `yaml:"workdays"` // days that are worked although a Saturday, a Sunday or named as off
	Source   string       `yaml:"source"`
}

// holidayDef is a day off by name, on all its dates.
type holidayDef struct {
	At   place
	Name words    `yaml:"name"`
	Days []string `yaml:"days"`
}

// day is a date in no zone: the number of days since 1970-01-01.
type day int

func dayOf(t time.Time, zone *time.Location) day {
	y, m, d := t.In(zone).Date()
	return dateOf(y, m, d)
}

func dateOf(y int, m time.Month, d int) day {
	return day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func (d day) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

func (d day) String() string { return d.utc().Format(time.DateOnly) }

// end is the last second of the day in a zone, also where clocks go back at midnight.
func (d day) end(zone *time.Location) time.Time {
	y, m, date := d.utc().Date()
	t := time.Date(y, m, date, 23, 59, 59, 0, zone)
	if again := t.Add(time.Hour); again.Day() == date {
		t = again
	}
	return t.UTC()
}

func (d day) noon(zone *time.Location) time.Time {
	y, m, date := d.utc().Date()
	return time.Date(y, m, date, 12, 0, 0, 0, zone).UTC()
}

// calendar says which days of a place are worked.
type calendar struct {
	at     place
	id     string
	name   words
	cover  []cover
	off    map[day]words
	worked map[day]bool
}

// cover is a range of days that the data is good for, both ends in it.
type cover struct{ from, until day }

func (c *calendar) covers(d day) bool {
	return slices.ContainsFunc(c.cover, func(r cover) bool { return r.from <= d && d <= r.until })
}

// last is the last day up to which the data is good without a gap, seen from d.
func (c *calendar) last(d day) day {
	for more := true; more; {
		more = false
		for _, r := range c.cover {
			if r.from <= d+1 && r.until > d {
				d, more = r.until, true
			}
		}
	}
	return d
}

func (c *calendar) working(d day) bool {
	if c.worked[d] {
		return true
	}
	_, off := c.off[d]
	return !off && !weekend(d)
}

func weekend(d day) bool {
	w := d.utc().Weekday()
	return w == time.Saturday || w == time.Sunday
}

// weekends is the calendar where nothing more is known of a place: it never ends, and a public holiday that
// it misses only makes a limit earlier.
var weekends = &calendar{id: "", cover: []cover{{-1 << 30, 1 << 30}}}

// takeCalendars joins the calendars of all files.
func (l *law) takeCalendars(files []*lawFile) []Fault {
	var faults []Fault
	l.calendars = map[string]*calendar{}
	var based []*calendarDef
	for _, f := range files {
		for _, def := range f.Calendars {
			if def.ID == "" {
				faults = append(faults, def.At.fault("the calendar needs an id"))
				continue
			}
			faults = append(faults, l.addCalendar(def)...)
			if def.Base != "" {
				based = append(based, def)
			}
		}
	}
	for _, def := range based {
		base, c := l.calendars[def.Base], l.calendars[def.ID]
		if base == nil || base == c {
			faults = append(faults, def.At.fault("no calendar %q to rest on", def.Base))
			continue
		}
		c.cover = append(c.cover, base.cover...)
		for d, name := range base.off {
			if _, own := c.off[d]; !own {
				c.off[d] = name
			}
		}
		for d := range base.worked {
			c.worked[d] = true
		}
	}
	return faults
}

func (l *law) addCalendar(def *calendarDef) []Fault {
	c := l.calendars[def.ID]
	if c == nil {
		c = &calendar{at: def.At, id: def.ID, off: map[day]words{}, worked: map[day]bool{}}
		l.calendars[def.ID] = c
	}
	var faults []Fault
	if c.name == nil {
		c.name = def.Name
		faults = append(faults, def.Name.check(def.At, "the calendar")...)
	}
	if def.Source == "" {
		faults = append(faults, def.At.fault("missing source: calendar %q does not say where its days come from", def.ID))
	}
	read := func(at place, s string) day {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil {
			faults = append(faults, at.fault("a date is written YYYY-MM-DD"))
		}
		return dateOf(t.Date())
	}
	if def.Base == "" || def.From != "" || def.Until != "" {
		r := cover{read(def.At, def.From), read(def.At, def.Until)}
		if r.until < r.from {
			faults = append(faults, def.At.fault("the calendar ends before it begins"))
		}
		c.cover = append(c.cover, r)
	}
	for _, h := range def.Holidays {
		faults = append(faults, h.Name.check(h.At, "the day off")...)
		for _, s := range h.Days {
			c.off[read(h.At, s)] = h.Name
		}
	}
	for _, s := range def.Workdays {
		c.worked[read(def.At, s)] = true
	}
	return faults
}

// calendarFor is the calendar that a counting rule needs; weekends where none is known.
func (d *derivation) calendarFor(rule countingRule, w row) *calendar {
	id := rule.calendar
	if id == ofPlace {
		id = d.placeOf(w)
	}
	if c := d.law.calendars[id]; c != nil {
		return c
	}
	return weekends
}

// placeOf is the country whose public holidays count: the addressee's, else where the operator is first
// established.
func (d *derivation) placeOf(w row) string {
	if w.code != "" {
		return country(w.code)
	}
	for _, v := range d.facts.get("profile.establishments").items {
		if c := country(v.text); d.law.calendars[c] != nil {
			return c
		}
	}
	return ""
}

// country is the first part of a region's code.
func country(code string) string {
	code, _, _ = strings.Cut(code, "-")
	return code
}

// ends says in words that the data ends before a count that starts after a day.
func (c *calendar) ends(after day) words {
	out := words{}
	for locale, s := range calendarEnds {
		out[locale] = fmt.Sprintf(s, c.name.in(locale), c.last(after)+1)
	}
	return out
}

var calendarEnds = words{
	"en": "No date can be given: the calendar of working days (%s) has no data from %s on. The target is the earliest the deadline can be. " +
		"Add those days to the calendar.",
	"zh-Hans": "无法给出截止日期：工作日历（%s）缺少 %s 起的数据。目标时间是截止期限可能的最早时刻。请补充相应日期的日历。",
}
