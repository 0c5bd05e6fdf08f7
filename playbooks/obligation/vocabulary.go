package obligation

import (
	"slices"
	"strings"
	"time"
)

// factDef is one entry of the vocabulary: a fact that conditions may name, and how to ask for it.
type factDef struct {
	At     place
	Path   string              `yaml:"path"`
	Is     string              `yaml:"is"`
	Words  []string            `yaml:"words"`
	Fields map[string]fieldDef `yaml:"fields"`
	Ask    words               `yaml:"ask"`
	index  int
}

// fieldDef is a field of the elements of a list of records.
type fieldDef struct {
	Is    string   `yaml:"is"`
	Words []string `yaml:"words"`
}

// words is a text per locale.
type words map[string]string

// locales every text of the law files is written in.
var locales = []string{"en", "zh-Hans"}

func (w words) in(locale string) string {
	if s, ok := w[locale]; ok {
		return s
	}
	return w["en"]
}

func (w words) check(at place, what string) []Fault {
	var faults []Fault
	for _, l := range locales {
		if strings.TrimSpace(w[l]) == "" {
			faults = append(faults, at.fault("%s has no text in %s", what, l))
		}
	}
	return faults
}

// sorts of facts. Content (measures, cause …) is for templates; conditions do not read it.
var factSorts = []string{"flag", "number", "word", "level", "text", "texts", "words", "records", "time", "counts", "times", "content"}

// unknownWord is the value by which a word fact says "unknown".
const unknownWord = "unknown"

// vocabulary is every fact the law may rest on.
type vocabulary struct {
	order   []*factDef
	byPath  map[string]*factDef
	unknown []val           // the values of an incident of which nothing is known
	groups  map[string]bool // "people", "grading", "grading.data" …
}

func newVocabulary(defs []factDef) (*vocabulary, []Fault) {
	v := &vocabulary{byPath: map[string]*factDef{}, groups: map[string]bool{}}
	var faults []Fault
	for i := range defs {
		f := &defs[i]
		f.index = len(v.order)
		switch {
		case f.Path == "":
			faults = append(faults, f.At.fault("the fact has no path"))
		case v.byPath[f.Path] != nil:
			faults = append(faults, f.At.fault("fact %q is defined twice", f.Path))
		case !slices.Contains(factSorts, f.Is):
			faults = append(faults, f.At.fault("unknown sort %q of fact; known: %s", f.Is, strings.Join(factSorts, ", ")))
		}
		if f.Is != "content" && !f.ofProfile() {
			faults = append(faults, f.Ask.check(f.At, "the question for "+f.Path)...)
		}
		v.order = append(v.order, f)
		v.unknown = append(v.unknown, open(f.Path))
		v.byPath[f.Path] = f
		for p := f.Path; strings.Contains(p, "."); {
			p = p[:strings.LastIndex(p, ".")]
			v.groups[p] = true
		}
	}
	return v, faults
}

// ofProfile says that the value comes from the operator's profile, not from the facts.
func (f *factDef) ofProfile() bool {
	return strings.HasPrefix(f.Path, "profile.") || strings.HasPrefix(f.Path, "promise.") || strings.HasPrefix(f.Path, "setting.")
}

// question is how to ask for a path: the fact's own words, or those of the list or map it lies in.
func (v *vocabulary) question(path string) words {
	for p := path; p != ""; p = parent(p) {
		if f := v.byPath[p]; f != nil && len(f.Ask) > 0 {
			return f.Ask
		}
	}
	return nil
}

func parent(path string) string {
	i := strings.LastIndex(path, ".")
	if i < 0 {
		return ""
	}
	return path[:i]
}

// regions are the codes of countries and parts of them, and groups of countries.
type regions struct {
	Groups  map[string][]string `yaml:"groups"`
	Aliases map[string]string   `yaml:"aliases"` // codes of ISO 3166-2 that are jurisdictions of their own
	Zones   map[string]string   `yaml:"zones"`   // time zone of a country's authorities
	zones   map[string]*time.Location
}

func (r regions) known(code string) bool {
	if _, ok := r.Groups[code]; ok {
		return true
	}
	country, part, hasPart := strings.Cut(code, "-")
	isCode := len(country) == 2 && strings.ToUpper(country) == country
	return isCode && (!hasPart || (part != "" && len(part) <= 3))
}

// within says whether a code lies in a region: CN-SH in CN; CN-HK not in CN, because Hong Kong, Macau
// and Taiwan are jurisdictions of their own.
func (r regions) within(code, region string) bool {
	code = r.jurisdiction(code)
	if code == region {
		return true
	}
	if members, ok := r.Groups[region]; ok {
		return slices.ContainsFunc(members, func(m string) bool { return r.within(code, m) })
	}
	return strings.HasPrefix(code, region+"-")
}

// jurisdiction is a code with its alias resolved.
func (r regions) jurisdiction(code string) string {
	if alias, ok := r.Aliases[code]; ok {
		return alias
	}
	return code
}

func (r regions) anyWithin(codes *val, region string) *val {
	if !codes.known {
		return codes
	}
	for _, c := range codes.items {
		if r.within(c.text, region) {
			return holds
		}
	}
	return fails
}
