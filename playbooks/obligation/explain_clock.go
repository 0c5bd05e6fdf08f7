package obligation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// clock writes the arithmetic of a row step by step.
func (x *explainer) clock(o *Obligation) []string {
	t := x.d.traces[o.key()]
	if t == nil {
		return []string{}
	}
	zone, err := time.LoadLocation(o.Zone)
	if err != nil {
		zone = time.UTC
	}
	var lines []string
	add := func(key string, args ...any) { lines = append(lines, x.say(key, args...)) }
	if !t.start.known {
		add("waits", anchorName(t.start.anchor, x.locale))
		return lines
	}
	lines = append(lines, x.start(t.start, zone)...)
	for _, s := range t.deadline {
		lines = append(lines, x.step(s, t.start, o, zone)...)
	}
	switch {
	case o.State == Waiting:
		add("lender", o.DeadlineOf)
	case o.Deadline != nil:
		add("deadline", stamp(*o.Deadline, zone), o.Zone, o.Deadline.UTC().Format(time.RFC3339))
	case o.Undated == nil && o.Phrase != "":
		add("nonumber", o.Phrase)
	case o.Undated == nil:
		add("nonumber", urgencyWords[o.Urgency].in(x.locale))
	}
	if o.LegalLimit != nil {
		for _, s := range t.limit {
			for _, l := range x.step(s, t.start, o, zone) {
				if !slices.Contains(lines, l) { // the same sum as the deadline's
					lines = append(lines, l)
				}
			}
		}
		add("limit", stamp(*o.LegalLimit, zone), o.LegalLimit.UTC().Format(time.RFC3339))
	}
	if o.Undated == nil && o.Target != nil {
		add("own", stamp(*o.Target, zone))
	}
	if o.Voluntary {
		add("voluntary")
	}
	if o.Repeats {
		add("repeats")
	}
	return lines
}

// start says which fact started the clock, and what that rests on.
func (x *explainer) start(s started, zone *time.Location) []string {
	lines := []string{x.say("from", anchorName(s.anchor, x.locale), s.from, stamp(s.at, zone))}
	if s.from != s.anchor && !strings.HasPrefix(s.from, s.anchor) {
		lines[0] = x.say("instead", anchorName(s.anchor, x.locale), anchorName(s.from, x.locale), s.from, stamp(s.at, zone))
	}
	if note := s.note.in(x.locale); note != "" {
		lines = append(lines, note)
	}
	if s.provisional {
		lines = append(lines, x.say("tool"))
	}
	if s.imprecise {
		lines = append(lines, x.say("earliest"))
	}
	return lines
}

func (x *explainer) step(s step, from started, o *Obligation, zone *time.Location) []string {
	length := func() string { return fmt.Sprintf("%d %s", s.n, countWords[s.count].in(x.locale)) }
	switch s.is {
	case "counted":
		lines := []string{x.say("sum", stamp(from.at, zone), length(), stamp(s.at, zone))}
		if how := countNotes[s.count].in(x.locale); how != "" {
			lines = append(lines, how)
		}
		if len(s.days) > 0 {
			lines = append(lines, x.say("skips", x.days(s.days, s.cal)))
		}
		if worked := workedWeekends(s.cal, dayOf(from.at, zone), dayOf(s.at, zone)); len(worked) > 0 {
			lines = append(lines, x.say("worked", x.days(worked, s.cal)))
		}
		return lines
	case "cap":
		return []string{x.say("cap", length(), anchorName(s.name, x.locale), stamp(s.at, zone))}
	case "uncapped":
		return []string{x.say("uncapped", length(), anchorName(s.name, x.locale), stamp(s.at, zone))}
	case "moved":
		if len(s.days) == 0 {
			return []string{x.say("hour", stamp(s.at, zone))}
		}
		return []string{x.say("moved", x.days(s.days, s.cal), stamp(s.at, zone))}
	case "set":
		return []string{x.say("set", anchorName(s.name, x.locale), stamp(s.at, zone))}
	case "unset":
		return []string{x.say("unset", anchorName(s.name, x.locale))}
	case "taken":
		return []string{x.say("taken", s.name)}
	case "gap":
		return []string{words(o.Undated).in(x.locale), x.say("gap", stamp(s.at, zone))}
	}
	return []string{x.say(s.is)}
}

// workedWeekends are the Saturdays and Sundays that counted.
func workedWeekends(c *calendar, from, until day) []day {
	var out []day
	for d := from + 1; c != nil && len(c.worked) > 0 && d <= until; d++ {
		if weekend(d) && c.worked[d] {
			out = append(out, d)
		}
	}
	return out
}

// days names days off, runs of the same name in one.
func (x *explainer) days(list []day, c *calendar) string {
	var parts []string
	for i := 0; i < len(list); {
		j, name := i, x.dayName(list[i], c)
		for j+1 < len(list) && list[j+1] == list[j]+1 && x.dayName(list[j+1], c) == name {
			j++
		}
		text := list[i].String()
		if j > i {
			text = x.say("to", text, list[j].String())
		}
		parts = append(parts, x.say("named", text, name))
		i = j + 1
	}
	return strings.Join(parts, listJoin.in(x.locale))
}

func (x *explainer) dayName(d day, c *calendar) string {
	if name, ok := c.off[d]; ok && !c.worked[d] {
		return name.in(x.locale)
	}
	return x.say("weekend")
}

func stamp(t time.Time, zone *time.Location) string {
	return t.In(zone).Format("2006-01-02 15:04:05 -07:00")
}
