package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// incidentModel is one incident as a responder sees it.
type incidentModel struct {
	page
	forms
	Row        incidentRow
	Summary    string
	Source     incident.Source
	Revision   int64
	Next       nextStep
	Clocks     []dutyRow
	Groups     []clockGroup // Clocks as they are read: with a number, without one, not yet started, voluntary
	Ended      []dutyRow    // met, lapsed, exempt
	Grades     []gradeRow
	Questions  []questionRow
	MoreAsked  []questionRow // those that decide less: folded away
	MoreOpen   bool          // one of them holds a fault
	Aware      awareness
	Tasks      []taskRow
	DoneTasks  []taskRow
	Documents  []documentRow
	Papers     []paperGroup // Documents as they are read
	Audiences  []audienceRow
	Dispatches []dispatchRow
	Facts      []factLine
	Conflicts  []conflict
	Timeline   []entryRow
	NoDuty     []reasonRow
	Entrusted  bool     // the operator processes for customers
	NewRules   bool     // newer rules wait for a decision
	Files      []string // on the server, that can be imported
	FromServer bool     // an import directory is configured
	Drafting   bool     // a run has begun and its drafts are not there yet
	Now        string
}

// Asked is how many questions are open.
func (m *incidentModel) Asked() int { return len(m.Questions) + len(m.MoreAsked) }

type questionRow struct {
	Text    string
	Decides []string // the first few
	More    int      // further ones
	Field   factField
}

type reasonRow struct {
	Rule, Title, Because string
}

// How much of a long list is read at once.
const (
	questionsAtOnce = 8
	decidesAtOnce   = 3
)

// awareness is the decision when we knew.
type awareness struct {
	Decided     *moment
	By          string
	FirstSignal *moment
	Default     string // for the input
}

func (r *request) incidentPage() error { return r.showIncident(http.StatusOK, nil) }

// showIncident shows the page, with forms that hold faults.
func (r *request) showIncident(status int, bad forms) error {
	id := incident.ID(r.Param("id"))
	v, err := r.incident(id)
	if err != nil {
		return err
	}
	m := &incidentModel{page: r.page("incident.title"), forms: bad, Row: r.incidentRow(v.Incident), Summary: v.Incident.Summary,
		Source: v.Incident.Source, Revision: v.Incident.Revision, Now: r.input(r.now)}
	m.Title, m.Nav, m.Listen = v.Incident.Title, "incidents", string(id)
	m.Back = "/incidents/" + string(id)
	r.derived(m, v)
	for _, t := range v.Tasks {
		if t.State == playbooks.TaskOpen {
			m.Tasks = append(m.Tasks, r.taskRow(t, v.Snapshot))
		} else {
			m.DoneTasks = append(m.DoneTasks, r.taskRow(t, v.Snapshot))
		}
	}
	m.Facts, m.Conflicts = r.factLines(v)
	m.Aware = r.awareness(v.Snapshot)
	if err := r.papers(m, v); err != nil {
		return err
	}
	m.Entrusted = v.Snapshot.Facts["role"].Value == "entrusted" || len(playbooks.Customers(v.Snapshot)) > 0
	m.NewRules = slices.ContainsFunc(v.Tasks, func(t playbooks.Task) bool { return t.Rules != "" && t.State == playbooks.TaskOpen })
	m.Papers = groupPapers(m.Documents)
	if r.Can("work") {
		if m.Files, m.FromServer, err = r.Notify.ImportFiles(r.scope); err != nil {
			r.Log.ErrorContext(r.ctx(), "files on the server cannot be listed", "error", err)
		}
	}
	m.Drafting = v.Run != nil && len(m.Documents) == 0
	m.Next = r.nextStep(m)
	r.show(status, "incident", m)
	return nil
}

