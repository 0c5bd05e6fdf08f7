package playbooks

import (
	"slices"
	"strings"

	"tocsin/notify"
	"tocsin/templates"
)

// duties are what a document meets: all that are owed, but once it is submitted only those that it was
// submitted for.
func duties(g group, have notify.Document) (ids []string) {
	frozen := have.State == notify.DocSubmitted || have.State == notify.DocApproved
	for _, d := range g.live() {
		if !frozen || slices.Contains(have.Duties, d.ID) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// policy is what the document must satisfy: the union of what its duties require, by whom it is approved,
// and how it is filed. A supplement is asked only for what is still open.
func (r *runner) policy(def *stepDef, g group, row Step) notify.Policy {
	p := notify.Policy{Quorum: def.doc.approvals(highest(r.in.derived.Result.Grades)), Teams: def.doc.teams,
		Proof: def.doc.proof, Via: def.doc.via, Deadline: row.DueAt}
	for _, d := range g.live() {
		for _, q := range d.Obligation.Requirements {
			if !slices.Contains(p.Requirements, q) {
				p.Requirements = append(p.Requirements, q)
			}
		}
	}
	if def.repeat {
		left := r.leftOpen(def, g)
		open := func(q templates.Requirement) bool { return slices.Contains(left, q.Block) }
		if slices.ContainsFunc(p.Requirements, open) {
			p.Requirements = slices.DeleteFunc(p.Requirements, func(q templates.Requirement) bool { return !open(q) })
		}
	}
	switch def.doc.kind {
	case templates.Report:
		p.Standing = r.standing(g)
	case templates.Notice:
		p.AtOnce, p.Transfers = atOnce(g), r.transfers()
	}
	return p
}

// atOnce is the article by which a group's notice cannot wait for the morning: the law's title (its name in
// English) and the article, which is the last word.
func atOnce(g group) string {
	for _, d := range g.live() {
		if u := d.Obligation.Urgency; u == "immediate" || u == "prompt" {
			s := d.Obligation.Source
			if s.Gloss != "" {
				s.Title += " (" + s.Gloss + ")"
			}
			return strings.TrimSpace(s.Title + " " + s.Article)
		}
	}
	return ""
}

// transfers are the legal bases that the operator has recorded, by provider and where people live.
func (r *runner) transfers() map[string]string {
	var out map[string]string
	for _, t := range r.in.profile.Transfers {
		if out == nil {
			out = map[string]string{}
		}
		out[notify.TransferKey(t.Provider, t.From)] = t.Basis
	}
	return out
}

// standing are the authorisations to file what a group owes before it is approved.
func (r *runner) standing(g group) (out []notify.Standing) {
	for _, a := range r.in.profile.Standing {
		named := func(d *Duty) bool { return slices.Contains(a.Rules, d.Obligation.ID) }
		if slices.ContainsFunc(g.live(), named) {
			out = append(out, notify.Standing{Teams: []string{a.Team}, Until: &a.Until})
		}
	}
	return out
}

// channels are the step's, in the operator's order and without those the operator does not have. A public
// page needs no provider.
func (r *runner) channels(def *stepDef) []string {
	if def.doc.kind == templates.Report {
		return nil
	}
	want := def.doc.channels
	if len(want) == 0 {
		t, _ := r.catalog.Template(def.doc.template)
		want = t.Channels
	}
	if len(r.in.profile.Channels) == 0 {
		return want
	}
	var out []string
	for _, c := range r.in.profile.Channels {
		if slices.Contains(want, c) {
			out = append(out, c)
		}
	}
	if slices.Contains(want, templates.Announcement) && !slices.Contains(out, templates.Announcement) {
		out = append(out, templates.Announcement)
	}
	return out
}
