package templates

import (
	"maps"
	"slices"
	"strings"

	"tocsin/incident"
)

// Form is the template as a document has it: in the document's locales, filed as it says, and, for a
// template for any duty, with the items that were chosen when it was drafted.
func (c *Catalog) Form(content Content) (Template, bool) {
	t, ok := c.byName[content.Template]
	if !ok {
		return Template{}, false
	}
	out := t.Template
	if len(content.Locales) > 0 {
		out.Locales = slices.DeleteFunc(slices.Clone(t.Locales), func(l string) bool { _, has := content.Locales[l]; return !has })
	}
	if content.Filed != nil {
		out.Reading = slices.DeleteFunc(slices.Clone(t.Locales), func(l string) bool { return slices.Contains(content.Filed, l) })
	}
	if len(out.filed()) == 0 { // something must be
		out.Reading = nil
	}
	if t.generic() {
		out.Items = t.itemsOf(content)
	}
	return out, true
}

// filed lists the locales that are filed.
func (t Template) filed() []string {
	return slices.DeleteFunc(slices.Clone(t.Locales), func(l string) bool { return slices.Contains(t.Reading, l) })
}

// filedIn is what a document keeps of the wish to file it in some locales: nothing when it is the
// template's own way, or when there are no words in any of them.
func (c *compiled) filedIn(wanted []string) []string {
	filed := slices.DeleteFunc(slices.Clone(c.Locales), func(l string) bool { return !slices.Contains(wanted, l) })
	if c.Kind != Report || len(filed) == 0 || slices.Equal(filed, c.filed()) {
		return nil
	}
	return filed
}

// choose picks what the duties require, in the order of the library. What the catalog does not know comes
// last, under the law's own terms, for a person to write.
func (c *compiled) choose(in Input) (items []Item, drafts [][]paragraph, labels map[string]map[string]string) {
	wanted := map[string]bool{}
	for _, req := range c.required(in) {
		for _, item := range c.answering(req) {
			switch {
			case c.index(item.Block) >= 0:
				wanted[item.Block] = true
			case item.Block != "" && labels[item.Block] == nil:
				if labels == nil {
					labels = map[string]map[string]string{}
				}
				labels[item.Block] = map[string]string{}
				for _, l := range c.Locales {
					labels[item.Block][l] = capital(oneLine(req.said(l)))
				}
				items, drafts = append(items, item), append(drafts, nil)
			}
		}
	}
	known := &compiled{}
	for i, item := range c.Items {
		if wanted[item.Block] {
			known.Items, known.drafts = append(known.Items, item), append(known.drafts, c.drafts[i])
		}
	}
	return append(known.Items, items...), append(known.drafts, drafts...), labels
}

// required is one requirement for each block that is asked for.
func (c *compiled) required(in Input) []Requirement {
	if len(in.Blocks) == 0 && len(in.Requirements) > 0 {
		return in.Requirements
	}
	blocks := in.Blocks
	if len(blocks) == 0 {
		blocks = c.fallback
	}
	var out []Requirement
	for _, b := range blocks {
		req := Requirement{Block: b, Term: b}
		if i := slices.IndexFunc(in.Requirements, func(r Requirement) bool { return r.Block == b }); i >= 0 {
			req = in.Requirements[i]
		}
		out = append(out, req)
	}
	return out
}

// laws are the jurisdictions of the duties, as their rules' ids begin with them.
func (in Input) laws() []string {
	out := slices.Clone(in.Laws)
	if len(out) == 0 {
		for _, r := range in.Requirements {
			if place, _, ok := strings.Cut(r.Rule, "-"); ok {
				out = append(out, place)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// itemsOf are the items of a document for any duty, as its passages stand.
func (c *compiled) itemsOf(content Content) []Item {
	var out []Item
	for _, l := range c.Locales {
		for _, p := range content.Locales[l] {
			if slices.ContainsFunc(out, func(it Item) bool { return it.Block == p.Block }) {
				continue
			}
			item := Item{Block: p.Block, Label: map[string]string{}}
			for _, l := range c.Locales {
				item.Label[l] = p.Block
			}
			maps.Copy(item.Label, content.Labels[p.Block])
			if i := c.index(p.Block); i >= 0 {
				item = c.Items[i]
			}
			out = append(out, item)
		}
	}
	return out
}

// Redraft drafts a document again from the facts in in: the same template, blocks and locales.
func (c *Catalog) Redraft(content Content, in Input) (Content, error) {
	t, ok := c.Form(content)
	if !ok {
		return Content{}, incident.NewFault(incident.NotFound, "there is no such template")
	}
	in.Template, in.Title, in.Filed, in.Laws, in.Blocks = content.Template, content.Subject, content.Filed, content.Laws, nil
	in.Grade, in.GradeWords = content.Grade, content.GradeWords // of its own scheme
	for _, item := range t.Items {
		in.Blocks = append(in.Blocks, item.Block)
	}
	for block, label := range content.Labels {
		in.Requirements = append(in.Requirements, Requirement{Block: block, Term: label["zh-Hans"], Gloss: label["en"]})
	}
	return c.Draft(in)
}

// Widen adds to a document that people have worked on the passages that a fresh draft has besides: what
// has come to be required since. What stands there stays as it is.
func Widen(have, fresh Content) Content {
	if have.Template != fresh.Template {
		return have
	}
	have.Locales, have.Labels = maps.Clone(have.Locales), maps.Clone(have.Labels)
	have.Grade, have.GradeWords = fresh.Grade, fresh.GradeWords
	for l, passages := range have.Locales {
		place := 0
		for _, p := range fresh.Locales[l] {
			i := slices.IndexFunc(passages, func(have Passage) bool { return have.Block == p.Block })
			if i < 0 {
				passages = slices.Insert(slices.Clone(passages), place, p)
				i = place
			}
			place = i + 1
		}
		have.Locales[l] = passages
	}
	for block, label := range fresh.Labels {
		if have.Labels == nil {
			have.Labels = map[string]map[string]string{}
		}
		have.Labels[block] = label
	}
	return have
}
