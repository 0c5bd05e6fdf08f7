package console

import (
	"net/http"
	"strings"

	"tocsin/incident"
	"tocsin/notify"
	"tocsin/playbooks"
)

const rows = 25 // of a list on one page

type incidentRow struct {
	ID, Title, Grade, Severity string
	State                      incident.State
	Mode                       incident.Mode
	Next                       *moment
	At                         *moment
}

func (v *viewer) incidentRow(i incident.Incident) incidentRow {
	row := incidentRow{ID: string(i.ID), Title: i.Title, Grade: i.Grade, Severity: i.Severity, State: i.State, Mode: i.Mode, At: v.at(&i.CreatedAt)}
	if i.State == incident.Open {
		row.Next = v.until(i.NextAt)
	}
	return row
}

type incidentListModel struct {
	page
	Rows []incidentRow
	More string // cursor of the next page
	Part bool   // not the first page
}

func (r *request) incidentList() error {
	list, err := r.Playbooks.Incidents(r.ctx(), r.scope, incident.Page{After: r.Query("after"), Limit: rows + 1})
	if err != nil {
		return err
	}
	m := &incidentListModel{page: r.page("incidents.title"), Part: r.Query("after") != ""}
	m.Nav, m.Listen = "incidents", "*"
	if len(list) > rows {
		list = list[:rows]
		m.More = string(list[rows-1].ID)
	}
	for _, i := range list {
		m.Rows = append(m.Rows, r.incidentRow(i))
	}
	r.show(http.StatusOK, "incidents", m)
	return nil
}

type approvalRow struct {
	documentRow
	Incident incidentRow
	Why      string // why the viewer may not approve; "" when they may
	By       string
}

type approvalsModel struct {
	page
	Rows []approvalRow
	More string
}

// approvals is the queue of what waits for approval, by deadline.
func (r *request) approvals() error {
	list, err := r.Notify.Queue(r.ctx(), r.scope, incident.Page{After: r.Query("after"), Limit: rows + 1})
	if err != nil {
		return err
	}
	m := &approvalsModel{page: r.page("approvals.title")}
	m.Nav, m.Listen = "approvals", "*"
	if len(list) > rows {
		list = list[:rows]
		m.More = list[rows-1].ID
	}
	of := map[incident.ID]playbooks.View{}
	for _, d := range list {
		v, err := r.remember(of, d.Incident)
		if err != nil {
			return err
		}
		m.Rows = append(m.Rows, approvalRow{documentRow: r.documentRow(d, v.Duties), Incident: r.incidentRow(v.Incident), Why: r.whyNot(d), By: r.submitter(d)})
	}
	r.show(http.StatusOK, "approvals", m)
	return nil
}

func (v *viewer) whyNot(d notify.DocumentView) string {
	if d.WhyNot == "" {
		return ""
	}
	return v.word("why", d.WhyNot)
}

func (v *viewer) submitter(d notify.DocumentView) string {
	if d.Submitter == "" {
		return v.tr("people.system")
	}
	return v.person(d.Submitter)
}

// remember reads an incident once for a list.
func (r *request) remember(of map[incident.ID]playbooks.View, id incident.ID) (playbooks.View, error) {
	if v, ok := of[id]; ok {
		return v, nil
	}
	v, err := r.incident(id)
	if err == nil {
		of[id] = v
	}
	return v, err
}

type taskRow struct {
	ID, Kind, Title, Team, Document, Note, By string
	State                                     string
	Link                                      string // where it is done, when not here
	Mine                                      bool   // for one of the viewer's teams
	Due, Done                                 *moment
	Asks                                      []factField
	Incident                                  incidentRow
	People                                    int64 // whom a substitute notice is for
	List                                      string
	Law                                       []lawRow
}

type lawRow struct{ Text, Law, Article, Link string }

func (r *request) taskRow(t playbooks.Task, facts incident.Snapshot) taskRow {
	row := taskRow{ID: t.ID, Kind: t.Kind, Title: r.local(t.Title), Team: r.word("team", t.Assign), Document: t.Document, State: t.State,
		Note: t.Note, Due: r.until(t.DueAt), Done: r.at(t.DoneAt)}
	switch {
	case t.Decision != "":
		row.Link = "/decisions/" + t.Decision
	case t.Letter != "":
		row.Link = "/incidents/" + string(t.Incident) + "/response#letter-" + t.Letter
	case t.Rules != "":
		row.Link = "/incidents/" + string(t.Incident) + "/rules"
	case t.Kind == playbooks.TaskSubstitute:
		row.People, row.List = t.People, "/dispatches/"+t.Dispatch+"?list=unreachable#list"
		for _, n := range t.Law {
			row.Law = append(row.Law, lawRow{Text: r.local(n.Text), Law: n.Source.Title, Article: n.Source.Article, Link: n.Source.URL})
		}
	case t.Document != "":
		row.Link = "/documents/" + t.Document
	}
	if t.DoneBy != "" {
		row.By = r.person(t.DoneBy)
	}
	for _, team := range r.User.Teams {
		row.Mine = row.Mine || strings.EqualFold(team, t.Assign)
	}
	if t.State == playbooks.TaskOpen {
		for _, path := range t.Asks {
			row.Asks = append(row.Asks, r.factField(path, facts))
		}
	}
	return row
}

type tasksModel struct {
	page
	Rows []taskRow
	More string
}

// tasks lists what waits for people, over all incidents.
func (r *request) tasks() error {
	list, err := r.Playbooks.Tasks(r.ctx(), r.scope, incident.Page{After: r.Query("after"), Limit: rows + 1})
	if err != nil {
		return err
	}
	m := &tasksModel{page: r.page("tasks.title")}
	m.Nav, m.Listen = "tasks", "*"
	if len(list) > rows {
		list = list[:rows]
		m.More = list[rows-1].ID
	}
	of := map[incident.ID]playbooks.View{}
	for _, t := range list {
		v, err := r.remember(of, t.Incident)
		if err != nil {
			return err
		}
		row := r.taskRow(t, incident.Snapshot{})
		row.Incident = r.incidentRow(v.Incident)
		m.Rows = append(m.Rows, row)
	}
	r.show(http.StatusOK, "tasks", m)
	return nil
}
