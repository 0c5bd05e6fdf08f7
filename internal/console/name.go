package console

import (
	"slices"
	"strings"

	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Law names those to whom duties are owed.
type Law interface {
	AddresseeName(id string) map[string]string // per locale; the id itself where the rules have no name
}

// noAuthority are addressees that write no letters: people, and what is inside the house.
var noAuthority = []string{"individuals", "users", "guardians", "customers", "customer", "clients", "subscribers", "affected-bodies", "investors", "operator",
	"own-cyber-office", "breach-register", "overseas-recipient", "upstream-provider", "hkex-public", "regulators"}

// senders are the authorities that a letter can be from: first those that duties are owed to, then all that the
// rules name, at the operator's places.
func (r *request) senders(duties []playbooks.Duty) (out []pick) {
	add := func(id string) {
		base, _, _ := strings.Cut(id, ":")
		known := slices.ContainsFunc(out, func(p pick) bool { return p.Value == id })
		if !known && !slices.Contains(noAuthority, base) {
			out = append(out, pick{Value: id, Text: r.addressee(id)})
		}
	}
	for _, d := range duties {
		add(d.Obligation.Addressee)
	}
	first := len(out)
	profile, _, err := r.Playbooks.Profile(r.ctx(), r.scope)
	if err != nil {
		profile = obligation.Profile{} // the form offers fewer
	}
	for _, rule := range r.rules() {
		for _, id := range rule.Addressees {
			base, hole, _ := strings.Cut(id, ":")
			added := false
			for _, place := range profile.Establishments {
				country, _, region := strings.Cut(place, "-")
				if hole == "{province}" && region || hole == "{place}" && country != "CN" {
					add(base + ":" + place)
					added = true
				}
			}
			if !added && hole != "{place}" {
				add(base)
			}
		}
	}
	slices.SortFunc(out[first:], func(a, b pick) int { return strings.Compare(a.Text, b.Text) })
	return out
}

// addressee is who a duty is owed to, in words: provincial-cac:CN-SH.
func (r *request) addressee(id string) string {
	if name := r.named[id]; name != "" {
		return name
	}
	if r.Law != nil {
		if name := r.local(r.Law.AddresseeName(id)); name != id {
			return name
		}
	}
	kind, place, _ := strings.Cut(id, ":")
	if place == "" {
		return r.word("addressee", kind)
	}
	return r.tr("addressee.of", "name", r.word("addressee", kind), "place", r.region(place))
}

// addresseeOf is who an obligation is owed to, as the law's data names it.
func (r *request) addresseeOf(o obligation.Obligation) string {
	if name := r.local(o.AddresseeName); name != "" {
		return name
	}
	return r.addressee(o.Addressee)
}

// know keeps the names of those to whom an incident's duties are owed.
func (r *request) know(duties []playbooks.Duty) {
	if r.named == nil {
		r.named = map[string]string{}
	}
	for _, d := range duties {
		if name := r.local(d.Obligation.AddresseeName); name != "" {
			r.named[d.Obligation.Addressee] = name
		}
	}
}

// anchor is what starts a clock, in words: an instant, the filing of another duty's report, an authority's act.
func (r *request) anchor(anchor string) string {
	family, about, _ := strings.Cut(anchor, ":")
	switch {
	case about == "" && r.words[r.Locale]["anchor."+anchor] != "":
		return r.word("anchor", anchor)
	case about == "":
		return r.factName(anchor)
	case family == "submitted":
		rule, to, _ := strings.Cut(about, ":")
		name := r.tr("clock.submitted", "title", r.ruleTitle(rule))
		if to != "" {
			name += r.tr("list.comma") + r.addressee(to)
		}
		return name
	}
	return r.word("anchor-of", family) + r.tr("list.colon") + r.addressee(about)
}

// region is a place by its code.
func (v *viewer) region(code string) string {
	if name := v.words[v.Locale]["region."+code]; name != "" {
		return name
	}
	if name := templates.Name(code, v.Locale); name != "" {
		return name
	}
	return code
}

// valueWord is one of a fact's words, as people read it.
func (v *viewer) valueWord(path, value string) string {
	for _, key := range []string{"value." + path + "." + value, "value." + value} {
		if text := v.words[v.Locale][key]; text != "" {
			return text
		}
	}
	return v.region(value)
}

// gradeRow is what one grading scheme says.
type gradeRow struct {
	Scheme, Grade, Floor, Ceiling, Confidence, Note string
	Open                                            bool
	Reasons, Flags                                  []string
}

func (v *viewer) gradeRow(g obligation.Grade) gradeRow {
	row := gradeRow{Scheme: v.local(g.Title), Grade: g.Grade, Floor: v.local(g.GradeName), Ceiling: v.local(g.CeilingName),
		Confidence: g.Confidence, Note: v.local(g.Note), Open: g.Floor != g.Ceiling, Reasons: g.Reasons[v.Locale], Flags: g.Flags}
	if row.Scheme == "" {
		row.Scheme = v.word("scheme", g.Scheme)
	}
	if row.Floor == "" {
		row.Floor, row.Ceiling = v.word("grade", g.Floor), v.word("grade", g.Ceiling)
	}
	if row.Reasons == nil {
		row.Reasons = g.Because
	}
	return row
}
