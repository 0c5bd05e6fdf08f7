package console

import (
	"net/http"
	"strings"

	"tocsin/incident"
	"tocsin/playbooks"
)

// decisionRow is what named people decided, or are asked to.
type decisionRow struct {
	ID, Kind, State, Reason  string
	Title                    string // of the duty, where the page is about several
	By, Second               string
	At, Decided, Until, Then *moment
	Exemption, Authority     string
	Reference                string
	Note, Ended, WhyNot      string
	StopsClock, CanConfirm   bool
	Mine                     bool // proposed by the viewer, who may take it back
	Evidence                 []playbooks.Proof
	Reopens                  []string
	Facts                    []decidedFact
}

type decidedFact struct {
	Name, Value string
}

func (r *request) decisionRow(d playbooks.DecisionView) decisionRow {
	row := decisionRow{ID: d.ID, Kind: string(d.Kind), State: string(d.State), Reason: d.Reason, By: r.person(d.ProposedBy), At: r.at(&d.ProposedAt),
		Decided: r.at(d.DecidedAt), Until: r.at(d.ExpiresAt), Then: r.at(d.Deadline), Reference: d.Reference, Note: d.Note,
		Ended: playbooks.Say(d.EndReason, r.Locale), WhyNot: r.said(d.WhyNot), StopsClock: d.StopsClock, CanConfirm: d.CanConfirm,
		Mine: d.State == playbooks.DecisionProposed && d.ProposedBy == r.User.ID, Evidence: d.Evidence, Title: r.ruleTitle(d.Rule)}
	if d.Authority != "" {
		row.Authority = r.addressee(d.Authority) // as somebody wrote it, where it is no addressee of ours
	}
	if d.DecidedBy != "" {
		row.Second = r.person(d.DecidedBy)
	}
	if d.Exemption != nil {
		row.Exemption = r.local(d.Exemption.Texts)
	}
	for _, why := range d.Reopens {
		row.Reopens = append(row.Reopens, r.local(why))
	}
	row.Facts = r.decidedFacts(d.Facts)
	return row
}

func (r *request) decidedFacts(facts []playbooks.RestingFact) (out []decidedFact) {
	for _, f := range facts {
		out = append(out, decidedFact{Name: r.factName(f.Path), Value: r.value(f.Path, f.Value)})
	}
	return out
}

// mayDecide tells who may propose a decision, or take one back.
func (r *request) mayDecide() bool { return r.Can("work") || r.Can("approve") }

// proposal is the first person's part of a decision.
func (r *request) proposal() (playbooks.Proposal, error) {
	p := playbooks.Proposal{Reason: strings.TrimSpace(r.PostForm("reason")), Exemption: r.PostForm("exemption"),
		Authority: strings.TrimSpace(r.PostForm("authority")), Reference: strings.TrimSpace(r.PostForm("reference")), Until: r.formTime("until")}
	file, err := r.attachment("file")
	if file != nil {
		p.Evidence = append(p.Evidence, *file)
	}
	return p, err
}

// proposeDecision has a decision about a duty proposed.
func (r *request) proposeDecision() error {
	p, err := r.proposal()
	kind := playbooks.DecisionKind(r.PostForm("kind"))
	if err == nil {
		_, err = r.Playbooks.Propose(r.ctx(), r.scope, r.Param("id"), kind, p)
	}
	if err != nil {
		return r.againDuty(string(kind), err)
	}
	return r.done("/duties/"+r.Param("id")+"#decisions", "proposed")
}

// decisionPage goes to where a decision is shown.
func (r *request) decisionPage() error {
	d, err := r.Playbooks.Decision(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	return r.done(decidedAt(d.Decision)+"#decision-"+d.ID, "")
}

// decidedAt is the page that a decision stands on: its duty's, or that of what is not owed.
func decidedAt(d playbooks.Decision) string {
	if d.Duty == "" {
		return "/incidents/" + string(d.Incident) + "/reasons"
	}
	return "/duties/" + d.Duty
}

// decideDecision is the second person's yes or no, or the first one's withdrawal.
func (r *request) decideDecision() error {
	if !r.mayDecide() {
		return incident.NewFault(incident.Forbidden, "only a named person can decide about a duty")
	}
	d, err := r.Playbooks.Decision(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	note, what := strings.TrimSpace(r.PostForm("note")), "confirmed"
	if r.PostForm("verdict") == "confirm" {
		_, err = r.Playbooks.ConfirmDecision(r.ctx(), r.scope, d.ID, note)
	} else {
		what = "refused"
		_, err = r.Playbooks.RefuseDecision(r.ctx(), r.scope, d.ID, note)
	}
	if err != nil {
		name := "decision." + d.ID
		if d.Duty == "" {
			r.Params = append(r.Params[:0:0], paramID(string(d.Incident)))
			return r.againReasons(name, err)
		}
		r.Params = append(r.Params[:0:0], paramID(d.Duty))
		return r.againDuty(name, err)
	}
	return r.done(decidedAt(d.Decision)+"#decision-"+d.ID, what)
}

// defence is the file that answers for a decision, to read and print.
func (r *request) defence() error {
	page, err := r.Playbooks.Defence(r.ctx(), r.scope, r.Param("id"))
	if err != nil {
		return err
	}
	html, err := page.HTML(r.Locale)
	return r.printed(html, err)
}

// printed shows a page of the domain's own, which brings its style and nothing else.
func (r *request) printed(html []byte, err error) error {
	if err != nil {
		return err
	}
	r.Header("Content-Security-Policy", previewPolicy)
	r.Data(http.StatusOK, "text/html; charset=utf-8", html)
	return nil
}
