// Package templates owns the words: typed content blocks and the requirements on them, the catalog
// of notice and report templates, drafting from facts, completeness, and rendering of frozen
// messages (text, HTML, SMS and push parameters, print HTML, JSON).
package templates

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// Kind tells a notice (to people) from a report (to an authority).
type Kind string

// The kinds of document.
const (
	Notice Kind = "notice"
	Report Kind = "report"
)

// Channel ids, as in the API.
const (
	Email        = "email"
	SMS          = "sms"
	Push         = "push"
	Announcement = "announcement"
)

// RendererVersion names the code that turns content into messages; it is part of what is approved.
const RendererVersion = "1"

// Block ids of a notice. Those of reports are in the catalog's library (ReportBlocks); a template for one law
// may use the law's own item ids (cac-1a, pipl-1c …).
const (
	Circumstances = "circumstances" // what happened, when
	KindsOfData   = "kinds-of-data"
	Cause         = "cause"
	Impact        = "impact" // what it may mean for the reader
	Measures      = "measures"
	Advice        = "advice"
	Remedies      = "remedies"
	Contact       = "contact"
)

// Requirement is one item that law or promise requires of a document, with its frozen source.
type Requirement struct {
	ID        string `json:"id"`    // pipl-1a, gbt-3, cac-2f …
	Block     string `json:"block"` // the block that answers it
	Term      string `json:"term"`  // in the law's language
	Gloss     string `json:"gloss"` // English
	Law       string `json:"law"`   // title of the instrument or promise
	Article   string `json:"article"`
	Rule      string `json:"rule"`        // obligation rule id it comes from
	MayBeOpen bool   `json:"may_be_open"` // the law allows "not yet known", which opens a follow-up duty
}

// FactRef names a fact a passage prints, at the revision it printed.
type FactRef struct {
	Path     string `json:"path"`
	Revision int64  `json:"revision"`
}

// Passage is the content of one block in one locale.
type Passage struct {
	Block  string    `json:"block"`
	Text   string    `json:"text"`             // plain text; blank line between paragraphs, "- " list items
	Facts  []FactRef `json:"facts,omitempty"`  // facts printed by an automatic draft
	Author string    `json:"author,omitempty"` // user id of who wrote it; empty: automatic
	Open   bool      `json:"open,omitempty"`   // marked not-yet-known by OpenBy
	OpenBy string    `json:"open_by,omitempty"`
}

// Content is a document's passages, per locale in block order.
type Content struct {
	Template string               `json:"template"` // cn/pipl-57-individuals
	Version  string               `json:"version"`
	Subject  map[string]string    `json:"subject"` // per locale
	Locales  map[string][]Passage `json:"locales"`
	Filed    []string             `json:"filed,omitempty"` // locales that are filed, where the template says otherwise
	// Labels are the headings, per locale, of blocks that the catalog does not know: the law's own terms.
	Labels map[string]map[string]string `json:"labels,omitempty"`
	// Grade that it was drafted with, and its words where its scheme brings its own.
	Grade      string            `json:"grade,omitempty"`
	GradeWords map[string]string `json:"grade_words,omitempty"`
	// Laws are the jurisdictions whose duties a document for any duty meets: cn, eu. What it advises follows them.
	Laws []string `json:"laws,omitempty"`
}

// Item is a block as the template declares it.
type Item struct {
	Block string            `json:"block"`
	Label map[string]string `json:"label"`         // heading per locale
	Facts []string          `json:"facts"`         // paths that must be known and printed for it to be complete
	Any   []string          `json:"any,omitempty"` // and at least one of these
}

// Template is one entry of the catalog.
type Template struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"` // hash of its files
	Kind     Kind     `json:"kind"`
	Locales  []string `json:"locales"`
	Reading  []string `json:"reading,omitempty"` // of the locales, those only for reading: never filed, so never checked
	Channels []string `json:"channels"`          // notices only
	Items    []Item   `json:"items"`
}

