package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
)

// submit freezes a document and asks for approval.
func (r *request) submit() error {
	version, err := strconv.Atoi(r.PostForm("version"))
	if err == nil {
		_, err = r.Notify.Submit(r.ctx(), r.scope, r.Param("id"), version, r.PostForm("audience"))
	} else {
		err = incident.NewFault(incident.Stale, "the document has changed since you read it; read it again")
	}
	if err != nil {
		return r.againDocument("submit", err)
	}
	return r.done("/documents/"+r.Param("id"), "submitted")
}

// approve gives the person's yes to exactly the digest that was shown.
func (r *request) approve() error {
	if r.PostForm("read") == "" {
		return r.againDocument("approve", incident.InvalidInput([]incident.Problem{{Pointer: "/read", Rule: "required", Message: r.tr("document.confirm-read")}}))
	}
	d, err := r.Notify.Approve(r.ctx(), r.scope, r.Param("id"), r.PostForm("digest"), strings.TrimSpace(r.PostForm("note")))
	if err != nil {
		return r.againDocument("approve", err)
	}
	if d.State == notify.DocApproved {
		return r.done("/documents/"+d.ID, "approved")
	}
	return r.done("/documents/"+d.ID, "approval")
}

func (r *request) returnDocument() error {
	return r.decide("return", "returned", r.Notify.Return)
}

func (r *request) withdraw() error {
	return r.decide("withdraw", "withdrawn", r.Notify.Withdraw)
}

// decision is a use case that decides about a document with a reason.
type decision func(ctx context.Context, sc evidence.Scope, id, reason string) (notify.DocumentView, error)

func (r *request) decide(form, done string, do decision) error {
	if _, err := do(r.ctx(), r.scope, r.Param("id"), r.PostForm("reason")); err != nil {
		return r.againDocument(form, err)
	}
	return r.done("/documents/"+r.Param("id"), done)
}

// recordFiling notes how, when, by whom and to whom a report was filed.
func (r *request) recordFiling() error {
	proof, err := r.upload("file")
	if err == nil {
		_, err = r.Notify.RecordFiling(r.ctx(), r.scope, notify.Filing{Report: r.Param("id"), State: notify.FilingState(r.PostForm("state")),
			Via: strings.TrimSpace(r.PostForm("via")), Addressee: strings.TrimSpace(r.PostForm("addressee")), Contact: strings.TrimSpace(r.PostForm("contact")),
			Receipt: strings.TrimSpace(r.PostForm("receipt_number")), Note: strings.TrimSpace(r.PostForm("note")), FiledAt: r.formAt("filed_at"),
			Sealed: r.PostForm("sealed") != ""}, proof)
	}
	if err != nil {
		return r.againDocument("filing", err)
	}
	return r.done("/documents/"+r.Param("id")+"#filing", "filed")
}

type releaseModel struct {
	page
	forms
	Row      documentRow
	Incident incidentRow
	Audience *audienceRow
	Digest   string
	Ready    bool
	Previews []previewTab
	Locales  []string
	By       []approvalGiven
	Mode     incident.Mode
	Plan     *planModel
	Course   *courseModel
}

// confirmDispatch is the last page before what cannot be taken back.
func (r *request) confirmDispatch() error { return r.showRelease(http.StatusOK, nil) }

func (r *request) showRelease(status int, bad forms) error {
	d, err := r.Notify.Document(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	v, err := r.incident(d.Incident)
	if err != nil {
		return err
	}
	m := &releaseModel{page: r.page("release.title"), forms: bad, Row: r.documentRow(d, v.Duties), Incident: r.incidentRow(v.Incident), Digest: d.Digest.All,
		Ready: d.State == notify.DocApproved && r.Can("send"), Mode: v.Incident.Mode}
	m.Nav, m.Back = "incidents", "/documents/"+d.ID+"/dispatch"
	for _, a := range d.Approvals {
		m.By = append(m.By, approvalGiven{By: r.person(a.User), At: r.at(&a.At)})
	}
	m.Course = r.course(d.Course, d.Channels, false)
	if m.Plan, err = r.releasePlan(d); err != nil {
		return err
	}
	if d.Audience != "" {
		a, err := r.Notify.Audience(r.ctx(), r.scope, d.Audience)
		if err != nil {
			return err
		}
		row := r.audienceRow(a)
		m.Audience = &row
	}
	r.show(status, "release", m)
	return nil
}

// dispatch sends.
func (r *request) dispatch() error {
	bad := func(err error) error {
		if f := r.rejected("dispatch", err); f != nil {
			return r.showRelease(f["dispatch"].Status, f)
		}
		return err
	}
	if r.PostForm("sure") == "" {
		return bad(incident.InvalidInput([]incident.Problem{{Pointer: "/sure", Rule: "required", Message: r.tr("release.confirm")}}))
	}
	p, err := r.Notify.Dispatch(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return bad(err)
	}
	return r.done("/dispatches/"+p.ID, "")
}