// derived shows duties, grades and questions.
func (r *request) derived(m *incidentModel, v playbooks.View) {
	for _, d := range v.Duties {
		row := r.dutyRow(d)
		if row.Over {
			m.Ended = append(m.Ended, row)
		} else {
			m.Clocks = append(m.Clocks, row)
		}
	}
	slices.SortStableFunc(m.Clocks, func(a, b dutyRow) int { return byTime(a.by, b.by) })
	m.Groups = groupClocks(m.Clocks)
	if v.Derivation == nil {
		return
	}
	result := v.Derivation.Result
	for _, g := range result.Grades {
		m.Grades = append(m.Grades, r.gradeRow(g))
	}
	for i, q := range result.OpenQuestions {
		row := r.questionRow(q, v)
		if i < questionsAtOnce {
			m.Questions = append(m.Questions, row)
			continue
		}
		m.MoreAsked = append(m.MoreAsked, row)
		m.MoreOpen = m.MoreOpen || m.Form("fact."+q.Fact) != nil
	}
	for _, n := range result.NotApplied {
		if !n.Off {
			m.NoDuty = append(m.NoDuty, reasonRow{Rule: n.ID, Title: r.ruleTitle(n.ID), Because: cmp.Or(r.local(n.Texts), n.Because)})
		}
	}
}

// byTime puts the nearest first and what has no time last.
func byTime(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return a.Compare(*b)
}

func (r *request) questionRow(q obligation.Question, v playbooks.View) questionRow {
	row := questionRow{Text: r.local(q.Text), Field: r.factField(q.Fact, v.Snapshot)}
	if row.Text == "" {
		row.Text = row.Field.Name
	}
	for _, id := range q.Decides {
		if name := r.decided(id, v.Derivation.Result.Grades); !slices.Contains(row.Decides, name) {
			row.Decides = append(row.Decides, name)
		}
	}
	if row.More = len(row.Decides) - decidesAtOnce; row.More > 0 {
		row.Decides = row.Decides[:decidesAtOnce]
	}
	return row
}

// decided names what a question decides: a grading scheme, a duty, or nothing that we have rules for.
func (r *request) decided(id string, grades []obligation.Grade) string {
	for _, g := range grades {
		if g.Scheme == id {
			return r.gradeRow(g).Scheme
		}
	}
	rule, _, _ := strings.Cut(id, ":")
	if title := r.ruleTitle(rule); title != rule {
		return title
	}
	return r.word("scheme", rule)
}

// ruleTitle is a rule by its title, the id where there is none.
func (r *request) ruleTitle(id string) string { return cmp.Or(r.local(r.rules()[id].Title), id) }

func (r *request) awareness(s incident.Snapshot) awareness {
	a := awareness{Default: r.input(r.now)}
	a.FirstSignal = r.at(factMoment(s, "first_signal_at"))
	if a.Decided = r.at(factMoment(s, "aware_at")); a.Decided != nil {
		a.By = r.actor(s.Facts["aware_at"].Actor)
	}
	return a
}

// input is an instant as a datetime-local input takes it.
func (v *viewer) input(t time.Time) string { return t.In(v.zone).Format("2006-01-02T15:04") }

// papers reads what goes out: documents, audiences, dispatches, and the newest of the ledger.
func (r *request) papers(m *incidentModel, v playbooks.View) error {
	id := v.Incident.ID
	documents, err := r.Notify.Documents(r.ctx(), r.scope, id)
	if err != nil {
		return err
	}
	for _, d := range documents {
		m.Documents = append(m.Documents, r.documentRow(d, v.Duties))
	}
	slices.SortStableFunc(m.Documents, func(a, b documentRow) int { return byTime(a.by, b.by) })
	audiences, err := r.Notify.Audiences(r.ctx(), r.scope, id)
	if err != nil {
		return err
	}
	for _, a := range audiences {
		m.Audiences = append(m.Audiences, r.audienceRow(a))
	}
	dispatches, err := r.Notify.Dispatches(r.ctx(), r.scope, id)
	if err != nil {
		return err
	}
	for _, d := range dispatches {
		m.Dispatches = append(m.Dispatches, r.dispatchRow(d))
	}
	entries, err := r.latest(id)
	m.Timeline = entries
	return err
}

