package obligation

// graded is an incident's place in one scheme: at least floor, at most ceiling.
type graded struct {
	scheme         *schemeDef
	floor, ceiling int
	because        []*gradeDef
	flags          []string
	open           [][]string // facts that undecided higher conditions ask for
}

func (g graded) floorName() string {
	if g.scheme == nil {
		return unknownWord
	}
	return g.scheme.Grades[g.floor]
}

// openGrade stands in the needs of a condition that waits for a grade; the scheme asks for the facts.
const openGrade = "grade:"

// reachesGrade says whether the incident is graded at least so by a scheme.
func (s *scope) reachesGrade(scheme, grade string) val {
	g, ok := s.grades[scheme]
	if !ok {
		return no()
	}
	rank := g.scheme.rank(grade)
	switch {
	case g.floor >= rank:
		return yes()
	case g.ceiling < rank:
		return no()
	}
	return open(openGrade + scheme)
}

// gradeAll grades by every scheme that may apply.
func (s *scope) gradeAll() {
	for _, scheme := range s.law.schemes {
		relevant := yes()
		for _, c := range scheme.When {
			relevant = and(relevant, c.eval(s))
		}
		if !relevant.isFalse() {
			s.grades[scheme.ID] = s.grade(scheme)
		}
	}
}

func (s *scope) grade(scheme *schemeDef) graded {
	g := graded{scheme: scheme}
	results := make([]val, len(scheme.Conditions))
	for i, c := range scheme.Conditions {
		results[i] = c.eval(s)
		if results[i].isTrue() {
			g.floor = max(g.floor, c.rank)
		}
	}
	g.ceiling = g.floor
	for i, c := range scheme.Conditions {
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
	return g
}

// result is the grade as answered.
func (g graded) result(s *scope) Grade {
	out := Grade{Scheme: g.scheme.ID, Grade: g.floorName(), Floor: g.floorName(), Ceiling: g.scheme.Grades[g.ceiling],
		Because: []string{}, Flags: g.flags, Reasons: map[string][]string{}}
	for _, c := range g.because {
		out.Because = append(out.Because, c.ID)
		for _, l := range locales {
			out.Reasons[l] = append(out.Reasons[l], c.words.in(s, l))
		}
	}
	return out
}
