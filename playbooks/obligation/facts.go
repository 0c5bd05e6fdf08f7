package obligation

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
)

// factSet is the facts and profile of one derivation as conditions read them.
type factSet struct {
	vocabulary *vocabulary
	values     []val
	times      map[string]moment // time facts and anchors, by path; anchors as anchors.<id>
	residence  map[string]val
	codes      []string // keys of residence, sorted
	asOf       time.Time
	problems   []incident.Problem
	estimated  bool           // a number of people is an estimate
	assumed    map[string]val // while a law file is checked: what conditions rest on beside facts
	uncounted  bool           // certainty "unknown": a number that was given does not count
	crossings  []time.Time    // when growing durations pass a threshold
}

// moment is a time as given: exact, or a year, month or day whose earliest instant depends on a zone.
type moment struct {
	at     time.Time
	layout string // "" when exact
	text   string
}

// in is the earliest instant of the moment, and whether it is imprecise.
func (m moment) in(zone *time.Location) (time.Time, bool) {
	if m.layout == "" {
		return m.at, false
	}
	t, err := time.ParseInLocation(m.layout, m.text, zone)
	return t, err == nil
}

func parseMoment(s string) (moment, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return moment{at: t}, true
	}
	for _, layout := range []string{"2006-01-02", "2006-01", "2006"} {
		if _, err := time.Parse(layout, s); err == nil && len(s) == len(layout) {
			return moment{layout: layout, text: s}, true
		}
	}
	return moment{}, false
}

// factsIn reads the facts over values that are all unknown.
func (l *law) factsIn(in Input, values []val) *factSet {
	fs := &factSet{vocabulary: l.vocabulary, values: values, asOf: in.AsOf, times: map[string]moment{}, residence: map[string]val{}}
	if _, fs.problems = incident.CheckFacts(in.Facts, "/facts"); len(fs.problems) > 0 {
		return fs
	}
	fs.object(in.Facts, "", "/facts")
	fs.groupResidence(l.regions)
	fs.codes = sortedKeys(fs.residence)
	fs.profile(in.Profile, l.commitments[in.Profile.Commitments])
	if _, ok := l.commitments[in.Profile.Commitments]; !ok && in.Profile.Commitments != "" {
		fs.problem("/profile/commitments", "known", "there is no commitments profile of this name")
	}
	fs.defaults()
	return fs
}

