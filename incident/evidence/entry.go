package evidence

import "time"

// SystemChain is the ledger chain of decisions that belong to no incident.
const SystemChain = "system"

// Draft is an entry as a use case hands it to the ledger. The store appends drafts last in their
// transaction and gives them their sequence, time and hashes.
type Draft struct {
	Chain string // incident id, or SystemChain
	Kind  string // noun.verb, such as "incident.recorded", "document.approved", "delivery.batch"
	// Refs are ids, enums, counts and hashes. Never personal data, never free text.
	Refs map[string]string
	// Commit are values that the entry commits to by salted hash only; the values are not stored.
	Commit map[string]string
}

// Entry is one link of a chain. Hash covers every other field, Prev included.
type Entry struct {
	Chain   string            `json:"chain"`
	Seq     int64             `json:"seq"` // from 1, without gaps
	At      time.Time         `json:"at"`
	Kind    string            `json:"kind"`
	Actor   Actor             `json:"actor"`
	Refs    map[string]string `json:"refs,omitempty"`
	Commits map[string]string `json:"commits,omitempty"` // hex SHA-256 of salt‖name‖value
	Prev    string            `json:"prev"`              // hex; empty at seq 1
	Hash    string            `json:"hash"`
}
