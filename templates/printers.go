package templates

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/incident"
)

// printer prints known facts in the pen's locale; "" means that there are no words for them.
type printer func(p *pen, facts []incident.Fact) string

var printers = map[string]printer{
	"":         printText,
	"items":    printItems,
	"cause":    printCause,
	"measures": printMeasures,
	"kinds":    func(p *pen, f []incident.Fact) string { return bullets(p.kinds(f[0], false)) },
	"data":     func(p *pen, f []incident.Fact) string { return bullets(p.kinds(f[0], true)) },
	"list":     func(p *pen, f []incident.Fact) string { return p.sure(f[0], p.list(p.kinds(f[0], true))) },
	"name":     func(p *pen, f []incident.Fact) string { return p.sure(f[0], p.name(f[0].Value)) },
	"regions":  func(p *pen, f []incident.Fact) string { return p.list(p.regions(list(f[0].Value))) },
	"impact":   func(p *pen, f []incident.Fact) string { return p.follow(p.w.rules.Impact, f) },
	"advice":   func(p *pen, f []incident.Fact) string { return p.follow(p.w.rules.Advice, f) },
	"done":     printDone,
	"may":      word("may"),
	"category": word("category"),
	"grade":    printGrade,
	"when":     func(p *pen, f []incident.Fact) string { return p.moment(f[0], true) },
	"date":     func(p *pen, f []incident.Fact) string { return p.moment(f[0], false) },
	"number":   func(p *pen, f []incident.Fact) string { return p.sure(f[0], number(f[0].Value)) },
	"count":    printCount,
	"systems":  printSystems,
	"levels":   printLevels,
	"names":    func(p *pen, f []incident.Fact) string { return p.list(p.each(f[0], systemName)) },
	"places":   printPlaces,
	"members":  printMembers,
	"outages":  printOutages,
}

// printer finds a printer. A table of values is one too: it says each value in its words.
func (w *words) printer(name string) printer {
	if p, ok := printers[name]; ok {
		return p
	}
	if w.Values[name] == nil {
		return nil
	}
	return func(p *pen, f []incident.Fact) string {
		var out []string
		for _, v := range texts(f[0].Value) {
			said := p.w.Values[name][v][p.locale]
			if said == "" {
				return "" // a list must not be short
			}
			out = append(out, said)
		}
		if _, isList := f[0].Value.([]any); isList {
			return p.sure(f[0], p.list(out))
		}
		return p.sure(f[0], word(name)(p, f))
	}
}

// soft certainties are worded; a fact without one was stated plainly.
func soft(certainty string) bool {
	return !slices.Contains([]string{"", "exact", "certain", "confirmed", "known"}, certainty)
}

// sure marks what is only believed.
func (p *pen) sure(f incident.Fact, text string) string {
	if text == "" || !soft(f.Certainty) {
		return text
	}
	return fill(p.w.Certainty["belief"][p.locale], text)
}

func (p *pen) list(items []string) string {
	if p.locale != "en" {
		return strings.Join(items, "、")
	}
	if n := len(items); n > 1 {
		return strings.Join(items[:n-1], ", ") + " and " + items[n-1]
	}
	return strings.Join(items, "")
}

func bullets(items []string) string {
	if len(items) == 0 {
		return ""
	}
	return "- " + strings.Join(items, "\n- ")
}

func word(table string) printer {
	return func(p *pen, f []incident.Fact) string {
		v, _ := f[0].Value.(string)
		return p.w.Values[table][v][p.locale]
	}
}

// printGrade prints a grade in the words of its own scheme, else in those of the State's.
func printGrade(p *pen, f []incident.Fact) string {
	if own := p.graded[p.locale]; own != "" {
		return own
	}
	return word("grade")(p, f)
}

// printDone keeps "may have" for what a source only believes.
func printDone(p *pen, f []incident.Fact) string {
	if soft(f[0].Certainty) {
		return word("may")(p, f)
	}
	return word("done")(p, f)
}

func printText(p *pen, f []incident.Fact) string {
	if n := number(f[0].Value); n != "" {
		return p.sure(f[0], n)
	}
	return p.sure(f[0], in(f[0].Value, p.locale))
}

func printItems(p *pen, f []incident.Fact) string {
	return bullets(p.each(f[0], func(p *pen, v any) string { return in(v, p.locale) }))
}

