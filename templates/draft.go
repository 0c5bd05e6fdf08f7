package templates

import (
	"path"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
)

// Draft fills a template from facts in each of its locales. A block whose facts are unknown stays empty.
func (c *Catalog) Draft(in Input) (Content, error) {
	t, ok := c.byName[in.Template]
	if !ok {
		return Content{}, incident.NewFault(incident.NotFound, "there is no such template")
	}
	out := Content{Template: t.Name, Version: t.Version, Subject: map[string]string{}, Filed: t.filedIn(in.Filed),
		Grade: in.Grade, GradeWords: in.GradeWords, Locales: map[string][]Passage{}}
	items, drafts := t.Items, t.drafts
	if t.generic() {
		items, drafts, out.Labels = t.choose(in)
		out.Laws = in.laws()
		in.Laws = out.Laws
	} else {
		in.Laws = []string{path.Dir(t.Name)}
	}
	for _, l := range t.Locales {
		out.Subject[l] = t.subject[l]
		if title := oneLine(in.Title[l]); title != "" && t.generic() {
			out.Subject[l] = title
		}
		for i, item := range items {
			out.Locales[l] = append(out.Locales[l], c.passage(in, item, drafts[i], l))
		}
	}
	return out, nil
}

// passage drafts one block. It is all or nothing: text stands only when every bound fact is printed.
func (c *Catalog) passage(in Input, item Item, draft []paragraph, locale string) Passage {
	out := Passage{Block: item.Block}
	p := &pen{w: c.words, facts: in.Facts, org: in.Org, grade: in.Grade, graded: in.GradeWords, laws: in.Laws, locale: locale, zone: zone(in.Org.Zone)}
	var paras []string
	for _, d := range draft {
		if text := d.print(p); text != "" {
			paras = append(paras, text)
		}
	}
	facts := p.refs()
	printed := func(path string) bool {
		return slices.ContainsFunc(p.used, func(f incident.Fact) bool { return under(path, f.Path) })
	}
	for _, path := range item.Facts {
		if !printed(path) {
			return out
		}
	}
	if len(item.Any) > 0 && !slices.ContainsFunc(item.Any, printed) {
		return out
	}
	out.Text, out.Facts = strings.Join(paras, "\n\n"), facts
	return out
}

func zone(name string) *time.Location {
	if loc, err := time.LoadLocation(name); err == nil {
		return loc
	}
	return time.UTC
}

// pen writes one passage in one locale and remembers the facts it used.
type pen struct {
	w      *words
	facts  incident.Snapshot
	org    Organisation
	grade  string
	graded map[string]string // words of the grade, of a scheme that brings its own
	laws   []string
	locale string
	zone   *time.Location
	used   []incident.Fact
}

// given says that a path is no fact of the incident but comes from the profile or the derivation.
func given(path string) bool { return path == "grade" || strings.HasPrefix(path, "org.") }

// look finds a fact's value without using it.
func (p *pen) look(path string) (incident.Fact, bool) {
	f := p.facts.Facts[path]
	f.Path = path
	switch path {
	case "grade":
		f.Value = p.grade
	case "org.name":
		f.Value = p.org.named(p.locale)
	case "org.contact":
		f.Value = p.org.Contact[p.locale]
	case "org.reporter":
		f.Value = p.org.Reporter
	default:
		f.Value = plainValue(f.Value)
	}
	return f, knownFact(f)
}

// fact finds a fact and notes its use.
func (p *pen) fact(path string) (incident.Fact, bool) {
	f, known := p.look(path)
	if known {
		p.used = append(p.used, f)
	}
	return f, known
}

func (p *pen) print(part part) string {
	var facts []incident.Fact
	for _, path := range part.paths {
		if many(path) {
			all := family(p.facts, path)
			p.used, facts = append(p.used, all...), append(facts, all...)
			continue
		}
		f, known := p.fact(path)
		if !known {
			return ""
		}
		facts = append(facts, f)
	}
	if len(facts) == 0 {
		return ""
	}
	if strings.HasPrefix(part.paths[0], "org.") {
		text, _ := facts[0].Value.(string)
		return strings.TrimSpace(clean(text))
	}
	return p.w.printer(part.printer)(p, facts)
}

// refs are the incident's facts that were used, in order of path.
func (p *pen) refs() []FactRef {
	var out []FactRef
	for _, f := range p.used {
		if !given(f.Path) {
			out = append(out, FactRef{Path: f.Path, Revision: f.Revision})
		}
	}
	slices.SortFunc(out, func(a, b FactRef) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(out)
}

// named is the legal name in the locale, or in the one it is registered in.
func (o Organisation) named(locale string) string {
	for _, l := range append([]string{locale}, locales...) {
		if n := oneLine(o.Name[l]); n != "" {
			return n
		}
	}
	return ""
}
