package obligation

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Fault is something wrong in a law file, at the place where an editor would put the cursor.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Warning says that the law can be used all the same.
	Warning bool `json:"warning,omitempty"`
}

// Error is "file:line:column: message".
func (f Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// place is where something stands in a law file.
type place struct {
	file         string
	line, column int
}

func (p place) fault(format string, args ...any) Fault {
	return Fault{File: p.file, Line: p.line, Column: p.column, Message: fmt.Sprintf(format, args...)}
}

func (p place) warning(format string, args ...any) Fault {
	f := p.fault(format, args...)
	f.Warning = true
	return f
}

// located is a string that remembers where it stood, so that later checks can point at it.
type located struct {
	text  string
	at    place
	block bool // a | literal, whose lines start at at.column of the lines below at.line
}

// within is the place of a line (from 1) and column (from 0) inside the string.
func (l located) within(line, column int) place {
	p := l.at
	if l.block || line > 1 {
		p.line += line
		if !l.block {
			p.line--
		}
		p.column = l.at.column + column
		return p
	}
	p.column += column
	return p
}

// path is the place of a dotted name, given the place that CEL names for it: its last dot.
func (l located) path(line, column int) place {
	lines := strings.Split(l.text, "\n")
	if line >= 1 && line <= len(lines) {
		src := []rune(lines[line-1])
		for column > 0 && column < len(src) && src[column] == '.' {
			for column > 0 && (src[column-1] == '_' || unicode.IsLetter(src[column-1]) || unicode.IsDigit(src[column-1])) {
				column--
			}
			if column > 0 && src[column-1] == '.' {
				column--
			}
		}
	}
	return l.within(line, column)
}

// maxLawFile bounds a law file; ours are a tenth of it.
const maxLawFile = 1 << 20

// decoder fills structs from YAML strictly and goes on after a fault, so that a file's faults come all
// at once. The library's own strict mode stops at the first.
type decoder struct {
	file   string
	lines  []string
	faults []Fault
}

func decodeYAML(file string, src []byte, into any) []Fault {
	d := &decoder{file: file, lines: strings.Split(string(src), "\n")}
	if len(src) > maxLawFile {
		return []Fault{place{file, 1, 1}.fault("the file is larger than %d bytes", maxLawFile)}
	}
	parsed, err := parser.ParseBytes(src, 0)
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			pos := ye.GetToken().Position
			return []Fault{place{file, pos.Line, pos.Column}.fault("%s", ye.GetMessage())}
		}
		return []Fault{place{file, 1, 1}.fault("not YAML")}
	}
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			d.value(doc.Body, reflect.ValueOf(into).Elem())
		}
	}
	return d.faults
}

func (d *decoder) at(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0]
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	pos := n.GetToken().Position
	return place{d.file, pos.Line, pos.Column}
}

func (d *decoder) fault(n ast.Node, format string, args ...any) {
	d.faults = append(d.faults, d.at(n).fault(format, args...))
}

var (
	locatedType = reflect.TypeFor[located]()
	clauseType  = reflect.TypeFor[clauseDef]()
	placeType   = reflect.TypeFor[place]()
	anchorsType = reflect.TypeFor[anchors]()
)

func (d *decoder) value(n ast.Node, v reflect.Value) {
	if _, null := n.(*ast.NullNode); !null && v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	d.stand(n, v)
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.fault(n, "anchors, aliases and tags are not used in law files")
		return
	case *ast.NullNode:
		return
	}
	switch {
	case v.Type() == locatedType:
		d.located(n, v)
	case v.Type() == clauseType && !isMapping(n):
		d.located(n, v.FieldByName("If"))
	case v.Kind() == reflect.Struct:
		d.structure(n, v)
	case v.Kind() == reflect.Map:
		d.mapping(n, v)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v)
	default:
		d.scalar(n, v)
	}
}

// stand notes where something begins, whatever it turns out to be: what is missing in it is said of that place.
func (d *decoder) stand(n ast.Node, v reflect.Value) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).Type == placeType && v.Field(i).CanSet() {
			v.Field(i).Set(reflect.ValueOf(d.at(n)))
		}
	}
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

