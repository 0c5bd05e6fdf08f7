package templates

import (
	"slices"
	"strings"
	"unicode"

	"tocsin/incident"
)

// Why a document is not complete.
const (
	GapMissing        = "missing"          // nothing stands there, or nothing that counts
	GapFactUnknown    = "fact-unknown"     // a bound fact is not known
	GapNotPrinted     = "not-printed"      // a bound fact is known, but the passage does not print it
	GapOpenNotAllowed = "open-not-allowed" // marked not yet known where the law does not allow that
)

// Check lists what the requirements still lack, per locale. Boilerplate never counts: a passage is
// complete when every fact it is bound to is known and printed, or a named person wrote it, or it is
// marked open where the requirement allows that. Reading versions are not checked.
func (c *Catalog) Check(content Content, facts incident.Snapshot, reqs []Requirement) []Gap {
	t, _ := c.Form(content)
	var out []Gap
	for _, req := range reqs {
		for _, l := range t.Locales {
			if slices.Contains(t.Reading, l) {
				continue
			}
			for _, item := range t.answering(req) {
				if reason, unknown := shortOf(content.passage(l, item.Block), item, facts, req.MayBeOpen); reason != "" {
					out = append(out, Gap{Requirement: req, Locale: l, Reason: reason, Facts: unknown})
					break
				}
			}
		}
	}
	return out
}

// answering finds the items that answer a requirement: the one it names, else the parts of that one
// (cac-1: cac-1a, cac-1b), else the one that it is a part of. What nothing answers is missing.
func (t Template) answering(req Requirement) []Item {
	match := func(ok func(block string) bool) []Item {
		var out []Item
		for _, it := range t.Items {
			if ok(it.Block) {
				out = append(out, it)
			}
		}
		return out
	}
	for _, id := range []string{req.Block, req.ID} {
		if id == "" {
			continue
		}
		for _, found := range [][]Item{
			match(func(b string) bool { return b == id }),
			match(func(b string) bool { return partOf(b, id) }),
			match(func(b string) bool { return partOf(id, b) }),
		} {
			if len(found) > 0 {
				return found
			}
		}
	}
	return []Item{{Block: req.Block}}
}

// partOf tells cac-1a from cac-1.
func partOf(part, whole string) bool {
	rest, ok := strings.CutPrefix(part, whole)
	if !ok || whole == "" || len(rest) != 1 {
		return false
	}
	return rest[0] >= 'a' && rest[0] <= 'z' && unicode.IsDigit(rune(whole[len(whole)-1]))
}

func (c Content) passage(locale, block string) Passage {
	for _, p := range c.Locales[locale] {
		if p.Block == block {
			return p
		}
	}
	return Passage{Block: block}
}

// shortOf says why a passage does not answer a requirement, and which facts are unknown; "" when it does.
func shortOf(p Passage, item Item, facts incident.Snapshot, mayBeOpen bool) (reason string, unknown []string) {
	text := strings.TrimSpace(p.Text) != ""
	switch {
	case p.Open && (!mayBeOpen || p.OpenBy == ""):
		return GapOpenNotAllowed, nil
	case p.Open, text && p.Author != "":
		return "", nil
	}
	known := func(path string) bool {
		if given(path) { // what the draft took from the profile stands in it or the draft is empty
			return text
		}
		if many(path) {
			return len(family(facts, path)) > 0
		}
		f := facts.Facts[path]
		f.Value = plainValue(f.Value)
		return knownFact(f)
	}
	for _, path := range item.Facts {
		if !known(path) {
			unknown = append(unknown, path)
		}
	}
	if len(item.Any) > 0 && !slices.ContainsFunc(item.Any, known) {
		unknown = append(unknown, item.Any...)
	}
	switch {
	case len(unknown) > 0:
		return GapFactUnknown, unknown
	case !text, len(item.Facts)+len(item.Any) == 0:
		return GapMissing, nil
	}
	return notPrinted(p, item, facts, known)
}

func notPrinted(p Passage, item Item, facts incident.Snapshot, known func(string) bool) (reason string, paths []string) {
	printed := func(path string) bool {
		left := func(fact string) bool {
			return !slices.ContainsFunc(p.Facts, func(f FactRef) bool { return f.Path == fact })
		}
		if many(path) { // each of them
			return !slices.ContainsFunc(family(facts, path), func(f incident.Fact) bool { return left(f.Path) })
		}
		return given(path) || !left(path)
	}
	for _, path := range item.Facts {
		if !printed(path) {
			paths = append(paths, path)
		}
	}
	if len(item.Any) > 0 && !slices.ContainsFunc(item.Any, func(p string) bool { return known(p) && printed(p) }) {
		paths = append(paths, item.Any...)
	}
	if len(paths) > 0 {
		return GapNotPrinted, paths
	}
	return "", nil
}

// StaleFacts lists the printed facts that have changed since a passage was drafted.
func StaleFacts(content Content, facts incident.Snapshot) []string {
	var out []string
	for _, passages := range content.Locales {
		for _, p := range passages {
			for _, f := range p.Facts {
				if facts.Facts[f.Path].Revision != f.Revision {
					out = append(out, f.Path)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
