package access

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/clock"
)

// memory is a store of one operator in memory; it is its own transaction and rolls nothing back.
type memory struct {
	incident.Tx
	clock    clock.Clock
	users    []User
	sessions map[string]Session
	tokens   []Token
	ledger   []evidence.Draft
}

var errNone = incident.NewFault(incident.NotFound, "not found")

func (m *memory) InTx(_ context.Context, _ evidence.Scope, fn func(Tx) error) error { return fn(m) }
func (m *memory) View(_ context.Context, _ evidence.Scope, fn func(Tx) error) error { return fn(m) }

func (m *memory) dump() string {
	b, _ := json.Marshal([]any{m.users, m.sessions, m.tokens, m.ledger})
	return string(b)
}

func (m *memory) Now() time.Time                { return m.clock.Now() }
func (m *memory) AppendLedger(d evidence.Draft) { m.ledger = append(m.ledger, d) }
func (m *memory) Emit(incident.Event)           {}

func (m *memory) InsertUser(_ context.Context, u User) error {
	m.users = append(m.users, u)
	return nil
}

func (m *memory) UpdateUser(_ context.Context, u User) error {
	i := slices.IndexFunc(m.users, func(o User) bool { return o.ID == u.ID })
	m.users[i] = u
	return nil
}

func (m *memory) find(match func(User) bool) (User, error) {
	if i := slices.IndexFunc(m.users, match); i >= 0 {
		return m.users[i], nil
	}
	return User{}, errNone
}

func (m *memory) User(_ context.Context, id string) (User, error) {
	return m.find(func(u User) bool { return u.ID == id })
}

func (m *memory) UserByLogin(_ context.Context, login string) (User, error) {
	return m.find(func(u User) bool { return u.Login == login })
}

func (m *memory) Users(context.Context) ([]User, error) { return slices.Clone(m.users), nil }

func (m *memory) InsertSession(_ context.Context, s Session) error {
	m.sessions[string(s.TokenHash)] = s
	return nil
}

func (m *memory) TouchSession(_ context.Context, hash []byte, at time.Time) error {
	s := m.sessions[string(hash)]
	s.SeenAt = at
	m.sessions[string(hash)] = s
	return nil
}

func (m *memory) Session(_ context.Context, hash []byte) (Session, error) {
	if s, ok := m.sessions[string(hash)]; ok {
		return s, nil
	}
	return Session{}, errNone
}

func (m *memory) DeleteSession(_ context.Context, hash []byte) error {
	delete(m.sessions, string(hash))
	return nil
}

func (m *memory) InsertToken(_ context.Context, t Token) error {
	m.tokens = append(m.tokens, t)
	return nil
}

func (m *memory) UpdateToken(_ context.Context, t Token) error {
	i := slices.IndexFunc(m.tokens, func(o Token) bool { return o.ID == t.ID })
	m.tokens[i] = t
	return nil
}

func (m *memory) Token(_ context.Context, hash []byte) (Token, error) {
	i := slices.IndexFunc(m.tokens, func(o Token) bool { return string(o.Hash) == string(hash) })
	if i < 0 {
		return Token{}, errNone
	}
	return m.tokens[i], nil
}

func (m *memory) Tokens(context.Context) ([]Token, error) { return slices.Clone(m.tokens), nil }
