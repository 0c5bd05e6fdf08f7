package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

const (
	sessionLife = 24 * time.Hour
	sessionIdle = 12 * time.Hour
	touchEvery  = 5 * time.Minute // a request does not write unless the last mark is this old
)

var (
	errSignIn    = incident.NewFault(incident.Unauthorized, "login or password is wrong")
	errSignedOut = incident.NewFault(incident.Unauthorized, "not signed in")
	errTooMany   = incident.NewFault(incident.Busy, "too many attempts for this login; wait a minute and try again")
)

// SignIn checks a password (argon2id, bounded concurrency, the same work also for unknown logins) and
// opens a session; token is the cookie's value.
func (s *Service) SignIn(ctx context.Context, login, password string) (token string, u User, err error) {
	login = normalise(login)
	if u, err = s.verify(ctx, login, password); err != nil {
		return "", User{}, err
	}
	token = newSecret()
	token += "." + bind(token, u)
	err = s.store.InTx(ctx, s.scope(u), func(tx Tx) error {
		now, err := tx.User(ctx, u.ID)
		if err != nil {
			return err
		}
		if now.Disabled || now.Hash != u.Hash {
			return errSignIn // changed while we hashed
		}
		record(tx, "session.opened", map[string]string{"user": u.ID})
		return tx.InsertSession(ctx, Session{TokenHash: sessionHash(token), User: u.ID,
			CreatedAt: tx.Now(), SeenAt: tx.Now(), ExpiresAt: tx.Now().Add(sessionLife)})
	})
	if err != nil {
		return "", User{}, err
	}
	u.Hash = ""
	return token, u, nil
}

// verify finds the user whose login and password these are, at the same cost when there is none.
func (s *Service) verify(ctx context.Context, login, password string) (User, error) {
	var u User
	allowed := false
	err := s.store.View(ctx, evidence.System(s.operator), func(tx Tx) (err error) {
		if allowed = s.throttle.take(login, tx.Now()); !allowed {
			return nil
		}
		u, err = tx.UserByLogin(ctx, login)
		if incident.IsFault(err, incident.NotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	if !allowed {
		return User{}, errTooMany
	}
	ok, err := s.hasher.matches(ctx, password, u.Hash)
	if err != nil {
		return User{}, err
	}
	if !ok || u.Disabled {
		return User{}, errSignIn
	}
	s.throttle.clear(login)
	return u, nil
}

// ChangePassword sets the person's own password, who proves to know the old one. It ends every session
// of the person, this one included.
func (s *Service) ChangePassword(ctx context.Context, by evidence.Scope, old, password string) error {
	if by.Actor.Kind != evidence.Person {
		return incident.NewFault(incident.Forbidden, "only a person has a password")
	}
	var u User
	if err := s.store.View(ctx, by, func(tx Tx) (err error) {
		u, err = tx.User(ctx, by.Actor.ID)
		return err
	}); err != nil {
		return err
	}
	if _, err := s.verify(ctx, u.Login, old); err != nil {
		return err
	}
	if problems := checkPassword(u.Login, password); len(problems) > 0 {
		return incident.InvalidInput(problems)
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.own(ctx, by, "user.password", func(u *User) { u.Hash = hash })
}

// SetLocale sets the language of the person's own console.
func (s *Service) SetLocale(ctx context.Context, by evidence.Scope, locale string) error {
	if locale != "zh-Hans" && locale != "en" {
		return incident.InvalidInput([]incident.Problem{{Pointer: "/locale", Rule: "enum", Message: "must be zh-Hans or en"}})
	}
	return s.own(ctx, by, "user.locale", func(u *User) { u.Locale = locale })
}

func (s *Service) own(ctx context.Context, by evidence.Scope, kind string, apply func(*User)) error {
	return s.store.InTx(ctx, by, func(tx Tx) error {
		u, err := tx.User(ctx, by.Actor.ID)
		if err != nil {
			return err
		}
		apply(&u)
		record(tx, kind, map[string]string{"user": u.ID})
		return tx.UpdateUser(ctx, u)
	})
}

// SignOut ends a session.
func (s *Service) SignOut(ctx context.Context, token string) error {
	return s.store.InTx(ctx, evidence.System(s.operator), func(tx Tx) error {
		return tx.DeleteSession(ctx, sessionHash(token))
	})
}

// BySession is the scope and user of a console session: idle limit 12 h, absolute 24 h.
func (s *Service) BySession(ctx context.Context, token string) (evidence.Scope, User, error) {
	var session Session
	var u User
	var now time.Time
	err := s.store.View(ctx, evidence.System(s.operator), func(tx Tx) (err error) {
		if session, err = tx.Session(ctx, sessionHash(token)); err != nil {
			return err
		}
		now = tx.Now()
		u, err = tx.User(ctx, session.User)
		return err
	})
	if err != nil {
		return evidence.Scope{}, User{}, signedOut(err)
	}
	if expired(session, now) {
		return evidence.Scope{}, User{}, errors.Join(errSignedOut, s.SignOut(ctx, token))
	}
	_, tag, _ := strings.Cut(token, ".")
	if u.Disabled || subtle.ConstantTimeCompare([]byte(tag), []byte(bind(token, u))) != 1 {
		return evidence.Scope{}, User{}, errSignedOut
	}
	if now.Sub(session.SeenAt) >= touchEvery {
		err = s.store.InTx(ctx, evidence.System(s.operator), func(tx Tx) error {
			return tx.TouchSession(ctx, session.TokenHash, now)
		})
	}
	u.Hash = ""
	return s.scope(u), u, err
}

func expired(s Session, now time.Time) bool {
	return !now.Before(s.ExpiresAt) || now.Sub(s.SeenAt) >= sessionIdle
}

// signedOut turns "no such row" into "not signed in" and leaves other errors alone.
func signedOut(err error) error {
	if incident.IsFault(err, incident.NotFound) {
		return errSignedOut
	}
	return err
}

// A cookie is secret.tag. The secret's hash finds the session; the tag binds it to the password hash it
// was opened under, so that a new password ends every older session.
func bind(token string, u User) string {
	secret, _, _ := strings.Cut(token, ".")
	sum := sha256.Sum256([]byte(secret + "\x00" + u.Hash))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func sessionHash(token string) []byte {
	secret, _, _ := strings.Cut(token, ".")
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// scope is what a signed-in person may see and do.
func (s *Service) scope(u User) evidence.Scope {
	return evidence.Scope{Operator: s.operator, Actor: evidence.Actor{Kind: evidence.Person, ID: u.ID},
		Roles: u.Roles, Teams: u.Teams}
}
