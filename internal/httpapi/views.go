package httpapi

import (
	"bytes"
	"encoding/json"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

func each[A, B any](in []A, view func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = view(v)
	}
	return out
}

func decodeNumbers(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

type incidentView struct {
	ID        incident.ID     `json:"id"`
	Mode      incident.Mode   `json:"mode"`
	State     incident.State  `json:"state"`
	Title     string          `json:"title"`
	Summary   string          `json:"summary"`
	Severity  string          `json:"severity"`
	Source    incident.Source `json:"source"`
	Tags      []string        `json:"tags"`
	Revision  int64           `json:"revision"`
	Grade     string          `json:"grade,omitempty"`
	NextAt    *time.Time      `json:"next_deadline"`
	NextRule  string          `json:"next_rule,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

func viewIncident(i incident.Incident) incidentView {
	return incidentView{i.ID, i.Mode, i.State, i.Title, i.Summary, i.Severity, i.Source, i.Tags, i.Revision, i.Grade, i.NextAt, i.NextRule, i.CreatedAt, i.UpdatedAt}
}

type dutyView struct {
	ID   string `json:"id"`
	Rule string `json:"rule"`
	obligationView
	Reason    string     `json:"reason,omitempty"`
	MetBy     string     `json:"met_by_document,omitempty"`
	MetAt     *time.Time `json:"met_at"`
	DerivedAt time.Time  `json:"derived_at"`
}

// obligationView is an obligation without its id, which in a register is the rule.
type obligationView struct {
	Title          map[string]string       `json:"title"`
	Addressee      string                  `json:"addressee"`
	Urgency        string                  `json:"urgency"`
	Anchor         string                  `json:"anchor"`
	Start          *time.Time              `json:"start"`
	Deadline       *time.Time              `json:"deadline"`
	LegalLimit     *time.Time              `json:"legal_limit"`
	Target         *time.Time              `json:"target"`
	Provisional    bool                    `json:"provisional"`
	Imprecise      bool                    `json:"imprecise"`
	State          obligation.State        `json:"state"`
	ContentItems   []string                `json:"content_items"`
	Requirements   []templates.Requirement `json:"requirements"`
	Exempt         *obligation.Exemption   `json:"exempt"`
	Source         obligation.Source       `json:"source"`
	Confidence     string                  `json:"confidence"`
	ConfidenceNote string                  `json:"confidence_note,omitempty"`
	Because        []string                `json:"because"`
}

func viewDuty(d playbooks.Duty) dutyView {
	o := d.Obligation
	return dutyView{
		ID: d.ID, Rule: o.ID, Reason: d.Reason, MetBy: d.MetBy, MetAt: d.MetAt, DerivedAt: d.DerivedAt,
		obligationView: obligationView{o.Title, o.Addressee, o.Urgency, o.Anchor, o.Start, o.Deadline, o.LegalLimit, o.Target, o.Provisional, o.Imprecise,
			d.State, o.ContentItems, o.Requirements, o.Exempt, o.Source, o.Confidence, o.ConfidenceNote, o.Because},
	}
}

type stepView struct {
	ID       string              `json:"id"`
	Item     string              `json:"item,omitempty"`
	State    playbooks.StepState `json:"state"`
	Reason   string              `json:"reason,omitempty"`
	Document string              `json:"document,omitempty"`
	Task     string              `json:"task,omitempty"`
	DueAt    *time.Time          `json:"due_at"`
}

type runView struct {
	ID       string     `json:"id"`
	Playbook string     `json:"playbook"`
	Revision int        `json:"revision"`
	State    string     `json:"state"`
	Steps    []stepView `json:"steps,omitempty"`
}

func viewRun(r *playbooks.Run, steps []playbooks.Step) *runView {
	if r == nil {
		return nil
	}
	return &runView{r.ID, r.Playbook, r.Revision, r.State, each(steps, func(s playbooks.Step) stepView {
		return stepView{s.ID, s.Item, s.State, s.Reason, s.Document, s.Task, s.DueAt}
	})}
}

type reported struct {
	ID            incident.ID           `json:"id"`
	Created       bool                  `json:"created"`
	Revision      int64                 `json:"revision"`
	Grades        []obligation.Grade    `json:"grades"`
	Obligations   []dutyView            `json:"obligations"`
	OpenQuestions []obligation.Question `json:"open_questions"`
	NotApplied    []obligation.Reason   `json:"not_applied,omitempty"`
	Run           *runView              `json:"run"`
	Warnings      []incident.Problem    `json:"warnings,omitempty"`
}

func viewReported(r playbooks.Reported) reported {
	res := r.Derivation.Result
	return reported{ID: r.ID, Created: r.Created, Revision: r.Revision, Grades: res.Grades, Obligations: each(r.Duties, viewDuty),
		OpenQuestions: res.OpenQuestions, NotApplied: res.NotApplied, Run: viewRun(r.Run, nil), Warnings: r.Warnings}
}

type incidentWhole struct {
	incidentView
	Facts         map[string]any          `json:"facts"`
	History       []incident.Fact         `json:"history"`
	Disagreements []incident.Disagreement `json:"disagreements"`
	DerivedAt     *time.Time              `json:"derived_at"`
	Grades        []obligation.Grade      `json:"grades"`
	Obligations   []dutyView              `json:"obligations"`
	OpenQuestions []obligation.Question   `json:"open_questions"`
	NotApplied    []obligation.Reason     `json:"not_applied,omitempty"`
	Run           *runView                `json:"run"`
}

func viewWhole(v playbooks.View) incidentWhole {
	w := incidentWhole{incidentView: viewIncident(v.Incident), Facts: v.Snapshot.Object(), History: v.History, Disagreements: v.Snapshot.Disagreements,
		Obligations: each(v.Duties, viewDuty), Run: viewRun(v.Run, v.Steps)}
	if v.Derivation != nil {
		w.DerivedAt = &v.Derivation.At
		w.Grades, w.OpenQuestions, w.NotApplied = v.Derivation.Result.Grades, v.Derivation.Result.OpenQuestions, v.Derivation.Result.NotApplied
	}
	return w
}

type taskView struct {
	ID       string            `json:"id"`
	Incident incident.ID       `json:"incident"`
	Kind     string            `json:"kind"`
	Title    map[string]string `json:"title"`
	Assign   string            `json:"assign,omitempty"`
	Asks     []string          `json:"asks,omitempty"`
	Document string            `json:"document,omitempty"`
	DueAt    *time.Time        `json:"due_at"`
	State    string            `json:"state"`
	DoneBy   string            `json:"done_by,omitempty"`
	DoneAt   *time.Time        `json:"done_at"`
	Note     string            `json:"note,omitempty"`
}

func viewTask(t playbooks.Task) taskView {
	return taskView{t.ID, t.Incident, t.Kind, t.Title, t.Assign, t.Asks, t.Document, t.DueAt, t.State, t.DoneBy, t.DoneAt, t.Note}
}

type approvalView struct {
	User   string    `json:"user"`
	Digest string    `json:"digest"`
	Note   string    `json:"note,omitempty"`
	At     time.Time `json:"at"`
}

type documentView struct {
	ID           string               `json:"id"`
	Kind         templates.Kind       `json:"kind"`
	Incident     incident.ID          `json:"incident"`
	Title        map[string]string    `json:"title"`
	Addressee    string               `json:"addressee,omitempty"`
	Duties       []string             `json:"obligations"`
	Channels     []string             `json:"channels,omitempty"`
	Version      int                  `json:"version"`
	State        notify.DocumentState `json:"state"`
	Content      templates.Content    `json:"content"`
	FactRevision int64                `json:"fact_revision"`
	Stale        []string             `json:"stale,omitempty"`
	Policy       notify.Policy        `json:"policy"`
	Gaps         []templates.Gap      `json:"gaps"`
	Editors      []string             `json:"editors,omitempty"`
	Submitter    string               `json:"submitter,omitempty"`
	Audience     string               `json:"audience,omitempty"`
	Digest       notify.Digest        `json:"digest"`
	Approvals    []approvalView       `json:"approvals"`
	Needed       int                  `json:"approvals_needed"`
	CanApprove   bool                 `json:"can_approve"`
	WhyNot       string               `json:"why_not,omitempty"`
	ReturnReason string               `json:"return_reason,omitempty"`
	Filings      []notify.Filing      `json:"filings,omitempty"`
	Voided       []notify.Change      `json:"voided_by,omitempty"`
	UpdatedAt    time.Time            `json:"updated_at"`
}

func viewDocument(d notify.DocumentView) documentView {
	return documentView{d.ID, d.Kind, d.Incident, d.Title, d.Addressee, d.Duties, d.Channels, d.Version, d.State, d.Content, d.FactRevision, d.Stale, d.Policy,
		d.Gaps, d.Editors, d.Submitter, d.Audience, d.Digest,
		each(d.Approvals, func(a notify.Approval) approvalView { return approvalView{a.User, a.Digest, a.Note, a.At} }),
		d.Needed, d.CanApprove, d.WhyNot, d.ReturnReason, d.Filings, d.Voided, d.UpdatedAt}
}

type audienceView struct {
	ID         string               `json:"id"`
	Incident   incident.ID          `json:"incident"`
	State      notify.AudienceState `json:"state"`
	Format     string               `json:"format"`
	Rows       int64                `json:"rows"`
	Total      int64                `json:"total"`
	Rejected   int64                `json:"rejected"`
	Duplicates int64                `json:"duplicates"`
	ByChannel  map[string]int64     `json:"by_channel"`
	Root       string               `json:"root,omitempty"`
	Frozen     bool                 `json:"frozen"`
	Error      string               `json:"error,omitempty"`
	CreatedAt  time.Time            `json:"created_at"`
}

func viewAudience(a notify.Audience) audienceView {
	return audienceView{a.ID, a.Incident, a.State, a.Format, a.Rows, a.Total, a.Rejected, a.Duplicates, a.ByChannel, a.Root, a.Frozen, a.Error, a.CreatedAt}
}

type dispatchView struct {
	ID         string                      `json:"id"`
	Incident   incident.ID                 `json:"incident"`
	Notice     string                      `json:"notice"`
	Mode       incident.Mode               `json:"mode"`
	State      notify.DispatchState        `json:"state"`
	Reason     string                      `json:"reason,omitempty"`
	Channels   []string                    `json:"channels"`
	People     notify.Counts               `json:"people"`
	ByChannel  map[string]map[string]int64 `json:"by_channel"`
	Duplicates int64                       `json:"possible_duplicates"`
	Rate       float64                     `json:"rate"`
	ETA        *time.Time                  `json:"eta"`
	StartedAt  time.Time                   `json:"started_at"`
	StartedBy  string                      `json:"started_by"`
	EndedAt    *time.Time                  `json:"ended_at"`
}

func viewDispatch(p notify.Progress) dispatchView {
	return dispatchView{p.ID, p.Incident, p.Notice, p.Mode, p.State, p.Reason, p.Channels, p.People, p.ByChannel, p.Duplicates, p.Rate, p.ETA, p.StartedAt, p.StartedBy, p.EndedAt}
}

type deliveryView struct {
	Seq        int64        `json:"recipient"`
	Channel    string       `json:"channel"`
	State      string       `json:"state"`
	Class      notify.Class `json:"class"`
	Code       string       `json:"code,omitempty"`
	ProviderID string       `json:"provider_id,omitempty"`
	Attempt    int          `json:"attempt"`
	Superseded bool         `json:"superseded,omitempty"`
	Doubt      bool         `json:"possible_duplicate,omitempty"`
	At         time.Time    `json:"at"`
	NextAt     *time.Time   `json:"next_at,omitempty"`
}

func viewDelivery(d notify.Delivery) deliveryView {
	return deliveryView{d.Seq, d.Channel, d.State.String(), d.Class, d.Code, d.ProviderID, d.Attempt, d.Superseded, d.Doubt, d.At, d.NextAt}
}

type entryView = evidence.Entry

// The lists, named so that the description tells them apart.

type incidentList struct {
	Incidents []incidentView `json:"incidents"`
}

type dutyList struct {
	Obligations []dutyView `json:"obligations"`
}

type taskList struct {
	Tasks []taskView `json:"tasks"`
}

type entryList struct {
	Entries []entryView `json:"entries"`
}

type documentList struct {
	Documents []documentView `json:"documents"`
}

type rejectList struct {
	Rejects []notify.Reject `json:"rejects"`
}

type audienceList struct {
	Audiences []audienceView `json:"audiences"`
}

type dispatchList struct {
	Dispatches []dispatchView `json:"dispatches"`
}

type deliveryList struct {
	Deliveries []deliveryView `json:"deliveries"`
}
