// Package obligation holds the law as data and derives, from facts and a profile, the grades, duties,
// deadlines and open questions that follow. It is pure.
package obligation

import (
	"slices"
	"strings"
	"time"

	"tocsin/templates"
)

// State of a duty (design section 6).
type State string

// The states of a duty.
const (
	Waiting        State = "waiting" // anchor not known; no deadline
	AssessmentOpen State = "assessment_open"
	Running        State = "running"
	Met            State = "met"
	Overdue        State = "overdue"
	OnHold         State = "on_hold"
	Exempt         State = "exempt"
	Lapsed         State = "lapsed"
)

// Profile is the operator as the law sees it, and what it prints and promises. It is versioned.
type Profile struct {
	Operator       string                 `json:"operator"`
	Roles          []string               `json:"roles"`
	Sectors        []string               `json:"sectors"`
	Establishments []string               `json:"establishments"`
	Registrations  map[string]any         `json:"registrations"`
	Commitments    string                 `json:"commitments"`           // id of a commitments file
	Targets        map[string]string      `json:"targets,omitempty"`     // rule id → own target as ISO 8601 duration or Go duration
	Authorities    map[string]string      `json:"authorities,omitempty"` // addressee → contact, as entered
	Org            templates.Organisation `json:"org"`
	Channels       []string               `json:"channels,omitempty"` // order of the operator's channels
	Settings       map[string]string      `json:"settings,omitempty"` // readings of the law that are the operator's to choose, e.g. portal_reading
	Standing       []Standing             `json:"standing,omitempty"`
	Transfers      []Transfer             `json:"transfers,omitempty"`
}

// Transfer records why a provider may serve people who live in a region that is not its own.
type Transfer struct {
	Provider string `json:"provider"`              // id of a configured provider
	From     string `json:"from"`                  // where the people live: DE, EU, EEA …
	Basis    string `json:"basis"`                 // the legal basis, as an authority would be told it
	By       string `json:"recorded_by,omitempty"` // user id; filled in when it is recorded
}

// Standing is an authorisation given beforehand: the duty officer of a team may file the first report of
// these rules before it is approved, which is then reviewed.
type Standing struct {
	Rules    []string  `json:"rules"`
	Team     string    `json:"team"`
	Note     string    `json:"note,omitempty"`
	SignedBy []string  `json:"signed_by"` // two named persons
	Until    time.Time `json:"until"`
}

// Input of Derive. Facts is the nested object of design section 6 (see incident.CheckFacts).
type Input struct {
	AsOf    time.Time
	Facts   map[string]any
	Profile Profile
}

// Source of a rule.
type Source struct {
	Title   string `json:"title"`           // in the law's own language
	Gloss   string `json:"gloss,omitempty"` // in English, where that is another
	Article string `json:"article"`
	URL     string `json:"url,omitempty"`
}

// Grade is the result of one grading scheme.
type Grade struct {
	Scheme  string `json:"scheme"`
	Grade   string `json:"grade"` // general larger major extreme; the floor
	Floor   string `json:"floor"`
	Ceiling string `json:"ceiling"`
	// Title of the scheme, GradeName and CeilingName are words per locale.
	Title       map[string]string `json:"title,omitempty"`
	GradeName   map[string]string `json:"grade_name,omitempty"`
	CeilingName map[string]string `json:"ceiling_name,omitempty"`
	Because     []string          `json:"because"`
	// Reasons are the conditions of Because in words, per locale.
	Reasons    map[string][]string `json:"reasons,omitempty"`
	Confidence string              `json:"confidence,omitempty"`
	Note       map[string]string   `json:"note,omitempty"` // per locale
	// Flags are conditions that held only under a broad reading of the text: a person should look.
	Flags []string `json:"flags,omitempty"`
}

