package portal

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
	"golang.org/x/text/language"
)

//go:embed words.yaml
var wordsFile []byte

// locales of the pages themselves; a notice may be there in others.
var locales = []string{"zh-Hans", "en"}

// words is every line a visitor can see, per locale.
type words map[string]map[string]string

func loadWords() (words, error) {
	w := words{}
	if err := yaml.UnmarshalWithOptions(wordsFile, &w, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read words: %w", err)
	}
	for id, said := range w {
		for _, l := range locales {
			if said[l] == "" {
				return nil, fmt.Errorf("read words: %s says nothing in %s", id, l)
			}
		}
	}
	return w, nil
}

// say is a line with {name} filled in from pairs of name and value.
func (w words) say(id, locale string, values ...string) (string, error) {
	line, ok := w[id][locale]
	if !ok || len(values)%2 != 0 {
		return "", fmt.Errorf("nothing is said for %q in %s", id, locale)
	}
	pairs := make([]string, len(values))
	for i, v := range values {
		if pairs[i] = v; i%2 == 0 {
			pairs[i] = "{" + v + "}"
		}
	}
	return strings.NewReplacer(pairs...).Replace(line), nil
}

// wanted are the languages a visitor asks for, the choice in the address first.
func wanted(c *gin.Context) []language.Tag {
	var tags []language.Tag
	if tag, err := language.Parse(c.Query("lang")); err == nil {
		tags = append(tags, tag)
	}
	accepted, _, err := language.ParseAcceptLanguage(c.GetHeader("Accept-Language"))
	if err != nil {
		return tags
	}
	return append(tags, accepted...)
}

// choose picks the best of what there is; otherwise says what stands there when nothing fits.
func choose(want []language.Tag, there []string, otherwise string) string {
	tags := make([]language.Tag, len(there))
	for i, l := range there {
		tags[i] = language.Make(l)
	}
	if len(want) > 0 && len(tags) > 0 {
		if _, i, sure := language.NewMatcher(tags).Match(want...); sure > language.No {
			return there[i]
		}
	}
	return otherwise
}

// pageLocale is Chinese for who says nothing, English for who asks for a language we do not speak.
func pageLocale(want []language.Tag) string {
	if len(want) == 0 {
		return "zh-Hans"
	}
	return choose(want, locales, "en")
}

// moment prints an instant in the organisation's zone, named.
func (w words) moment(t time.Time, zone, locale string) string {
	place, err := time.LoadLocation(zone)
	if err != nil {
		place = time.UTC
	}
	t = t.In(place)
	name := w["zone."+place.String()][locale]
	if name == "" {
		name = t.Format("UTC-07:00")
	}
	if locale == "en" {
		return t.Format("2 January 2006, 15:04") + " (" + name + ")"
	}
	return t.Format("2006年1月2日 15:04") + "（" + name + "）"
}
