package notify

import (
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// AudienceState of an import.
type AudienceState string

// The states of an audience.
const (
	Importing AudienceState = "importing"
	Ready     AudienceState = "ready"
	Broken    AudienceState = "failed" // interrupted; nothing of it can be sent to
)

// Audience is who should be told: recipients imported and frozen.
type Audience struct {
	ID         string // aud_…
	No         int64  // integer key of its rows, unique in the store
	Incident   incident.ID
	State      AudienceState
	Name       string // file name, sealed at rest
	Format     string // csv | ndjson
	Base       string // aud_… whose people are duplicates here: this one holds who came later
	File       string // name in the import directory; "" when the file was sent
	Rows       int64  // records read: Affected + Rejected + Duplicates
	Affected   int64  // records kept, each about one person
	Total      int64  // recipients: who is told for them; they have seq 0 … Total-1
	Rejected   int64  // records with a fault, without duplicates
	Duplicates int64  // records about a person who is in it already
	Dropped    int64  // bad addresses, locales and zones of records that are kept
	ByChannel  map[string]int64
	Segments   []Segment
	Root       string // snapshot root, hex, once ready
	Frozen     bool   // submitted with a notice
	Error      string
	Resumable  bool // failed, but goes on with the same file
	Waiting    bool // for this or another process to go on with File
	CreatedAt  time.Time
	UpdatedAt  time.Time

	Size    int64 // bytes of the file as it comes, packed or not; 0: not known
	Bytes   int64 // of them read
	Attempt int   // raised when an import goes on; an earlier one then stops
	Since   Mark  // where and when the attempt began
	At      Position
	Tree    evidence.Root // of those kept so far
	Runs    []IndexRun    // of index entries, each as old as the ones before or younger
	Begun   int64         // runs that got a number
	Indexed int64         // recipients whose entries are in runs
}

// Mark is a point in an import.
type Mark struct {
	At          time.Time
	Rows, Bytes int64
}

// Pace is how many records a second the import takes, and when it will have read its file; nil: not known.
func (a Audience) Pace() (rate float64, eta *time.Time) {
	took := a.UpdatedAt.Sub(a.Since.At)
	if a.State == Broken || took <= 0 {
		return 0, nil
	}
	rate = float64(a.Rows-a.Since.Rows) / took.Seconds()
	if read := a.Bytes - a.Since.Bytes; a.State == Importing && a.Size > a.Bytes && read > 0 {
		left := time.Duration(float64(took) * float64(a.Size-a.Bytes) / float64(read))
		at := a.UpdatedAt.Add(left)
		eta = &at
	}
	return rate, eta
}

// unfinished says what to do about an audience that cannot be sent to; nil: it can.
func (a Audience) unfinished() error {
	switch {
	case a.State == Ready:
		return nil
	case a.State == Importing:
		return incident.NewFault(incident.Conflict, "the audience is still being imported: %d records are read", a.Rows)
	case a.Resumable:
		return incident.NewFault(incident.Conflict, "the audience is not complete: its import was interrupted after line %d, with %d records read; import the same file again with resume=%s", a.At.Lines, a.Rows, a.ID)
	}
	return incident.NewFault(incident.Conflict, "the audience is %s, not ready", a.State)
}

// Recipient is one person or body in an audience. JSON is the wire form of design section 6.
type Recipient struct {
	Seq          int64             `json:"-"`
	PersonKey    string            `json:"person_key,omitempty"`
	Name         string            `json:"name,omitempty"`
	Locale       string            `json:"locale,omitempty"`
	Jurisdiction string            `json:"jurisdiction,omitempty"`
	Zone         string            `json:"zone,omitempty"`
	Emails       []string          `json:"emails,omitempty"`
	Phones       []string          `json:"phones,omitempty"` // E.164
	Push         []PushTarget      `json:"push,omitempty"`
	Data         []string          `json:"data,omitempty"`
	Minor        *bool             `json:"minor,omitempty"`
	Guardians    []Guardian        `json:"guardians,omitempty"` // one or two; told in a minor's place
	Deceased     bool              `json:"deceased,omitempty"`
	NextOfKin    []Guardian        `json:"next_of_kin,omitempty"`  // told in the place of someone deceased
	Customer     *string           `json:"customer,omitempty"`     // business customer whose data or user it is
	Business     bool              `json:"business,omitempty"`     // the customer itself: name and addresses are its contact's
	Brand        string            `json:"brand,omitempty"`        // name the person knows the service by, slot "brand"
	Former       bool              `json:"former,omitempty"`       // no longer a customer
	NoApp        bool              `json:"no_app,omitempty"`       // push reaches nobody
	Safe         bool              `json:"safe_contact,omitempty"` // at risk: only over the channels named, and in this order
	Shared       []string          `json:"shared,omitempty"`       // addresses that an employer, a school or others can read
	VerifiedAt   map[string]string `json:"verified_at,omitempty"`  // address → day it was last known to be theirs; "" is all
	OptedOut     bool              `json:"opted_out,omitempty"`    // of marketing: never a reason not to be told
	Channels     []string          `json:"channels,omitempty"`     // the person's order
	Burnt        []string          `json:"burnt,omitempty"`        // channels no longer safe for this person
	Vars         map[string]string `json:"vars,omitempty"`

	// Role says in whose place the recipient is told: "" the person itself, else guardian or next-of-kin.
	Role string `json:"role,omitempty"`

	line string // identity of the line it was read from, when its own values do not tell
}

// PushTarget is an app installation.
type PushTarget struct {
	Provider string `json:"provider"`
	Target   string `json:"target"` // DEVICE | ACCOUNT | ALIAS
	ID       string `json:"id"`
}

// Guardian is somebody who is told in a person's place.
type Guardian struct {
	Name   string   `json:"name,omitempty"`
	Phones []string `json:"phones,omitempty"`
	Emails []string `json:"emails,omitempty"`
}

// The rules of a reject that is no whole line: the person is kept without the address, or without the locale or zone.
const (
	AddressDropped = "address-dropped"
	ValueDropped   = "value-dropped"
)

// Reject is one line of an import that was not taken, or one value in a line that was.
type Reject struct {
	Line    int64  `json:"line"`
	Column  int64  `json:"column,omitempty"` // character of the line, from 1; 0: not known
	Pointer string `json:"pointer"`          // name of the CSV column, or JSON pointer
	Rule    string `json:"rule"`
	Message string `json:"message"` // never the value
}
