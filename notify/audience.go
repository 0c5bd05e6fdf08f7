package notify

import (
	"time"

	"tocsin/incident"
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
	Name       string           // file name, sealed at rest
	Format     string           // csv | ndjson
	Rows       int64            // lines read: Total + Rejected + Duplicates
	Total      int64            // recipients kept; they have seq 0 … Total-1
	Rejected   int64            // lines with a fault, without duplicates
	Duplicates int64            // lines about a person who is in it already
	ByChannel  map[string]int64 // people who have an address on the channel
	Segments   []Segment
	Root       string // snapshot root, hex, once ready
	Runs       int64  // runs of index entries that are written
	Indexed    int64  // recipients whose entries are in them
	Frozen     bool   // submitted with a notice
	Error      string
	CreatedAt  time.Time
	UpdatedAt  time.Time
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

// Reject is one line of an import that was not taken.
type Reject struct {
	Line    int64  `json:"line"`
	Pointer string `json:"pointer"` // column or JSON pointer
	Rule    string `json:"rule"`
	Message string `json:"message"` // never the value
}
