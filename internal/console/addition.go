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

// extendable are the dispatched notices that an audience can be added to: it leaves out whom they are for.
func (r *request) extendable(a notify.Audience) ([]documentRow, error) {
	if a.State != notify.Ready || a.Frozen || a.Base == "" || a.Total == 0 || !r.Can("work") {
		return nil, nil
	}
	all, err := r.Notify.Documents(r.ctx(), r.scope, a.Incident)
	if err != nil {
		return nil, err
	}
	var out []documentRow
	for _, d := range all {
		if d.Kind == templates.Notice && d.State == notify.DocDispatched && d.Extends == "" && lastTold(d.ID, all) == a.Base {
			out = append(out, r.documentRow(d, nil))
		}
	}
	return out, nil
}

// extend asks for approval of the same notice to people who were found later.
func (r *request) extend() error {
	d, err := r.Notify.Extend(r.ctx(), r.scope, r.Param("id"), r.PostForm("audience"))
	if err != nil {
		return r.againDocument("extend", err)
	}
	return r.done("/documents/"+d.ID, "extended")
}
