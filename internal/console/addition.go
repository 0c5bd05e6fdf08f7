package console

import (
	"cmp"
	"slices"

	"tocsin/notify"
	"tocsin/templates"
)

// additionRow is the same notice to people who were found later.
type additionRow struct {
	Document documentRow
	People   int64
	Dispatch *dispatchRow
}

// additions reads who is told later, and what the next addition leaves out.
func (r *request) additions(m *dispatchModel, p notify.Progress, d notify.DocumentView) error {
	if p.Audience == "" {
		return nil // only published: whoever comes later finds it there
	}
	all, err := r.Notify.Documents(r.ctx(), r.scope, p.Incident)
	if err != nil {
		return err
	}
	audiences, err := r.Notify.Audiences(r.ctx(), r.scope, p.Incident)
	if err != nil {
		return err
	}
	m.First = cmp.Or(d.Extends, d.ID)
	for _, a := range all {
		if a.Extends != m.First || a.ID == d.ID {
			continue
		}
		row := additionRow{Document: r.documentRow(a, nil)}
		if i := slices.IndexFunc(audiences, func(x notify.Audience) bool { return x.ID == a.Audience }); i >= 0 {
			row.People = audiences[i].Total
		}
		if i := slices.IndexFunc(p.Additions, func(x notify.Progress) bool { return x.Notice == a.ID }); i >= 0 {
			sent := r.dispatchRow(p.Additions[i])
			row.Dispatch = &sent
		}
		m.Additions = append(m.Additions, row)
	}
	m.Base = lastTold(m.First, all)
	return nil
}

// lastTold is the newest audience that a notice or one of its additions is for.
func lastTold(notice string, all []notify.DocumentView) string {
	var last notify.DocumentView
	for _, d := range all {
		given := d.State == notify.DocWithdrawn || d.State == notify.DocReturned
		if (d.ID == notice || d.Extends == notice && !given) && (last.ID == "" || d.CreatedAt.After(last.CreatedAt)) {
			last = d
		}
	}
	return last.Audience
}

// addressed finds what an audience can be told: the drafts it can be planned for, and the dispatched notices that
// it can be added to because it leaves out whom they are for.
func (r *request) addressed(m *audienceModel, a notify.Audience) error {
	if a.State != notify.Ready || a.Frozen || a.Total == 0 || !r.Can("work") {
		return nil
	}
	all, err := r.Notify.Documents(r.ctx(), r.scope, a.Incident)
	for _, d := range all {
		switch {
		case d.Kind != templates.Notice || d.Extends != "":
		case d.State == notify.DocDraft && a.Base == "":
			m.Drafts = append(m.Drafts, r.documentRow(d, nil))
		case d.State == notify.DocDispatched && a.Base != "" && lastTold(d.ID, all) == a.Base:
			m.Adds = append(m.Adds, r.documentRow(d, nil))
		}
	}
	return err
}

// extend asks for approval of the same notice to people who were found later.
func (r *request) extend() error {
	d, err := r.Notify.Extend(r.ctx(), r.scope, r.Param("id"), r.PostForm("audience"))
	if err != nil {
		return r.againDocument("extend", err)
	}
	return r.done("/documents/"+d.ID, "extended")
}
