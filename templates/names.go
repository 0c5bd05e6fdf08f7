package templates

import (
	"fmt"
	"strings"
)

// Name is a kind of data or a region in words, as documents print it; "" when there is none.
func Name(code, locale string) string {
	w := builtinWords()
	for _, table := range []map[string]said{w.Data, w.Business, w.Regions, w.Values["member"]} {
		if name := table[code][locale]; name != "" {
			return name
		}
	}
	return ""
}

// peopleIn names the number of people who live somewhere.
var peopleIn = said{"zh-Hans": "居住在%s的受影响人数", "en": "affected people who live in %s"}

// FactName is a fact's path in words; the path itself when there are none.
func FactName(path, locale string) string {
	if code, ok := strings.CutPrefix(path, "jurisdictions."); ok && code != "*" {
		if where := Name(code, locale); where != "" {
			return fmt.Sprintf(peopleIn[locale], where)
		}
	}
	if name := builtinWords().Facts[path][locale]; name != "" {
		return name
	}
	return path
}
