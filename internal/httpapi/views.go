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
	Past      bool       `json:"past_deadline"` // also while a decision stands
	Decision  string     `json:"decision,omitempty"`
	Conflict  string     `json:"conflict,omitempty"`
	Later     *laterView `json:"later,omitempty"`
	MetBy     string     `json:"met_by_document,omitempty"`
	MetAt     *time.Time `json:"met_at"`
	DerivedAt time.Time  `json:"derived_at"`
	// Undertaken is a voluntary duty that somebody has chosen to do.
	Undertaken bool            `json:"undertaken,omitempty"`
	Filings    []notify.Filing `json:"filings,omitempty"`
}

// laterView is the clock that would take the place of the one that stands.
type laterView struct {
	Anchor     string     `json:"anchor"`
	Start      *time.Time `json:"start"`
	Deadline   *time.Time `json:"deadline"`
	LegalLimit *time.Time `json:"legal_limit"`
}

// obligationView is an obligation without its id, which in a register is the rule.
type obligationView struct {
	Title          map[string]string       `json:"title"`
	Addressee      string                  `json:"addressee"`
	AddresseeName  map[string]string       `json:"addressee_name,omitempty"`
	Contacts       []obligation.Contact    `json:"contacts,omitempty"`
	OtherAddressee []string                `json:"other_addressees,omitempty"`
	Kind           string                  `json:"kind"`
	Urgency        string                  `json:"urgency"`
	Phrase         string                  `json:"phrase,omitempty"`
	Voluntary      bool                    `json:"voluntary,omitempty"`
	Repeats        bool                    `json:"repeats,omitempty"`
	Anchor         string                  `json:"anchor"`
	AnchorFrom     string                  `json:"anchor_from,omitempty"`
	AnchorNote     string                  `json:"anchor_note,omitempty"`
	Start          *time.Time              `json:"start"`
	Deadline       *time.Time              `json:"deadline"`
	LegalLimit     *time.Time              `json:"legal_limit"`
	Target         *time.Time              `json:"target"`
	Count          *obligation.Count       `json:"count,omitempty"`
	Zone           string                  `json:"zone"`
	DeadlineOf     string                  `json:"deadline_of,omitempty"`
	Undated        map[string]string       `json:"undated,omitempty"`
	Provisional    bool                    `json:"provisional"`
	Imprecise      bool                    `json:"imprecise"`
	State          obligation.State        `json:"state"`
	ContentItems   []string                `json:"content_items"`
	Requirements   []templates.Requirement `json:"requirements"`
	Channels       []string                `json:"channels,omitempty"`
	AlsoChannels   []string                `json:"also_channels,omitempty"`
	MetHow         []string                `json:"met_by"`
	Exempt         *obligation.Exemption   `json:"exempt"`
	Exemptions     []obligation.Exemption  `json:"exemptions,omitempty"`
	Hold           *obligation.Hold        `json:"hold,omitempty"`
	Source         obligation.Source       `json:"source"`
	RuleVersion    string                  `json:"rule_version"`
	Confidence     string                  `json:"confidence"`
	ConfidenceNote string                  `json:"confidence_note,omitempty"`
	Note           map[string]string       `json:"note,omitempty"`
	Because        []string                `json:"because"`
	Why            map[string][]string     `json:"why,omitempty"`
}

func viewDuty(d playbooks.Duty) dutyView {
	return dutyView{ID: d.ID, Rule: d.Obligation.ID, obligationView: viewObligation(d.Obligation, d.State), Reason: d.Reason,
		Past: d.Obligation.State == obligation.Overdue && d.State != obligation.Met, Decision: d.Decision, Conflict: d.Conflict, Later: (*laterView)(d.Later),
		MetBy: d.MetBy, MetAt: d.MetAt, DerivedAt: d.DerivedAt, Undertaken: d.Undertaken}
}

// viewDuties shows the register with how each duty was filed.
func viewDuties(v playbooks.View) []dutyView {
	return each(v.Duties, func(d playbooks.Duty) dutyView {
		out := viewDuty(d)
		out.Filings = v.Filings[d.ID]
		return out
	})
}

