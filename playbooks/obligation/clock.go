package obligation

import (
	"slices"
	"strings"
	"time"
)

// clock fills anchor, start, deadline and state.
func (d *derivation) clock(o *Obligation, to *addresseeDef, s started, w row, decided bool) {
	o.State = Waiting
	o.Anchor = s.anchor
	if to.Deadline != nil && to.Deadline.N > 0 {
		o.Count = &Count{N: to.Deadline.N, Rule: to.Deadline.Count}
	}
	end := d.measure(to.Deadline, s, w, false)
	late := d.measure(to.LegalLimit, s, w, true)
	o.DeadlineOf = end.of
	if to.LegalLimit == nil {
		late = measured{end: end.late}
	}
	if s.known {
		start := s.at
		o.Start, o.State = &start, Running
		o.Provisional, o.Imprecise, o.AnchorNote = s.provisional, s.imprecise || end.unclear, s.note["en"]
		o.AnchorNotes = s.note
		if s.from != s.anchor && !strings.HasPrefix(s.from, s.anchor) {
			o.AnchorFrom = s.from
		}
		o.Deadline, o.Undated, o.Target = end.end, end.gap, end.earliest
		o.LegalLimit = later(late, o.Deadline)
		if own, ok := parsePeriod(d.in.Profile.Targets[o.ID]); ok {
			target := start.Add(own)
			o.Target = &target
		}
	}
	if d.traces != nil {
		d.traces[o.key()] = &trace{start: s, deadline: end.steps, limit: late.steps}
	}
	if o.DeadlineOf != "" {
		d.borrowed = append(d.borrowed, borrowed{row: o.key(), code: w.code, decided: decided})
	}
	d.state(o, decided)
}

// later is the legal limit, where it is later than the deadline.
func later(m measured, deadline *time.Time) *time.Time {
	end := m.end
	if m.late != nil {
		end = m.late
	}
	if end == nil || deadline != nil && !end.After(*deadline) {
		return nil
	}
	return end
}

// state is what the time says of a row, and when it will say otherwise.
func (d *derivation) state(o *Obligation, decided bool) {
	switch {
	case !decided:
		o.State = AssessmentOpen
	case o.State != Waiting && o.late(d.in.AsOf):
		o.State = Overdue
	}
	if o.Deadline != nil && !o.Voluntary { // an open assessment changes too: it is late
		d.changes = append(d.changes, *o.Deadline)
	}
}

// key of a row: the rule and its addressee.
func (o *Obligation) key() [2]string { return [2]string{o.ID, o.Addressee} }

// borrowed is a row that takes another duty's deadline, once every rule has been derived.
type borrowed struct {
	row     [2]string
	code    string
	decided bool
	done    bool
}

// borrow gives the rows that may not be later than another duty that duty's deadline: the earliest of its
// rows, those for the same place before others.
func (d *derivation) borrow() {
	if len(d.borrowed) == 0 {
		return
	}
	rows := map[[2]string]int{}
	for i := range d.result.Obligations {
		rows[d.result.Obligations[i].key()] = i
	}
	for i := range d.borrowed {
		d.borrowFor(i, rows)
	}
}

func (d *derivation) borrowFor(i int, rows map[[2]string]int) {
	b := &d.borrowed[i]
	at, ok := rows[b.row]
	if b.done || !ok {
		return
	}
	b.done = true
	o := &d.result.Obligations[at]
	for j := range d.borrowed { // what it takes from may itself take
		if d.borrowed[j].row[0] == o.DeadlineOf {
			d.borrowFor(j, rows)
		}
	}
	lender := d.lender(o.DeadlineOf, b.code)
	if lender == nil || lender.State == Waiting || lender.Start == nil || o.Start == nil {
		o.State = Waiting
	} else {
		o.Deadline, o.LegalLimit, o.Undated = lender.Deadline, lender.LegalLimit, lender.Undated
		o.Imprecise = o.Imprecise || lender.Imprecise
		if o.Target == nil {
			o.Target = lender.Target
		}
	}
	if t := d.traces[b.row]; t != nil {
		taken := step{is: "taken", name: o.DeadlineOf}
		if o.Deadline != nil {
			taken.at = *o.Deadline
		}
		t.deadline = append(t.deadline, taken)
	}
	d.state(o, b.decided)
}

