// Package incidenttest is an in-memory incident.Store for the tests of rooms that need no database.
package incidenttest

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/clock"
)

// Store keeps everything in maps. One transaction runs at a time; a failed one leaves nothing behind.
type Store struct {
	Clock clock.Clock
	Down  error // when set, every transaction fails with it

	mu    sync.Mutex
	state state
}

type state struct {
	identities map[string]incident.ID
	incidents  map[incident.ID]incident.Incident
	facts      map[incident.ID][]incident.Fact
	files      []incident.File
	drafts     []evidence.Draft
	events     []incident.Event
}

// New makes an empty store.
func New(clk clock.Clock) *Store {
	return &Store{Clock: clk, state: state{identities: map[string]incident.ID{}, incidents: map[incident.ID]incident.Incident{},
		facts: map[incident.ID][]incident.Fact{}}}
}

func (s *state) clone() state {
	c := state{identities: maps.Clone(s.identities), incidents: maps.Clone(s.incidents), facts: map[incident.ID][]incident.Fact{},
		files: slices.Clone(s.files), drafts: slices.Clone(s.drafts), events: slices.Clone(s.events)}
	for id, facts := range s.facts {
		c.facts[id] = slices.Clone(facts)
	}
	return c
}

// InTx runs fn alone and keeps what it did when it returns nil.
func (s *Store) InTx(_ context.Context, sc evidence.Scope, fn func(incident.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Down != nil {
		return s.Down
	}
	tx := &Tx{state: s.state.clone(), scope: sc, now: s.Clock.Now()}
	if err := fn(tx); err != nil {
		return err
	}
	s.state = tx.state
	return nil
}

// View runs fn and forgets what it did.
func (s *Store) View(_ context.Context, sc evidence.Scope, fn func(incident.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fn(&Tx{state: s.state.clone(), scope: sc, now: s.Clock.Now()})
}

// Drafts are the ledger entries so far.
func (s *Store) Drafts() []evidence.Draft { s.mu.Lock(); defer s.mu.Unlock(); return s.state.drafts }

// Emitted are the events so far.
func (s *Store) Emitted() []incident.Event { s.mu.Lock(); defer s.mu.Unlock(); return s.state.events }

// Kept are the files so far.
func (s *Store) Kept() []incident.File { s.mu.Lock(); defer s.mu.Unlock(); return s.state.files }

// All are the incidents, in order of id.
func (s *Store) All() []incident.Incident {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.state.incidents), func(a, b incident.Incident) int { return strings.Compare(string(a.ID), string(b.ID)) })
}

// Tx is one transaction.
type Tx struct {
	incident.Tx // what is not written here panics
	state       state
	scope       evidence.Scope
	now         time.Time
}

// Now is the time of the transaction.
func (t *Tx) Now() time.Time { return t.now }

// Scope is that of the transaction.
func (t *Tx) Scope() evidence.Scope { return t.scope }

// AppendLedger keeps the draft.
func (t *Tx) AppendLedger(d evidence.Draft) { t.state.drafts = append(t.state.drafts, d) }

// Emit keeps the event.
func (t *Tx) Emit(e incident.Event) { t.state.events = append(t.state.events, e) }

// ClaimIdentity binds an identity once.
func (t *Tx) ClaimIdentity(_ context.Context, identity string, id incident.ID) (incident.ID, error) {
	if holder, ok := t.state.identities[identity]; ok {
		return holder, nil
	}
	t.state.identities[identity] = id
	return id, nil
}

// InsertIncident keeps a new incident.
func (t *Tx) InsertIncident(_ context.Context, i incident.Incident) error {
	t.state.incidents[i.ID] = i
	return nil
}

// UpdateIncident replaces an incident.
func (t *Tx) UpdateIncident(_ context.Context, i incident.Incident) error {
	t.state.incidents[i.ID] = i
	return nil
}

// Incident finds an incident.
func (t *Tx) Incident(_ context.Context, id incident.ID) (incident.Incident, error) {
	if i, ok := t.state.incidents[id]; ok {
		return i, nil
	}
	return incident.Incident{}, incident.NewFault(incident.NotFound, "no such incident")
}

// LockIncident is Incident: transactions run alone.
func (t *Tx) LockIncident(ctx context.Context, id incident.ID) (incident.Incident, error) {
	return t.Incident(ctx, id)
}

// InsertFacts keeps facts as a database does: values go through JSON.
func (t *Tx) InsertFacts(_ context.Context, id incident.ID, facts []incident.Fact) error {
	for _, f := range facts {
		b, err := json.Marshal(f.Value)
		if err != nil {
			return err
		}
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		f.Value = nil
		if err := d.Decode(&f.Value); err != nil {
			return err
		}
		t.state.facts[id] = append(t.state.facts[id], f)
	}
	return nil
}

// Facts lists facts in order of revision.
func (t *Tx) Facts(_ context.Context, id incident.ID) ([]incident.Fact, error) {
	out := slices.Clone(t.state.facts[id])
	slices.SortStableFunc(out, func(a, b incident.Fact) int { return int(a.Revision - b.Revision) })
	return out, nil
}

// InsertFile keeps a file.
func (t *Tx) InsertFile(_ context.Context, f incident.File) error {
	t.state.files = append(t.state.files, f)
	return nil
}
