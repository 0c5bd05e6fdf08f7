package obligation

import (
	"slices"
	"strings"
)

// Whether a rule can ever apply is found by trying: from "nothing is known", one fact after another is
// given each value that its conditions tell apart, until all hold or none is left. Facts that imply each
// other are tried apart, so what is called unreachable is; the search is bounded and then says nothing.

// What conditions rest on beside facts.
const (
	openResidents = "residents:"
	openInstant   = "known:"
)

// assumption is a value under trial.
func (fs *factSet) assumption(name string, unknown val) val {
	if v, ok := fs.assumed[name]; ok {
		return v
	}
	return unknown
}

func (s *scope) assumedGrade(id, grade string) *val {
	i := slices.IndexFunc(s.law.schemes, func(x *schemeDef) bool { return x.ID == id })
	assumed := s.facts.assumption(openGrade+id, open(openGrade+id))
	v := &assumed
	if v.known {
		v = truth(int(v.lo) >= s.law.schemes[i].rank(grade))
	}
	for _, c := range s.law.schemes[i].When {
		v = and(v, c.eval(s))
	}
	return v
}

// trials bounds the search for one rule.
const trials = 4000

// search looks for facts that make conditions hold.
type search struct {
	*scope
	nodes    []node
	literals map[string][]literal
	loose    bool            // not every value that matters can be tried
	noted    map[string]bool // schemes
	left     int
}

func (l *law) search() *search {
	fs := &factSet{vocabulary: l.vocabulary, values: make([]val, len(l.vocabulary.order)), times: map[string]moment{}, assumed: map[string]val{}}
	for i, f := range l.vocabulary.order {
		fs.values[i] = unknownOf(f.Is, f.Path)
	}
	return &search{scope: &scope{facts: fs, law: l, defs: make([]*val, len(l.defs))}, literals: map[string][]literal{}, noted: map[string]bool{}, left: trials}
}

func unknownOf(is, need string) val {
	if is == "number" {
		return interval(0, infinity, need)
	}
	return open(need)
}

// require adds a condition.
func (x *search) require(n node, r refs) {
	x.nodes = append(x.nodes, n)
	x.note(r, map[int]bool{})
}

func (x *search) note(r refs, seen map[int]bool) {
	x.loose = x.loose || r.loose
	for _, s := range x.law.schemes {
		if slices.Contains(r.schemes, s.ID) && !x.noted[s.ID] {
			x.noted[s.ID] = true
			for _, c := range s.When {
				x.note(c.refs, seen)
			}
		}
	}
	for _, lit := range r.literals {
		x.literals[lit.of] = append(x.literals[lit.of], lit)
	}
	for _, i := range r.defs {
		if !seen[i] {
			seen[i] = true
			x.note(x.law.defs[i].refs, seen)
		}
	}
}

// can says whether the conditions could all hold; true also when the search does not know.
func (x *search) can() bool {
	x.left--
	if x.left < 0 {
		return true
	}
	clear(x.defs)
	need, holds := "", true
	for _, n := range x.nodes {
		v := n(x.scope)
		if v.isFalse() {
			return false
		}
		if !v.known && holds {
			holds = false
			if len(v.needs) > 0 {
				need = v.needs[0]
			}
		}
	}
	if holds || need == "" {
		return true
	}
	set, values := x.variable(need)
	if len(values) == 0 {
		return true
	}
	for _, v := range values {
		set(v)
		if x.can() {
			return true
		}
	}
	set(val{})
	return false
}

// variable is how to set what a condition waits for, and the values worth trying; a value that is not
// known sets it back.
func (x *search) variable(need string) (set func(val), values []val) {
	assume := func(v val) {
		if v.known {
			x.facts.assumed[need] = v
		} else {
			delete(x.facts.assumed, need)
		}
	}
	if id, ok := strings.CutPrefix(need, openGrade); ok {
		return assume, x.ranks(id)
	}
	if strings.HasPrefix(need, openInstant) {
		return assume, []val{yes(), no()}
	}
	if strings.HasPrefix(need, openResidents) {
		return assume, x.numbers(need)
	}
	if list, rest, ok := strings.Cut(need, "#"); ok { // systems#0.cii
		at, field, _ := strings.Cut(rest, ".")
		f := x.law.vocabulary.byPath[list]
		def := f.Fields[field]
		record := x.facts.values[f.index].items[at[0]-'0']
		return func(v val) {
			if !v.known {
				v = unknownOf(def.Is, need)
			}
			record.fields[field] = v
		}, x.values(list+"."+field, def.Is, def.Words, nil)
	}
	f := x.law.vocabulary.byPath[need]
	if f == nil {
		return nil, nil
	}
	return func(v val) {
		if !v.known {
			v = unknownOf(f.Is, need)
		}
		x.facts.values[f.index] = v
	}, x.values(need, f.Is, f.Words, f.Fields)
}

