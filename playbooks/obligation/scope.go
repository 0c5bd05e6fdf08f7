package obligation

import "cel.dev/cel-go/common/operators"

// scope is what one evaluation sees.
type scope struct {
	facts  *factSet
	law    *law
	defs   []*val      // memo of named conditions
	said   [][2]string // why named conditions hold, per locale
	grades map[string]graded
	stack  []*val // results of the conditions of the schemes that are being graded
	locals [4]*val
}

// defined evaluates a named condition once per derivation.
func (s *scope) defined(i int) *val {
	if s.defs[i] == nil {
		locals := s.locals
		s.defs[i] = s.law.defs[i].eval(s)
		s.locals = locals
	}
	return s.defs[i]
}

// size compares numbers, and notes when a growing one will cross the other side.
func (s *scope) size(op string, a, b *val) *val {
	v := compare(op, a, b)
	if a.since != nil && v.isFalse() && (op == operators.GreaterEquals || op == operators.Greater) {
		s.facts.growsPast(*a.since, b.lo)
	}
	return v
}

// because says in words why a condition holds; many rules share the same ones.
func (s *scope) because(c *clauseDef, locale int) string {
	if c.named == 0 {
		return c.yes.in(s, locales[locale])
	}
	text := &s.said[c.named-1][locale]
	if *text == "" {
		*text = c.yes.in(s, locales[locale])
	}
	return *text
}
