package obligation

import "cel.dev/cel-go/common/operators"

// scope is what one evaluation sees.
type scope struct {
	facts  *factSet
	law    *law
	defs   []val // memo of named conditions
	done   []bool
	grades map[string]graded
	locals [4]val
}

// definition evaluates a named condition once per derivation.
func (s *scope) definition(i int) val {
	if !s.done[i] {
		locals := s.locals
		s.defs[i], s.done[i] = s.law.defs[i].eval(s), true
		s.locals = locals
	}
	return s.defs[i]
}

// size compares numbers, and notes when a growing one will cross the other side.
func (s *scope) size(op string, a, b val) val {
	v := compare(op, a, b)
	if a.since != nil && v.isFalse() && (op == operators.GreaterEquals || op == operators.Greater) {
		s.facts.growsPast(*a.since, b.lo)
	}
	return v
}