func entries(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

func (d *decoder) structure(n ast.Node, v reflect.Value) {
	values, ok := entries(n)
	if !ok {
		d.fault(n, "expected a mapping")
		return
	}
	fields, known := map[string]int{}, []string{}
	for i := range v.NumField() {
		if key := v.Type().Field(i).Tag.Get("yaml"); key != "" {
			fields[key] = i
			known = append(known, key)
		}
	}
	seen := map[string]bool{}
	for _, entry := range values {
		key := entry.Key.GetToken().Value
		i, ok := fields[key]
		switch {
		case !ok:
			d.fault(entry.Key, "unknown key %q; known here: %s", key, strings.Join(known, ", "))
		case seen[key]:
			d.fault(entry.Key, "key %q stands here twice", key)
		default:
			d.value(entry.Value, v.Field(i))
		}
		seen[key] = true
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value) {
	values, ok := entries(n)
	if !ok {
		d.fault(n, "expected a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, entry := range values {
		key := reflect.ValueOf(entry.Key.GetToken().Value)
		if v.MapIndex(key).IsValid() {
			d.fault(entry.Key, "key %q stands here twice", key.String())
			continue
		}
		if d.isNothing(entry.Value, v.Type().Elem()) {
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(entry.Value, elem)
		v.SetMapIndex(key, elem)
	}
}

func (d *decoder) sequence(n ast.Node, v reflect.Value) {
	seq, ok := n.(*ast.SequenceNode)
	if _, isMap := entries(n); !ok && !isMap && v.Type() == anchorsType { // a single anchor needs no list
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.value(n, v.Index(0))
		return
	}
	if !ok {
		d.fault(n, "expected a list")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(seq.Values))
	for _, item := range seq.Values {
		if d.isNothing(item, v.Type().Elem()) {
			continue
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(item, elem)
		out = reflect.Append(out, elem)
	}
	v.Set(out)
}

// isNothing refuses a member that is nothing where a definition must stand.
func (d *decoder) isNothing(n ast.Node, of reflect.Type) bool {
	if _, null := n.(*ast.NullNode); !null || of.Kind() != reflect.Pointer {
		return false
	}
	d.fault(n, "nothing stands here")
	return true
}

func (d *decoder) located(n ast.Node, v reflect.Value) {
	l := located{at: d.at(n)}
	switch s := n.(type) {
	case *ast.StringNode:
		l.text = s.Value
		if o := s.Token.Origin; strings.HasPrefix(strings.TrimLeft(o, " \n"), "\"") || strings.HasPrefix(strings.TrimLeft(o, " \n"), "'") {
			l.at.column++ // past the quote
		}
	case *ast.LiteralNode:
		l.text, l.block = s.Value.Value, true
		if line := l.at.line; line < len(d.lines) {
			below := d.lines[line]
			l.at.column = 1 + len(below) - len(strings.TrimLeft(below, " "))
		}
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		l.text = n.GetToken().Value
	default:
		d.fault(n, "expected a text")
	}
	*v.Addr().Interface().(*located) = l
}

func (d *decoder) scalar(n ast.Node, v reflect.Value) {
	text, ok := "", true
	switch s := n.(type) {
	case *ast.StringNode:
		text = s.Value
	case *ast.LiteralNode:
		text = s.Value.Value
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		text = n.GetToken().Value
	default:
		ok = false
	}
	if !ok {
		d.fault(n, "expected a %s", v.Kind())
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, isBool := n.(*ast.BoolNode)
		if !isBool {
			d.fault(n, "expected true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Int:
		i, err := strconv.Atoi(text)
		if err != nil {
			d.fault(n, "expected a whole number")
			return
		}
		v.SetInt(int64(i))
	default:
		panic("law file field of a kind the decoder lacks: " + v.Kind().String())
	}
}

// sortFaults puts faults in reading order.
func sortFaults(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return slices.Compact(faults)
}
