// Package notify takes drafts to people and authorities: notices, reports, filings, approvals,
// audiences, dispatches, ranges and deliveries, with their types, states and use cases.
package notify

import (
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/templates"
)

// DocumentState is the life of a notice or report.
type DocumentState string

// The states of a document.
const (
	DocDraft      DocumentState = "draft"
	DocSubmitted  DocumentState = "submitted"
	DocApproved   DocumentState = "approved"
	DocReturned   DocumentState = "returned"
	DocWithdrawn  DocumentState = "withdrawn"
	DocDispatched DocumentState = "dispatched" // notices
	DocFiled      DocumentState = "filed"      // reports
)

// Policy is what playbooks demand of a document; notify enforces it and never asks back.
type Policy struct {
	Quorum       int                     `json:"quorum"` // approvals needed by people who are not authors
	Teams        []string                `json:"teams"`  // approvals count from members of these; empty: any approver
	Requirements []templates.Requirement `json:"requirements"`
	Proof        []string                `json:"proof,omitempty"` // what a filing must carry: receipt_number, filed_text
	Via          string                  `json:"via,omitempty"`   // how a report is filed: cn-12387 …
	Deadline     *time.Time              `json:"deadline,omitempty"`
	AtOnce       string                  `json:"at_once,omitempty"`   // the article that demands notice without delay
	Transfers    map[string]string       `json:"transfers,omitempty"` // TransferKey → legal basis, from the operator's profile
	Standing     []Standing              `json:"standing,omitempty"`  // who may file the minimum before it is approved
}

// Standing is an authorisation given in advance: these people may file the minimum of a first report before
// it is approved; it is reviewed after.
type Standing struct {
	Teams []string   `json:"teams,omitempty"`
	Users []string   `json:"users,omitempty"`
	Until *time.Time `json:"until,omitempty"`
}

// Document is a notice (ntc_…) or report (rpt_…). Everything but ids, state and numbers is sealed at rest.
type Document struct {
	ID           string
	Kind         templates.Kind
	Incident     incident.ID
	Run          string // run_… ; empty: made by hand
	Step         string // step id in its playbook
	Item         string // repetition of a repeated step: "", "2", …
	Title        map[string]string
	Addressee    string   // reports: from the duty
	Duties       []string // obl_… it meets
	Channels     []string // notices: in order
	Course       Course   // notices: how the release goes
	Extends      string   // ntc_… whose words this one tells to people found later; it cannot be edited
	Version      int      // If-Match; grows with every change
	State        DocumentState
	Content      templates.Content
	Org          templates.Organisation // frozen from the profile at drafting
	FactRevision int64
	Stale        []string // printed facts that have changed since
	Policy       Policy
	Editors      []string // user ids of every human editor since the first draft
	Submitter    string
	SubmittedAt  *time.Time
	Audience     string // aud_…, frozen at submit
	Digest       Digest // set at submit
	Frozen       int    // version at submit: that of its messages and approvals; a dispatch carries it
	ReturnReason string
	Ahead        string   // user who filed it before approval under a standing authorisation; empty once reviewed
	Voided       []Change // what changed since an approval was voided; empty once approved again
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Digest is what an approval is bound to.
type Digest struct {
	Messages string `json:"messages"` // templates.Hash: messages, slot schema, renderer version
	Audience string `json:"audience"` // snapshot root, hex; "" for none
	Plan     string `json:"plan"`     // channel plan
	All      string `json:"all"`      // over the three; what people see and confirm
}

// Approval is a named person's yes, bound to a digest.
type Approval struct {
	ID       string // apr_…
	Document string
	Version  int // Document.Frozen
	User     string
	Digest   string // Digest.All
	Note     string // sealed at rest
	At       time.Time
	VoidedAt *time.Time
	VoidedBy string // edit that voided it
}

// FilingState is how far a filing has come.
type FilingState string

// The states of a filing.
const (
	Spoken     FilingState = "spoken"
	Written    FilingState = "written"
	Confirmed  FilingState = "confirmed"
	ReturnedBy FilingState = "returned"
)

// Filing records how, when, by whom and to whom a report was filed.
type Filing struct {
	ID        string      `json:"id"` // fig_…
	Report    string      `json:"report"`
	State     FilingState `json:"state"`
	Via       string      `json:"via"`       // channel: 12387 phone, site, mail …
	Addressee string      `json:"addressee"` // whom
	Contact   string      `json:"contact"`   // who answered
	Receipt   string      `json:"receipt_number"`
	FiledAt   time.Time   `json:"filed_at"`
	By        string      `json:"by"`             // user id
	File      string      `json:"file,omitempty"` // fil_… exact text filed or proof
	Note      string      `json:"note,omitempty"`
	Sealed    bool        `json:"sealed,omitempty"`   // signed and sealed on paper
	Standing  bool        `json:"standing,omitempty"` // before approval, under a standing authorisation
	Digest    string      `json:"digest,omitempty"`   // Digest.All of what was said or filed
}

// FrozenMessage is a compiled message as approved.
type FrozenMessage struct {
	Document string
	Version  int // Document.Frozen
	templates.Message
	Hash string // hex SHA-256 of the message's canonical JSON
}

// NewDocument is what playbooks propose for a step.
type NewDocument struct {
	Kind            templates.Kind
	Incident        incident.ID
	Run, Step, Item string
	Title           map[string]string
	Addressee       string
	Duties          []string
	Channels        []string
	Content         templates.Content
	Org             templates.Organisation
	FactRevision    int64
	Policy          Policy
}

// Edit is a human change of a document.
type Edit struct {
	Subject  map[string]string // per locale
	Passages []EditPassage
	Channels []string // nil: unchanged
	Course   *Course  // nil: unchanged
	Refresh  bool     // take the present facts into every automatic passage
}

// EditPassage sets one passage: either its text, or that it is not yet known.
type EditPassage struct {
	Locale string
	Block  string
	Text   string
	Open   bool
}

// Change is one difference that voided an approval, for people to see.
type Change struct {
	Locale string `json:"locale"` // empty for channels
	Block  string `json:"block"`  // or "subject", "channels"
	Before string `json:"before"`
	After  string `json:"after"`
}

// actorPerson reports whether the scope is a person's; only people edit, submit and approve.
func actorPerson(s evidence.Scope) bool { return s.Actor.Kind == evidence.Person }
