package obligation

import (
	"slices"
	"strings"

	"tocsin/templates"
)

// submittedPrefix begins the anchors that the filing of another duty's report starts.
const submittedPrefix = "submitted:"

// Rule is a duty as the rules have it, before there is any incident.
type Rule struct {
	ID        string
	Off       bool
	Voluntary bool
	Repeats   bool
	Rows      []Row
}

// Row is one addressee of a rule as written: its name may hold a placeholder in braces.
type Row struct {
	Addressee string
	Kind      string // report, notice, task
	Repeats   bool
	MetBy     []string
	// Requirements are the items that its document must answer; the operator's promises come on top.
	Requirements []templates.Requirement
}

// Rules lists every rule in order of id, those that are switched off included.
func (e *Engine) Rules() []Rule {
	out := make([]Rule, 0, len(e.law.rules))
	for _, r := range e.law.rules {
		rule := Rule{ID: r.ID.text, Off: r.Off != nil, Voluntary: r.Voluntary}
		for _, to := range r.To {
			row := Row{Addressee: to.Name, Kind: to.Kind, MetBy: to.MetBy, Repeats: to.Repeats}
			if row.Kind == "" {
				row.Kind = r.Kind
			}
			if row.MetBy == nil {
				row.MetBy = r.MetBy
			}
			for _, item := range to.items {
				row.Requirements = append(row.Requirements, item.Requirement)
			}
			rule.Rows, rule.Repeats = append(rule.Rows, row), rule.Repeats || row.Repeats
		}
		out = append(out, rule)
	}
	slices.SortFunc(out, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Follows reports whether some clock starts, or ends, with the filing of a rule's report.
func (e *Engine) Follows(rule string) bool {
	filed := func(a located) bool { return a.text == submittedPrefix+rule }
	return slices.ContainsFunc(e.law.rules, func(r *ruleDef) bool {
		caps := func(p *periodDef) bool { return p != nil && p.Cap != nil && filed(p.Cap.Anchor) }
		return slices.ContainsFunc(r.To, func(to *addresseeDef) bool {
			return slices.ContainsFunc(to.Anchor, filed) || filed(to.Until) || caps(to.Deadline) || caps(to.LegalLimit)
		})
	})
}
