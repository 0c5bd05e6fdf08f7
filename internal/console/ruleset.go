package console

import (
	"net/http"
	"strings"

	"tocsin/incident"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// rulesetModel is what a newer rule set would change in an incident.
type rulesetModel struct {
	page
	forms
	Incident                  incidentRow
	Held, Current             string
	Same, Unreadable          bool
	Appear, Disappear, Change []rulesetRow
	Grades                    []rulesetGrade
	Task                      string // that asks; ending it keeps the rules in use
}

type rulesetRow struct {
	Title, To, Rule string
	Before, After   *moment
	Differs         []string
}

type rulesetGrade struct{ Scheme, Before, After string }

func (r *request) rulesetPage() error { return r.showRuleset(http.StatusOK, nil) }

func (r *request) showRuleset(status int, bad forms) error {
	id := incident.ID(r.Param("id"))
	v, err := r.incident(id)
	if err != nil {
		return err
	}
	d, err := r.Playbooks.Ruleset(r.ctx(), r.scope, id)
	if err != nil {
		return err
	}
	m := &rulesetModel{page: r.page("ruleset.title"), forms: bad, Incident: r.incidentRow(v.Incident), Held: short(d.Held), Current: d.Current, Same: d.Same, Unreadable: d.Unreadable,
		Appear: r.rulesetRows(d.Appear), Disappear: r.rulesetRows(d.Disappear), Change: r.rulesetRows(d.Change)}
	m.Nav, m.Back = "incidents", "/incidents/"+string(id)+"/rules"
	for _, g := range d.Grades {
		m.Grades = append(m.Grades, r.rulesetGrade(g, v.Derivation))
	}
	for _, t := range v.Tasks {
		if t.State == playbooks.TaskOpen && t.Rules == d.Current {
			m.Task = t.ID
		}
	}
	r.show(status, "ruleset", m)
	return nil
}

// rulesetGrade is a grade before and after, by the names that the present derivation has for them.
func (r *request) rulesetGrade(g playbooks.RulesetGrade, d *playbooks.Derivation) rulesetGrade {
	row := rulesetGrade{r.word("scheme", g.Scheme), r.tr("facts.none"), r.tr("facts.none")}
	if g.Before != "" {
		row.Before = r.word("grade", g.Before)
	}
	if g.After != "" {
		row.After = r.word("grade", g.After)
	}
	if d == nil {
		return row
	}
	for _, now := range d.Result.Grades {
		if named := r.gradeRow(now); now.Scheme == g.Scheme {
			row.Scheme = named.Scheme
			if g.Before == now.Floor {
				row.Before = named.Floor
			}
		}
	}
	return row
}

// short is enough of a hash to tell it from another.
func short(hash string) string { return hash[:min(12, len(hash))] }

func (r *request) rulesetRows(list []playbooks.RulesetDuty) (rows []rulesetRow) {
	for _, d := range list {
		row := rulesetRow{Title: r.local(d.Title), To: r.addressee(d.Addressee), Rule: d.Rule}
		at := func(o *obligation.Obligation) *moment {
			if o == nil {
				return nil
			}
			return r.at(o.Deadline)
		}
		row.Before, row.After = at(d.Before), at(d.After)
		for _, what := range d.Differs {
			row.Differs = append(row.Differs, r.word("differs", what))
		}
		rows = append(rows, row)
	}
	return rows
}

// acceptRuleset moves the incident to the rules that the person has seen.
func (r *request) acceptRuleset() error {
	if _, err := r.Playbooks.AcceptRuleset(r.ctx(), r.scope, incident.ID(r.Param("id")), r.PostForm("version"), strings.TrimSpace(r.PostForm("reason"))); err != nil {
		bad := r.rejected("accept", err)
		if bad == nil {
			return err
		}
		return r.showRuleset(bad["accept"].Status, bad)
	}
	return r.done("/incidents/"+r.Param("id"), "ruleset")
}
