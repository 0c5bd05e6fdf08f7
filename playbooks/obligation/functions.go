package obligation

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
)

// function compiles the law's own functions; their last argument is always a literal, so that it can be
// checked when the file is read.
func (c *compiler) function(e ast.Expr, name string, nodes []node, sorts []sort) (node, sort) {
	if len(sorts) == 0 || !sorts[len(sorts)-1].lit {
		return c.fault(e.ID(), "%s is not used in law files, or its last argument is not a literal", name)
	}
	arg := sorts[len(sorts)-1].text
	switch name {
	case "residents":
		if !c.law.regions.known(arg) {
			return c.fault(e.ID(), "unknown region %q", arg)
		}
		return func(s *scope) *val {
			n := s.facts.residents(s.law.regions, arg)
			return &n
		}, sort{is: "number", of: openResidents + arg}
	case "within":
		if !c.law.regions.known(arg) {
			return c.fault(e.ID(), "unknown region %q", arg)
		}
		c.refs.literals = append(c.refs.literals, literal{of: sorts[0].of, text: arg, region: true})
		return func(s *scope) *val { return s.law.regions.anyWithin(nodes[0](s), arg) }, sort{is: "flag"}
	case "reaches":
		rank := slices.Index(sorts[0].words, arg)
		if sorts[0].is != "level" || rank < 0 {
			return c.fault(e.ID(), "reaches(fact, word) needs ordered words; %q is not one of %s", arg, strings.Join(sorts[0].words, ", "))
		}
		words := sorts[0].words
		return func(s *scope) *val {
			v := nodes[0](s)
			if !v.known {
				return v
			}
			return truth(slices.Index(words, v.text) >= rank)
		}, sort{is: "flag"}
	case "known":
		if !c.law.datable(arg) {
			return c.fault(e.ID(), "unknown anchor %q", arg)
		}
		return func(s *scope) *val { return s.facts.dated(arg) }, sort{is: "flag"}
	case "graded", "unclear":
		scheme := sorts[0].text
		if !c.law.hasGrade(scheme, arg) {
			return c.fault(e.ID(), "no scheme %q with a grade %q", scheme, arg)
		}
		c.refs.schemes = union(c.refs.schemes, []string{scheme})
		if name == "unclear" {
			return func(s *scope) *val { return truth(!s.reachesGrade(scheme, arg).known) }, sort{is: "flag"}
		}
		return func(s *scope) *val { return s.reachesGrade(scheme, arg) }, sort{is: "flag"}
	}
	return c.fault(e.ID(), "%s is not used in law files", name)
}
