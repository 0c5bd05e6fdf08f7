package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"github.com/alexedwards/argon2id"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// Service signs people and tools in and manages them.
type Service struct {
	store    Store
	operator string
	hasher   *hasher
	throttle *throttle
}

// Option changes how the service is made.
type Option func(*argon2id.Params)

// WithCost sets the argon2id cost of new passwords, in KiB, passes and lanes. The default is 64 MiB, 3, 2;
// less is for tests and demonstrations.
func WithCost(memory, passes uint32, lanes uint8) Option {
	return func(p *argon2id.Params) { p.Memory, p.Iterations, p.Parallelism = memory, passes, lanes }
}

// New makes the service for one operator (one installation serves one operator's sign-ins).
func New(store Store, operator string, options ...Option) *Service {
	params := argon2id.Params{Memory: 64 << 10, Iterations: 3, Parallelism: 2, SaltLength: 16, KeyLength: 32}
	for _, o := range options {
		o(&params)
	}
	return &Service{store: store, operator: operator, hasher: newHasher(params), throttle: newThrottle()}
}

// newSecret is 32 random bytes in base64url.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// record notes a decision about people or tools in the system's ledger and tells the house.
func record(tx Tx, kind string, refs map[string]string) {
	tx.AppendLedger(evidence.Draft{Chain: evidence.SystemChain, Kind: kind, Refs: refs})
	tx.Emit(incident.Event{Kind: kind, Refs: refs})
}

// manager checks that by may manage the users of this operator.
func (s *Service) manager(by evidence.Scope) error {
	if by.Operator != s.operator {
		return incident.NewFault(incident.NotFound, "not found")
	}
	return Require(by, Manage)
}

var loginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

func normalise(login string) string { return strings.ToLower(strings.TrimSpace(login)) }

func checkUser(u User) (problems []incident.Problem) {
	if !loginForm.MatchString(u.Login) {
		problems = append(problems, incident.Problem{Pointer: "/login", Rule: "form",
			Message: "must be 1 to 64 letters, digits or . _ @ - and start with a letter or digit"})
	}
	if u.Locale != "zh-Hans" && u.Locale != "en" {
		problems = append(problems, incident.Problem{Pointer: "/locale", Rule: "enum", Message: "must be zh-Hans or en"})
	}
	return append(problems, checkRoles(u.Roles)...)
}

func checkRoles(roles []string) (problems []incident.Problem) {
	for _, r := range roles {
		if grants[r] == nil {
			problems = append(problems, incident.Problem{Pointer: "/roles", Rule: "enum",
				Message: "must be among " + strings.Join(Roles(), ", ")})
		}
	}
	return problems
}

// CreateUser adds a user; by is evidence.System(operator) for set-up from the command line.
func (s *Service) CreateUser(ctx context.Context, by evidence.Scope, u User, password string) (User, error) {
	if err := s.manager(by); err != nil {
		return User{}, err
	}
	u.Login = normalise(u.Login)
	if u.Locale == "" {
		u.Locale = "zh-Hans"
	}
	if problems := append(checkUser(u), checkPassword(u.Login, password)...); len(problems) > 0 {
		return User{}, incident.InvalidInput(problems)
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	err = s.store.InTx(ctx, by, func(tx Tx) error {
		u.ID, u.Hash, u.Disabled, u.CreatedAt = evidence.NewID("usr"), hash, false, tx.Now()
		if err := tx.InsertUser(ctx, u); err != nil {
			return err
		}
		record(tx, "user.created", map[string]string{"user": u.ID, "roles": strings.Join(u.Roles, " ")})
		return nil
	})
	u.Hash = ""
	return u, err
}

// change applies a manager's change to one user and records it.
func (s *Service) change(ctx context.Context, by evidence.Scope, login, kind string, apply func(*User)) error {
	if err := s.manager(by); err != nil {
		return err
	}
	return s.store.InTx(ctx, by, func(tx Tx) error {
		u, err := tx.UserByLogin(ctx, normalise(login))
		if err != nil {
			return err
		}
		apply(&u)
		if err := s.keepAnAdmin(ctx, tx, u); err != nil {
			return err
		}
		if err := tx.UpdateUser(ctx, u); err != nil {
			return err
		}
		record(tx, kind, map[string]string{"user": u.ID, "roles": strings.Join(u.Roles, " ")})
		return nil
	})
}

// keepAnAdmin refuses a change of u after which nobody could manage users.
func (s *Service) keepAnAdmin(ctx context.Context, tx Tx, u User) error {
	manages := func(u User) bool { return !u.Disabled && slices.Contains(u.Roles, Admin) }
	if manages(u) {
		return nil
	}
	users, err := tx.Users(ctx)
	if err != nil {
		return err
	}
	had := false
	for _, other := range users {
		if other.ID != u.ID && manages(other) {
			return nil
		}
		had = had || (other.ID == u.ID && manages(other))
	}
	if !had {
		return nil
	}
	return incident.NewFault(incident.Conflict, "this is the last administrator; make another one first")
}

// SetPassword sets a new password for a user and so ends the user's sessions.
func (s *Service) SetPassword(ctx context.Context, by evidence.Scope, login, password string) error {
	if err := s.manager(by); err != nil {
		return err
	}
	if problems := checkPassword(normalise(login), password); len(problems) > 0 {
		return incident.InvalidInput(problems)
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, by, login, "user.password", func(u *User) { u.Hash = hash })
}

// SetRoles replaces a user's roles and teams. It holds from the user's next request on.
func (s *Service) SetRoles(ctx context.Context, by evidence.Scope, login string, roles, teams []string) error {
	if problems := checkRoles(roles); len(problems) > 0 {
		return incident.InvalidInput(problems)
	}
	return s.change(ctx, by, login, "user.roles", func(u *User) { u.Roles, u.Teams = roles, teams })
}

// Disable shuts a user out at once, sessions and tokens included; the last administrator stays.
func (s *Service) Disable(ctx context.Context, by evidence.Scope, login string) error {
	return s.change(ctx, by, login, "user.disabled", func(u *User) { u.Disabled = true })
}

// Enable lets a disabled user in again.
func (s *Service) Enable(ctx context.Context, by evidence.Scope, login string) error {
	return s.change(ctx, by, login, "user.enabled", func(u *User) { u.Disabled = false })
}

// Users lists users without their password hashes.
func (s *Service) Users(ctx context.Context, by evidence.Scope) ([]User, error) {
	if err := s.manager(by); err != nil {
		return nil, err
	}
	var users []User
	err := s.store.View(ctx, by, func(tx Tx) (err error) {
		users, err = tx.Users(ctx)
		return err
	})
	for i := range users {
		users[i].Hash = ""
	}
	return users, err
}
