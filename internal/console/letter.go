package console

import (
	"net/http"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/playbooks"
)

// responseModel is what an incident's handling leaves beside duties: letters in, the emergency plan, the
// grounds of relief.
type responseModel struct {
	page
	forms
	Incident incidentRow
	Letters  []letterRow
	Plan     *planRow
	Relief   []groundRow
	Complete bool
	Senders  []pick // authorities that may write
	Kinds    []playbooks.LetterKind
	Now      string
}

// letterRow is a letter from an authority with what it stands against.
type letterRow struct {
	ID, Kind, From, Reference, Text, AskedBy, State, By string
	Received, Due, Answered                             *moment
	Via, Receipt, Answer                                string
	File                                                *playbooks.Proof
	Duty                                                string
	Conflicts                                           []conflictRow
}

type conflictRow struct {
	Duty, Title, To, Why string
	Due                  *moment
}

type planRow struct {
	Name, Version, Level, By string
	At, Ended                *moment
}

// groundRow is one ground of relief.
type groundRow struct {
	ID, Title string
	Say       *factField // what only a person can say about it
	Facts     []decidedFact
	Duties    []reliefRow
	Evidence  []playbooks.Proof
	Missing   []string
}

type reliefRow struct {
	Title, To, State string
	Due, Met         *moment
	Timely, Late     bool
}

func (r *request) responsePage() error { return r.showResponse(http.StatusOK, nil) }

func (r *request) showResponse(status int, bad forms) error {
	id := incident.ID(r.Param("id"))
	v, err := r.incident(id)
	if err != nil {
		return err
	}
	relief, err := r.Playbooks.Relief(r.ctx(), r.scope, id)
	if err != nil {
		return err
	}
	m := &responseModel{page: r.page("response.title"), forms: bad, Incident: r.incidentRow(v.Incident), Complete: relief.Complete, Now: r.input(r.now),
		Kinds: []playbooks.LetterKind{playbooks.LetterOrder, playbooks.LetterQuestions, playbooks.LetterSummons, playbooks.LetterHold, playbooks.LetterFeedback, playbooks.LetterOther}}
	m.Nav, m.Back, m.Listen = "incidents", "/incidents/"+string(id)+"/response", string(id)
	m.Senders = r.senders(v.Duties)
	for _, l := range v.Letters {
		m.Letters = append(m.Letters, r.letterRow(l))
	}
	m.Plan = r.plan(v.Snapshot)
	for _, g := range relief.Grounds {
		m.Relief = append(m.Relief, r.groundRow(g, v.Snapshot))
	}
	r.show(status, "response", m)
	return nil
}

// plan is the emergency plan as it was activated; nil when none was.
func (r *request) plan(s incident.Snapshot) *planRow {
	at := factMoment(s, "plan_activated_at")
	if at == nil {
		return nil
	}
	text := func(name string) string {
		if v, ok := s.Facts["plan."+name].Value.(string); ok {
			return v
		}
		return r.tr("facts.unknown")
	}
	return &planRow{Name: text("name"), Version: text("version"), Level: text("level"), By: text("by"), At: r.at(at), Ended: r.at(factMoment(s, "anchors.plan-ended"))}
}

func factMoment(s incident.Snapshot, path string) *time.Time {
	text, _ := s.Facts[path].Value.(string)
	if m, ok := incident.ParseMoment(text); ok {
		return &m.Earliest
	}
	return nil
}

func (r *request) letterRow(l playbooks.LetterView) letterRow {
	row := letterRow{ID: l.ID, Kind: string(l.Kind), From: r.addressee(l.Authority), Reference: l.Reference, Text: l.Text, AskedBy: l.AskedBy, State: l.State,
		By: r.person(l.RecordedBy), Received: r.at(&l.ReceivedAt), Due: r.until(l.DueAt), Answered: r.at(l.AnsweredAt), Via: l.Via, Receipt: l.Receipt,
		Answer: l.Answer, File: l.File, Duty: l.Duty}
	for _, c := range l.Conflicts {
		row.Conflicts = append(row.Conflicts, conflictRow{Duty: c.Duty, Title: r.local(c.Title), To: r.addressee(c.Addressee), Why: r.local(c.Why), Due: r.until(c.Deadline)})
	}
	return row
}

// reliefWords are the facts that say in words what speaks for a ground.
var reliefWords = map[string]string{"protection": "relief.protection", "plan": "relief.handled", "reduced": "relief.reduced"}

