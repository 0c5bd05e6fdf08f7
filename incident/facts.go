package incident

import (
	"context"
	"time"
)

// Snapshot is what is held true of an incident at a revision: per path the winning fact.
type Snapshot struct {
	Revision      int64
	Facts         map[string]Fact // winners by path; Value nil means unknown
	Disagreements []Disagreement
}

// Disagreement is a difference of sources about a path that a person should settle.
type Disagreement struct {
	Path  string `json:"path"`
	Facts []Fact `json:"facts"`
}

// Resolve picks the winner per path: a person beats a tool, a newer At beats an older one.
// Order and repetition of facts do not matter.
func Resolve(facts []Fact) Snapshot { panic("unwritten") }

// Object is the nested facts object of design section 6, as Derive and templates take it. Unknown
// facts are absent. Numbers are int64 or float64, lists []any, objects map[string]any.
func (s Snapshot) Object() map[string]any { panic("unwritten") }

// CheckFacts validates a nested facts object (as in POST /incidents or /obligations/derive, decoded
// with json.Number) against the vocabulary and flattens it. Problems point below prefix, e.g. "/facts".
func CheckFacts(object map[string]any, prefix string) ([]FactInput, []Problem) { panic("unwritten") }

// Recorded says what a finding became.
type Recorded struct {
	ID       ID
	Created  bool
	Revision int64
	Changed  []string // paths of facts that changed; empty for an exact repeat
}

// Record turns a finding into an incident, or into a revision of the one with the same identity.
// It appends "incident.recorded" or "incident.revised" to the ledger and emits the event of that name.
func Record(ctx context.Context, tx Tx, f Finding) (Recorded, error) { panic("unwritten") }

// Amendment is a change of facts by a person or tool (PATCH /incidents/{id}); a nil value means "now unknown".
type Amendment struct {
	Source         string
	At             time.Time
	Reason         string
	Facts          []FactInput
	Title, Summary *string
}

// Amend adds the amendment's facts as a new revision ("incident.revised").
func Amend(ctx context.Context, tx Tx, id ID, a Amendment) (Recorded, error) { panic("unwritten") }

// Load reads an incident with its facts resolved.
func Load(ctx context.Context, tx Tx, id ID) (Incident, Snapshot, error) { panic("unwritten") }
