package templates

import (
	"fmt"
	"slices"
	"strings"
)

// A library is the blocks that documents of a kind are made of, in their order. Templates take blocks
// from it by name; a document for any duty is made of those that its duties require.

// itemSource is a block as written, in a library or a template. One that uses another takes over its
// facts and draft, and its label unless it has its own.
type itemSource struct {
	Block string            `yaml:"block"`
	Use   string            `yaml:"use"`
	Label map[string]string `yaml:"label"`
	Facts []string          `yaml:"facts"`
	Any   []string          `yaml:"any"`
	// Draft is a list of paragraphs, each a list of sentences.
	Draft [][]sentenceSource `yaml:"draft"`
}

// anyDuty is the folder of the templates without items of their own.
const anyDuty = "any/"

// generic templates draft the blocks that are required, from all that the catalog has for their kind.
func (c *compiled) generic() bool { return strings.HasPrefix(c.Name, anyDuty) }

func (t Template) index(block string) int {
	return slices.IndexFunc(t.Items, func(it Item) bool { return it.Block == block })
}

// add appends the items of another that are not there yet.
func (c *compiled) add(from *compiled) {
	for i, item := range from.Items {
		if c.index(item.Block) < 0 {
			c.Items, c.drafts = append(c.Items, item), append(c.drafts, from.drafts[i])
		}
	}
}

// library is empty for a kind that there is not.
func (w *words) library(kind Kind) *compiled {
	if lib := w.libraries[kind]; lib != nil {
		return lib
	}
	return &compiled{}
}

// readLibrary appends the blocks of one file to the library of a kind.
func (w *words) readLibrary(s *sourceFile, src []byte, kind Kind) {
	var items []itemSource
	if s.open(src, &items) {
		s.compileItems("$", items, w.libraries[kind], w)
	}
}

// compileItems checks and appends items to what they are part of: a template, or a library itself.
func (s *sourceFile) compileItems(at string, src []itemSource, into *compiled, w *words) {
	for i, it := range src {
		here := fmt.Sprintf("%s[%d]", at, i)
		item, draft := s.compileItem(here, it, into, w)
		if item.Block == "" || into.index(item.Block) >= 0 {
			s.fault(here+".block", "block is missing or stands twice")
		}
		into.Items, into.drafts = append(into.Items, item), append(into.drafts, draft)
	}
}

func (s *sourceFile) compileItem(at string, src itemSource, into *compiled, w *words) (Item, []paragraph) {
	item := Item{Block: src.Block, Label: src.Label, Facts: src.Facts, Any: src.Any}
	if src.Use == "" {
		s.checkLocales(at+".label", item.Label, into.Locales)
		draft := s.compileDraft(at+".draft", src.Draft, into.Locales, w)
		s.checkBinding(at, item, draft, w)
		return item, draft
	}
	if len(src.Facts)+len(src.Any)+len(src.Draft) > 0 {
		s.fault(at, "a block that uses another takes over its facts and draft")
	}
	if item.Block == "" {
		item.Block = src.Use
	}
	lib := w.library(into.Kind)
	i := lib.index(src.Use)
	if i < 0 {
		s.fault(at+".use", "no such block in the library: %s", src.Use)
		return item, nil
	}
	item.Facts, item.Any = lib.Items[i].Facts, lib.Items[i].Any
	if src.Label == nil {
		item.Label = lib.Items[i].Label
	} else {
		s.checkLocales(at+".label", item.Label, into.Locales)
	}
	return item, lib.drafts[i]
}

// ReportBlocks lists the blocks that a report can have without a person writing its heading: those of the
// library and of the built-in templates.
func ReportBlocks() []string { return blockNames(Report) }

// NoticeBlocks lists those of a notice.
func NoticeBlocks() []string { return blockNames(Notice) }

func blockNames(kind Kind) []string {
	c, _ := builtin()
	var out []string
	for _, item := range c.blocks(kind).Items {
		out = append(out, item.Block)
	}
	return out
}

// blocks are all that the catalog has for a kind: the library's, then the templates' own.
func (c *Catalog) blocks(kind Kind) *compiled {
	all := &compiled{}
	all.add(c.words.library(kind))
	for _, name := range c.names {
		if t := c.byName[name]; t.Kind == kind && !t.generic() {
			all.add(t)
		}
	}
	return all
}
