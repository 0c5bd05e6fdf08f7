package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
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
	Ended      []dutyRow // met, lapsed, exempt
	Grades     []gradeRow
	Questions  []questionRow
	Aware      awareness
	Tasks      []taskRow
	DoneTasks  []taskRow
	Documents  []documentRow
	Audiences  []audienceRow
	Dispatches []dispatchRow
	Facts      []factLine
	Conflicts  []conflict
	Timeline   []entryRow
	NoDuty     []reasonRow
	Drafting   bool // a run has begun and its drafts are not there yet
	Now        string
}

type gradeRow struct {
	Scheme, Grade, Floor, Ceiling string
	Open                          bool
	Reasons, Flags                []string
}

type questionRow struct {
	Text    string
	Decides []string
	Field   factField
}

type reasonRow struct {
	Rule, Because string
	Undecided     bool
}

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
	v, err := r.Playbooks.Incident(r.ctx(), r.scope, id)
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
	m.Drafting = v.Run != nil && len(m.Documents) == 0
	m.Next = r.nextStep(m)
	r.show(status, "incident", m)
	return nil
}

// derived shows duties, grades and questions.
func (r *request) derived(m *incidentModel, v playbooks.View) {
	for _, d := range v.Duties {
		row := r.dutyRow(d, v.Duties)
		if row.Over {
			m.Ended = append(m.Ended, row)
		} else {
			m.Clocks = append(m.Clocks, row)
		}
	}
	slices.SortStableFunc(m.Clocks, func(a, b dutyRow) int { return byTime(a.by, b.by) })
	if v.Derivation == nil {
		return
	}
	result := v.Derivation.Result
	for _, g := range result.Grades {
		m.Grades = append(m.Grades, r.gradeRow(g))
	}
	for _, q := range result.OpenQuestions {
		m.Questions = append(m.Questions, r.questionRow(q, v))
	}
	for _, n := range result.NotApplied {
		m.NoDuty = append(m.NoDuty, reasonRow{Rule: n.ID, Because: cmp.Or(r.local(n.Texts), n.Because), Undecided: n.Undecided})
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

func (r *request) gradeRow(g obligation.Grade) gradeRow {
	row := gradeRow{Scheme: r.word("scheme", g.Scheme), Grade: g.Grade, Floor: r.word("grade", g.Floor), Ceiling: r.word("grade", g.Ceiling),
		Open: g.Floor != g.Ceiling, Reasons: g.Reasons[r.Locale], Flags: g.Flags}
	if row.Reasons == nil {
		row.Reasons = g.Because
	}
	return row
}

func (r *request) questionRow(q obligation.Question, v playbooks.View) questionRow {
	row := questionRow{Text: r.local(q.Text), Field: r.factField(q.Fact, v.Snapshot)}
	if row.Text == "" {
		row.Text = row.Field.Name
	}
	for _, d := range q.Decides {
		row.Decides = append(row.Decides, r.decided(d, v.Duties))
	}
	return row
}

// decided names what a question decides: a grading scheme, a duty, or nothing that we have rules for.
func (r *request) decided(id string, duties []playbooks.Duty) string {
	for _, d := range duties {
		if d.Obligation.ID == id {
			return r.local(d.Obligation.Title)
		}
	}
	id, _, _ = strings.Cut(id, ":")
	return r.word("scheme", id)
}

func (r *request) awareness(s incident.Snapshot) awareness {
	a := awareness{Default: r.input(r.now)}
	at := func(path string) *moment {
		text, _ := s.Facts[path].Value.(string)
		if m, ok := incident.ParseMoment(text); ok {
			return r.at(&m.Earliest)
		}
		return nil
	}
	a.FirstSignal = at("first_signal_at")
	if a.Decided = at("aware_at"); a.Decided != nil {
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

// documentRow is a notice or report in a list.
type documentRow struct {
	ID, Title, To string
	Kind          templates.Kind
	State         notify.DocumentState
	Due           *moment // the nearest legal deadline of the duties it meets
	Aim           *moment // the operator's own time, where it is another one
	Gaps, Needed  int
	Stale         bool
	Channels      []string
	CanApprove    bool
	by            *time.Time
}

func (r *request) documentRow(d notify.DocumentView, duties []playbooks.Duty) documentRow {
	row := documentRow{ID: d.ID, Title: r.local(d.Title), Kind: d.Kind, State: d.State, Gaps: gaps(d), Needed: d.Needed,
		Stale: len(d.Stale) > 0, Channels: d.Channels, CanApprove: d.CanApprove}
	if d.Addressee != "" {
		row.To = r.addressee(d.Addressee)
	}
	if over(d.State) {
		return row
	}
	law := deadline(d, duties)
	row.Due, row.by = r.until(law), law
	if aim := d.Policy.Deadline; aim != nil && (law == nil || !aim.Equal(*law)) {
		row.Aim = r.until(aim)
		if law == nil {
			row.by = aim
		}
	}
	return row
}

// deadline is the nearest legal one among the duties that a document meets.
func deadline(d notify.DocumentView, duties []playbooks.Duty) (first *time.Time) {
	for _, duty := range duties {
		if slices.Contains(d.Duties, duty.ID) && duty.State != obligation.Lapsed && byTime(duty.Obligation.Deadline, first) < 0 {
			first = duty.Obligation.Deadline
		}
	}
	return first
}

// gaps counts requirements that are not met in any locale, each once.
func gaps(d notify.DocumentView) int {
	open := map[string]bool{}
	for _, g := range d.Gaps {
		open[g.Requirement.ID] = true
	}
	return len(open)
}

// over says that a document's life has ended.
func over(s notify.DocumentState) bool {
	return s == notify.DocDispatched || s == notify.DocFiled || s == notify.DocWithdrawn
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

// latest are the newest entries of the incident's ledger, newest first.
func (r *request) latest(id incident.ID) ([]entryRow, error) {
	var tail []evidence.Entry
	for after := int64(0); ; {
		page, err := r.Playbooks.Timeline(r.ctx(), r.scope, id, after, 500)
		if err != nil || len(page) == 0 {
			return r.entryRows(tail), err
		}
		tail = append(tail, page...)
		tail = tail[max(0, len(tail)-newest):]
		after = page[len(page)-1].Seq
		if len(page) < 500 {
			return r.entryRows(tail), nil
		}
	}
}

const newest = 12 // entries on the incident's page
