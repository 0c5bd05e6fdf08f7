package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/templates"
)

// blockRow is one block of a document as its editor shows it.
type blockRow struct {
	Block, Label, Text string
	Author, OpenBy     string // who wrote it, who left it open
	Open, MayBeOpen    bool
	Needs              []requirementRow
	Facts              []factShown
	Gaps               []string
	Warnings           []warningRow
	Rows               int
	Problems           []string
	Stored             string // what stands there now, where it differs from what was typed
}

type factShown struct {
	Name, Value, Source string
	Stale               bool
}

// requirementRow is one item that law or promise asks for.
type requirementRow struct {
	ID, Term, Law, Article, Block string
	MayBeOpen                     bool
	State                         string // met, open, missing
	Why                           []string
}

func (r *request) blocks(d notify.DocumentView, t templates.Template, facts incident.Snapshot, locale string, typed *form) []blockRow {
	var out []blockRow
	warnings := r.warnings(d, t)
	for _, item := range items(t, d, locale) {
		p := passage(d, locale, item.Block)
		row := blockRow{Block: item.Block, Label: cmp.Or(item.Label[locale], item.Block), Text: p.Text, Open: p.Open}
		if p.Author != "" {
			row.Author = r.person(p.Author)
		}
		if p.OpenBy != "" {
			row.OpenBy = r.person(p.OpenBy)
		}
		if typed != nil && typed.Values.Has("text."+item.Block) {
			row.Text, row.Open = typed.Or("text."+item.Block, ""), typed.Or("open."+item.Block, "") != ""
			if !sameText(row.Text, p.Text) {
				row.Stored = p.Text
			}
			row.Problems = typed.At("/blocks/" + item.Block)
		}
		row.Rows = max(3, min(14, strings.Count(row.Text, "\n")+len([]rune(row.Text))/60+2))
		for _, req := range d.Policy.Requirements {
			if answers(item.Block, req) {
				row.Needs = append(row.Needs, r.requirement(req))
				row.MayBeOpen = row.MayBeOpen || req.MayBeOpen
			}
		}
		row.Gaps = r.gapsOf(d, item.Block, locale)
		for _, w := range warnings {
			if w.Locale == locale && w.Block == row.Label {
				row.Warnings = append(row.Warnings, w)
			}
		}
		row.Facts = r.factsShown(item, p, facts)
		out = append(out, row)
	}
	return out
}

func sameText(a, b string) bool {
	plain := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return plain(a) == plain(b)
}

// items are the template's, or, when the catalog no longer has it, the document's own blocks.
func items(t templates.Template, d notify.DocumentView, locale string) []templates.Item {
	if len(t.Items) > 0 {
		return t.Items
	}
	var out []templates.Item
	for _, p := range d.Content.Locales[locale] {
		out = append(out, templates.Item{Block: p.Block})
	}
	return out
}

func passage(d notify.DocumentView, locale, block string) templates.Passage {
	for _, p := range d.Content.Locales[locale] {
		if p.Block == block {
			return p
		}
	}
	return templates.Passage{Block: block}
}

// answers tells which block a requirement stands beneath: the one it names, or a part of it (cac-1: cac-1a).
func answers(block string, req templates.Requirement) bool {
	return block == req.Block || block == req.ID || partOf(block, req.Block) || partOf(req.ID, block)
}

func partOf(part, whole string) bool {
	rest, ok := strings.CutPrefix(part, whole)
	return ok && whole != "" && len(rest) == 1 && rest[0] >= 'a' && rest[0] <= 'z'
}

func (v *viewer) requirement(req templates.Requirement) requirementRow {
	row := requirementRow{ID: req.ID, Term: req.Term, Law: req.Law, Article: req.Article, Block: req.Block, MayBeOpen: req.MayBeOpen}
	if v.Locale == "en" && req.Gloss != "" {
		row.Term = req.Gloss
	}
	return row
}

func (r *request) gapsOf(d notify.DocumentView, block, locale string) []string {
	var out []string
	for _, g := range d.Gaps {
		if g.Locale == locale && answers(block, g.Requirement) {
			out = append(out, r.gap(g))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *request) gap(g templates.Gap) string {
	text := r.word("gap", g.Reason)
	var names []string
	for _, path := range g.Facts {
		names = append(names, r.factName(path))
	}
	if len(names) > 0 {
		text += r.tr("list.colon") + strings.Join(names, r.tr("list.comma"))
	}
	return text
}

// requirements is the completeness list: each item once, with what it lacks in which language.
func (r *request) requirements(d notify.DocumentView) []requirementRow {
	var out []requirementRow
	for _, req := range d.Policy.Requirements {
		row := r.requirement(req)
		row.State = "met"
		for _, passages := range d.Content.Locales {
			for _, p := range passages {
				if p.Open && answers(p.Block, req) {
					row.State = "open"
				}
			}
		}
		for _, g := range d.Gaps {
			if g.Requirement.ID == req.ID && g.Requirement.Rule == req.Rule {
				row.State = "missing"
				row.Why = append(row.Why, r.word("language", g.Locale)+r.tr("list.colon")+r.gap(g))
			}
		}
		again := func(o requirementRow) bool {
			return o.Term == row.Term && o.Law == row.Law && o.Article == row.Article && o.State == row.State
		}
		if row.Why != nil || !slices.ContainsFunc(out, again) { // what several parts of the text must answer is asked once
			out = append(out, row)
		}
	}
	return out
}

// factsShown are the facts a block prints, and those it would print were they known.
func (r *request) factsShown(item templates.Item, p templates.Passage, facts incident.Snapshot) []factShown {
	revisions := map[string]int64{}
	for _, f := range p.Facts {
		revisions[f.Path] = f.Revision
	}
	for _, path := range append(slices.Clone(item.Facts), item.Any...) {
		if _, ok := revisions[path]; !ok {
			revisions[path] = -1
		}
	}
	var out []factShown
	for _, path := range slices.Sorted(maps.Keys(revisions)) {
		f, known := facts.Facts[path]
		shown := factShown{Name: r.factName(path), Value: r.tr("facts.unknown")}
		switch {
		case strings.HasPrefix(path, "org.") || path == "grade":
			continue
		case known && f.Value != nil:
			shown.Value, shown.Source = r.value(path, f.Value), r.source(f)
			shown.Stale = revisions[path] >= 0 && revisions[path] != f.Revision
		}
		out = append(out, shown)
	}
	return out
}

func (r *request) warnings(d notify.DocumentView, t templates.Template) []warningRow {
	var out []warningRow
	for _, w := range r.Catalog.Warnings(d.Content) {
		out = append(out, warningRow{Locale: w.Locale, Block: r.blockNameIn(t, w.Block, w.Locale), Kind: r.word("warning", w.Kind), Words: w.Words, Reason: r.local(w.Reason)})
	}
	return out
}

func (r *request) blockName(t templates.Template, block string) string {
	return r.blockNameIn(t, block, r.Locale)
}

func (r *request) blockNameIn(t templates.Template, block, locale string) string {
	for _, item := range t.Items {
		if item.Block == block {
			return cmp.Or(item.Label[locale], block)
		}
	}
	return r.word("block", block)
}
