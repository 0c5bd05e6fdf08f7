package playbooks

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const maxSource = 256 << 10 // bytes of a playbook file

// reader walks the syntax tree of a YAML file and notes every fault with its line and column.
type reader struct {
	file   string
	faults []string
	later  []func() // checks that need the whole file
}

// fields says how each allowed key of a mapping is read.
type fields map[string]func(n ast.Node)

func (r *reader) at(line, column int, format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf("%s:%d:%d: ", r.file, line, column)+fmt.Sprintf(format, args...))
}

func (r *reader) fault(n ast.Node, format string, args ...any) {
	p := n.GetToken().Position
	r.at(p.Line, p.Column, format, args...)
}

// root parses src into its one mapping, or notes why it cannot.
func (r *reader) root(src []byte) ast.Node {
	if len(src) > maxSource {
		r.at(1, 1, "a playbook may have at most %d bytes", maxSource)
		return nil
	}
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		p, message := &token.Position{Line: 1, Column: 1}, "not YAML"
		if e := yaml.Error(nil); errors.As(err, &e) {
			p, message = e.GetToken().Position, e.GetMessage()
		}
		r.at(p.Line, p.Column, "%s", message)
		return nil
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		r.at(1, 1, "want exactly one YAML document")
		return nil
	}
	return file.Docs[0].Body
}

// mapping reads the keys that want names and faults the others; required keys must be there.
func (r *reader) mapping(n ast.Node, want fields, required ...string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		r.fault(n, "want a mapping")
		return
	}
	seen := map[string]bool{}
	for pairs := m.MapRange(); pairs.Next(); {
		key := pairs.Key().String()
		seen[key] = true
		if read := want[key]; read != nil {
			read(pairs.Value())
		} else {
			r.fault(pairs.Key(), "unknown key %q", key)
		}
	}
	for _, key := range required {
		if !seen[key] {
			r.fault(n, "key %q is missing", key)
		}
	}
}

func (r *reader) each(n ast.Node, read func(ast.Node)) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.fault(n, "want a list")
		return
	}
	for _, v := range list.Values {
		read(v)
	}
}

// text reads a string that is not empty; "" after a fault.
func (r *reader) text(n ast.Node) string {
	var s string
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	default:
		r.fault(n, "want text")
		return ""
	}
	if s = strings.TrimSpace(s); s == "" {
		r.fault(n, "want text that is not empty")
	}
	return s
}

// texts reads a list of strings, or one string for a list of one.
func (r *reader) texts(n ast.Node, check func(n ast.Node, s string)) (out []string) {
	one := func(n ast.Node) {
		if s := r.text(n); s != "" {
			if slices.Contains(out, s) {
				r.fault(n, "%q stands here twice", s)
			}
			out = append(out, s)
			if check != nil {
				check(n, s)
			}
		}
	}
	if _, ok := n.(*ast.SequenceNode); ok {
		r.each(n, one)
	} else {
		one(n)
	}
	return out
}

// words reads text per locale; plain text is meant for every locale.
func (r *reader) words(n ast.Node) map[string]string {
	if _, ok := n.(ast.MapNode); !ok {
		s := r.text(n)
		return map[string]string{"zh-Hans": s, "en": s}
	}
	out, want := map[string]string{}, fields{}
	for _, locale := range []string{"zh-Hans", "zh-Hant", "en"} {
		want[locale] = func(n ast.Node) { out[locale] = r.text(n) }
	}
	r.mapping(n, want, "zh-Hans", "en")
	return out
}

func (r *reader) number(n ast.Node, from, to int) int {
	if i, ok := n.(*ast.IntegerNode); ok {
		if v, ok := i.Value.(uint64); ok && v >= uint64(from) && v <= uint64(to) {
			return int(v)
		}
	}
	r.fault(n, "want a number from %d to %d", from, to)
	return from
}

// exactly faults a node that is not the given text.
func (r *reader) exactly(want string) func(ast.Node) {
	return func(n ast.Node) {
		if r.text(n) != want {
			r.fault(n, "want %q", want)
		}
	}
}

// condition compiles an expression and puts its faults where they stand in the file.
func (r *reader) condition(n ast.Node) *condition {
	src := r.text(n)
	if src == "" {
		return nil
	}
	c, faults := compileCondition(src)
	for _, f := range faults {
		p := *n.GetToken().Position
		if s, ok := n.(*ast.StringNode); ok && s.Token.Type == token.StringType && f.line == 0 {
			p.Column += f.column // quoted and folded text does not map by column
		}
		r.at(p.Line, p.Column, "%s", f.message)
	}
	return c
}