// Organisation is what documents print about the operator, from its profile.
type Organisation struct {
	Name        map[string]string `json:"name"`    // legal name per locale
	Contact     map[string]string `json:"contact"` // per locale, as printed: hotline, address, officer
	Site        string            `json:"site"`    // long-known primary domain, no scheme
	Sender      string            `json:"sender"`  // From address
	SMSSign     string            `json:"sms_sign"`
	SMSTemplate string            `json:"sms_template"` // approved template code for notices
	Zone        string            `json:"zone"`         // IANA, times are printed in it
	Reporter    string            `json:"reporter"`     // name and phone in front of reports

	SMSBare      string             `json:"sms_bare,omitempty"`      // approved template without variables, for whom the values are refused
	SMSProviders map[string]SMSForm `json:"sms_providers,omitempty"` // by provider id: what others than the first approved
}

// Input is what drafting needs.
type Input struct {
	Template string
	Facts    incident.Snapshot
	Org      Organisation
	Grade    string // of the scheme the report names; may be empty
	// GradeWords are that grade's words per locale, where its scheme brings its own.
	GradeWords map[string]string
	Now        time.Time

	// Filed are the locales in which a report is filed; its others are only for reading. Empty: as the template says.
	Filed []string

	// For the templates for any duty, any/report and any/notice:
	Blocks       []string          // the blocks that the duties require; empty: those of Requirements
	Requirements []Requirement     // name what the catalog has no heading for
	Title        map[string]string // subject per locale
	Laws         []string          // jurisdictions; empty: those of the rules in Requirements, cn-…
}

// Gap says why a document is not complete.
type Gap struct {
	Requirement Requirement `json:"requirement"`
	Locale      string      `json:"locale"`
	Reason      string      `json:"reason"`          // missing | fact-unknown | not-printed | open-not-allowed
	Facts       []string    `json:"facts,omitempty"` // facts still unknown
}

// Message is what one channel carries in one locale, frozen: everything but the per-person slots.
// Slots are written [[name]]; the known ones are [[brand]] (the service as the person knows it),
// [[code]] (check code) and [[ref]] (notice number).
type Message struct {
	Channel  string            `json:"channel"`
	Locale   string            `json:"locale"`
	From     string            `json:"from,omitempty"`
	Subject  string            `json:"subject,omitempty"`  // email, announcement
	Text     string            `json:"text,omitempty"`     // email, announcement
	HTML     string            `json:"html,omitempty"`     // email: whole document; announcement: body fragment
	Title    string            `json:"title,omitempty"`    // push
	Body     string            `json:"body,omitempty"`     // push
	Sign     string            `json:"sign,omitempty"`     // SMS signature
	Template string            `json:"template,omitempty"` // SMS template code
	Params   map[string]string `json:"params,omitempty"`   // SMS template parameters, values may be slots
	SMSText  string            `json:"sms_text,omitempty"` // the approved template filled in, for preview and length
	Slots    []string          `json:"slots,omitempty"`
	Brand    string            `json:"brand,omitempty"` // what [[brand]] says to a person who knows the service by no other name

	Bare      string             `json:"bare,omitempty"`      // SMS template without variables, for whom the values are refused
	Providers map[string]SMSForm `json:"providers,omitempty"` // SMS: the same words at other providers, by provider id
}

// SMSForm is a short message as another provider approved it.
type SMSForm struct {
	Sign     string   `json:"sign,omitempty"`     // signature, abroad the sender id; "" as at the first provider
	Template string   `json:"template,omitempty"` // the provider's id of the approved template
	Bare     string   `json:"bare,omitempty"`     // the one without variables
	Order    []string `json:"order,omitempty"`    // names of the parameters in the provider's positions
	Text     string   `json:"text,omitempty"`     // abroad the words themselves, slots in them; "" as at the first provider
}

// Tx is what templates need from a store transaction: artefacts frozen where they are used.
type Tx interface {
	incident.Tx
	// Freeze keeps an artefact (template, playbook, rule set, profile) by kind and content hash, once.
	Freeze(ctx context.Context, a Artefact) error
	Artefact(ctx context.Context, kind, hash string) (Artefact, error)
}

// Artefact is a versioned thing frozen where it is used.
type Artefact struct {
	Kind string // template, playbook, rules, profile
	Name string
	Hash string // hex SHA-256 of Body
	Body []byte
	At   time.Time
}

// Store opens transactions.
type Store interface {
	InTx(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
}