func (r *request) groundRow(g playbooks.ReliefGround, facts incident.Snapshot) groundRow {
	row := groundRow{ID: g.ID, Title: r.local(g.Title), Evidence: g.Evidence}
	if path := reliefWords[g.ID]; path != "" {
		field := r.factField(path, facts)
		row.Say = &field
	}
	row.Facts = r.decidedFacts(g.Facts)
	for _, d := range g.Duties {
		row.Duties = append(row.Duties, reliefRow{Title: r.local(d.Title), To: r.addressee(d.Addressee), State: string(d.State), Due: r.at(d.Deadline), Met: r.at(d.MetAt),
			Timely: d.InTime != nil && *d.InTime, Late: d.InTime != nil && !*d.InTime})
	}
	for _, missing := range g.Missing {
		row.Missing = append(row.Missing, r.local(missing))
	}
	return row
}

// receiveLetter records what an authority wrote.
func (r *request) receiveLetter() error {
	n := playbooks.NewLetter{Kind: playbooks.LetterKind(r.PostForm("kind")), Authority: r.PostForm("authority"), Reference: r.PostForm("reference"),
		ReceivedAt: r.formAt("received_at"), DueAt: r.formTime("due_at"), HoldUntil: r.formTime("hold_until"), Text: r.PostForm("text"), AskedBy: r.PostForm("asked_by")}
	var err error
	if n.File, err = r.attachment("file"); err == nil {
		_, err = r.Playbooks.ReceiveLetter(r.ctx(), r.scope, incident.ID(r.Param("id")), n)
	}
	if err != nil {
		return r.againResponse("letter", err)
	}
	return r.done("/incidents/"+r.Param("id")+"/response#letters", "letter")
}

// answerLetter records how a letter was answered.
func (r *request) answerLetter() error {
	letter := r.Param("id")
	a := playbooks.Answer{At: r.formAt("at"), Via: r.PostForm("via"), Receipt: r.PostForm("receipt"), Text: r.PostForm("text")}
	var l playbooks.LetterView
	var err error
	if a.File, err = r.attachment("file"); err == nil {
		l, err = r.Playbooks.AnswerLetter(r.ctx(), r.scope, letter, a)
	}
	if err != nil {
		r.Params = append(r.Params[:0:0], paramID(r.PostForm("incident")))
		return r.againResponse("answer."+letter, err)
	}
	return r.done(letterAt(l.Letter), "answered")
}

// letterAt is where a letter is shown.
func letterAt(l playbooks.Letter) string {
	return "/incidents/" + string(l.Incident) + "/response#letter-" + l.ID
}

// activatePlan records which emergency plan was started, when, by whom.
func (r *request) activatePlan() error {
	p := playbooks.Plan{Name: r.PostForm("name"), Version: r.PostForm("version"), Level: r.PostForm("level"), By: r.PostForm("by"), At: r.formAt("at")}
	if _, err := r.Playbooks.ActivatePlan(r.ctx(), r.scope, incident.ID(r.Param("id")), p, strings.TrimSpace(r.PostForm("reason"))); err != nil {
		return r.againResponse("plan", err)
	}
	return r.done("/incidents/"+r.Param("id")+"/response#plan", "plan")
}

// sayGround records what speaks for a ground of relief.
func (r *request) sayGround() error {
	path := reliefWords[r.PostForm("ground")]
	facts, problems := r.readFacts(r.Request.PostForm, []string{path})
	if len(facts) == 0 && len(problems) == 0 {
		problems = []incident.Problem{{Pointer: "/facts", Rule: "required", Message: r.tr("facts.required")}}
	}
	err := error(nil)
	if len(problems) > 0 {
		err = incident.InvalidInput(problems)
	} else {
		_, err = r.Playbooks.Amend(r.ctx(), r.scope, incident.ID(r.Param("id")), 0, incident.Amendment{Source: incident.SourcePerson, At: r.Clock.Now(), Facts: facts})
	}
	if err != nil {
		return r.againResponse("ground."+r.PostForm("ground"), err)
	}
	return r.done("/incidents/"+r.Param("id")+"/response#relief", "fact")
}

// endPlan records that the response under the plan has ended.
func (r *request) endPlan() error {
	if _, err := r.Playbooks.EndPlan(r.ctx(), r.scope, incident.ID(r.Param("id")), r.formAt("ended_at"), strings.TrimSpace(r.PostForm("reason"))); err != nil {
		return r.againResponse("plan-end", err)
	}
	return r.done("/incidents/"+r.Param("id")+"/response#plan", "plan-ended")
}

func (r *request) againResponse(name string, err error) error {
	bad := r.rejected(name, err)
	if bad == nil {
		return err
	}
	return r.showResponse(bad[name].Status, bad)
}

// reliefExport is the grounds of relief as a page to hand over.
func (r *request) reliefExport() error {
	relief, err := r.Playbooks.Relief(r.ctx(), r.scope, incident.ID(r.Param("id")))
	if err != nil {
		return err
	}
	html, err := relief.HTML(r.Locale)
	return r.printed(html, err)
}
