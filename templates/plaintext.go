package templates

import (
	"slices"
	"strings"
)

// section is a heading with what stands below it.
type section struct {
	Heading string
	Blocks  []block
}

// block is a paragraph or a list.
type block struct {
	Text  string
	Items []string
}

// Lines of a paragraph.
func (b block) Lines() []string { return strings.Split(b.Text, "\n") }

// blocksOf reads plain text: paragraphs are separated by blank lines, lines with "- " are list items.
func blocksOf(text string) []block {
	var out []block
	fresh := true // the next line starts a block of its own
	for line := range strings.Lines(clean(text)) {
		line = strings.TrimRight(line, "\n\t ")
		item, isItem := strings.CutPrefix(line, "- ")
		last := len(out) - 1
		switch {
		case strings.TrimSpace(line) == "":
			fresh = true
			continue
		case isItem && (last < 0 || out[last].Items == nil):
			out = append(out, block{Items: []string{strings.TrimSpace(item)}})
		case isItem:
			out[last].Items = append(out[last].Items, strings.TrimSpace(item))
		case fresh || last < 0 || out[last].Items != nil:
			out = append(out, block{Text: line})
		default:
			out[last].Text += "\n" + line
		}
		fresh = false
	}
	return out
}

// sections are the passages of a locale that have something to say, under the template's headings.
func (c *Catalog) sections(content Content, t Template, locale string) []section {
	var out []section
	for _, item := range t.Items {
		p := content.passage(locale, item.Block)
		blocks := blocksOf(p.Text)
		if p.Open {
			blocks = append(blocks, block{Text: c.words.say("open", locale)})
		}
		if len(blocks) > 0 {
			out = append(out, section{Heading: item.Label[locale], Blocks: blocks})
		}
	}
	return out
}

// The slots that are filled in per person.
const (
	slotBrand = "[[brand]]"
	slotCode  = "[[code]]"
	slotRef   = "[[ref]]"
)

// slotsIn lists the slots that occur, by name in order. Any other [[x]] is just text.
func slotsIn(texts ...string) []string {
	var out []string
	for _, s := range []string{slotBrand, slotCode, slotRef} {
		if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, s) }) {
			out = append(out, strings.Trim(s, "[]"))
		}
	}
	return out
}
