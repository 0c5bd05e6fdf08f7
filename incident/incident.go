// Package incident keeps what is known about an incident, since when and from whom: facts as rows
// that are never overwritten, the incident's states, and the use cases around them.
package incident

import (
	"context"
	"time"

	"tocsin/incident/evidence"
)

// ID names an incident: inc_….
type ID string

// Mode says whether an incident is real. It never changes.
type Mode string

// Live incidents start clocks; drill dispatches reach the simulator only; imported ones start no clocks.
const (
	Live     Mode = "live"
	Drill    Mode = "drill"
	Imported Mode = "imported"
)

// State of an incident as responders see it. A tool may not close an incident.
type State string

// The states of an incident.
const (
	Open   State = "open"
	Closed State = "closed"
)

// Incident is the record itself; what is known stands in its facts.
type Incident struct {
	ID        ID
	Operator  string
	Mode      Mode
	State     State
	Title     string // sealed at rest
	Summary   string // sealed at rest
	Severity  string // of the tool: info low medium high critical unknown; orders work, never a legal grade
	Source    Source
	Tags      []string
	Revision  int64 // counts committed changes of facts, from 1
	CreatedAt time.Time
	UpdatedAt time.Time
	Grade     string     // highest grade of the last derivation, for lists; "" when none
	NextAt    *time.Time // earliest running deadline of the last derivation, for lists
	NextRule  string     // rule of NextAt
}

// Source is the tool or person a finding came from.
type Source struct {
	Tool string `json:"tool,omitempty"`
	ID   string `json:"id,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Fact is one dated, sourced statement about an incident. Facts are appended, never changed.
type Fact struct {
	Path       string         `json:"path"`  // dotted, as in the vocabulary: people.count, jurisdictions.CN
	Value      any            `json:"value"` // JSON value; nil means "now unknown". Sealed at rest
	Certainty  string         `json:"certainty,omitempty"`
	Source     string         `json:"source"`            // tool name, or SourcePerson and its like
	Pointer    string         `json:"pointer,omitempty"` // where in the source's input it stood
	At         time.Time      `json:"at"`                // when the source says it was so
	Actor      evidence.Actor `json:"actor"`
	Revision   int64          `json:"revision"`
	RecordedAt time.Time      `json:"recorded_at"`
}

// Finding is one observation from outside, decoded and valid, as the intake hands it over.
type Finding struct {
	Operator  string
	Mode      Mode
	Format    string    // reader that made it: native, veris, …
	Identity  string    // format:source:key; same identity, same incident. Empty: no dedup
	RevisedAt time.Time // orders revisions at the source; zero: by arrival
	Title     string
	Summary   string
	Severity  string
	Source    Source
	Tags      []string
	// DetectedAt is when the source noticed, where it says so outside of the facts. On creation it sets
	// first_signal_at when it is earlier than receipt. Zero: not said.
	DetectedAt time.Time
	// Facts are flat: path → value, from the vocabulary of CheckFacts. Also measures, advice, remedies
	// and cause, which are facts like any other.
	Facts    []FactInput
	Original *Original
	Warnings []Problem
}

// FactInput is a fact as it comes in, before the store gives it actor, revision and time.
type FactInput struct {
	Path      string
	Value     any
	Certainty string
	Pointer   string
	At        time.Time // zero: when received
}

// Original is the input as received, kept sealed so that a better reader can run again.
type Original struct {
	Reader      string // name and version of the reader: veris/1
	ContentType string
	Header      map[string]string // those that carry content, such as ce-id; never credentials
	Body        []byte
}

// Event is a committed change, published in order after commit. Refs hold ids and enums only.
type Event struct {
	Seq      int64             `json:"seq"` // assigned after commit; 0 before
	ID       string            `json:"id"`  // evt_…, stable; consumers deduplicate by it
	Operator string            `json:"operator"`
	Kind     string            `json:"kind"` // noun.verb as in the ledger
	Incident ID                `json:"incident,omitempty"`
	Refs     map[string]string `json:"refs,omitempty"`
	At       time.Time         `json:"at"`
}

// Page asks for at most Limit rows after a cursor (the id of the last row seen).
type Page struct {
	After string
	Limit int // 0: 50; at most 500
}

// KeptAnswer is the stored first answer to an Idempotency-Key.
type KeptAnswer struct {
	Route    string // principal and route
	Key      string
	BodyHash string // hex SHA-256
	Status   int
	Body     []byte // sealed at rest
	At       time.Time
}

// File is a sealed file kept as evidence: original inputs, filed texts, receipts.
type File struct {
	ID          string // fil_…
	Incident    ID
	Name        string
	ContentType string
	SHA256      string // hex, of the plain bytes
	Size        int64
	Body        []byte
	At          time.Time
}

// Tx is what the incident's use cases need from one store transaction. It is opened for one scope;
// rows of another operator are not there. Now is the one time stamp of the transaction.
type Tx interface {
	Now() time.Time
	Scope() evidence.Scope
	// AppendLedger keeps a draft until the transaction's end, where it joins its chain.
	AppendLedger(d evidence.Draft)
	// Emit puts an event (ID, Operator, At are filled in) into the outbox of the same transaction.
	Emit(e Event)

	// ClaimIdentity binds identity to id, or returns the incident that has it already.
	ClaimIdentity(ctx context.Context, identity string, id ID) (holder ID, err error)
	KeptAnswer(ctx context.Context, route, key string) (*KeptAnswer, error) // nil: none
	KeepAnswer(ctx context.Context, a KeptAnswer) error

	// InsertIncident also makes the incident's data key and the head of its ledger chain.
	InsertIncident(ctx context.Context, i Incident) error
	UpdateIncident(ctx context.Context, i Incident) error
	Incident(ctx context.Context, id ID) (Incident, error)     // Fault NotFound
	LockIncident(ctx context.Context, id ID) (Incident, error) // same, held until the end of the transaction
	Incidents(ctx context.Context, p Page) ([]Incident, error) // newest first
	InsertFacts(ctx context.Context, id ID, facts []Fact) error
	Facts(ctx context.Context, id ID) ([]Fact, error) // all, in order of revision
	InsertFile(ctx context.Context, f File) error
	File(ctx context.Context, id string) (File, error)
	Files(ctx context.Context, incident ID) ([]File, error) // without bodies

	Ledger(ctx context.Context, chain string, after int64, limit int) ([]evidence.Entry, error)
	Events(ctx context.Context, after int64, limit int) ([]Event, error) // sequenced ones of this operator
}

// Store opens transactions for a scope. InTx commits when fn returns nil; View is read-only.
type Store interface {
	InTx(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
	View(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
}
