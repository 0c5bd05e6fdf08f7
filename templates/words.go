package templates

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
)

// said is one thing said in every locale.
type said map[string]string

// words is what every template prints from: the shared files of the catalog.
type words struct {
	tables
	rules     ruleTable
	frame     map[string]said
	plain     []plainRule
	libraries map[Kind]*compiled
}

// tables are the words for facts, of words.yaml and every words-*.yaml.
type tables struct {
	Facts     map[string]said            `yaml:"facts"`
	Data      map[string]said            `yaml:"data"`
	Business  map[string]said            `yaml:"business"`
	Values    map[string]map[string]said `yaml:"values"`
	Certainty map[string]said            `yaml:"certainty"`
	Zones     map[string]said            `yaml:"zones"`
	Regions   map[string]said            `yaml:"regions"`
}

// ruleTable says what may follow from what happened to which kind of data, and what people can do.
type ruleTable struct {
	Effective string `yaml:"effective"`
	Impact    []rule `yaml:"impact"`
	Advice    []rule `yaml:"advice"`
}

type rule struct {
	Kinds  []string `yaml:"kinds"` // any of them; none: always
	Events []string `yaml:"events"`
	In     []string `yaml:"in"`     // only in documents that are under these laws alone; none: in all
	NotIn  []string `yaml:"not_in"` // only in documents that are under others too
	Say    said     `yaml:"say"`
}

func (r rule) holds(kinds []string, event string, laws []string) bool {
	within := func(places []string) bool {
		return len(laws) > 0 && !slices.ContainsFunc(laws, func(l string) bool { return !slices.Contains(places, l) })
	}
	return slices.Contains(r.Events, event) && (r.In == nil || within(r.In)) && (r.NotIn == nil || !within(r.NotIn)) &&
		(len(r.Kinds) == 0 || slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(r.Kinds, k) }))
}

// plainRule lists words that a notice is better without.
type plainRule struct {
	Locale string   `yaml:"locale"`
	Kind   string   `yaml:"kind"`
	Words  []string `yaml:"words"`
	Reason said     `yaml:"reason"`
}

// builtinWords are the embedded ones, for what needs no catalog. Load reports their faults.
func builtinWords() *words { c, _ := builtin(); return c.words }

// The stages in which shared files are read: words first, then what is made of them.
const (
	stageWords = iota
	stageRules
	stageBlocks
	stages
)

// sharedFile tells what a shared file is by its name; libraries may be spread over files: blocks-eu.yaml.
func sharedFile(name string) (family string, stage int) {
	family, _, _ = strings.Cut(strings.TrimSuffix(path.Base(name), ".yaml"), "-")
	switch family {
	case "words":
		return family, stageWords
	case "advice", "frame", "plain":
		return family, stageRules
	case "blocks", "notices":
		return family, stageBlocks
	}
	return family, stages
}

// isShared tells a shared file, in its folder or on its own, from a template.
func isShared(name string) bool {
	_, stage := sharedFile(name)
	dir := path.Base(path.Dir(name))
	return stage < stages && (dir == "." || dir == path.Base(shared))
}

// sharedFiles are part of every template's source.
func sharedFiles(files fs.FS) ([]file, error) {
	names, err := fs.Glob(files, shared+"*.yaml")
	if err != nil {
		return nil, fmt.Errorf("find words: %w", err)
	}
	var out []file
	for _, name := range names {
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read words: %w", err)
		}
		out = append(out, file{name, body})
	}
	return out, nil
}

// loadWords makes words of the shared files, blocks.yaml before blocks-eu.yaml, and returns all faults.
func loadWords(files []file) (*words, []error) {
	w := &words{libraries: map[Kind]*compiled{Report: {}, Notice: {}}}
	for kind, lib := range w.libraries {
		lib.Kind, lib.Locales = kind, locales
	}
	base := func(f file) string { return strings.TrimSuffix(f.name, ".yaml") }
	files = slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(base(a), base(b)) })
	var faults []error
	for stage := range stages {
		for _, f := range files {
			if _, s := sharedFile(f.name); s == stage {
				faults = append(faults, w.read(f)...)
			}
		}
	}
	for _, f := range files {
		if !isShared(f.name) {
			faults = append(faults, fmt.Errorf("%s:1:1: no kind of shared file has this name", f.name))
		}
	}
	return w, faults
}

