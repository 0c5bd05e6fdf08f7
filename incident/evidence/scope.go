// Package evidence holds what proof rests on: who acted (Actor, Scope), ledger entries in hash
// chains, Merkle batches of delivery events, evidence packs and their offline verifier. It is pure:
// no clock, no disk, no network.
package evidence

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ActorKind tells what sort of actor did something.
type ActorKind string

// The kinds of actor. A person beats a tool where facts disagree.
const (
	Person  ActorKind = "person"
	Tool    ActorKind = "tool"
	Machine ActorKind = "system"
)

// Actor is who did something: a person's user id, a tool's token id, or the system itself.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   string    `json:"id"`
}

// Scope limits what one use case may read and write: one operator, one actor, the actor's roles and
// teams. A store transaction is opened for a scope, so that no query can forget it.
type Scope struct {
	Operator string
	Actor    Actor
	Roles    []string
	Teams    []string
}

// System is the scope of Tocsin's own work (timers, fan-out, derivation) for one operator.
func System(operator string) Scope {
	return Scope{Operator: operator, Actor: Actor{Kind: Machine, ID: "tocsin"}}
}

// Has reports whether the scope's actor holds the role.
func (s Scope) Has(role string) bool { return slices.Contains(s.Roles, role) }

// NewID makes a typed, sortable id such as inc_0193… from a prefix without underscore (UUIDv7).
func NewID(prefix string) string {
	return prefix + "_" + strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "")
}