// Obligation is one duty as derived. (ID, Addressee) is its key.
type Obligation struct {
	ID             string                  `json:"id"`                       // rule id
	Title          map[string]string       `json:"title"`                    // per locale, plain words
	Addressee      string                  `json:"addressee"`                // provincial-cac:CN-SH, individuals …
	AddresseeName  map[string]string       `json:"addressee_name,omitempty"` // per locale
	Contacts       []Contact               `json:"contacts,omitempty"`       // how the addressee can be reached
	Kind           string                  `json:"kind"`                     // task, report | notice: what document meets it
	Urgency        string                  `json:"urgency"`                  // immediate | prompt | within | as-provided | contract
	Anchor         string                  `json:"anchor"`
	Start          *time.Time              `json:"start"`
	Deadline       *time.Time              `json:"deadline"`
	LegalLimit     *time.Time              `json:"legal_limit"`
	Target         *time.Time              `json:"target"`                // the operator's own, never statutory
	Provisional    bool                    `json:"provisional,omitempty"` // runs from first_signal_at
	Imprecise      bool                    `json:"imprecise,omitempty"`
	State          State                   `json:"state"` // waiting, assessment_open, running, overdue; the register adds the rest
	ContentItems   []string                `json:"content_items"`
	Requirements   []templates.Requirement `json:"requirements"` // the items with frozen law text
	Channels       []string                `json:"channels,omitempty"`
	Exempt         *Exemption              `json:"exempt"`                  // one that could apply: a person's decision
	Exemptions     []Exemption             `json:"exemptions,omitempty"`    // all that the law knows, for a decision
	Hold           *Hold                   `json:"hold,omitempty"`          // the delay that the law lets an authority ask for
	Voluntary      bool                    `json:"voluntary,omitempty"`     // a reminder: never alarms, never overdue
	Repeats        bool                    `json:"repeats,omitempty"`       // owed again each time its anchor moves on
	Phrase         string                  `json:"phrase,omitempty"`        // the law's own words for the time allowed
	Note           map[string]string       `json:"note,omitempty"`          // a reading of the text, a status not checked
	Substitute     bool                    `json:"substitute,omitempty"`    // Note says how whom the notice does not reach is told
	DeadlineOf     string                  `json:"deadline_of,omitempty"`   // the rule whose deadline this one takes
	Undated        map[string]string       `json:"undated,omitempty"`       // why no date can be given: a calendar ends; target is the earliest it can be
	AlsoChannels   []string                `json:"also_channels,omitempty"` // phone, letter …: named by the law, no ids of ours
	MetBy          []string                `json:"met_by"`                  // report:written, notice:dispatched, announcement:live …
	Count          *Count                  `json:"count,omitempty"`         // how the deadline is counted from start, days in Zone
	Zone           string                  `json:"zone"`                    // of the addressee
	Source         Source                  `json:"source"`
	Confidence     string                  `json:"confidence"`
	ConfidenceNote string                  `json:"confidence_note,omitempty"`  // shown when from secondary sources
	Because        []string                `json:"because"`                    // conditions that held, with facts filled in, in English
	Why            map[string][]string     `json:"why,omitempty"`              // the same per locale
	AnchorFrom     string                  `json:"anchor_from,omitempty"`      // the fact that started the clock, where it is a fallback
	AnchorNote     string                  `json:"anchor_note,omitempty"`      // what the fallback means, in English
	AnchorNotes    map[string]string       `json:"anchor_notes,omitempty"`     // the same per locale
	Schemes        []string                `json:"schemes,omitempty"`          // the gradings it rests on: a document names their grade
	OtherAddressee []string                `json:"other_addressees,omitempty"` // also possible; the law does not say which
	RuleVersion    string                  `json:"rule_version"`
}

// Count is a period as the law gives it.
type Count struct {
	N    int    `json:"n"`
	Rule string `json:"rule"` // hours, cal-days …
}

// Exemption names one that could apply and what it would lift.
type Exemption struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Source Source `json:"source"`
	// Texts is Text per locale; Text is English.
	Texts map[string]string `json:"texts,omitempty"`
	For   []string          `json:"for,omitempty"`   // only towards these addressees; absent: any
	Lifts map[string]string `json:"lifts,omitempty"` // what it lifts, per locale
	Keeps map[string]string `json:"keeps,omitempty"` // what it never lifts
	// Substitute says that a public communication takes the place of what it lifts.
	Substitute bool `json:"substitute,omitempty"`
}

// Covers says whether the exemption is for an addressee of the rule.
func (x Exemption) Covers(addressee string) bool {
	base, _, _ := strings.Cut(addressee, ":")
	return len(x.For) == 0 || slices.Contains(x.For, base)
}

// Contact is a way to reach an authority: published, or as the operator entered it.
type Contact struct {
	By         string            `json:"by"` // phone, site, app, mail, fax, post
	Value      string            `json:"value"`
	Note       map[string]string `json:"note,omitempty"`
	Source     string            `json:"source,omitempty"` // absent: the operator's own
	Confidence string            `json:"confidence,omitempty"`
}

// Hold is a delay that a law lets an authority ask for.
type Hold struct {
	Texts  map[string]string `json:"texts"` // per locale
	Source Source            `json:"source"`
}

// Customer is a controller for whom the operator processes, and what that controller itself owes from the
// moment it was told.
type Customer struct {
	ID          string       `json:"id"`
	ToldAt      *time.Time   `json:"told_at"`
	Obligations []Obligation `json:"obligations"`
}

// Question is an unknown fact that decides something.
type Question struct {
	Fact    string            `json:"fact"`
	Decides []string          `json:"decides"`
	Text    map[string]string `json:"text,omitempty"` // in words, per locale
}

// Reason says why a rule does not apply.
type Reason struct {
	ID      string `json:"id"`
	Because string `json:"because"`
	// Undecided says that the rule may still apply: facts are missing.
	Undecided bool `json:"undecided,omitempty"`
	// Off says that the rule is encoded but switched off; Because says why.
	Off bool `json:"off,omitempty"`
	// Texts is Because per locale; Because is English.
	Texts map[string]string `json:"texts,omitempty"`
}

// Result of a derivation.
type Result struct {
	RulesVersion  string       `json:"rules_version"`
	AsOf          time.Time    `json:"as_of"`
	Grades        []Grade      `json:"grades"`
	Obligations   []Obligation `json:"obligations"`
	OpenQuestions []Question   `json:"open_questions"`
	NextChange    *time.Time   `json:"next_change"`
	NotApplied    []Reason     `json:"not_applied,omitempty"` // with explain, and when nothing applies
	// Customers are the controllers an entrusted operator must tell, with their own clocks.
	Customers []Customer `json:"customers,omitempty"`
	// Estimates are facts whose value is an estimate: it counts as given, and the answer rests on it.
	Estimates []string `json:"estimates,omitempty"`
}

// Engine is a compiled rule set. It is safe for concurrent use.
type Engine struct{ law *law }

// Task is the kind of a duty that no document meets: something to do inside.
const Task = "task"