func (fs *factSet) problem(pointer, rule, message string) {
	fs.problems = append(fs.problems, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
}

func (fs *factSet) get(path string) val { return fs.values[fs.vocabulary.byPath[path].index] }

func (fs *factSet) set(path string, v val) { fs.values[fs.vocabulary.byPath[path].index] = v }

func pointerTo(base, key string) string {
	return base + "/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// object reads a level of the nested facts object, which incident.CheckFacts has found valid. What the
// vocabulary here does not have, no condition rests on.
func (fs *factSet) object(object map[string]any, prefix, pointer string) {
	for _, key := range sortedKeys(object) {
		value, path, at := object[key], prefix+key, pointerTo(pointer, key)
		def := fs.vocabulary.byPath[path]
		switch {
		case def != nil && !def.ofProfile():
			if value != nil {
				fs.fact(def, value, at)
			}
		case fs.vocabulary.groups[path] && path != "profile" && path != "promise" && path != "setting":
			if nested, ok := value.(map[string]any); ok {
				fs.object(nested, path+".", at)
			} else if value != nil {
				fs.problem(at, "object", "expected an object")
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fact reads one known value.
func (fs *factSet) fact(def *factDef, value any, at string) {
	switch def.Is {
	case "content":
	case "time":
		if m, ok := fs.moment(value, at); ok {
			fs.times[def.Path] = m
			fs.values[def.index] = text(m.text)
		}
	case "times", "counts":
		fs.mapFact(def, value, at)
	case "records":
		fs.records(def, value, at)
	default:
		fs.values[def.index] = fs.plainValue(fieldDef{Is: def.Is, Words: def.Words}, def.Path, value, at)
		fs.uncounted = fs.uncounted || def.Path == "people.certainty" && value == unknownWord
	}
}

func (fs *factSet) moment(value any, at string) (moment, bool) {
	s, _ := value.(string)
	m, ok := parseMoment(s)
	if !ok {
		fs.problem(at, "time", "expected a time as RFC 3339, or YYYY, YYYY-MM, YYYY-MM-DD")
	}
	return m, ok
}

// plainValue reads a value that is not a map; path is what to ask for when it is unknown.
func (fs *factSet) plainValue(def fieldDef, path string, value any, at string) val {
	switch def.Is {
	case "flag":
		if b, ok := value.(bool); ok {
			return flag(b)
		}
		fs.problem(at, "boolean", "expected true, false or null")
	case "number":
		if n, ok := amount(value); ok && n >= 0 {
			return number(n)
		}
		fs.problem(at, "number", "expected a number that is not negative")
	case "text":
		if s, ok := value.(string); ok {
			return text(s)
		}
		fs.problem(at, "string", "expected a text")
	case "word", "level":
		return fs.word(def, path, value, at)
	case "texts", "words":
		return fs.texts(def, path, value, at)
	}
	return open(path)
}

func (fs *factSet) word(def fieldDef, path string, value any, at string) val {
	s, ok := value.(string)
	if !ok || !slices.Contains(def.Words, s) && s != unknownWord {
		fs.problem(at, "enum", "expected one of "+strings.Join(def.Words, ", "))
		return open(path)
	}
	if s == unknownWord {
		return open(path)
	}
	return text(s)
}

func (fs *factSet) texts(def fieldDef, path string, value any, at string) val {
	values, ok := value.([]any)
	if !ok {
		fs.problem(at, "array", "expected a list")
		return open(path)
	}
	items := make([]val, 0, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok || def.Words != nil && !slices.Contains(def.Words, s) {
			fs.problem(pointerTo(at, itoa(i)), "enum", "expected one of "+strings.Join(def.Words, ", "))
			continue
		}
		if s == unknownWord {
			items = append(items, open(path))
			continue
		}
		items = append(items, text(s))
	}
	return list(items...)
}

func (fs *factSet) records(def *factDef, value any, at string) {
	values, ok := value.([]any)
	if !ok {
		fs.problem(at, "array", "expected a list")
		return
	}
	items := make([]val, 0, len(values))
	for i, v := range values {
		object, ok := v.(map[string]any)
		here := pointerTo(at, itoa(i))
		if !ok {
			fs.problem(here, "object", "expected an object")
			continue
		}
		items = append(items, fs.record(def, object, here))
	}
	fs.values[def.index] = list(items...)
}

func (fs *factSet) record(def *factDef, object map[string]any, at string) val {
	fields := make(map[string]val, len(def.Fields))
	for name := range def.Fields {
		fields[name] = open(def.Path)
	}
	for _, key := range sortedKeys(object) {
		field, ok := def.Fields[key]
		here := pointerTo(at, key)
		switch {
		case !ok:
		case object[key] == nil || field.Is == "content":
		case field.Is == "time":
			if m, ok := fs.moment(object[key], here); ok {
				fields[key] = val{known: true, since: &m.at, text: m.text}
				if t, imprecise := m.in(time.UTC); imprecise {
					fields[key] = val{known: true, since: &t, text: m.text}
				}
			}
		default:
			fields[key] = fs.plainValue(field, def.Path, object[key], here)
		}
	}
	return val{known: true, fields: fields}
}

// mapFact reads jurisdictions (counts) and anchors (times).
func (fs *factSet) mapFact(def *factDef, value any, at string) {
	object, ok := value.(map[string]any)
	if !ok {
		fs.problem(at, "object", "expected an object")
		return
	}
	for _, key := range sortedKeys(object) {
		here, path := pointerTo(at, key), def.Path+"."+key
		if object[key] == nil {
			if def.Is == "counts" {
				fs.residence[key] = interval(1, infinity, path) // some people live there, their number is unknown
			}
			continue
		}
		switch def.Is {
		case "counts":
			fs.residence[key] = fs.plainValue(fieldDef{Is: "number"}, path, object[key], here)
		case "times":
			if m, ok := fs.moment(object[key], here); ok {
				fs.times[path] = m
			}
		}
	}
	fs.values[def.index] = yes()
}

// amount reads any JSON or Go number.
func amount(value any) (float64, bool) {
	switch n := value.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil && !math.IsInf(f, 0)
	case float64:
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	}
	return 0, false
}

// growsPast notes when a number of minutes that has been growing since then will reach n.
func (fs *factSet) growsPast(since time.Time, n float64) {
	if n < 1e7 { // longer than nineteen years is no plan
		fs.crossings = append(fs.crossings, since.Add(time.Duration(n*float64(time.Minute))))
	}
}

// dated says whether an instant is known, a time fact or an anchor; or any other fact.
func (fs *factSet) dated(name string) *val {
	if fs.assumed != nil {
		v := fs.assumption(openInstant+name, open(openInstant+name))
		return &v
	}
	_, ok := fs.noted(name)
	f := fs.vocabulary.byPath[name]
	return truth(ok || strings.Contains(name, ":") && len(fs.by(name)) > 0 || f != nil && fs.values[f.index].known)
}

// datable says whether a fact, or an instant of this name, can be known at all.
func (l *law) datable(name string) bool { return l.vocabulary.byPath[name] != nil || knownAnchor(name) }