// decideAwareness is a person's decision when we became aware.
func (r *request) decideAwareness() error {
	reason := r.PostForm("reason")
	facts, problems := incident.CheckFacts(map[string]any{"aware_at": r.readTime(r.PostForm("aware_at"))}, "")
	if len(problems) > 0 {
		return r.again("aware", incident.InvalidInput(problems))
	}
	a := incident.Amendment{Source: incident.SourcePerson, At: r.Clock.Now(), Reason: reason, Facts: facts}
	if _, err := r.Playbooks.Amend(r.ctx(), r.scope, incident.ID(r.Param("id")), 0, a); err != nil {
		return r.again("aware", err)
	}
	return r.done("/incidents/"+r.Param("id")+"#aware", "aware")
}

// answerFact answers one open question, or corrects one fact.
func (r *request) answerFact() error {
	path := r.PostForm("path")
	facts, problems := r.readFacts(r.Request.PostForm, []string{path})
	if r.PostForm("unknown") != "" {
		facts, problems = []incident.FactInput{{Path: path}}, nil
	} else if len(facts) == 0 && len(problems) == 0 {
		problems = []incident.Problem{{Pointer: "/facts", Rule: "required", Message: r.tr("facts.required")}}
	}
	if len(problems) > 0 {
		return r.again("fact."+path, incident.InvalidInput(problems))
	}
	a := incident.Amendment{Source: incident.SourcePerson, At: r.Clock.Now(), Reason: r.PostForm("reason"), Facts: facts}
	if _, err := r.Playbooks.Amend(r.ctx(), r.scope, incident.ID(r.Param("id")), 0, a); err != nil {
		return r.again("fact."+path, err)
	}
	return r.done("/incidents/"+r.Param("id")+"#questions", "fact")
}

// closeHandling ends the handling of the incident.
func (r *request) closeHandling() error {
	var at time.Time
	if m, ok := incident.ParseMoment(r.readTime(r.PostForm("closed_at"))); ok {
		at = m.Earliest
	}
	if _, err := r.Playbooks.Close(r.ctx(), r.scope, incident.ID(r.Param("id")), at, r.PostForm("reason")); err != nil {
		return r.again("close", err)
	}
	return r.done("/incidents/"+r.Param("id"), "closed")
}

// completeTask ends a task; it stands on its incident's page.
func (r *request) completeTask() error {
	facts, problems := r.readFacts(r.Request.PostForm, r.Request.PostForm["asks"])
	id := r.PostForm("incident")
	err := error(nil)
	if len(problems) > 0 {
		err = incident.InvalidInput(problems)
	} else {
		_, err = r.Playbooks.CompleteTask(r.ctx(), r.scope, r.Param("id"), r.PostForm("note"), facts)
	}
	if err != nil {
		name := "task." + r.Param("id")
		r.Params = append(r.Params[:0:0], paramID(id))
		return r.again(name, err)
	}
	return r.done("/incidents/"+id+"#tasks", "task")
}

// again shows the incident's page with what was typed and what is wrong with it.
func (r *request) again(name string, err error) error {
	bad := r.rejected(name, err)
	if bad == nil {
		return err
	}
	return r.showIncident(bad[name].Status, bad)
}

// evidencePack streams the proof of the incident.
func (r *request) evidencePack() error {
	id := incident.ID(r.Param("id"))
	if _, err := r.Playbooks.Timeline(r.ctx(), r.scope, id, 0, 1); err != nil {
		return err
	}
	r.Header("Content-Type", "application/zip")
	r.Header("Content-Disposition", `attachment; filename="`+string(id)+`.zip"`)
	if err := r.Playbooks.WriteEvidence(r.ctx(), r.scope, id, r.Writer); err != nil {
		r.Log.ErrorContext(r.ctx(), "evidence pack was cut short", "incident", id, "error", err)
		panic(http.ErrAbortHandler) // nobody may take half a pack for a whole one
	}
	return nil
}
