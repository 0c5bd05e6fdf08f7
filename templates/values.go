package templates

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tocsin/incident"
)

// knownFact says whether a fact may be printed. What a tool only claims waits for a person.
func knownFact(f incident.Fact) bool { return f.Certainty != incident.Claimed && knownValue(f.Value) }

// many tells a path that stands for every fact under it: jurisdictions.*, where the key alone is knowledge.
func many(path string) bool { return strings.HasSuffix(path, ".*") }

// under reports whether a fact is the one that a path names, or one of the many it stands for.
func under(path, fact string) bool {
	return path == fact || many(path) && strings.HasPrefix(fact, strings.TrimSuffix(path, "*"))
}

// family is the facts that stand under a path for many, in order.
func family(facts incident.Snapshot, path string) []incident.Fact {
	var out []incident.Fact
	for _, p := range slices.Sorted(maps.Keys(facts.Facts)) {
		if f := facts.Facts[p]; under(path, p) && f.Certainty != incident.Claimed {
			f.Path, f.Value = p, plainValue(f.Value)
			out = append(out, f)
		}
	}
	return out
}

// plainValue brings a fact's value to the types JSON has, with exact numbers.
func plainValue(v any) any {
	switch v.(type) {
	case nil, string, bool, json.Number, int64, float64:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out any
	if d.Decode(&out) != nil {
		return nil
	}
	return out
}

// knownValue says whether a value says anything: null, "unknown" and what is empty do not.
func knownValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return strings.TrimSpace(v) != "" && v != "unknown"
	case []any:
		return slices.ContainsFunc(v, knownValue)
	case map[string]any:
		if text, ok := v["text"]; ok {
			return knownValue(text)
		}
		return len(v) > 0
	}
	return true
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func texts(v any) []string {
	var out []string
	for _, e := range list(v) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// number prints a number with thousands apart, exactly; "" when v is none.
func number(v any) string {
	var s string
	switch v := v.(type) {
	case json.Number:
		s = v.String()
		if strings.ContainsAny(s, "eE") {
			f, err := v.Float64()
			if err != nil {
				return ""
			}
			s = strconv.FormatFloat(f, 'f', -1, 64)
		}
	case int64:
		s = strconv.FormatInt(v, 10)
	case float64:
		s = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
	whole, frac, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if frac != "" {
		whole += "." + frac
	}
	return sign + whole
}
