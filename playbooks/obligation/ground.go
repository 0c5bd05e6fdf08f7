package obligation

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"

	"tocsin/templates"
)

// AddresseeName is a row's addressee in words: its own id where the rules have no name for it.
func (e *Engine) AddresseeName(id string) map[string]string {
	base, place, _ := strings.Cut(id, ":")
	out := map[string]string{"en": id, "zh-Hans": id}
	known := e.law.addressees[base]
	if known == nil {
		return out
	}
	for locale := range out {
		out[locale] = known.Name.in(locale)
		if place != "" {
			out[locale] += bracket.in(locale) + cmp.Or(templates.Name(place, locale), place) + bracketed.in(locale)
		}
	}
	return out
}

// Addressees lists the authorities and others that the rules name, by the part before the colon.
func (e *Engine) Addressees() []string { return sortedKeys(e.law.addressees) }

// Ground is how one exemption of a rule stands with a set of facts.
type Ground struct {
	Exemption
	Holds bool     // its condition is true: it could apply
	Never bool     // the law or prudence rules it out here, such as for minors: it is not even proposed
	Open  []string // the facts that would decide its condition
}

// Grounds says how each exemption of a rule stands. An unknown rule, or facts that contradict each other,
// have none.
func (e *Engine) Grounds(in Input, rule string) []Ground {
	r := e.law.ruleOf(rule)
	if r == nil {
		return nil
	}
	d, problems := e.evaluate(in, duties)
	if len(problems) > 0 {
		return nil
	}
	out := make([]Ground, 0, len(r.Exemptions))
	for _, x := range r.Exemptions {
		v := x.test(d.scope)
		out = append(out, Ground{
			Exemption: x.named(), Holds: v.isTrue(), Never: x.never != nil && x.never(d.scope).isTrue(), Open: v.needs})
	}
	return out
}

// NotOwed says of each rule that gives no duty why it does not.
func (e *Engine) NotOwed(in Input) []Reason {
	result, _ := e.derive(in, explanation)
	return result.NotApplied
}

// gradedFrom are the plain facts that the facts of gradings default from.
var gradedFrom = []string{"people.count", "people.certainty", "data_event", "systems", "loss_cny"}

// RestsOn lists the facts of an incident that a rule, its exemptions and the grades they name read.
func (e *Engine) RestsOn(rule string) []string {
	r := e.law.ruleOf(rule)
	if r == nil {
		return nil
	}
	l := e.law
	found, done := map[string]bool{}, map[string]bool{}
	for _, c := range r.When {
		l.reads(c.If.text, found, done)
	}
	for _, to := range r.To {
		l.reads(to.If.text, found, done)
	}
	for _, x := range r.Exemptions {
		l.reads(x.If.text, found, done)
		l.reads(x.Never.text, found, done)
	}
	for _, a := range r.Anchor {
		found[a.text] = true
	}
	for _, path := range slices.Collect(maps.Keys(found)) {
		if strings.HasPrefix(path, "grading.") {
			for _, plain := range gradedFrom {
				found[plain] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// reads collects the facts that a condition names, through the conditions and grades that it names. A
// condition that does not compile has stopped the start before.
func (l *law) reads(src string, found, done map[string]bool) {
	if strings.TrimSpace(src) == "" || done[src] {
		return
	}
	done[src] = true
	checked, issues := l.env.Compile(src)
	if issues.Err() != nil {
		return
	}
	for _, ref := range checked.NativeRep().ReferenceMap() {
		l.readsName(ref, found, done)
	}
	for _, s := range l.schemes {
		if strings.Contains(src, `"`+s.ID+`"`) {
			for _, c := range s.Conditions {
				l.reads(c.If.text, found, done)
			}
		}
	}
}

func (l *law) readsName(ref *ast.ReferenceInfo, found, done map[string]bool) {
	if i, ok := l.defIndex[ref.Name]; ok {
		l.reads(l.defs[i].If.text, found, done)
		return
	}
	if f, ok := l.vocabulary.byPath[ref.Name]; ok && !f.ofProfile() {
		found[f.Path] = true
	}
	if slices.Contains(ref.OverloadIDs, "residents_in") {
		found["jurisdictions"] = true
	}
}

func (l *law) ruleOf(id string) *ruleDef {
	i := slices.IndexFunc(l.rules, func(r *ruleDef) bool { return r.ID.text == id })
	if i < 0 {
		return nil
	}
	return l.rules[i]
}
