package access

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

const tokenPrefix = "tcs_" // lets secret scanners find a leaked token

// IssueToken makes an API token and returns its only copy: "tcs_…". A manager issues a tool's token; a
// person's token is issued by that person alone, so that nobody can act in another's name.
func (s *Service) IssueToken(ctx context.Context, by evidence.Scope, t Token) (token string, err error) {
	if err := s.mayIssue(by, t); err != nil {
		return "", err
	}
	token = tokenPrefix + newSecret()
	err = s.store.InTx(ctx, by, func(tx Tx) error {
		if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(tx.Now()) {
			return incident.InvalidInput([]incident.Problem{{Pointer: "/expires_at", Rule: "future", Message: "must lie in the future"}})
		}
		t.ID, t.Hash, t.CreatedAt = evidence.NewID("tok"), tokenHash(token), tx.Now()
		record(tx, "token.issued", map[string]string{"token": t.ID, "user": t.User, "roles": strings.Join(t.Roles, " ")})
		return tx.InsertToken(ctx, t)
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

func (s *Service) mayIssue(by evidence.Scope, t Token) error {
	problems := checkRoles(t.Roles)
	if strings.TrimSpace(t.Name) == "" {
		problems = append(problems, incident.Problem{Pointer: "/name", Rule: "required", Message: "must say what the token is for"})
	}
	if len(t.Roles) == 0 {
		problems = append(problems, incident.Problem{Pointer: "/roles", Rule: "required", Message: "must name at least one role"})
	}
	if t.Kind == evidence.Tool && slices.Contains(t.Roles, Approver) {
		problems = append(problems, incident.Problem{Pointer: "/roles", Rule: "person", Message: "only a person can be an approver"})
	}
	if len(problems) > 0 {
		return incident.InvalidInput(problems)
	}
	switch {
	case t.Kind == evidence.Tool && t.User == "":
		return s.manager(by)
	case t.Kind == evidence.Person && t.User == by.Actor.ID && by.Actor.Kind == evidence.Person && by.Operator == s.operator:
		return nil // it can never do more than the person: see ByToken
	}
	return incident.NewFault(incident.Forbidden, "a token is for a tool, or for yourself")
}

// ByToken is the scope of an API token. A person's token has those of its roles that the person still holds.
func (s *Service) ByToken(ctx context.Context, token string) (evidence.Scope, error) {
	var sc evidence.Scope
	err := s.store.View(ctx, evidence.System(s.operator), func(tx Tx) error {
		t, err := tx.Token(ctx, tokenHash(token))
		if err != nil {
			return err
		}
		if !t.RevokedAt.IsZero() || (!t.ExpiresAt.IsZero() && !tx.Now().Before(t.ExpiresAt)) {
			return errSignedOut
		}
		if t.Kind != evidence.Person {
			sc = evidence.Scope{Operator: s.operator, Actor: evidence.Actor{Kind: evidence.Tool, ID: t.ID}, Roles: t.Roles}
			return nil
		}
		u, err := tx.User(ctx, t.User)
		if err != nil {
			return err
		}
		if u.Disabled {
			return errSignedOut
		}
		sc = s.scope(u)
		sc.Roles = slices.DeleteFunc(slices.Clone(t.Roles), func(r string) bool { return !slices.Contains(u.Roles, r) })
		return nil
	})
	if err != nil {
		return evidence.Scope{}, signedOut(err)
	}
	return sc, nil
}

// RevokeToken ends a token by id; a person may end their own.
func (s *Service) RevokeToken(ctx context.Context, by evidence.Scope, id string) error {
	return s.store.InTx(ctx, by, func(tx Tx) error {
		tokens, err := tx.Tokens(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(tokens, func(t Token) bool { return t.ID == id })
		if i < 0 || (!own(by, tokens[i]) && s.manager(by) != nil) {
			return incident.NewFault(incident.NotFound, "not found")
		}
		t := tokens[i]
		if !t.RevokedAt.IsZero() {
			return nil
		}
		t.RevokedAt = tx.Now()
		record(tx, "token.revoked", map[string]string{"token": t.ID})
		return tx.UpdateToken(ctx, t)
	})
}

// Tokens lists tokens without their hashes: all for a manager, their own for others.
func (s *Service) Tokens(ctx context.Context, by evidence.Scope) ([]Token, error) {
	var tokens []Token
	err := s.store.View(ctx, by, func(tx Tx) (err error) {
		tokens, err = tx.Tokens(ctx)
		return err
	})
	if s.manager(by) != nil {
		tokens = slices.DeleteFunc(tokens, func(t Token) bool { return !own(by, t) })
	}
	for i := range tokens {
		tokens[i].Hash = nil
	}
	return tokens, err
}

func own(by evidence.Scope, t Token) bool {
	return by.Actor.Kind == evidence.Person && t.User == by.Actor.ID
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
