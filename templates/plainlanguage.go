package templates

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Warning points at wording that makes a notice vague, soothing, loaded or hard to read. It blocks
// nothing and changes nothing: a person decides.
type Warning struct {
	Locale string            `json:"locale"`
	Block  string            `json:"block"` // "subject" for the subject
	Kind   string            `json:"kind"`  // vague | minimising | loaded | jargon
	Words  string            `json:"words"` // as listed, not as written
	Reason map[string]string `json:"reason"`
}

// Warnings checks the wording of subjects and passages, in order of locale and block.
func (c *Catalog) Warnings(content Content) []Warning {
	var out []Warning
	for _, l := range locales {
		out = append(out, c.warn(l, "subject", content.Subject[l])...)
		for _, p := range content.Locales[l] {
			out = append(out, c.warn(l, p.Block, p.Text)...)
		}
	}
	return out
}

func (c *Catalog) warn(locale, block, text string) []Warning {
	var out []Warning
	lower := strings.ToLower(text)
	for _, r := range c.words.plain {
		if r.Locale != locale {
			continue
		}
		for _, w := range r.Words {
			if stands(lower, strings.ToLower(w)) {
				out = append(out, Warning{Locale: locale, Block: block, Kind: r.Kind, Words: w, Reason: r.Reason})
			}
		}
	}
	return out
}

// stands finds a word at the beginning of a Latin word, or anywhere among Han characters.
func stands(text, word string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	for from := 0; ; from++ {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return false
		}
		from += i
		before, _ := utf8.DecodeLastRuneInString(text[:from])
		if !latin(before) || !latin(first) {
			return true
		}
	}
}

func latin(r rune) bool { return unicode.Is(unicode.Latin, r) }
