package console

import (
	"net/http"

	"tocsin/incident"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// reasonsModel is what is not owed, and why: the rules that one fact keeps from applying.
type reasonsModel struct {
	page
	forms
	Incident  incidentRow
	Open      []nearRow // facts are missing
	Near      []nearRow
	Decisions []decisionRow
	MayDecide bool
}

type nearRow struct {
	obligation.Explanation
	Link    string
	Decided bool // that nobody is told, or proposed
}

func (r *request) reasonsPage() error { return r.showReasons(http.StatusOK, nil) }

func (r *request) showReasons(status int, bad forms) error {
	id := incident.ID(r.Param("id"))
	v, err := r.incident(id)
	if err != nil {
		return err
	}
	m := &reasonsModel{page: r.page("reasons.title"), forms: bad, Incident: r.incidentRow(v.Incident), MayDecide: r.mayDecide()}
	m.Nav, m.Listen, m.Back = "incidents", string(id), "/incidents/"+string(id)+"/reasons"
	decided := map[string]bool{}
	for _, d := range v.Decisions {
		if d.Kind == playbooks.DecideNotNotify {
			m.Decisions = append(m.Decisions, r.decisionRow(d))
			decided[d.Rule] = decided[d.Rule] || d.Standing() || d.State == playbooks.DecisionProposed
		}
	}
	all, err := r.Playbooks.Explain(r.ctx(), r.scope, id, r.Locale)
	if err != nil && !incident.IsFault(err, incident.Invalid) { // contradictory facts derive nothing
		return err
	}
	for _, x := range all {
		row := nearRow{Explanation: x, Link: x.Source.URL, Decided: decided[x.ID]}
		switch x.Verdict {
		case obligation.Undecided:
			m.Open = append(m.Open, row)
		case obligation.NearMiss:
			m.Near = append(m.Near, row)
		}
	}
	r.show(status, "reasons", m)
	return nil
}

// proposeNone has it proposed that nobody is told under a rule, and that two people answer for it.
func (r *request) proposeNone() error {
	p, err := r.proposal()
	rule := r.PostForm("rule")
	if err == nil {
		_, err = r.Playbooks.ProposeNotNotify(r.ctx(), r.scope, incident.ID(r.Param("id")), rule, p)
	}
	if err != nil {
		return r.againReasons("none."+rule, err)
	}
	return r.done("/incidents/"+r.Param("id")+"/reasons", "proposed")
}

func (r *request) againReasons(name string, err error) error {
	bad := r.rejected(name, err)
	if bad == nil {
		return err
	}
	return r.showReasons(bad[name].Status, bad)
}