func (d *derivation) lender(rule, code string) *Obligation {
	var best *Obligation
	better := func(x *Obligation) bool {
		if best == nil {
			return true
		}
		same, was := strings.HasSuffix(x.Addressee, ":"+code), strings.HasSuffix(best.Addressee, ":"+code)
		if code != "" && same != was {
			return same
		}
		return earlier(x.due(), best.due())
	}
	for i := range d.result.Obligations {
		if x := &d.result.Obligations[i]; x.ID == rule && better(x) {
			best = x
		}
	}
	return best
}

// due is the deadline, else the operator's own target.
func (o *Obligation) due() *time.Time {
	if o.Deadline != nil {
		return o.Deadline
	}
	return o.Target
}

func earlier(a, b *time.Time) bool { return a != nil && (b == nil || a.Before(*b)) }

// inForce says whether a rule is in force when its clock starts; while nothing has started it, at the time of
// asking, so that the answer changes on the day it begins or ends.
func (d *derivation) inForce(r *ruleDef, s started) bool {
	if s.known {
		return r.Valid.holds(s.at)
	}
	if r.Valid != nil {
		d.changes = append(d.changes, r.Valid.from, r.Valid.until)
	}
	return r.Valid.holds(d.in.AsOf)
}

// ended says whether what ends a duty has happened. Where filings name their addressee, one with somebody in
// another place ends nothing here.
func (d *derivation) ended(to *addresseeDef, p party) bool {
	if to.Until.text == "" {
		return false
	}
	elsewhere := false
	for key := range d.facts.times {
		with, ok := strings.CutPrefix(key, "anchors."+to.Until.text+":")
		if ok && (with == p.name || p.code == "" || strings.HasSuffix(with, ":"+p.code)) {
			return true
		}
		elsewhere = elsewhere || ok
	}
	return !elsewhere && d.facts.instant(to.Until.text, p.zone).known
}

// nextChange is the next instant at which the answer differs although no fact changes. A growing outage
// only counts when crossing its threshold changes a grade or a duty.
func (d *derivation) nextChange(e *Engine) *time.Time {
	var next *time.Time
	for _, t := range d.changes {
		if t.After(d.in.AsOf) && (next == nil || t.Before(*next)) {
			t = t.UTC()
			next = &t
		}
	}
	slices.SortFunc(d.facts.crossings, time.Time.Compare)
	for _, t := range slices.CompactFunc(d.facts.crossings, time.Time.Equal) {
		if !t.After(d.in.AsOf) {
			continue
		}
		if next != nil && !t.Before(*next) {
			break
		}
		later := d.in
		later.AsOf = t
		then, problems := e.evaluate(later, comparison)
		if len(problems) > 0 {
			continue
		}
		then.release()
		if !sameAnswer(d.result, then.result) {
			t = t.UTC()
			return &t
		}
	}
	return next
}

// sameAnswer compares grades, duties, the law they rest on, and what has become late.
func sameAnswer(a, b Result) bool {
	return slices.EqualFunc(a.Grades, b.Grades, func(x, y Grade) bool { return x.Floor == y.Floor && x.Ceiling == y.Ceiling }) &&
		slices.EqualFunc(a.Obligations, b.Obligations, func(x, y Obligation) bool {
			return x.key() == y.key() && x.State == y.State && x.Source == y.Source && x.late(a.AsOf) == y.late(b.AsOf)
		})
}

// late says that the deadline has passed, also while it is open whether the duty applies.
func (o *Obligation) late(at time.Time) bool {
	return o.Deadline != nil && !o.Voluntary && !at.Before(*o.Deadline)
}

// trace is how a row's clock was counted.
type trace struct {
	start    started
	deadline []step
	limit    []step
}
