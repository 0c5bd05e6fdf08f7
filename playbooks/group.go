package playbooks

import (
	"slices"
	"strings"

	"tocsin/playbooks/obligation"
)

// group is what one document or task of a step serves: for a report, the duties to one addressee.
type group struct {
	base      string // names the group within its step: "", an addressee, or a rule and an addressee
	addressee string // "" when the group is for several
	duties    []*Duty
}

// live are the duties of the group that need or needed work. What is voluntary counts once somebody has
// undertaken it.
func (g group) live() (out []*Duty) {
	for _, d := range g.duties {
		if live(*d) && (!d.Obligation.Voluntary || d.Undertaken) {
			out = append(out, d)
		}
	}
	return out
}

// owed are the duties of the group that wait for work now.
func (g group) owed() (out []*Duty) {
	for _, d := range g.live() {
		if running(*d) {
			out = append(out, d)
		}
	}
	return out
}

// serves reports that the step works off an obligation: of one of its rules, owed to whom it is for, and of
// the kind it makes. One rule can ask for a notice and for a report.
func (s *stepDef) serves(o obligation.Obligation) bool {
	return slices.Contains(s.rules, o.ID) && s.makes(o.Kind) && s.isFor(o.Addressee)
}

func (s *stepDef) makes(kind string) bool {
	want := obligation.Task
	if s.doc != nil {
		want = string(s.doc.kind)
	}
	return kind == want || kind == ""
}

func (s *stepDef) isFor(addressee string) bool {
	base, _, _ := strings.Cut(addressee, ":")
	like := func(pattern string) bool { return fits(pattern, addressee) || fits(pattern, base) }
	return len(s.to) == 0 || slices.ContainsFunc(s.to, like)
}

// of is the group of a step that an obligation falls into.
func (s *stepDef) of(o obligation.Obligation) group {
	switch s.per {
	case perAddressee:
		return group{base: o.Addressee, addressee: o.Addressee}
	case perRule:
		return group{base: o.ID + "/" + o.Addressee, addressee: o.Addressee}
	}
	return group{}
}

// groups divides what the step works off. A duty that an earlier run works off is left to it.
func (r *runner) groups(def *stepDef) (out []group) {
	if len(def.rules) == 0 {
		return []group{{}}
	}
	for i := range r.in.duties {
		d := &r.in.duties[i]
		if r.def.worker(d.Obligation) != def || worked(r.before, d.Obligation) {
			continue
		}
		g := def.of(d.Obligation)
		at := slices.IndexFunc(out, func(have group) bool { return have.base == g.base })
		if at < 0 {
			at, out = len(out), append(out, g)
		}
		out[at].duties = append(out[at].duties, d)
	}
	slices.SortFunc(out, func(a, b group) int { return strings.Compare(a.base, b.base) })
	return out
}

// worked reports that one of several playbooks works off an obligation.
func worked(defs []*Definition, o obligation.Obligation) bool {
	return slices.ContainsFunc(defs, func(d *Definition) bool { return d.worker(o) != nil })
}
