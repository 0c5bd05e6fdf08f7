package templates

import (
	"regexp"
	"strconv"
)

// statute matches what law files write for a place in a statute: 7, 7(1), 7 para 2.
var statute = regexp.MustCompile(`^(\d+)(?: para (\d+))?(?:\((\d+)\))?$`)

// Article words a place in a law: article, paragraph and item of a statute, or an annex. What is none of
// these, such as clause 10.2 of a standard, stays as it is.
func Article(place, locale string) string {
	w := builtinWords()
	if place == "annex" {
		return w.say("annex", locale)
	}
	parts := statute.FindStringSubmatch(place)
	if parts == nil {
		return place
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
