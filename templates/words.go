package templates

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// said is one thing said in every locale.
type said map[string]string

// words is what every template prints from: the shared files of the catalog.
type words struct {
	Facts     map[string]said            `yaml:"facts"`
	Data      map[string]said            `yaml:"data"`
	Business  map[string]said            `yaml:"business"`
	Values    map[string]map[string]said `yaml:"values"`
	Certainty map[string]said            `yaml:"certainty"`
	Zones     map[string]said            `yaml:"zones"`
	Regions   map[string]said            `yaml:"regions"`

	rules ruleTable
	frame map[string]said
	plain []plainRule
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
	Say    said     `yaml:"say"`
}

func (r rule) holds(kinds []string, event string) bool {
	return slices.Contains(r.Events, event) && (len(r.Kinds) == 0 ||
		slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(r.Kinds, k) }))
}

// plainRule lists words that a notice is better without.
type plainRule struct {
	Locale string   `yaml:"locale"`
	Kind   string   `yaml:"kind"`
	Words  []string `yaml:"words"`
	Reason said     `yaml:"reason"`
}

// builtinWords are the embedded ones, for what needs no catalog. Load reports their faults.
var builtinWords = sync.OnceValue(func() *words {
	w, _, _ := loadWords(embedded)
	return w
})

// loadWords reads the shared files; they are returned too, as part of every template's source.
func loadWords(files fs.FS) (*words, []file, []error) {
	w := &words{}
	var sources []file
	var faults []error
	for _, f := range []struct {
		name string
		into any
	}{{"advice.yaml", &w.rules}, {"frame.yaml", &w.frame}, {"plain.yaml", &w.plain}, {"words.yaml", w}} {
		src, err := fs.ReadFile(files, shared+f.name)
		if err != nil {
			faults = append(faults, fmt.Errorf("read words: %w", err))
			continue
		}
		s := &sourceFile{name: shared + f.name}
		if s.open(src, f.into) {
			w.check(f.name, s)
		}
		faults = append(faults, s.faults...)
		sources = append(sources, file{s.name, src})
	}
	return w, sources, faults
}

// check holds that nothing lacks a locale and that rules name kinds and events that exist.
func (w *words) check(name string, s *sourceFile) {
	switch name {
	case "words.yaml":
		for at, table := range map[string]map[string]said{"facts": w.Facts, "data": w.Data, "business": w.Business,
			"certainty": w.Certainty, "zones": w.Zones, "regions": w.Regions} {
			s.checkTable("$."+at, table)
		}
		for _, v := range slices.Sorted(maps.Keys(w.Values)) {
			s.checkTable("$.values."+v, w.Values[v])
		}
		w.checkRules(s)
	case "frame.yaml":
		s.checkTable("$", w.frame)
	case "advice.yaml":
		for i, r := range w.rules.Impact {
			s.checkLocales(fmt.Sprintf("$.impact[%d].say", i), r.Say, locales)
		}
		for i, r := range w.rules.Advice {
			s.checkLocales(fmt.Sprintf("$.advice[%d].say", i), r.Say, locales)
		}
	case "plain.yaml":
		for i, r := range w.plain {
			s.checkLocales(fmt.Sprintf("$[%d].reason", i), r.Reason, locales)
		}
	}
}

// checkRules runs when words are read, after the rules.
func (w *words) checkRules(s *sourceFile) {
	for _, r := range slices.Concat(w.rules.Impact, w.rules.Advice) {
		for _, k := range r.Kinds {
			if w.Data[k] == nil {
				s.fault("$.data", "advice.yaml names the kind of data %s", k)
			}
		}
		for _, e := range r.Events {
			if w.Values["done"][e] == nil {
				s.fault("$.values.done", "advice.yaml names the event %s", e)
			}
		}
	}
}

func (s *sourceFile) checkTable(at string, table map[string]said) {
	for _, k := range slices.Sorted(maps.Keys(table)) {
		s.checkLocales(at+"."+k, table[k], locales)
	}
}

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
