package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/incident"
)

// factField is one fact as a form asks for it.
type factField struct {
	Path, Name, Means string
	Type              incident.Type
	Words             []option
	Value             string // as an input takes it
	Known             string // in words; "" when unknown
	Chosen            map[string]bool
	Rows              []factRow // of a list of objects, a free one last
	Texts             map[string]string
}

type option struct{ Value, Text string }

// factRow is one object of a list, or the one object.
type factRow struct {
	No     int
	Fields []factField
}

// entryFor finds a fact in the vocabulary; a last part "*" stands for any key.
func entryFor(path string) (incident.Entry, bool) {
	for _, e := range incident.Vocabulary() {
		prefix, wild := strings.CutSuffix(e.Path, "*")
		if e.Path == path || wild && strings.HasPrefix(path, prefix) {
			return e, true
		}
	}
	return incident.Entry{}, false
}

// factField prepares a fact for a form with what is held of it.
func (r *request) factField(path string, facts incident.Snapshot) factField {
	e, ok := entryFor(path)
	if !ok {
		e = incident.Entry{Path: path, Type: incident.Text}
	}
	f := r.field(e, facts.Facts[path].Value)
	f.Path, f.Name = path, r.factName(path)
	if facts.Facts[path].Value != nil {
		f.Known = r.value(path, facts.Facts[path].Value)
	}
	return f
}

func (v *viewer) field(e incident.Entry, value any) factField {
	f := factField{Path: e.Path, Type: e.Type, Means: e.Means, Name: v.word("field", e.Path), Chosen: map[string]bool{}, Texts: map[string]string{}}
	for _, w := range e.Words {
		f.Words = append(f.Words, option{w, v.valueWord(e.Path, w)})
	}
	switch value := value.(type) {
	case string:
		f.Value, f.Texts[v.Locale] = value, value
		if m, ok := incident.ParseMoment(value); ok && e.Type == incident.Date && m.Exact() {
			f.Value = m.Earliest.In(v.zone).Format("2006-01-02 15:04")
		}
	case bool:
		f.Value = strconv.FormatBool(value)
	case map[string]any:
		for l, text := range value {
			f.Texts[l], _ = text.(string)
		}
	case []any:
		var lines []string
		for _, item := range value {
			f.Chosen[fmt.Sprint(item)] = true
			lines = append(lines, v.value(e.Path, item))
		}
		f.Value = strings.Join(lines, "\n")
	case nil:
	default:
		f.Value = fmt.Sprint(value)
	}
	switch e.Type {
	case incident.Objects, incident.Object:
		f.Rows = v.rows(e, value)
	case incident.Texts:
		f.Rows = v.textRows(value)
	}
	return f
}

func (v *viewer) rows(e incident.Entry, value any) (out []factRow) {
	items, _ := value.([]any)
	if o, ok := value.(map[string]any); ok {
		items = []any{o}
	}
	if e.Type == incident.Objects || len(items) == 0 {
		items = append(slices.Clone(items), map[string]any{})
	}
	for i, item := range items {
		object, _ := item.(map[string]any)
		row := factRow{No: i}
		for _, sub := range e.Fields {
			row.Fields = append(row.Fields, v.field(sub, object[sub.Path]))
		}
		out = append(out, row)
	}
	return out
}

// textRows are the texts of a list, a free one last.
func (v *viewer) textRows(value any) (out []factRow) {
	items, _ := value.([]any)
	for i, item := range append(slices.Clone(items), nil) {
		out = append(out, factRow{No: i, Fields: []factField{v.field(incident.Entry{Type: incident.Text}, item)}})
	}
	return out
}

// readFacts takes the facts of a form: field names are paths, those of objects path.row.field.
func (v *viewer) readFacts(form url.Values, paths []string) ([]incident.FactInput, []incident.Problem) {
	object := map[string]any{}
	for _, path := range paths {
		e, ok := entryFor(path)
		if !ok {
			continue
		}
		value, given := v.read(e, form, path)
		if !given {
			continue
		}
		put(object, strings.Split(path, "."), value)
	}
	return incident.CheckFacts(numbers(object), "/facts")
}

func put(object map[string]any, path []string, value any) {
	if len(path) == 1 {
		object[path[0]] = value
		return
	}
	next, ok := object[path[0]].(map[string]any)
	if !ok {
		next = map[string]any{}
		object[path[0]] = next
	}
	put(next, path[1:], value)
}

