package store

import (
	"context"
	"fmt"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/templates"
)

// What Of checks at run time only, the compiler checks here.
var (
	_ incident.Tx  = (*Tx)(nil)
	_ access.Tx    = (*Tx)(nil)
	_ templates.Tx = (*Tx)(nil)
	_ notify.Tx    = (*Tx)(nil)
	_ playbooks.Tx = (*Tx)(nil)

	_ incident.Store  = Handle[incident.Tx]{}
	_ access.Store    = Handle[access.Tx]{}
	_ templates.Store = Handle[templates.Tx]{}
	_ notify.Store    = Handle[notify.Tx]{}
	_ playbooks.Store = Handle[playbooks.Tx]{}
)

// Handle opens transactions as one domain package sees them.
type Handle[T any] struct{ db *DB }

// Of is the store for the domain package whose Tx interface is T.
func Of[T any](db *DB) Handle[T] {
	if _, ok := any((*Tx)(nil)).(T); !ok {
		panic(fmt.Sprintf("store.Tx does not implement %T", (*T)(nil)))
	}
	return Handle[T]{db}
}

// InTx runs fn in a transaction for the scope and commits when it returns nil; when InTx returns, the
// commit is durable. fn must not open another InTx, and may run twice.
func (h Handle[T]) InTx(ctx context.Context, s evidence.Scope, fn func(T) error) error {
	return h.db.inTx(ctx, urgent, s, func(t *Tx) error { return fn(any(t).(T)) })
}

// Bulk is InTx for fan-out and imports: it waits behind interactive work.
func (h Handle[T]) Bulk(ctx context.Context, s evidence.Scope, fn func(T) error) error {
	return h.db.inTx(ctx, bulk, s, func(t *Tx) error { return fn(any(t).(T)) })
}

// View runs fn on one read-only snapshot.
func (h Handle[T]) View(ctx context.Context, s evidence.Scope, fn func(T) error) error {
	return h.db.view(ctx, s, func(t *Tx) error { return fn(any(t).(T)) })
}