// each prints the elements of a list that have words in the locale.
func (p *pen) each(f incident.Fact, say func(*pen, any) string) []string {
	var out []string
	for _, v := range list(f.Value) {
		if text := say(p, v); text != "" {
			out = append(out, text)
		}
	}
	return out
}

func printCause(p *pen, f []incident.Fact) string {
	cause, _ := f[0].Value.(map[string]any)
	text := in(cause["text"], p.locale)
	certainty, _ := cause["certainty"].(string)
	if text == "" || !soft(certainty) && !soft(f[0].Certainty) {
		return text
	}
	return fill(p.w.Certainty["believed"][p.locale], text)
}

func printMeasures(p *pen, f []incident.Fact) string {
	return bullets(p.each(f[0], func(p *pen, v any) string {
		m, ok := v.(map[string]any)
		if !ok {
			return in(v, p.locale)
		}
		text := in(m["text"], p.locale)
		if text == "" {
			return ""
		}
		if effect := in(m["effect"], p.locale); effect != "" {
			text = fill(p.w.Certainty["effect"][p.locale], strings.TrimRight(text, "。."), strings.TrimRight(effect, "。."))
		}
		if at, ok := m["taken_at"].(string); ok {
			if at = p.time(at, false); at != "" {
				text = fill(p.w.Certainty["taken"][p.locale], at, text)
			}
		}
		return text
	}))
}

// kinds names the kinds of data, those that are not about people only in a list of all. One without a
// name makes the list unprintable: it must not be short.
func (p *pen) kinds(f incident.Fact, all bool) []string {
	var out []string
	for _, k := range texts(f.Value) {
		name := p.w.Data[k][p.locale]
		business := p.w.Business[k][p.locale]
		switch {
		case name != "":
			out = append(out, name)
		case business == "":
			return nil
		case all:
			out = append(out, business)
		}
	}
	return out
}

// name is a proper name or an amount: it reads the same in every language it is not given in.
func (p *pen) name(v any) string {
	if n := number(v); n != "" {
		return n
	}
	if s, ok := v.(string); ok {
		return oneLine(s)
	}
	for _, l := range append([]string{p.locale}, locales...) {
		if s := in(v, l); s != "" {
			return s
		}
	}
	return ""
}

func (p *pen) regions(codes []any) []string {
	var out []string
	for _, c := range codes {
		code, _ := c.(string)
		name := cmp.Or(p.w.Regions[code][p.locale], p.w.Values["member"][code][p.locale], oneLine(code))
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// follow lists the rules that hold for the kinds of data and the event.
func (p *pen) follow(rules []rule, f []incident.Fact) string {
	event, _ := f[1].Value.(string)
	var out []string
	for _, r := range rules {
		if r.holds(texts(f[0].Value), event, p.laws) {
			out = append(out, r.Say[p.locale])
		}
	}
	return bullets(out)
}

// printMembers lists the Member States of the EU among jurisdictions.*, with the number of people in each.
func printMembers(p *pen, f []incident.Fact) string {
	var out []string
	for _, j := range f {
		name := p.w.Values["member"][strings.TrimPrefix(j.Path, "jurisdictions.")][p.locale]
		n := number(j.Value)
		switch {
		case name == "" || n == "0":
			continue
		case n == "":
			n = p.w.Certainty["no_number"][p.locale]
		}
		out = append(out, p.sure(j, p.about(name, []string{n})))
	}
	return bullets(out)
}

// printCount prints people.count as sure as people.certainty, or else the fact itself, says it is.
func printCount(p *pen, f []incident.Fact) string {
	certainty := f[0].Certainty
	stem, _ := strings.CutSuffix(f[0].Path, "count")
	if c, known := p.facts.Facts[stem+"certainty"]; known && c.Value != nil {
		certainty, _ = c.Value.(string)
		c.Path = stem + "certainty"
		p.used = append(p.used, c)
	}
	n := number(f[0].Value)
	switch {
	case n == "":
		return ""
	case !soft(certainty):
		certainty = "exact"
	case certainty != "at_least" && certainty != "unknown":
		certainty = "estimate"
	}
	return fill(p.w.Certainty[certainty][p.locale], n)
}
