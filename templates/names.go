package templates

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

// FactName is a fact's path in words; the path itself when there are none.
func FactName(path, locale string) string {
	if name := builtinWords().Facts[path][locale]; name != "" {
		return name
	}
	return path
}
