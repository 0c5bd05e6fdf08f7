package obligation

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Conditions are CEL: its parser and checker read them. They are evaluated here, not by CEL's own
// interpreter, because that knows unknown values but no intervals ("at least a million" makes
// ">= 1000000" true and ">= 10000000" unknown) and does not choose the fewest facts to ask for. For
// known facts both give the same answer; a property test holds them together.

// node is a compiled part of a condition.
type node func(*scope) *val

// sort is what a part of a condition is: CEL knows less, since fields of list elements are dynamic to it.
type sort struct {
	is     string // flag number word level text texts records record
	words  []string
	fields map[string]fieldDef
	lit    bool
	text   string
	number float64
	of     string // the fact, or the field of a list's elements, that it is read from
}

// compiler turns one condition into a node.
type compiler struct {
	law    *law
	src    located
	ast    *ast.AST
	locals []string
	sorts  []sort
	faults []Fault
	refs   refs
}

func celEnv(l *law) (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.Function("residents", cel.Overload("residents_in", []*cel.Type{cel.StringType}, cel.DoubleType)),
		cel.Function("within", cel.Overload("within_region", []*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.BoolType)),
		cel.Function("graded", cel.Overload("graded_at_least", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType)),
		cel.Function("unclear", cel.Overload("unclear_grade", []*cel.Type{cel.StringType, cel.StringType}, cel.BoolType)),
		cel.Function("known", cel.Overload("known_instant", []*cel.Type{cel.StringType}, cel.BoolType)),
		cel.Function(operators.Add, cel.Overload("add_double_int", []*cel.Type{cel.DoubleType, cel.IntType}, cel.DoubleType),
			cel.Overload("add_int_double", []*cel.Type{cel.IntType, cel.DoubleType}, cel.DoubleType)),
		cel.Function(operators.Multiply, cel.Overload("multiply_double_int", []*cel.Type{cel.DoubleType, cel.IntType}, cel.DoubleType),
			cel.Overload("multiply_int_double", []*cel.Type{cel.IntType, cel.DoubleType}, cel.DoubleType)),
		cel.Function("reaches", cel.Overload("reaches_level", []*cel.Type{cel.DynType, cel.StringType}, cel.BoolType)),
		cel.ASTValidators(cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(2)),
	}
	for _, f := range l.vocabulary.order {
		if t := celType(f.Is); t != nil {
			opts = append(opts, cel.Variable(f.Path, t))
		}
	}
	for name := range l.defIndex {
		opts = append(opts, cel.Variable(name, cel.BoolType))
	}
	return cel.NewEnv(opts...)
}

func celType(is string) *cel.Type {
	switch is {
	case "flag":
		return cel.BoolType
	case "number":
		return cel.DoubleType
	case "word", "level", "text":
		return cel.StringType
	case "texts", "words":
		return cel.ListType(cel.StringType)
	case "records":
		return cel.ListType(cel.MapType(cel.StringType, cel.DynType))
	}
	return nil // times, maps and content are not for conditions; functions and anchors read them
}

// compile checks and compiles a condition; a fault points into the YAML file.
func (l *law) compile(src located) (node, refs, []Fault) {
	if strings.TrimSpace(src.text) == "" {
		return nil, refs{}, []Fault{src.at.fault("the condition is empty")}
	}
	checked, iss := l.env.Compile(src.text)
	if iss != nil && iss.Err() != nil {
		var faults []Fault
		for _, e := range iss.Errors() {
			faults = append(faults, src.path(e.Location.Line(), e.Location.Column()).fault("%s", plain(e.Message)))
		}
		return nil, refs{}, faults
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, refs{}, []Fault{src.at.fault("the condition gives %s, not true or false", checked.OutputType())}
	}
	c := &compiler{law: l, src: src, ast: checked.NativeRep()}
	n, _ := c.expr(c.ast.Expr())
	return n, c.refs, c.faults
}

// plain puts CEL's message into this product's words.
func plain(message string) string {
	if rest, ok := strings.CutPrefix(message, "undeclared reference to "); ok {
		name, _, _ := strings.Cut(rest, " (in container")
		return "unknown fact or condition " + name
	}
	return message
}

func (c *compiler) fault(id int64, format string, args ...any) (node, sort) {
	loc := c.ast.SourceInfo().GetStartLocation(id)
	c.faults = append(c.faults, c.src.path(loc.Line(), loc.Column()).fault(format, args...))
	return constant(open()), sort{}
}

