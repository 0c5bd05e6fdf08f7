package obligation

import (
	"slices"
	"strings"
	"time"
)

// measured is what a period comes to.
type measured struct {
	end      *time.Time // the plain end; nil when there is no number, or no date can be given
	late     *time.Time // the last lawful instant, where it is later
	earliest *time.Time // in place of end where the calendar is too short
	of       string     // the rule whose deadline is taken
	gap      words      // why there is no date
	unclear  bool       // the instant that an authority set is imprecise
	steps    []step
}

// step is one line of a clock's arithmetic.
type step struct {
	is    string // counted, cap, uncapped, moved, set, unset, gap, taken, maybe
	n     int
	count string
	at    time.Time
	days  []day
	cal   *calendar
	name  string // an anchor or a rule
	fact  string
}

// note keeps a step for an explanation.
func (d *derivation) note(m *measured, s step) {
	if d.traces != nil {
		m.steps = append(m.steps, s)
	}
}

// row is what the counting of a period looks at.
type row struct {
	rule      string
	addressee string
	code      string // its place
	zone      *time.Location
}

// measure counts a period from a start. A period whose condition is unknown counts, because an alarm may be
// too early, never too late; a later limit then does not.
func (d *derivation) measure(p *periodDef, s started, w row, asLimit bool) measured {
	var m measured
	if p == nil {
		return m
	}
	if p.test != nil {
		holds := p.test(d.scope)
		if holds.isFalse() {
			return m
		}
		if !holds.known {
			d.questions.ask(holds.needs, w.rule, decidesDuty)
			d.note(&m, step{is: "maybe"})
			if asLimit {
				return m
			}
		}
	}
	switch {
	case p.from() != "":
		m.of = p.from()
	case p.AtTime.text != "":
		d.setBy(&m, p, w)
	case p.N > 0 && s.known:
		d.count(&m, p, s.at, w, asLimit)
	}
	return m
}

// setBy takes the instant that an authority has set.
func (d *derivation) setBy(m *measured, p *periodDef, w row) {
	s := d.facts.anchored(p.AtTime.text, w.addressee, w.zone)
	if !s.known {
		d.note(m, step{is: "unset", name: p.AtTime.text})
		return
	}
	at := s.at
	m.end, m.unclear = &at, s.imprecise
	d.note(m, step{is: "set", name: p.AtTime.text, at: at})
}

func (d *derivation) count(m *measured, p *periodDef, start time.Time, w row, asLimit bool) {
	rule := countingRules[p.Count]
	t := &tally{start: start, n: p.N, zone: w.zone, cal: d.calendarFor(rule, w)}
	rule.add(t)
	d.note(m, step{is: "counted", n: p.N, count: p.Count, at: t.end, days: t.skipped, cal: t.cal})
	if p.Cap != nil && p.Cap.N > 0 {
		d.cap(m, t, p.Cap, start, w)
	}
	if t.beyond {
		m.earliest, m.gap = &t.end, t.cal.ends(t.first())
		d.note(m, step{is: "gap", at: t.end, cal: t.cal, days: []day{t.first()}})
		return
	}
	m.end = &t.end
	if rule.late == nil || rule.eased && !asLimit {
		return
	}
	late := rule.late(t, t.end)
	if late.known && late.at.After(t.end) {
		m.late = &late.at
		d.note(m, step{is: "moved", count: p.Count, at: late.at, days: late.moved, cal: t.cal})
	}
}

// cap ends a count earlier, unless the clock starts only after the cap has run out.
func (d *derivation) cap(m *measured, t *tally, p *periodDef, start time.Time, w row) {
	if p.test != nil {
		holds := p.test(d.scope)
		if holds.isFalse() {
			return
		}
		d.questions.ask(holds.needs, w.rule, decidesDuty)
	}
	from := started{at: start, known: true}
	if p.Anchor.text != "" {
		from = d.facts.start(anchors{p.Anchor}, w.addressee, w.zone)
	}
	if !from.known {
		return
	}
	rule := countingRules[p.Count]
	c := &tally{start: from.at, n: p.N, zone: w.zone, cal: d.calendarFor(rule, w)}
	rule.add(c)
	s := step{n: p.N, count: p.Count, at: c.end, name: from.anchor, fact: from.from}
	switch {
	case start.After(c.end):
		s.is = "uncapped"
	case c.end.Before(t.end):
		t.end, t.beyond, s.is = c.end, c.beyond, "cap"
	default:
		return
	}
	d.note(m, s)
}

