// Package access knows users, roles, teams, permissions, sessions and API tokens, and makes an
// evidence.Scope from them.
package access

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// The roles a user or token may hold.
const (
	Reporter  = "reporter"  // posts incidents and facts
	Responder = "responder" // works incidents: facts, tasks, drafts, audiences, filings, dispatch
	Approver  = "approver"  // approves and returns documents, in addition to its team
	Admin     = "admin"     // users, tokens, profile; sees no affected person's data
	Auditor   = "auditor"   // reads everything, changes nothing
)

// Permission is one thing a role may do.
type Permission string

// The permissions, checked by use cases through Require.
const (
	Report     Permission = "report"  // post findings and facts
	Read       Permission = "read"    // see incidents, duties, documents, dispatches
	Work       Permission = "work"    // tasks, edits, submits, filings, audiences
	Approve    Permission = "approve" // approve and return
	Send       Permission = "send"    // dispatch, pause, resume, stop
	ReadPeople Permission = "people"  // see affected people: deliveries search, rejects
	Manage     Permission = "manage"  // users, tokens, profile
)

// User is a person who signs in.
type User struct {
	ID        string // usr_…
	Login     string
	Name      string // sealed at rest
	Roles     []string
	Teams     []string
	Locale    string // of the console: zh-Hans or en
	Hash      string // argon2id
	Disabled  bool
	CreatedAt time.Time
}

// Session is a signed-in console session, known by the hash of its cookie's token.
type Session struct {
	TokenHash []byte
	User      string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time // absolute
}

// Token is an API token of a tool or person, known by its hash.
type Token struct {
	ID        string // tok_…
	Name      string
	Hash      []byte
	Kind      evidence.ActorKind
	User      string // for a person's token
	Roles     []string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: none
	RevokedAt time.Time // zero: live
}

// Tx is what access needs from a store transaction.
type Tx interface {
	incident.Tx
	InsertUser(ctx context.Context, u User) error // Fault Conflict when the login is taken
	UpdateUser(ctx context.Context, u User) error
	User(ctx context.Context, id string) (User, error)
	UserByLogin(ctx context.Context, login string) (User, error)
	Users(ctx context.Context) ([]User, error)
	InsertSession(ctx context.Context, s Session) error
	TouchSession(ctx context.Context, tokenHash []byte, seenAt time.Time) error
	Session(ctx context.Context, tokenHash []byte) (Session, error)
	DeleteSession(ctx context.Context, tokenHash []byte) error
	InsertToken(ctx context.Context, t Token) error
	UpdateToken(ctx context.Context, t Token) error
	Token(ctx context.Context, hash []byte) (Token, error)
	Tokens(ctx context.Context) ([]Token, error)
}

// Store opens transactions.
type Store interface {
	InTx(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
	View(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
}
