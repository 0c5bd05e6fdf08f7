package incident

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// CheckFacts validates a nested facts object (as in POST /incidents or /obligations/derive, decoded
// with json.Number) against the vocabulary and flattens it. Problems point below prefix, e.g. "/facts";
// they come all at once and never hold a value. Values come back as Object gives them. A null says "now
// unknown"; for a group it says so of each of its fixed facts.
func CheckFacts(object map[string]any, prefix string) ([]FactInput, []Problem) {
	c := &checker{}
	c.walk(tree(), object, "", prefix)
	return c.facts, c.problems
}

// checker collects facts and faults on the way through one input.
type checker struct {
	facts    []FactInput
	problems []Problem
}

func (c *checker) fault(pointer, rule, format string, args ...any) {
	switch {
	case len(c.problems) < mostProblems:
		c.problems = append(c.problems, Problem{Pointer: pointer, Rule: rule, Message: fmt.Sprintf(format, args...)})
	case len(c.problems) == mostProblems:
		c.problems = append(c.problems, Problem{Rule: "more", Message: "there are more faults than are listed here"})
	}
}

func (c *checker) walk(n *part, object map[string]any, path, pointer string) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		at := Pointer(pointer, key)
		next := n.parts[key]
		if next == nil && n.wild != nil {
			if !matches(n.wild.entry.Pattern, key) {
				c.fault(at, "key", "this key must match %s", n.wild.entry.Pattern)
				continue
			}
			next = n.wild
		}
		if next == nil {
			c.fault(at, "unknown-field", "there is no such fact")
			continue
		}
		c.node(next, object[key], join(path, key), at)
	}
}

func (c *checker) node(n *part, value any, path, pointer string) {
	if n.entry != nil {
		if value == nil {
			c.facts = append(c.facts, FactInput{Path: path, Pointer: pointer})
		} else if v, ok := c.value(n.entry, value, pointer); ok {
			c.facts = append(c.facts, FactInput{Path: path, Value: v, Pointer: pointer})
		}
		return
	}
	switch v := value.(type) {
	case map[string]any:
		c.walk(n, v, path, pointer)
	case nil:
		for _, key := range slices.Sorted(maps.Keys(n.parts)) {
			c.node(n.parts[key], nil, join(path, key), pointer)
		}
	default:
		c.fault(pointer, "type", "must be an object")
	}
}

// value checks one value that is not null and brings it into its one form.
func (c *checker) value(e *Entry, value any, at string) (any, bool) {
	switch e.Type {
	case Date:
		return c.date(value, at)
	case Count:
		return c.count(value, at)
	case Number:
		return c.number(value, at)
	case Amount:
		if _, ok := value.(string); !ok {
			return c.number(value, at)
		}
		return c.text(value, at)
	case Bool:
		b, ok := value.(bool)
		if !ok {
			c.fault(at, "type", "must be true, false or null")
		}
		return b, ok
	case Word:
		return c.word(e, value, at)
	case Words:
		return c.words(e, value, at)
	case Text:
		return c.text(value, at)
	case Texts:
		return c.list(value, at, c.text)
	case Object:
		return c.object(e, value, at)
	default: // Objects
		return c.list(value, at, func(v any, at string) (any, bool) { return c.object(e, v, at) })
	}
}

func (c *checker) date(value any, at string) (any, bool) {
	s, ok := value.(string)
	if ok {
		var d Moment
		if d, ok = ParseMoment(s); ok && d.Earliest.Year() >= earliestYear {
			return d.String(), true
		}
	}
	c.fault(at, "date", "must be a time as RFC 3339, or YYYY-MM-DD, YYYY-MM or YYYY, not before %d", earliestYear)
	return nil, false
}

func (c *checker) count(value any, at string) (any, bool) {
	n, ok := plain(value).(int64)
	switch {
	case !ok:
		c.fault(at, "type", "must be a whole number below 2^63, or null when unknown")
	case n < 0:
		c.fault(at, "minimum", "must not be negative")
	}
	return n, ok && n >= 0
}

func (c *checker) number(value any, at string) (any, bool) {
	switch n := plain(value).(type) {
	case int64:
		if n >= 0 {
			return n, true
		}
		c.fault(at, "minimum", "must not be negative")
	case float64:
		if n >= 0 {
			return n, true
		}
		c.fault(at, "minimum", "must not be negative")
	default:
		c.fault(at, "type", "must be a number, or null when unknown")
	}
	return nil, false
}