// ranks are the lowest grade of a scheme and those that a condition gives.
func (x *search) ranks(id string) (values []val) {
	i := slices.IndexFunc(x.law.schemes, func(s *schemeDef) bool { return s.ID == id })
	given := []int{0}
	for _, c := range x.law.schemes[i].Conditions {
		if !slices.Contains(given, c.rank) {
			given = append(given, c.rank)
		}
	}
	slices.Sort(given)
	for _, rank := range slices.Backward(given) {
		values = append(values, number(float64(rank)))
	}
	return values
}

// values are those that conditions can tell apart.
func (x *search) values(of, is string, among []string, fields map[string]fieldDef) (values []val) {
	switch is {
	case "flag":
		return []val{yes(), no()}
	case "number":
		return x.numbers(of)
	case "word", "level":
		for _, w := range among {
			values = append(values, text(w))
		}
	case "text":
		for _, w := range append(x.words(of), "") {
			values = append(values, text(w))
		}
	case "texts", "words":
		return x.lists(of)
	case "records":
		for _, n := range []int{1, 2, 0} {
			items := make([]val, n)
			for i := range items {
				items[i] = val{known: true, fields: map[string]val{}}
				for name, def := range fields {
					items[i].fields[name] = unknownOf(def.Is, of+"#"+itoa(i)+"."+name)
				}
			}
			values = append(values, list(items...))
		}
	}
	return values
}

// numbers are every threshold, and one number below, between and above.
func (x *search) numbers(of string) []val {
	at := []float64{0}
	for _, lit := range x.literals[of] {
		at = append(at, max(0, lit.number))
	}
	slices.Sort(at)
	at = slices.Compact(at)
	values := []val{number(at[len(at)-1] + 1)}
	for i, n := range slices.Backward(at) {
		values = append(values, number(n))
		if i > 0 {
			values = append(values, number((n+at[i-1])/2))
		}
	}
	return values
}

// words are the texts that a fact is compared with; of a region, codes inside it.
func (x *search) words(of string) (out []string) {
	for _, lit := range x.literals[of] {
		words := []string{lit.text}
		if members := x.law.regions.Groups[lit.text]; lit.region && len(members) > 0 {
			words = []string{members[0], members[len(members)-1]}
			if nested := x.law.regions.Groups[members[0]]; len(nested) > 0 {
				words[0] = nested[0]
			}
		}
		out = union(out, words)
	}
	return out
}

// lists are the subsets of those texts, all of them while they are few.
func (x *search) lists(of string) (values []val) {
	words := x.words(of)
	add := func(in func(i int) bool) {
		var items []val
		for i, w := range words {
			if in(i) {
				items = append(items, text(w))
			}
		}
		values = append(values, list(items...))
	}
	if len(words) <= 5 {
		for mask := 1<<len(words) - 1; mask >= 0; mask-- {
			add(func(i int) bool { return mask&(1<<i) != 0 })
		}
		return values
	}
	x.loose = true
	add(func(int) bool { return true })
	for one := range words {
		add(func(i int) bool { return i == one })
		add(func(i int) bool { return i != one })
	}
	add(func(int) bool { return false })
	return values
}

// unreachable finds rules and addressees whose conditions no facts can meet.
func (l *law) unreachable() []Fault {
	var faults []Fault
	for _, r := range l.rules {
		if r.Off != nil {
			continue
		}
		if at := l.blocked(r); at >= 0 {
			faults = append(faults, r.When[at].If.at.fault("the rule %q can never apply: no facts meet this condition and those before it", r.ID.text))
			continue
		}
		for _, to := range r.To {
			if to.test == nil {
				continue
			}
			x := l.search()
			x.rule(r, len(r.When))
			x.require(to.test, to.refs)
			if !x.can() && !x.loose {
				faults = append(faults, to.If.at.fault("addressee %q can never be told: no facts meet this condition and those of the rule", to.Name))
			}
		}
	}
	return faults
}

func (x *search) rule(r *ruleDef, n int) {
	for _, c := range r.When[:n] {
		x.require(c.eval, c.refs)
	}
}

// blocked is the first condition of a rule that cannot hold with those before it, -1 for none.
func (l *law) blocked(r *ruleDef) int {
	possible := func(n int) bool {
		x := l.search()
		x.rule(r, n)
		return x.can() || x.loose
	}
	if possible(len(r.When)) {
		return -1
	}
	for n := range r.When {
		if !possible(n + 1) {
			return n
		}
	}
	return -1
}
