package obligation

import (
	"slices"
	"time"
)

// clock fills anchor, start, deadline and state.
func (d *derivation) clock(o *Obligation, r *ruleDef, s started, decided bool) {
	o.State = Waiting
	if r.Deadline != nil {
		o.Count = &Count{N: r.Deadline.N, Rule: r.Deadline.Count}
	}
	if s.known {
		start := s.at
		o.Start, o.State = &start, Running
		o.Provisional, o.Imprecise, o.AnchorNote = s.provisional, s.imprecise, s.note
		if s.from != o.Anchor {
			o.AnchorFrom = s.from
		}
		o.Deadline, o.LegalLimit = r.Deadline.end(start, r.zone), r.LegalLimit.end(start, r.zone)
		if own, ok := parsePeriod(d.in.Profile.Targets[r.ID.text]); ok {
			target := start.Add(own)
			o.Target = &target
		}
	}
	switch {
	case !decided:
		o.State = AssessmentOpen
	case o.Deadline != nil && !d.in.AsOf.Before(*o.Deadline):
		o.State = Overdue
	case o.Deadline != nil:
		d.changes = append(d.changes, *o.Deadline)
	}
}

// nextChange is the next instant at which the answer differs although no fact changes. A growing outage
// only counts when crossing its threshold changes a grade or a duty.
func (d *derivation) nextChange(e *Engine) *time.Time {
	var next *time.Time
	for _, t := range d.changes {
		if t.After(d.in.AsOf) && (next == nil || t.Before(*next)) {
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
		if then, problems := e.evaluate(later, false); len(problems) == 0 && !sameAnswer(d.result, then.result) {
			t = t.UTC()
			return &t
		}
	}
	return next
}

// sameAnswer compares grades, duties and their states.
func sameAnswer(a, b Result) bool {
	return slices.EqualFunc(a.Grades, b.Grades, func(x, y Grade) bool { return x.Floor == y.Floor && x.Ceiling == y.Ceiling }) &&
		slices.EqualFunc(a.Obligations, b.Obligations, func(x, y Obligation) bool {
			return x.ID == y.ID && x.Addressee == y.Addressee && x.State == y.State
		})
}
