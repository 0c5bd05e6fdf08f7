package obligation

import (
	"slices"
	"time"
)

// val is a value during evaluation. A condition's value is true, false or unknown; a number is an
// interval whose ends meet when it is known exactly. Whatever is not known names the facts to ask for.
type val struct {
	known  bool
	truth  bool
	lo, hi float64
	text   string
	items  []val
	fields map[string]val
	needs  []string   // facts that would make it known, or more exact
	since  *time.Time // a number of minutes that grows: when it was zero
}

func yes() val                 { return val{known: true, truth: true} }
func no() val                  { return val{known: true} }
func flag(b bool) val          { return val{known: true, truth: b} }
func text(s string) val        { return val{known: true, text: s} }
func list(items ...val) val    { return val{known: true, items: items} }
func number(n float64) val     { return val{known: true, lo: n, hi: n} }
func open(needs ...string) val { return val{hi: infinity, needs: needs} }

// infinity is above every count; a plain bound keeps intervals comparable and JSON-free of Inf.
const infinity = 1e300

func interval(lo, hi float64, needs ...string) val {
	return val{known: lo == hi, lo: lo, hi: hi, needs: needs}
}

func (v val) isTrue() bool  { return v.known && v.truth }
func (v val) isFalse() bool { return v.known && !v.truth }

// The values of conditions that are shared; nobody writes to a value that a condition gave.
var (
	holds = &val{known: true, truth: true}
	fails = &val{known: true}
)

func truth(b bool) *val {
	if b {
		return holds
	}
	return fails
}

func unknown(needs []string) *val { return &val{hi: infinity, needs: needs} }

func not(v *val) *val {
	if v.known {
		return truth(!v.truth)
	}
	return v
}

// and is false as soon as one side is false. With both unknown it asks for the shorter list: one answer
// may settle it.
func and(a, b *val) *val {
	switch {
	case a.isFalse() || b.isFalse():
		return fails
	case a.known && b.known:
		return holds
	case a.known:
		return b
	case b.known || len(a.needs) <= len(b.needs):
		return a
	}
	return b
}

// or is true as soon as one side is true; to see it false takes both.
func or(a, b *val) *val {
	switch {
	case a.isTrue() || b.isTrue():
		return holds
	case a.known && b.known:
		return fails
	case a.known:
		return b
	case b.known:
		return a
	}
	return undecided(a, b)
}

// undecided asks for what either side needs; where one side alone says so, it stands for both.
func undecided(a, b *val) *val {
	if len(a.needs) == 0 && !b.known {
		return b
	}
	needs := union(a.needs, b.needs)
	if len(needs) == len(a.needs) && !a.known {
		return a
	}
	return unknown(needs)
}

// union joins lists; neither is changed, and when nothing is new it is a itself.
func union(a, b []string) []string {
	out, own := a, false
	for _, n := range b {
		if slices.Contains(out, n) {
			continue
		}
		if !own {
			out, own = append(make([]string, 0, len(a)+len(b)), a...), true
		}
		out = append(out, n)
	}
	return out
}

// sum adds intervals. A number that grows goes on growing.
func sum(a, b *val) *val {
	v := interval(a.lo+b.lo, min(a.hi+b.hi, infinity), union(a.needs, b.needs)...)
	if a.since == nil {
		a, b = b, a
	}
	if a.since != nil && b.known && b.since == nil {
		since := a.since.Add(-time.Duration(b.lo * float64(time.Minute)))
		v.since = &since
	}
	return &v
}

// product multiplies intervals of numbers that are not negative.
func product(a, b *val) *val {
	if a.known && a.lo == 0 || b.known && b.lo == 0 {
		return &val{known: true}
	}
	v := interval(min(a.lo*b.lo, infinity), min(a.hi*b.hi, infinity), union(a.needs, b.needs)...)
	return &v
}

// compare decides a < b, a <= b, a > b or a >= b for intervals.
func compare(op string, a, b *val) *val {
	if op == "_<_" || op == "_<=_" {
		a, b = b, a
	}
	strict := op == "_<_" || op == "_>_"
	switch {
	case a.lo > b.hi, !strict && a.lo == b.hi:
		return holds
	case a.hi < b.lo, strict && a.hi == b.lo:
		return fails
	}
	return undecided(a, b)
}

// equal compares exact values; an inexact number is unknown unless the intervals are apart.
func equal(a, b *val, isNumber bool) *val {
	if isNumber {
		switch {
		case a.hi < b.lo || b.hi < a.lo:
			return fails
		case a.known && b.known:
			return holds
		}
		return undecided(a, b)
	}
	if !a.known || !b.known {
		return undecided(a, b)
	}
	return truth(a.text == b.text && a.truth == b.truth)
}

// contains says whether x is in l.
func contains(l, x *val, isNumber bool) *val {
	if !l.known {
		return l
	}
	found := fails
	for i := range l.items {
		found = or(found, equal(&l.items[i], x, isNumber))
	}
	return found
}