// periods checks what ends a duty, and its deadline and legal limit: of a rule, or of one of its rows.
func (l *law) periods(until located, deadline, limit *periodDef) []Fault {
	var faults []Fault
	for _, p := range []*periodDef{deadline, limit} {
		if p != nil {
			faults = append(faults, l.period(p, false)...)
		}
	}
	if limit.from() != "" {
		faults = append(faults, limit.At.fault("a duty that takes another's deadline takes its legal limit with it"))
	}
	if until.text != "" && !knownAnchor(until.text) {
		faults = append(faults, until.at.fault("unknown anchor %q", until.text))
	}
	return faults
}

func (l *law) period(p *periodDef, isCap bool) []Fault {
	var faults []Fault
	ways := 0
	for _, set := range []bool{p.N != 0 || p.Count != "", p.With != "", p.Before != "", p.AtTime.text != ""} {
		if set {
			ways++
		}
	}
	rule, known := countingRules[p.Count]
	switch {
	case ways != 1:
		faults = append(faults, p.At.fault("a period is one of: n and count, with, before, at"))
	case p.N != 0 || p.Count != "":
		if p.N <= 0 || !known {
			faults = append(faults, p.At.fault("a period needs n above 0 and a counting rule; %q is not one of %s", p.Count, strings.Join(sortedKeys(countingRules), ", ")))
		}
		if known && rule.calendar != "" && rule.calendar != ofPlace && l.calendars[rule.calendar] == nil {
			faults = append(faults, p.At.fault("%s needs the calendar %s, which is not there", p.Count, rule.calendar))
		}
	}
	if a := p.AtTime; a.text != "" && !knownAnchor(a.text) {
		faults = append(faults, a.at.fault("unknown anchor %q", a.text))
	}
	if a := p.Anchor; a.text != "" && (!isCap || !knownAnchor(a.text)) {
		faults = append(faults, a.at.fault("only a cap has an anchor of its own, and it must be a known one; %q is not", a.text))
	}
	if p.Cap != nil {
		if isCap || p.N == 0 {
			faults = append(faults, p.Cap.At.fault("only a counted period has a cap, and a cap has none"))
		}
		faults = append(faults, l.period(p.Cap, true)...)
	}
	if isCap && p.N == 0 {
		faults = append(faults, p.At.fault("a cap is n and count"))
	}
	return append(faults, l.test(p.If, &p.test)...)
}

// taken checks that no deadline rests on itself by way of the rules that deadlines are taken from.
func (l *law) taken() []Fault {
	lenders := map[string][]string{}
	for _, r := range l.rules {
		for _, to := range r.To {
			if from := to.Deadline.from(); from != "" {
				lenders[r.ID.text] = union(lenders[r.ID.text], []string{from})
			}
		}
	}
	var reaches func(from, to string, seen map[string]bool) bool
	reaches = func(from, to string, seen map[string]bool) bool {
		if seen[from] {
			return false
		}
		seen[from] = true
		return slices.ContainsFunc(lenders[from], func(next string) bool { return next == to || reaches(next, to, seen) })
	}
	var faults []Fault
	for _, r := range l.rules {
		if !reaches(r.ID.text, r.ID.text, map[string]bool{}) {
			continue
		}
		for _, to := range r.To {
			if to.Deadline.from() != "" {
				faults = append(faults, to.Deadline.At.fault("the deadline of %q rests on itself", r.ID.text))
			}
		}
	}
	return slices.CompactFunc(faults, func(a, b Fault) bool { return a == b })
}

// from is the rule whose deadline a period takes, "" for none.
func (p *periodDef) from() string {
	switch {
	case p == nil:
		return ""
	case p.With != "":
		return p.With
	}
	return p.Before
}