func (c *compiler) expr(e ast.Expr) (node, sort) {
	if ref, ok := c.ast.ReferenceMap()[e.ID()]; ok && ref.Name != "" {
		if n, s, ok := c.reference(ref.Name); ok {
			return n, s
		}
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literal(e)
	case ast.IdentKind:
		return c.fault(e.ID(), "unknown fact %q", e.AsIdent())
	case ast.SelectKind:
		return c.field(e)
	case ast.ListKind:
		return c.listOf(e)
	case ast.CallKind:
		return c.call(e)
	case ast.ComprehensionKind:
		return c.quantifier(e)
	}
	return c.fault(e.ID(), "this form of expression is not used in law files")
}

// reference is a variable: of an enclosing exists or all, a named condition, or a fact.
func (c *compiler) reference(name string) (node, sort, bool) {
	if i := slices.Index(c.locals, name); i >= 0 {
		return func(s *scope) *val { return s.locals[i] }, c.sorts[i], true
	}
	if i, ok := c.law.defIndex[name]; ok {
		c.refs.defs = append(c.refs.defs, i)
		return func(s *scope) *val { return s.defined(i) }, sort{is: "flag"}, true
	}
	if f, ok := c.law.vocabulary.byPath[name]; ok {
		i := f.index
		return func(s *scope) *val { return &s.facts.values[i] }, sort{is: f.Is, words: f.Words, fields: f.Fields, of: name}, true
	}
	return nil, sort{}, false
}

func (c *compiler) literal(e ast.Expr) (node, sort) {
	switch v := e.AsLiteral().(type) {
	case types.Bool:
		return constant(flag(bool(v))), sort{is: "flag", lit: true}
	case types.Int:
		return constant(number(float64(v))), sort{is: "number", lit: true, number: float64(v)}
	case types.Double:
		return constant(number(float64(v))), sort{is: "number", lit: true, number: float64(v)}
	case types.String:
		return constant(text(string(v))), sort{is: "text", lit: true, text: string(v)}
	}
	return c.fault(e.ID(), "this kind of literal is not used in law files")
}

func constant(v val) node { return func(*scope) *val { return &v } }

func (c *compiler) field(e ast.Expr) (node, sort) {
	sel := e.AsSelect()
	operand, s := c.expr(sel.Operand())
	if s.is == "" {
		return operand, s // already a fault
	}
	def, ok := s.fields[sel.FieldName()]
	if s.is != "record" || !ok || sel.IsTestOnly() {
		return c.fault(e.ID(), "unknown fact %q", sel.FieldName())
	}
	name := sel.FieldName()
	return func(sc *scope) *val {
		v := operand(sc).fields[name]
		return &v
	}, sort{is: def.Is, words: def.Words, of: s.of + "." + name}
}

func (c *compiler) listOf(e ast.Expr) (node, sort) {
	var items []val
	s := sort{is: "texts", lit: true}
	for _, el := range e.AsList().Elements() {
		n, es := c.expr(el)
		if !es.lit {
			return c.fault(el.ID(), "lists in conditions hold literals only")
		}
		if es.is == "number" {
			s.is = "numbers"
		}
		s.words = append(s.words, es.text)
		items = append(items, *n(nil))
	}
	return constant(list(items...)), s
}

func (c *compiler) call(e ast.Expr) (node, sort) {
	call := e.AsCall()
	nodes, sorts := make([]node, len(call.Args())), make([]sort, len(call.Args()))
	for i, arg := range call.Args() {
		nodes[i], sorts[i] = c.expr(arg)
		if sorts[i].is == "" {
			return nodes[i], sort{}
		}
	}
	boolean := sort{is: "flag"}
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return func(s *scope) *val {
			a := nodes[0](s)
			if a.isFalse() {
				return a
			}
			return and(a, nodes[1](s))
		}, boolean
	case operators.LogicalOr:
		return func(s *scope) *val {
			a := nodes[0](s)
			if a.isTrue() {
				return a
			}
			return or(a, nodes[1](s))
		}, boolean
	case operators.LogicalNot:
		return func(s *scope) *val { return not(nodes[0](s)) }, boolean
	case operators.Equals, operators.NotEquals:
		if msg := comparable(sorts[0], sorts[1]); msg != "" {
			return c.fault(e.ID(), "%s", msg)
		}
		c.compared(sorts[0], sorts[1])
		isNumber, negate := sorts[0].is == "number", name == operators.NotEquals
		return func(s *scope) *val {
			v := equal(nodes[0](s), nodes[1](s), isNumber)
			if negate {
				return not(v)
			}
			return v
		}, boolean
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if sorts[0].is != "number" || sorts[1].is != "number" {
			return c.fault(e.ID(), "only numbers are compared by size; for ordered words use reaches(fact, %q)", "word")
		}
		c.compared(sorts[0], sorts[1])
		return func(s *scope) *val { return s.size(name, nodes[0](s), nodes[1](s)) }, boolean
	case operators.Add, operators.Multiply:
		return c.arithmetic(e, name, nodes, sorts)
	case operators.In:
		return c.membership(e, nodes, sorts)
	default:
		return c.function(e, name, nodes, sorts)
	}
}