// read takes in one shared file.
func (w *words) read(f file) []error {
	s := &sourceFile{name: f.name}
	switch family, _ := sharedFile(f.name); family {
	case "words":
		var t tables
		if s.open(f.body, &t) {
			w.merge(s, t)
		}
	case "frame":
		if s.open(f.body, &w.frame) {
			s.checkTable("$", w.frame)
		}
	case "plain":
		if s.open(f.body, &w.plain) {
			for i, r := range w.plain {
				s.checkLocales(fmt.Sprintf("$[%d].reason", i), r.Reason, locales)
			}
		}
	case "advice":
		if s.open(f.body, &w.rules) {
			w.checkRules(s, "$.impact", w.rules.Impact)
			w.checkRules(s, "$.advice", w.rules.Advice)
		}
	case "blocks":
		w.readLibrary(s, f.body, Report)
	case "notices":
		w.readLibrary(s, f.body, Notice)
	}
	return s.faults
}

// merge adds the tables of one file. What another file says already is a fault.
func (w *words) merge(s *sourceFile, t tables) {
	for _, m := range []struct {
		at   string
		into *map[string]said
		from map[string]said
	}{{"facts", &w.Facts, t.Facts}, {"data", &w.Data, t.Data}, {"business", &w.Business, t.Business},
		{"certainty", &w.Certainty, t.Certainty}, {"zones", &w.Zones, t.Zones}, {"regions", &w.Regions, t.Regions}} {
		s.mergeTable("$."+m.at, m.into, m.from)
	}
	if w.Values == nil {
		w.Values = map[string]map[string]said{}
	}
	for _, v := range slices.Sorted(maps.Keys(t.Values)) {
		table := w.Values[v]
		s.mergeTable("$.values."+v, &table, t.Values[v])
		w.Values[v] = table
	}
}

func (s *sourceFile) mergeTable(at string, into *map[string]said, from map[string]said) {
	s.checkTable(at, from)
	if *into == nil {
		*into = map[string]said{}
	}
	for _, k := range slices.Sorted(maps.Keys(from)) {
		if (*into)[k] != nil {
			s.fault(key(at, k), "%s stands in another file already", k)
		}
		(*into)[k] = from[k]
	}
}

// checkRules holds that rules name kinds and events that have words.
func (w *words) checkRules(s *sourceFile, at string, rules []rule) {
	for i, r := range rules {
		here := fmt.Sprintf("%s[%d]", at, i)
		s.checkLocales(here+".say", r.Say, locales)
		for _, k := range r.Kinds {
			if w.Data[k] == nil {
				s.fault(here+".kinds", "no such kind of data: %s", k)
			}
		}
		for _, e := range r.Events {
			if w.Values["done"][e] == nil {
				s.fault(here+".events", "no such event: %s", e)
			}
		}
	}
}

func (s *sourceFile) checkTable(at string, table map[string]said) {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		s.checkLocales(key(at, k), table[k], locales)
	}
}

// key is the path of a key that may hold dots.
func key(at, k string) string { return at + ".'" + k + "'" }

// fill puts values into the {} of a turn of phrase, in order.
func fill(phrase string, values ...string) string {
	var b strings.Builder
	for _, v := range values {
		before, after, ok := strings.Cut(phrase, "{}")
		if !ok {
			break
		}
		b.WriteString(before + v)
		phrase = after // what is filled in stays out of the search for the next place
	}
	return b.String() + phrase
}

// say is a line of the frame with named values, {name}, filled in.
func (w *words) say(id, locale string, values ...string) string {
	pairs := make([]string, 0, len(values))
	for i := 0; i+1 < len(values); i += 2 {
		pairs = append(pairs, "{"+values[i]+"}", values[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(w.frame[id][locale])
}

// in is a text in a locale. Text with Han characters is taken for Chinese, text with other letters for
// English, text without letters for both; what is given per locale is taken as given.
func in(v any, locale string) string {
	switch v := v.(type) {
	case string:
		han := strings.ContainsFunc(v, func(r rune) bool { return unicode.Is(unicode.Han, r) })
		if letters := strings.ContainsFunc(v, unicode.IsLetter); letters && han != (locale == "zh-Hans") {
			return ""
		}
		return oneLine(v)
	case map[string]any:
		text, _ := v[locale].(string)
		return oneLine(text)
	}
	return ""
}

// clean drops what text must not carry: broken UTF-8, control characters, and marks that turn the
// direction of writing and so could make a text read otherwise than it was approved.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069,
			r == 0x2028, r == 0x2029, r == unicode.ReplacementChar, r == 0x200B, r == 0xFEFF:
			return -1
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\r\n", "\n"))
}

// oneLine is clean text on one line, so that it cannot add list items or paragraphs.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
