package obligation

import (
	"slices"
	"strings"
	"time"
)

// Checks over the whole set, when every rule is read.

// versions allows a rule several versions over time, but only one at a time.
func (l *law) versions() []Fault {
	var faults []Fault
	byID := map[string][]*ruleDef{}
	for _, r := range l.rules {
		if r.ID.text == "" {
			continue // which is said of it already
		}
		for _, before := range byID[r.ID.text] {
			if r.Valid.overlaps(before.Valid) {
				faults = append(faults, r.ID.at.fault("rule %q is already defined at %s:%d, and both are valid at the same time", r.ID.text, before.ID.at.file, before.ID.at.line))
			}
		}
		byID[r.ID.text] = append(byID[r.ID.text], r)
	}
	return faults
}

func (v *validDef) overlaps(other *validDef) bool {
	if v == nil || other == nil {
		return true
	}
	if v.from.After(other.from) {
		v, other = other, v
	}
	return v.until.IsZero() || v.until.After(other.from)
}

// references checks what names another rule: deadlines taken from it, clocks that start with its report.
func (l *law) references() []Fault {
	ids := map[string]bool{}
	for _, r := range l.rules {
		ids[r.ID.text] = true
	}
	var faults []Fault
	known := func(at place, id string) {
		if id, _, _ = strings.Cut(id, ":"); id != "" && !ids[id] {
			faults = append(faults, at.fault("there is no rule %q", id))
		}
	}
	anchor := func(a located) {
		if id, ok := strings.CutPrefix(a.text, "submitted:"); ok {
			known(a.at, id)
		}
	}
	period := func(p *periodDef) {
		if p == nil {
			return
		}
		known(p.At, p.With)
		known(p.At, p.Before)
		if p.Cap != nil {
			anchor(p.Cap.Anchor)
		}
	}
	for _, r := range l.rules {
		for _, to := range r.To { // a row has taken over what its rule says
			anchor(to.Until)
			period(to.Deadline)
			period(to.LegalLimit)
			for _, a := range to.Anchor {
				anchor(a)
			}
		}
	}
	var once []Fault // rows share what they took over from their rule
	for _, f := range faults {
		if !slices.Contains(once, f) {
			once = append(once, f)
		}
	}
	return once
}

// ending warns of calendars that end before a period that starts now could.
func (l *law) ending(now time.Time) []Fault {
	longest := map[string]int{} // days that a calendar has to reach ahead, "" for those of countries
	need := func(p *periodDef) {
		if p == nil || p.N == 0 || countingRules[p.Count].calendar == "" {
			return
		}
		id := countingRules[p.Count].calendar
		if id == ofPlace {
			id = ""
		}
		days := p.N
		switch {
		case strings.Contains(p.Count, "months"):
			days *= 31
		case id != "":
			days *= 2 // of seven days, five at most are worked
		}
		longest[id] = max(longest[id], days)
	}
	for _, r := range l.rules {
		if r.Off == nil {
			for _, to := range r.To {
				need(to.Deadline)
				need(to.LegalLimit)
			}
		}
	}
	var faults []Fault
	for _, id := range sortedKeys(l.calendars) {
		n, used := longest[id]
		if len(l.calendars[id].cover) == 0 {
			continue // it rests on one that there is not, which is a fault of its own
		}
		if !used && len(id) == 2 {
			n, used = longest[""]
		}
		c, today := l.calendars[id], dateOf(now.Date())
		const holidays = 14 // a longest run of days off
		if last := c.end(); used && !now.IsZero() && last < today+day(n+holidays) {
			faults = append(faults, c.at.warning("calendar %s is covered until %s only: a period that starts now can end later", id, last))
		}
	}
	return faults
}

// end is the last day that the calendar covers.
func (c *calendar) end() day {
	return slices.MaxFunc(c.cover, func(a, b cover) int { return int(a.until - b.until) }).until
}

// readZones reads the time zones of the regions.
func (l *law) readZones() []Fault {
	var faults []Fault
	l.regions.zones = map[string]*time.Location{}
	for _, code := range sortedKeys(l.regions.Zones) {
		zone, err := time.LoadLocation(l.regions.Zones[code])
		if err != nil {
			faults = append(faults, place{"law", 1, 1}.fault("unknown time zone %q of %s", l.regions.Zones[code], code))
			continue
		}
		l.regions.zones[code] = zone
	}
	return faults
}