func (c *checker) word(e *Entry, value any, at string) (any, bool) {
	s, ok := value.(string)
	switch {
	case !ok:
		c.fault(at, "type", "must be a string")
	case e.Words != nil && !slices.Contains(e.Words, s):
		ok = false
		c.fault(at, "enum", "must be one of %s", strings.Join(e.Words, ", "))
	case e.Words == nil && !matches(e.Pattern, s):
		ok = false
		c.fault(at, "pattern", "must match %s", e.Pattern)
	}
	return s, ok
}

// words are a set: they come back without repetition and in one order, so that another order is no change.
func (c *checker) words(e *Entry, value any, at string) (any, bool) {
	list, ok := c.list(value, at, func(v any, at string) (any, bool) { return c.word(e, v, at) })
	if !ok {
		return nil, false
	}
	set := list.([]any)
	slices.SortFunc(set, func(a, b any) int {
		if i, j := slices.Index(e.Words, a.(string)), slices.Index(e.Words, b.(string)); i != j {
			return i - j
		}
		return strings.Compare(a.(string), b.(string))
	})
	return slices.Compact(set), true
}

// text is a string, or an object of strings by locale.
func (c *checker) text(value any, at string) (any, bool) {
	if s, ok := value.(string); ok {
		if len(s) > 4*longestText || len([]rune(s)) > longestText {
			c.fault(at, "length", "must not be longer than %d characters", longestText)
			return nil, false
		}
		return CleanText(s, longestText), true
	}
	m, ok := value.(map[string]any)
	if !ok || len(m) == 0 {
		c.fault(at, "type", "must be a text, or an object of texts by locale")
		return nil, false
	}
	out := make(map[string]any, len(m))
	for _, locale := range slices.Sorted(maps.Keys(m)) {
		p := Pointer(at, locale)
		s, isText := m[locale].(string)
		switch {
		case !matches(localePattern, locale):
			c.fault(p, "key", "must be a locale such as zh-Hans or en")
			ok = false
		case !isText:
			c.fault(p, "type", "must be a text")
			ok = false
		default:
			v, fine := c.text(s, p)
			out[locale] = v
			ok = ok && fine
		}
	}
	return out, ok
}

func (c *checker) list(value any, at string, item func(any, string) (any, bool)) (any, bool) {
	list, ok := value.([]any)
	if !ok {
		c.fault(at, "type", "must be a list")
		return nil, false
	}
	if len(list) > longestList {
		c.fault(at, "length", "must not have more than %d items", longestList)
		return nil, false
	}
	out := make([]any, 0, len(list))
	for i, v := range list {
		checked, fine := item(v, Pointer(at, strconv.Itoa(i)))
		out, ok = append(out, checked), ok && fine
	}
	return out, ok
}

// object checks a whole value. Fields that are null are left out: unknown.
func (c *checker) object(e *Entry, value any, at string) (any, bool) {
	m, ok := value.(map[string]any)
	if !ok {
		c.fault(at, "type", "must be an object")
		return nil, false
	}
	out := make(map[string]any, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		p := Pointer(at, key)
		i := slices.IndexFunc(e.Fields, func(f Entry) bool { return f.Path == key })
		if i < 0 {
			c.fault(p, "unknown-field", "there is no such field")
			ok = false
			continue
		}
		if m[key] == nil {
			continue
		}
		v, fine := c.value(&e.Fields[i], m[key], p)
		out[key], ok = v, ok && fine
	}
	return out, ok
}

// plain brings a decoded value into its one form: whole numbers int64, others float64, lists []any,
// objects map[string]any.
func plain(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return plain(f)
		}
		return nil
	case int:
		return int64(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
		return v
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = s
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = plain(x)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = plain(x)
		}
		return out
	}
	return value
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Pointer is the RFC 6901 pointer to a member of what prefix points to. A key that looks like personal
// data, or is very long, is masked: answers never give back what may be somebody's.
func Pointer(prefix, key string) string {
	if !isPlainKey(key) {
		key = CleanText(key, longestKeyPart)
		key, _ = MaskPersonal(key)
		key = pointerEscape.Replace(key)
	}
	return prefix + "/" + key
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// isPlainKey tells keys that need no cleaning, which are nearly all.
func isPlainKey(key string) bool {
	digits := 0
	for i := range len(key) {
		switch c := key[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c|0x20 >= 'a' && c|0x20 <= 'z', c == '_':
		default:
			return false
		}
	}
	return digits < 11 && len(key) <= longestKeyPart
}