func viewObligation(o obligation.Obligation, state obligation.State) obligationView {
	return obligationView{
		Title: o.Title, Addressee: o.Addressee, AddresseeName: o.AddresseeName, Contacts: o.Contacts, OtherAddressee: o.OtherAddressee,
		Kind: o.Kind, Urgency: o.Urgency, Phrase: o.Phrase, Voluntary: o.Voluntary, Repeats: o.Repeats,
		Anchor: o.Anchor, AnchorFrom: o.AnchorFrom, AnchorNote: o.AnchorNote, Start: o.Start, Deadline: o.Deadline, LegalLimit: o.LegalLimit,
		Target: o.Target, Count: o.Count, Zone: o.Zone, DeadlineOf: o.DeadlineOf, Undated: o.Undated, Provisional: o.Provisional, Imprecise: o.Imprecise,
		State: state, ContentItems: o.ContentItems, Requirements: o.Requirements, Channels: o.Channels, AlsoChannels: o.AlsoChannels, MetHow: o.MetBy,
		Exempt: o.Exempt, Exemptions: o.Exemptions, Hold: o.Hold, Source: o.Source, RuleVersion: o.RuleVersion,
		Confidence: o.Confidence, ConfidenceNote: o.ConfidenceNote, Note: o.Note, Because: o.Because, Why: o.Why,
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
	Estimates     []string                `json:"estimates,omitempty"`
	Customers     []obligation.Customer   `json:"customers,omitempty"`
	RulesVersion  string                  `json:"rules_version,omitempty"`
	Decisions     []decisionView          `json:"decisions"`
	Letters       []letterView            `json:"letters"`
	Run           *runView                `json:"run"`
}

func viewWhole(v playbooks.View) incidentWhole {
	w := incidentWhole{incidentView: viewIncident(v.Incident), Facts: v.Snapshot.Object(), History: v.History, Disagreements: v.Snapshot.Disagreements,
		Obligations: viewDuties(v), Decisions: each(v.Decisions, viewDecision), Letters: each(v.Letters, viewLetter), Run: viewRun(v.Run, v.Steps)}
	if v.Derivation != nil {
		w.RulesVersion, w.Estimates, w.Customers = v.Derivation.RulesVersion, v.Derivation.Result.Estimates, v.Derivation.Result.Customers
		w.DerivedAt = &v.Derivation.At
		w.Grades, w.OpenQuestions, w.NotApplied = v.Derivation.Result.Grades, v.Derivation.Result.OpenQuestions, v.Derivation.Result.NotApplied
	}
	return w
}

type taskView struct {
	ID       string              `json:"id"`
	Incident incident.ID         `json:"incident"`
	Kind     string              `json:"kind"`
	Title    map[string]string   `json:"title"`
	Assign   string              `json:"assign,omitempty"`
	Asks     []string            `json:"asks,omitempty"`
	Document string              `json:"document,omitempty"`
	Decision string              `json:"decision,omitempty"`
	Letter   string              `json:"letter,omitempty"`
	Dispatch string              `json:"dispatch,omitempty"`
	People   int64               `json:"people,omitempty" doc:"Whom a substitute notice is for"`
	Duties   []string            `json:"obligations,omitempty"`
	Law      []playbooks.LawNote `json:"law,omitempty"`
	Rules    string              `json:"rules_version,omitempty"`
	For      []string            `json:"for,omitempty"`
	DueAt    *time.Time          `json:"due_at"`
	State    string              `json:"state"`
	DoneBy   string              `json:"done_by,omitempty"`
	DoneAt   *time.Time          `json:"done_at"`
	Note     string              `json:"note,omitempty"`
}

func viewTask(t playbooks.Task) taskView {
	return taskView{t.ID, t.Incident, t.Kind, t.Title, t.Assign, t.Asks, t.Document, t.Decision, t.Letter, t.Dispatch, t.People, t.Duties, t.Law, t.Rules, t.For, t.DueAt, t.State, t.DoneBy, t.DoneAt, t.Note}
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
	Course       *notify.Course       `json:"course,omitempty" doc:"Of a notice: how its release goes"`
	Extends      string               `json:"extends,omitempty" doc:"The notice whose words it tells to people found later"`
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
	Ahead        string               `json:"filed_ahead_by,omitempty" doc:"Filed before approval under a standing authorisation; the approval reviews it"`
	FileAhead    bool                 `json:"can_file_ahead"`
	Filings      []notify.Filing      `json:"filings,omitempty"`
	Voided       []notify.Change      `json:"voided_by,omitempty"`
	UpdatedAt    time.Time            `json:"updated_at"`
}

func viewDocument(d notify.DocumentView) documentView {
	v := documentView{ID: d.ID, Kind: d.Kind, Incident: d.Incident, Title: d.Title, Addressee: d.Addressee, Duties: d.Duties, Channels: d.Channels,
		Extends: d.Extends, Version: d.Version, State: d.State, Content: d.Content, FactRevision: d.FactRevision, Stale: d.Stale, Policy: d.Policy,
		Gaps: d.Gaps, Editors: d.Editors, Submitter: d.Submitter, Audience: d.Audience, Digest: d.Digest,
		Approvals: each(d.Approvals, func(a notify.Approval) approvalView { return approvalView{a.User, a.Digest, a.Note, a.At} }),
		Needed:    d.Needed, CanApprove: d.CanApprove, WhyNot: d.WhyNot, ReturnReason: d.ReturnReason, Ahead: d.Ahead, FileAhead: d.FileAhead,
		Filings: d.Filings, Voided: d.Voided, UpdatedAt: d.UpdatedAt}
	if d.Kind == templates.Notice {
		v.Course = &d.Course
	}
	return v
}

type deliveryView struct {
	Seq        int64        `json:"recipient"`
	Channel    string       `json:"channel"`
	State      string       `json:"state"`
	Class      notify.Class `json:"class"`
	Code       string       `json:"code,omitempty"`
	Provider   string       `json:"provider,omitempty"`
	ProviderID string       `json:"provider_id,omitempty"`
	Attempt    int          `json:"attempt"`
	Superseded bool         `json:"superseded,omitempty"`
	Doubt      bool         `json:"possible_duplicate,omitempty"`
	At         *time.Time   `json:"at,omitempty" doc:"Absent while nothing has happened"`
	NextAt     *time.Time   `json:"next_at,omitempty"`
	Address    int          `json:"address,omitempty" doc:"Which of the person's addresses on the channel it is about: 2 for the second, and so on; absent for the first"`
}

func viewDelivery(d notify.Delivery) deliveryView {
	v := deliveryView{d.Seq, d.Channel, d.State.String(), d.Class, d.Code, d.Provider, d.ProviderID, d.Attempt, d.Superseded, d.Doubt, &d.At, d.NextAt, notify.Nth(d.Address)}
	if d.At.IsZero() {
		v.At = nil
	}
	return v
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

type dispatchList struct {
	Dispatches []dispatchView `json:"dispatches"`
}

type deliveryList struct {
	Deliveries []deliveryView `json:"deliveries"`
}