// comparable says why two sorts cannot be equal, "" when they can.
func comparable(a, b sort) string {
	if a.lit {
		a, b = b, a
	}
	wordy := func(s sort) bool { return s.is == "word" || s.is == "level" || s.is == "text" }
	switch {
	case wordy(a) && wordy(b):
		if b.lit && a.words != nil && !slices.Contains(a.words, b.text) {
			return fmt.Sprintf("%q is not one of %s", b.text, strings.Join(a.words, ", "))
		}
		return ""
	case a.is == b.is && (a.is == "flag" || a.is == "number"):
		return ""
	}
	return fmt.Sprintf("a %s is not comparable with a %s", a.is, b.is)
}

// arithmetic adds and multiplies numbers, which are never negative, as intervals.
func (c *compiler) arithmetic(e ast.Expr, name string, nodes []node, sorts []sort) (node, sort) {
	if sorts[0].is != "number" || sorts[1].is != "number" {
		return c.fault(e.ID(), "only numbers are added and multiplied")
	}
	of := sum
	if name == operators.Multiply {
		of = product
	}
	return func(s *scope) *val { return of(nodes[0](s), nodes[1](s)) }, sort{is: "number"}
}

func (c *compiler) membership(e ast.Expr, nodes []node, sorts []sort) (node, sort) {
	x, l := sorts[0], sorts[1]
	if x.words != nil && l.lit {
		for _, w := range l.words {
			if !slices.Contains(x.words, w) {
				return c.fault(e.ID(), "%q is not one of %s", w, strings.Join(x.words, ", "))
			}
		}
	}
	if x.lit && l.words != nil && !l.lit && !slices.Contains(l.words, x.text) {
		return c.fault(e.ID(), "%q is not one of %s", x.text, strings.Join(l.words, ", "))
	}
	if l.is != "texts" && l.is != "words" && l.is != "numbers" {
		return c.fault(e.ID(), "in needs a list")
	}
	switch {
	case l.lit && x.is != "number":
		for _, w := range l.words {
			c.refs.literals = append(c.refs.literals, literal{of: x.of, text: w})
		}
		words := l.words
		return func(s *scope) *val {
			v := nodes[0](s)
			if !v.known {
				return v
			}
			return truth(slices.Contains(words, v.text))
		}, sort{is: "flag"}
	case x.lit:
		c.refs.literals = append(c.refs.literals, literal{of: l.of, text: x.text})
	default:
		c.refs.loose = true
	}
	isNumber := x.is == "number"
	return func(s *scope) *val { return contains(nodes[1](s), nodes[0](s), isNumber) }, sort{is: "flag"}
}

// quantifier compiles exists and all, the two macros law files use.
func (c *compiler) quantifier(e ast.Expr) (node, sort) {
	comp := e.AsComprehension()
	step := comp.LoopStep()
	if step.Kind() != ast.CallKind || (step.AsCall().FunctionName() != operators.LogicalOr && step.AsCall().FunctionName() != operators.LogicalAnd) || comp.HasIterVar2() {
		return c.fault(e.ID(), "only exists and all are used in law files")
	}
	rng, rs := c.expr(comp.IterRange())
	element := sort{is: "record", fields: rs.fields, of: rs.of}
	switch rs.is {
	case "records":
	case "texts", "words":
		element = sort{is: "text", words: rs.words, of: rs.of}
	case "":
		return rng, rs
	default:
		return c.fault(e.ID(), "exists and all need a list")
	}
	slot := len(c.locals)
	if slot >= len(scope{}.locals) {
		return c.fault(e.ID(), "too deeply nested")
	}
	c.locals, c.sorts = append(c.locals, comp.IterVar()), append(c.sorts, element)
	pred, ps := c.expr(step.AsCall().Args()[1])
	c.locals, c.sorts = c.locals[:slot], c.sorts[:slot]
	if ps.is == "" {
		return pred, ps
	}
	exists := step.AsCall().FunctionName() == operators.LogicalOr
	return func(s *scope) *val {
		over := rng(s)
		if !over.known {
			return over
		}
		result := truth(!exists)
		for i := range over.items {
			s.locals[slot] = &over.items[i]
			if exists {
				result = or(result, pred(s))
			} else {
				result = and(result, pred(s))
			}
		}
		return result
	}, sort{is: "flag"}
}
