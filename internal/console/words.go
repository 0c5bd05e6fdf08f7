package console

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed words
var wordFiles embed.FS

// The languages of the console; the first one is the default.
var locales = []string{"zh-Hans", "en"}

// words are the console's texts: locale → key → text.
type words map[string]map[string]string

func loadWords() (words, error) {
	w := words{}
	for _, locale := range locales {
		names, err := fs.Glob(wordFiles, "words/"+locale+"*.yaml")
		if err != nil {
			return nil, fmt.Errorf("find words: %w", err)
		}
		w[locale] = map[string]string{}
		for _, name := range names {
			if err := w.read(locale, name); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// read takes over one file; no key stands twice.
func (w words) read(locale, name string) error {
	src, err := wordFiles.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read words: %w", err)
	}
	var nested map[string]map[string]string
	if err := yaml.Unmarshal(src, &nested); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for group, texts := range nested {
		for key, text := range texts {
			if _, twice := w[locale][group+"."+key]; twice {
				return fmt.Errorf("read %s: %s.%s stands twice", name, group, key)
			}
			w[locale][group+"."+key] = text
		}
	}
	return nil
}

// say is the text of a key, its {names} filled in from pairs. An unknown key is a fault of ours.
func (w words) say(locale, key string, pairs ...any) (string, error) {
	text, ok := w[locale][key]
	if !ok {
		return "", fmt.Errorf("no words for %q in %s", key, locale)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return text, nil
}

// word names one of an enumeration; what has no name stands as it is.
func (w words) word(locale, list, value string) string {
	if text, ok := w[locale][list+"."+value]; ok {
		return text
	}
	return value
}

// thousands puts separators into a whole number.
func thousands(n string) string {
	whole, fraction, dot := strings.Cut(n, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dot {
		whole += "." + fraction
	}
	return whole
}
