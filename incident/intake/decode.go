package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/incident"
)

// The limits of an input.
const (
	MaxBody   = 4 << 20
	maxDepth  = 64
	maxNodes  = 100_000
	maxItems  = 10_000
	maxKey    = 256
	maxBatch  = 1_000
	maxFaults = 100
)

// document is a decoded JSON body. Odd is what a strict reader refuses and a lenient one warns about:
// keys that occur twice (the last wins) and bytes that are no UTF-8 (replaced).
type document struct {
	value any // with json.Number
	odd   []incident.Problem
}

// decode reads one JSON value within the limits; pointers stand below prefix.
func decode(body []byte, prefix string) (document, []incident.Problem) {
	d := &decoder{}
	body = bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))
	if !utf8.Valid(body) {
		d.oddity(prefix, "utf-8", "the text is not UTF-8")
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	var raw json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		offset := int64(len(body))
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			offset = syntax.Offset
		}
		return document{}, []incident.Problem{{Pointer: prefix, Rule: "json", Message: fmt.Sprintf("not valid JSON at byte %d", offset)}}
	}
	d.Decoder = json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	value := d.read(prefix, 0)
	if d.limit != nil {
		return document{}, []incident.Problem{*d.limit}
	}
	return document{value: value, odd: d.odd}, nil
}

// decoder walks valid JSON and stops at the first limit that is passed.
type decoder struct {
	*json.Decoder
	nodes int
	odd   []incident.Problem
	limit *incident.Problem
}

func (d *decoder) oddity(pointer, rule, message string) {
	if len(d.odd) < maxFaults {
		d.odd = append(d.odd, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
	}
}

func (d *decoder) stop(pointer, format string, limit int) any {
	if d.limit == nil {
		d.limit = &incident.Problem{Pointer: pointer, Rule: "limit", Message: fmt.Sprintf(format, limit)}
	}
	return nil
}

func (d *decoder) read(pointer string, depth int) any {
	if d.nodes++; d.nodes > maxNodes {
		return d.stop(pointer, "more than %d values", maxNodes)
	}
	token, err := d.Token()
	if err != nil {
		return d.stop(pointer, "not valid JSON near value %d", d.nodes)
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return token
	}
	if depth >= maxDepth {
		return d.stop(pointer, "nested deeper than %d levels", maxDepth)
	}
	if delim == '[' {
		return d.array(pointer, depth)
	}
	return d.object(pointer, depth)
}

func (d *decoder) array(pointer string, depth int) any {
	list := []any{}
	for d.More() && d.limit == nil {
		if len(list) == maxItems {
			return d.stop(pointer, "a list of more than %d items", maxItems)
		}
		list = append(list, d.read(incident.Pointer(pointer, strconv.Itoa(len(list))), depth+1))
	}
	_, _ = d.Token() // the bracket: the text is known to be valid
	return list
}

func (d *decoder) object(pointer string, depth int) any {
	object := map[string]any{}
	for d.More() && d.limit == nil {
		token, _ := d.Token()
		key, _ := token.(string)
		if len(key) > maxKey {
			return d.stop(pointer, "a key longer than %d bytes", maxKey)
		}
		at := incident.Pointer(pointer, key)
		if _, twice := object[key]; twice {
			d.oddity(at, "duplicate-key", "this key occurs twice")
		}
		object[key] = d.read(at, depth+1)
	}
	_, _ = d.Token()
	return object
}

// below keeps the problems that point at or below prefix.
func below(problems []incident.Problem, prefix string) []incident.Problem {
	return slices.DeleteFunc(slices.Clone(problems), func(p incident.Problem) bool {
		return p.Pointer != prefix && p.Pointer != "" && !strings.HasPrefix(p.Pointer, prefix+"/")
	})
}

// view looks into a foreign document and never fails: what is absent, null or a word for unknown reads
// as nothing.
type view struct {
	value   any
	pointer string
}

// at steps into objects.
func (v view) at(keys ...string) view {
	for _, key := range keys {
		m, _ := v.value.(map[string]any)
		v = view{m[key], incident.Pointer(v.pointer, key)}
	}
	return v
}

// text is a string that says something.
func (v view) text() string {
	s, _ := v.value.(string)
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "unknown", "-", "n/a", "na", "null", "none":
		return ""
	}
	return s
}

// list is the items of a list; a single value is a list of one.
func (v view) list() []view {
	switch value := v.value.(type) {
	case nil:
		return nil
	case []any:
		out := make([]view, len(value))
		for i, item := range value {
			out[i] = view{item, incident.Pointer(v.pointer, strconv.Itoa(i))}
		}
		return out
	}
	return []view{v}
}

// texts are the strings of a list that say something.
func (v view) texts() []string {
	var out []string
	for _, item := range v.list() {
		if s := item.text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// has tells whether the list holds a word.
func (v view) has(word string) bool { return slices.Contains(v.texts(), word) }

// whole is a number without a fraction, such as 12000000000 or 7.0.
func (v view) whole() (int64, bool) {
	n, ok := v.value.(json.Number)
	if !ok {
		return 0, false
	}
	if i, err := n.Int64(); err == nil {
		return i, true
	}
	f, err := n.Float64()
	return int64(f), err == nil && f == float64(int64(f)) && f > -1<<53 && f < 1<<53
}

// keys are the keys of an object, sorted.
func (v view) keys() []string {
	m, _ := v.value.(map[string]any)
	return slices.Sorted(maps.Keys(m))
}
