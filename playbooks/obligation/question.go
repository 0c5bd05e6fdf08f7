package obligation

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/templates"
)

// tier is what an answer is good for; the lowest is asked first.
type tier int

const (
	decidesDuty  tier = iota // whether a duty is owed
	decidesGrade             // only how high the grade is
	forCounsel               // nothing in this rule set
)

// questions collects the unknown facts that decide something.
type questions struct {
	facts   *factSet
	order   []*question
	byKey   map[string]*question
	waiting map[string][]string // scheme → rules that wait for its grade
}

type question struct {
	Question
	tier   tier
	weight int // how many conditions it settles
}

func newQuestions(facts *factSet) *questions {
	return &questions{facts: facts, byKey: make(map[string]*question, 64), waiting: map[string][]string{}}
}

// ask notes that facts would decide something.
func (q *questions) ask(facts []string, decides string, t tier) {
	if q == nil {
		return
	}
	for _, fact := range facts {
		if scheme, ok := strings.CutPrefix(fact, openGrade); ok { // the scheme asks for the facts behind it
			q.waiting[scheme] = with(q.waiting[scheme], decides)
			continue
		}
		q.add(fact, decides, t)
	}
}

// words are the question, with what is known of the answer already.
func (q *questions) words(fact string) words {
	ask := q.facts.vocabulary.question(fact)
	def := q.facts.vocabulary.byPath[fact]
	switch {
	case def == nil:
		return named(ask, fact[strings.LastIndex(fact, ".")+1:]) // a key of a map, such as jurisdictions.CN
	case def.Is != "number":
		return ask
	}
	v := q.facts.get(fact)
	if v.known || v.lo <= 0 {
		return ask
	}
	out := words{}
	for locale, s := range ask {
		out[locale] = s + fmt.Sprintf(soFar.in(locale), show(v, def.Is, locale))
	}
	return out
}

var soFar = words{"en": " (known so far: %s)", "zh-Hans": "（目前已知：%s）"}

// with adds to a list of our own what it does not hold; the last entry is the likeliest.
func with(list []string, entry string) []string {
	if len(list) > 0 && list[len(list)-1] == entry || slices.Contains(list, entry) {
		return list
	}
	return append(list, entry)
}

func (q *questions) add(fact, decides string, t tier) *question {
	known := q.byKey[fact]
	if known == nil {
		known = &question{Question: Question{Fact: fact, Decides: make([]string, 0, 4), Text: q.words(fact)}, tier: t}
		q.byKey[fact] = known
		q.order = append(q.order, known)
	}
	known.Decides = with(known.Decides, decides)
	known.tier = min(known.tier, t)
	known.weight++
	return known
}

// list puts first what decides a duty, also by way of a grade; among those the plain facts, which responders
// know, before the grading guide's own, which they must judge; then what settles most.
func (q *questions) list() []Question {
	for _, scheme := range sortedKeys(q.waiting) {
		for _, x := range q.order {
			if slices.Contains(x.Decides, scheme) {
				x.Decides, x.tier = union(x.Decides, q.waiting[scheme]), decidesDuty
			}
		}
	}
	slices.SortFunc(q.order, func(a, b *question) int {
		return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(judged(a.Fact), judged(b.Fact)), cmp.Compare(b.weight, a.weight), strings.Compare(a.Fact, b.Fact))
	})
	out := make([]Question, len(q.order))
	for i, x := range q.order {
		out[i] = x.Question
	}
	return out
}

func judged(fact string) int {
	if strings.HasPrefix(fact, "grading.") {
		return 1
	}
	return 0
}

// uncovered asks about countries and sectors for which this rule set has no researched rules. A sector is
// researched in a country only by a file that covers both.
func (d *derivation) uncovered() {
	if d.facts.get("kind").text != "incident" {
		return
	}
	var countries []string
	country := func(fact, code string) {
		at, _, _ := strings.Cut(d.law.regions.jurisdiction(code), "-")
		switch {
		case !d.law.covered(code, ""):
			d.questions.counsel(fact, code, d.law.coverage.Country, code)
		case !slices.Contains(countries, at):
			countries = append(countries, at)
		}
	}
	for _, code := range d.facts.codes {
		if n := d.facts.residence[code]; n.lo >= 1 || !n.known {
			country("jurisdictions."+code, code)
		}
	}
	for _, c := range d.facts.get("profile.establishments").items {
		country("profile.establishments", c.text)
	}
	for _, c := range d.facts.get("processed_in").items {
		country("processed_in", c.text)
	}
	for _, s := range d.facts.get("profile.sectors").items {
		if len(countries) == 0 && !d.law.covered("", s.text) {
			d.questions.counsel("profile.sectors", s.text, d.law.coverage.Sector, s.text)
		}
		for _, code := range countries {
			if !d.law.covered(code, s.text) {
				d.questions.counsel("profile.sectors", code+":"+s.text, d.law.coverage.Sector, s.text, code)
			}
		}
	}
}

// covered says whether rules were researched for a region and a sector; "" stands for any.
func (l *law) covered(region, sector string) bool {
	return slices.ContainsFunc(l.covers, func(c *covered) bool {
		return (region == "" || slices.ContainsFunc(c.Regions, func(r string) bool { return l.regions.within(region, r) })) &&
			(sector == "" || slices.Contains(c.Sectors, sector))
	})
}

// counsel asks about what only counsel can say; one question names all the places or sectors of a fact.
func (q *questions) counsel(fact, decides string, ask words, codes ...string) {
	name := func(locale string) string {
		names := make([]string, len(codes))
		for i, c := range codes {
			if names[i] = templates.Name(c, locale); names[i] == "" {
				names[i] = c
			}
		}
		return strings.Join(names, " – ")
	}
	known, text := q.byKey[fact], words{}
	for _, locale := range locales {
		text[locale] = strings.ReplaceAll(ask.in(locale), "{code}", name(locale))
		if known == nil {
			continue
		}
		if before := words(known.Text).in(locale); !strings.Contains(before, text[locale]) {
			text[locale] = before + "\n" + text[locale]
		}
	}
	q.add(fact, "counsel:"+decides, forCounsel).Text = text
}

// named puts a code into words, by its name where it has one.
func named(w words, code string) words {
	out := words{}
	for l, s := range w {
		name := templates.Name(code, l)
		if name == "" {
			name = code
		}
		out[l] = strings.ReplaceAll(s, "{code}", name)
	}
	return out
}

// checkTargets refuses own times that cannot be read.
func checkTargets(targets map[string]string) []incident.Problem {
	var problems []incident.Problem
	for _, id := range sortedKeys(targets) {
		if _, ok := parsePeriod(targets[id]); !ok && targets[id] != "" {
			problems = append(problems, incident.Problem{Pointer: pointerTo("/profile/targets", id), Rule: "duration", Message: "expected a duration such as PT2H, P1D or 2h"})
		}
	}
	return problems
}

// parsePeriod reads an ISO 8601 duration of weeks, days, hours, minutes and seconds, or a Go duration.
func parsePeriod(s string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok {
		d, err := time.ParseDuration(s)
		return d, err == nil && d > 0
	}
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour}
	var total time.Duration
	n, digits := 0, false
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= '0' && c <= '9' && n < 1e6:
			n, digits = n*10+int(c-'0'), true
		case c == 'T' && !digits:
			units = map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}
		case digits && units[c] > 0:
			total += time.Duration(n) * units[c]
			n, digits = 0, false
		default:
			return 0, false
		}
	}
	return total, total > 0 && !digits
}
