package playbooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// truth is the answer of a condition over facts of which some are unknown.
type truth int

const (
	no truth = iota
	yes
	unknown
)

// condition is a compiled CEL expression over facts. Each fact it reads is a dotted variable of its own,
// so that an absent one is unknown rather than an error.
type condition struct {
	program cel.Program
	reads   []string // facts.people.count, …
}

// conditionFault is what is wrong with an expression, at an offset from its first character.
type conditionFault struct {
	line, column int // both from 0
	message      string
}

// compileCondition compiles an expression whose variables are facts.<path>.
func compileCondition(src string) (*condition, []conditionFault) {
	env, err := cel.NewEnv(cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
		cel.ValidateRegexLiterals(), cel.ValidateComprehensionNestingLimit(2)))
	if err != nil {
		return nil, []conditionFault{{message: err.Error()}}
	}
	parsed, issues := env.Parse(src)
	if issues.Err() != nil {
		return nil, conditionFaults(issues)
	}
	c := &condition{reads: factsRead(parsed.NativeRep().Expr())}
	variables := make([]cel.EnvOption, len(c.reads))
	for i, name := range c.reads {
		variables[i] = cel.Variable(name, cel.DynType)
	}
	if env, err = env.Extend(variables...); err != nil {
		return nil, []conditionFault{{message: err.Error()}}
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, conditionFaults(issues)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, []conditionFault{{message: "a condition must be true or false"}}
	}
	c.program, err = env.Program(checked, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(10_000))
	if err != nil {
		return nil, []conditionFault{{message: err.Error()}}
	}
	return c, nil
}

func conditionFaults(issues *cel.Issues) []conditionFault {
	var faults []conditionFault
	for _, e := range issues.Errors() {
		faults = append(faults, conditionFault{e.Location.Line() - 1, e.Location.Column(), e.Message})
	}
	return faults
}

// factsRead collects the longest dotted names below "facts" that an expression reads.
func factsRead(root ast.Expr) []string {
	var names []string
	var walk func(e ast.Expr)
	walk = func(e ast.Expr) {
		if name := dotted(e); strings.HasPrefix(name, "facts.") {
			names = append(names, name)
			return
		}
		switch e.Kind() {
		case ast.SelectKind:
			walk(e.AsSelect().Operand())
		case ast.CallKind:
			if e.AsCall().IsMemberFunction() {
				walk(e.AsCall().Target())
			}
			for _, arg := range e.AsCall().Args() {
				walk(arg)
			}
		case ast.ListKind:
			for _, el := range e.AsList().Elements() {
				walk(el)
			}
		case ast.ComprehensionKind:
			c := e.AsComprehension()
			for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
				walk(part)
			}
		}
	}
	walk(root)
	slices.Sort(names)
	return slices.Compact(names)
}

// dotted is the name of an identifier or of a chain of fields, or "".
func dotted(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent()
	case ast.SelectKind:
		if above := dotted(e.AsSelect().Operand()); above != "" {
			return above + "." + e.AsSelect().FieldName()
		}
	}
	return ""
}

// eval answers the condition over a nested facts object; open names the unknown facts that decide it.
func (c *condition) eval(facts map[string]any) (answer truth, open []string, err error) {
	if c == nil {
		return yes, nil, nil
	}
	vars := map[string]any{}
	var missing []*cel.AttributePatternType
	for _, name := range c.reads {
		if v, ok := lookUp(facts, strings.TrimPrefix(name, "facts.")); ok {
			vars[name] = v
		} else {
			missing = append(missing, cel.AttributePattern(name))
		}
	}
	activation, err := cel.PartialVars(vars, missing...)
	if err != nil {
		return unknown, nil, fmt.Errorf("evaluate condition: %w", err)
	}
	out, _, err := c.program.Eval(activation)
	if err != nil {
		return unknown, nil, errors.New("evaluate condition: a fact is not of the kind that the condition compares")
	}
	if u, ok := out.(*types.Unknown); ok {
		for _, id := range u.IDs() {
			trails, _ := u.GetAttributeTrails(id)
			for _, t := range trails {
				open = append(open, strings.TrimPrefix(t.Variable(), "facts."))
			}
		}
		slices.Sort(open)
		return unknown, slices.Compact(open), nil
	}
	if out == types.True {
		return yes, nil, nil
	}
	return no, nil, nil
}

// lookUp finds the value at a dotted path; a null is as good as absent.
func lookUp(object map[string]any, path string) (any, bool) {
	var v any = object
	for key := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[key]; !ok || v == nil {
			return nil, false
		}
	}
	return v, true
}
