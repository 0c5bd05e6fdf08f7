package templates

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Places in a law, as law files write them.
var (
	statute   = regexp.MustCompile(`^(\d+)(?: para (\d+))?(?:\((\d+)\))?$`)            // 7, 7(1), 7 para 2: a Chinese statute
	provision = regexp.MustCompile(`^(\d+[a-z]?)(?:\((\d+)\))?(?:\(([a-z]{1,4})\))?$`) // 33(1), 33(3)(a): any other law
)

// Article words a place in a law: article, paragraph and item of a statute, or an annex. What is none of
// these, such as clause 10.2 of a standard, stays as it is.
func Article(place, locale string) string { return ArticleOf("法", place, locale) }

// ArticleOf is Article for the law of that title: what is item 1 of an article in a Chinese statute is its
// paragraph 1 in a law of the EU.
func ArticleOf(law, place, locale string) string {
	w := builtinWords()
	if place == "annex" {
		return w.say("annex", locale)
	}
	chinese := strings.ContainsFunc(law, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	parts := statute.FindStringSubmatch(place)
	if parts == nil || !chinese && parts[2] == "" {
		if parts = provision.FindStringSubmatch(place); parts == nil {
			return place
		}
		if locale == "en" {
			return w.say("article", locale, "n", place)
		}
		if parts[3] != "" {
			parts[3] = "(" + parts[3] + ")"
		}
	}
	out := ""
	for i, id := range []string{"article", "paragraph", "item"} {
		if n := parts[i+1]; n != "" {
			if locale != "en" {
				n = hanzi(n)
			}
			out += w.say(id, locale, "n", n)
		}
	}
	return out
}

// hanzi writes a number below a hundred as Chinese statutes do; one beyond stays as it is.
func hanzi(number string) string {
	const digits, ten = "零一二三四五六七八九", "十"
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 99 {
		return number
	}
	out := ""
	if n >= 10 {
		out = ten
	}
	if n >= 20 {
		out = string([]rune(digits)[n/10]) + ten
	}
	if n%10 > 0 {
		out += string([]rune(digits)[n%10])
	}
	return out
}
