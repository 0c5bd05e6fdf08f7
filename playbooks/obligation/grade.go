package obligation

import "slices"

// graded is an incident's place in one scheme: at least floor, at most ceiling.
type graded struct {
	scheme         *schemeDef
	relevant       *val // whether the scheme applies at all
	floor, ceiling int
	because        []*gradeDef
	flags          []string
	open           [][]string // facts that undecided higher conditions ask for
}

// openGrade stands in the needs of a condition that waits for a grade; the scheme asks for the facts.
const openGrade = "grade:"

// reachesGrade says whether the incident is graded at least so by a scheme.
func (s *scope) reachesGrade(scheme, grade string) *val {
	if s.facts.assumed != nil {
		return s.assumedGrade(scheme, grade)
	}
	g, ok := s.gradeBy(scheme)
	if !ok {
		return fails
	}
	rank := g.scheme.rank(grade)
	switch {
	case g.floor >= rank:
		return g.relevant
	case g.ceiling < rank:
		return fails
	}
	return and(g.relevant, g.scheme.open)
}

// gradeAll grades by every scheme that may apply.
func (s *scope) gradeAll() {
	for _, scheme := range s.law.schemes {
		s.gradeBy(scheme.ID)
	}
}

// gradeBy grades by one scheme, once: conditions of one scheme may rest on the grade of another.
func (s *scope) gradeBy(id string) (graded, bool) {
	if g, ok := s.grades[id]; ok {
		return g, !g.relevant.isFalse()
	}
	i := slices.IndexFunc(s.law.schemes, func(x *schemeDef) bool { return x.ID == id })
	if i < 0 || s.law.schemes[i].Off != nil {
		return graded{}, false
	}
	locals := s.locals
	g := graded{scheme: s.law.schemes[i], relevant: holds}
	s.grades[id] = g // a scheme that rests on itself sees its lowest grade
	for _, c := range g.scheme.When {
		g.relevant = and(g.relevant, c.eval(s))
	}
	if !g.relevant.isFalse() {
		s.grade(&g)
	}
	s.grades[id], s.locals = g, locals
	return g, !g.relevant.isFalse()
}

func (s *scope) grade(g *graded) {
	conditions, base, unknown := g.scheme.Conditions, len(s.stack), 0
	for _, c := range conditions {
		v := c.eval(s) // may grade by another scheme, on top of the stack
		s.stack = append(s.stack, v)
		if v.isTrue() {
			g.floor = max(g.floor, c.rank)
		}
		if !v.known {
			unknown++
		}
	}
	results := s.stack[base:]
	defer func() { s.stack = s.stack[:base] }()
	g.ceiling, g.open = g.floor, make([][]string, 0, unknown)
	for i, c := range conditions {
		switch {
		case results[i].isTrue() && c.rank == g.floor:
			g.because = append(g.because, c)
			if c.flag != nil && !c.flag(s).isFalse() {
				g.flags = append(g.flags, c.ID)
			}
		case !results[i].known && c.rank > g.floor:
			g.ceiling = max(g.ceiling, c.rank)
			g.open = append(g.open, results[i].needs)
		}
	}
}

// result is the grade as answered.
func (g graded) result(s *scope) Grade {
	x := g.scheme
	out := Grade{Scheme: x.ID, Grade: x.Grades[g.floor], Floor: x.Grades[g.floor], Ceiling: x.Grades[g.ceiling],
		GradeName: x.names(g.floor), CeilingName: x.names(g.ceiling), Title: x.Title, Confidence: x.Confidence, Note: x.Note,
		Because: []string{}, Flags: g.flags, Reasons: map[string][]string{}}
	for _, c := range g.because {
		out.Because = append(out.Because, c.ID)
		for _, l := range locales {
			out.Reasons[l] = append(out.Reasons[l], c.words.in(s, l))
		}
	}
	return out
}

// standard grades are named by the State's own scheme; other words bring their names.
var standard = map[string]words{
	"general": {"en": "general", "zh-Hans": "一般"}, "larger": {"en": "larger", "zh-Hans": "较大"},
	"major": {"en": "major", "zh-Hans": "重大"}, "extreme": {"en": "extreme", "zh-Hans": "特别重大"},
}

// names are a grade's words per locale.
func (s *schemeDef) names(rank int) words {
	grade := s.Grades[rank]
	if w := s.Names[grade]; w != nil {
		return w
	}
	return standard[grade]
}
