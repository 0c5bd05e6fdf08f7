package obligation

import (
	"slices"
	"strings"
	"time"

	"tocsin/incident"
)

// questions collects the unknown facts that decide something.
type questions struct {
	law   *law
	order []*question
	byKey map[string]*question
}

type question struct {
	Question
	weight int
}

// ask notes that facts would decide something.
func (q *questions) ask(facts []string, decides string, weight int) {
	for _, fact := range facts {
		if strings.HasPrefix(fact, openGrade) {
			continue // the scheme asks for the facts behind a grade itself
		}
		q.add(fact, decides, weight, q.law.vocabulary.question(fact))
	}
}

func (q *questions) add(fact, decides string, weight int, text words) {
	known := q.byKey[fact]
	if known == nil {
		known = &question{Question: Question{Fact: fact, Decides: []string{}, Text: text}}
		if q.byKey == nil {
			q.byKey = map[string]*question{}
		}
		q.byKey[fact] = known
		q.order = append(q.order, known)
	}
	if !slices.Contains(known.Decides, decides) {
		known.Decides = append(known.Decides, decides)
	}
	known.weight += weight
}

// list puts first what decides most.
func (q *questions) list() []Question {
	slices.SortStableFunc(q.order, func(a, b *question) int {
		if a.weight != b.weight {
			return b.weight - a.weight
		}
		return strings.Compare(a.Fact, b.Fact)
	})
	out := make([]Question, len(q.order))
	for i, x := range q.order {
		out[i] = x.Question
	}
	return out
}

// uncovered asks about countries and sectors for which this rule set has no researched rules.
func (d *derivation) uncovered() {
	if d.facts.get("kind").text != "incident" {
		return
	}
	cover := d.law.coverage
	covered := func(code string) bool {
		return slices.ContainsFunc(cover.Regions, func(r string) bool { return d.law.regions.within(code, r) })
	}
	for _, code := range sortedKeys(d.facts.residence) {
		if n := d.facts.residence[code]; (n.lo >= 1 || !n.known) && !covered(code) {
			d.questions.add("jurisdictions."+code, "counsel:"+code, 0, named(cover.Country, code))
		}
	}
	for _, c := range d.facts.get("processed_in").items {
		if !covered(c.text) {
			d.questions.add("processed_in", "counsel:"+c.text, 0, named(cover.Country, c.text))
		}
	}
	for _, s := range d.facts.get("profile.sectors").items {
		if !slices.Contains(cover.Sectors, s.text) {
			d.questions.add("profile.sectors", "counsel:"+s.text, 0, named(cover.Sector, s.text))
		}
	}
}

func named(w words, code string) words {
	out := words{}
	for l, s := range w {
		out[l] = strings.ReplaceAll(s, "{code}", code)
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