// numbers gives the numbers of an object the form that CheckFacts takes.
func numbers(object map[string]any) map[string]any {
	b, err := json.Marshal(object)
	if err != nil {
		return object
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out map[string]any
	if d.Decode(&out) != nil {
		return object
	}
	return out
}

// read takes one value; given is false for what was left empty.
func (v *viewer) read(e incident.Entry, form url.Values, name string) (value any, given bool) {
	text := strings.TrimSpace(form.Get(name))
	switch e.Type {
	case incident.Date:
		return v.readTime(text), text != ""
	case incident.Count, incident.Number:
		return readNumber(text), text != ""
	case incident.Amount:
		if n := readNumber(text); n != text {
			return n, true
		}
		return text, text != ""
	case incident.Bool:
		if text == "true" || text == "false" {
			return text == "true", true
		}
		return nil, false
	case incident.Words:
		if e.Words == nil {
			return list(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,，、\r\n\t", r) })), text != ""
		}
		return list(form[name]), len(form[name]) > 0
	case incident.Texts:
		return readTexts(form, name)
	case incident.Object, incident.Objects:
		return v.readObjects(e, form, name)
	case incident.Text:
		return readText(form, name)
	}
	return text, text != ""
}

func (v *viewer) readObjects(e incident.Entry, form url.Values, name string) (any, bool) {
	var all []any
	for i := range 100 {
		object := map[string]any{}
		there := false
		for _, sub := range e.Fields {
			at := fmt.Sprintf("%s.%d.%s", name, i, sub.Path)
			there = there || form.Has(at) || form.Has(at+".en")
			if value, given := v.read(sub, form, at); given {
				object[sub.Path] = value
			}
		}
		if !there {
			break
		}
		if len(object) > 0 {
			all = append(all, object)
		}
	}
	if e.Type == incident.Object && len(all) > 0 {
		return all[0], true
	}
	return all, len(all) > 0 || form.Has(name+".none")
}

// readTexts is a list of texts, each in one row.
func readTexts(form url.Values, name string) (any, bool) {
	var all []any
	for i := range 100 {
		if text, given := readText(form, fmt.Sprintf("%s.%d", name, i)); given {
			all = append(all, text)
		}
	}
	return all, len(all) > 0
}

// readText is one text, or one per language.
func readText(form url.Values, name string) (any, bool) {
	texts := map[string]any{}
	for _, l := range locales {
		if text := strings.TrimSpace(form.Get(name + "." + l)); text != "" {
			texts[l] = text
		}
	}
	if text := strings.TrimSpace(form.Get(name)); text != "" {
		return text, true
	}
	return texts, len(texts) > 0
}

// readNumber is a number as people type it; what is none stays a text, which the check refuses.
func readNumber(text string) any {
	plain := strings.NewReplacer(",", "", "，", "", " ", "", "_", "").Replace(text)
	if _, err := strconv.ParseFloat(plain, 64); err != nil || plain == "" || !strings.ContainsAny(plain[:1], "0123456789-.") {
		return text
	}
	return json.Number(plain)
}

// readTime is an instant in the operator's zone, or a day, month or year as it is.
func (v *viewer) readTime(text string) string {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, v.zone); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	return text
}

func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

// value is a fact's value in words.
func (v *viewer) value(path string, value any) string {
	switch value := value.(type) {
	case nil:
		return v.tr("facts.unknown")
	case bool:
		return v.valueWord(path, strconv.FormatBool(value))
	case string:
		if m, ok := incident.ParseMoment(value); ok {
			if !m.Exact() {
				return value
			}
			return v.stamp(m.Earliest) + v.tr("time.zone", "zone", v.zoneName(m.Earliest))
		}
		return v.valueWord(path, value)
	case []any:
		var out []string
		objects := false
		for _, item := range value {
			_, object := item.(map[string]any)
			objects = objects || object
			out = append(out, v.value(path, item))
		}
		if len(out) == 0 {
			return v.tr("facts.none")
		}
		if objects {
			return strings.Join(out, "\n")
		}
		return strings.Join(out, v.tr("list.comma"))
	case map[string]any:
		return v.object(value)
	}
	return thousands(fmt.Sprint(value))
}

// object is a text per language, or an object of fields.
func (v *viewer) object(object map[string]any) string {
	texts := map[string]string{}
	for l, text := range object {
		if s, ok := text.(string); ok && slices.Contains(locales, l) {
			texts[l] = s
		}
	}
	if len(texts) > 0 {
		return v.local(texts)
	}
	var parts []string
	keys := slices.SortedFunc(maps.Keys(object), func(a, b string) int { return cmp.Or(cmp.Compare(fieldRank(a), fieldRank(b)), cmp.Compare(a, b)) })
	for _, k := range keys {
		switch {
		case object[k] == nil:
		case k == "text" || k == "name":
			parts = append(parts, v.value(k, object[k]))
		default:
			parts = append(parts, v.word("field", k)+v.tr("list.colon")+v.value(k, object[k]))
		}
	}
	return strings.Join(parts, v.tr("list.semicolon"))
}

func fieldRank(field string) int {
	if field == "text" || field == "name" {
		return 0
	}
	return 1
}

// factName is a fact's name in words.
func (r *request) factName(path string) string {
	if name := r.words[r.Locale]["fact."+path]; name != "" {
		return name
	}
	if region, ok := strings.CutPrefix(path, "jurisdictions."); ok {
		return r.tr("facts.people-in", "place", r.region(region))
	}
	if name := r.Catalog.FactName(path, r.Locale); name != path {
		return name
	}
	if anchor, ok := strings.CutPrefix(path, "anchors."); ok {
		return r.anchor(anchor)
	}
	return path
}
