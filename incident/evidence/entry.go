package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

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

// Link makes the entry that follows prev (nil at the start of a chain). salt comes from the chain's key
// and the new sequence; at is the transaction's time.
func Link(prev *Entry, d Draft, actor Actor, at time.Time, salt func(seq int64) []byte) Entry {
	e := Entry{Chain: d.Chain, Seq: 1, At: at.UTC(), Kind: d.Kind, Actor: actor, Refs: d.Refs}
	if prev != nil {
		e.Seq, e.Prev = prev.Seq+1, prev.Hash
	}
	if len(d.Commit) > 0 {
		e.Commits = make(map[string]string, len(d.Commit))
		s := salt(e.Seq)
		for name, value := range d.Commit {
			e.Commits[name] = Commitment(s, name, value)
		}
	}
	e.Hash = e.Digest()
	return e
}

// Commitment is the salted hash of a named value. Who has the salt can prove the value; once the salt's
// key is shredded, nobody can guess it.
func Commitment(salt []byte, name, value string) string {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(value))
	return hex.EncodeToString(h.Sum(nil))
}

// Digest is the hex SHA-256 over every field of the entry but Hash, in canonical JSON.
func (e Entry) Digest() string {
	e.Hash = ""
	b, err := json.Marshal(e) // maps are written in key order, so equal entries give equal bytes
	if err != nil {
		panic("marshal ledger entry: " + err.Error()) // strings, ints and times always marshal
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
