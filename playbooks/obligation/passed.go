package obligation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tocsin/templates"
)

// passed is a rule that gave no duty, and why.
type passed struct {
	rule    *ruleDef
	results []*val   // of its conditions, once they are worded
	applied bool     // its conditions held
	expired bool     // not in force when its clock would have started
	ended   string   // the anchor that ends the duty, when it has happened
	missing []string // facts that would say who the addressees are
}

var (
	phraseJoin  = words{"en": "; ", "zh-Hans": "；"}
	notYetKnown = words{"en": "not yet known: ", "zh-Hans": "尚不清楚："}
	outOfForce  = words{"en": "was not in force when its clock would have started; in force from ", "zh-Hans": "起算时尚未施行或已失效；施行起始日："}
	noLonger    = words{"en": "no longer owed: this has happened: ", "zh-Hans": "不再需要：以下情形已经发生："}
	noAddressee = words{"en": "there is nobody whom it would have to be told", "zh-Hans": "没有需要告知的对象"}
)

// notApplied words the reasons why rules gave no duty; the ones that are off only when asked to explain.
func (d *derivation) notApplied() {
	for i := range d.passed {
		p := &d.passed[i]
		if d.replaced(p) {
			continue
		}
		reason := Reason{ID: p.rule.ID.text, Texts: words{}}
		missing := p.missing
		if !p.applied {
			for _, c := range p.rule.When {
				p.results = append(p.results, c.eval(d.scope))
			}
		}
		if !slices.ContainsFunc(p.results, (*val).isFalse) {
			for _, v := range p.results {
				missing = union(missing, v.needs)
			}
		}
		reason.Undecided = len(missing) > 0
		for _, locale := range locales {
			reason.Texts[locale] = p.in(d.scope, locale, missing)
		}
		reason.Because = reason.Texts["en"]
		d.result.NotApplied = append(d.result.NotApplied, reason)
	}
	if d.aim != explanation {
		return
	}
	for _, r := range d.law.rules {
		if r.Off != nil {
			d.result.NotApplied = append(d.result.NotApplied, Reason{ID: r.ID.text, Off: true, Because: r.Off["en"], Texts: r.Off})
		}
	}
}

// replaced says that another version of the rule tells more: one that is owed; else of those that are not the
// one that was in force when its clock started, the one in force today, the newest.
func (d *derivation) replaced(p *passed) bool {
	if p.rule.Valid == nil {
		return false // the only version
	}
	weight := func(x *passed) (n int) {
		if x.rule.Valid.holds(d.in.AsOf) {
			n++
		}
		if x.applied && !x.expired {
			n += 2
		}
		return n
	}
	return slices.ContainsFunc(d.result.Obligations, func(o Obligation) bool { return o.ID == p.rule.ID.text }) ||
		slices.ContainsFunc(d.passed, func(x passed) bool {
			if x.rule == p.rule || x.rule.ID.text != p.rule.ID.text {
				return false
			}
			a, b := weight(&x), weight(p)
			return a > b || a == b && x.rule.Valid.from.After(p.rule.Valid.from)
		})
}

// in says in words why the rule gave no duty.
func (p passed) in(s *scope, locale string, missing []string) string {
	if p.expired {
		text := outOfForce.in(locale) + p.rule.Valid.from.In(p.rule.zone).Format(time.DateOnly)
		if !p.rule.Valid.until.IsZero() {
			text += " – " + p.rule.Valid.until.In(p.rule.zone).Format(time.DateOnly)
		}
		return text
	}
	if p.ended != "" {
		return noLonger.in(locale) + anchorName(p.ended, locale)
	}
	var parts []string
	for i, v := range p.results {
		if v.isFalse() {
			parts = append(parts, p.rule.When[i].no.in(s, locale))
		}
	}
	if p.applied && len(missing) == 0 {
		parts = append(parts, noAddressee.in(locale))
	}
	if len(missing) > 0 {
		parts = append(parts, notYetKnown.in(locale)+strings.Join(factNames(missing, locale), listJoin[locale]))
	}
	return strings.Join(parts, phraseJoin[locale])
}

// factNames words the facts that a condition waits for; a grade is waited for like one.
func factNames(needs []string, locale string) []string {
	names := make([]string, len(needs))
	for i, n := range needs {
		if strings.HasPrefix(n, openGrade) {
			n = "grade"
		}
		names[i] = factName(n, locale)
	}
	return names
}

// factName is a fact in words; where people live is named with the place that is asked for.
func factName(path, locale string) string {
	key, ok := strings.CutPrefix(path, "jurisdictions")
	if !ok {
		return templates.FactName(path, locale)
	}
	name, code := templates.FactName("jurisdictions.*", locale), strings.TrimPrefix(key, ".")
	if code == "" {
		return name
	}
	return name + bracket.in(locale) + cmp.Or(templates.Name(code, locale), code) + bracketed.in(locale)
}
