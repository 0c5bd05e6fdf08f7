package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// troubleLasts is how long a refused write counts: longer than anything waits before it tries again.
const troubleLasts = 2 * time.Minute

// trouble is the last write that the database took from nobody: its disk is full, or it is locked.
type trouble struct{ last atomic.Pointer[refusal] }

type refusal struct {
	why       error
	at, since time.Time // of the last one, and of the first of those that follow each other
}

// lasts reports whether a refusal still counts.
func (r *refusal) lasts(now time.Time) bool {
	if r == nil {
		return false
	}
	ago := now.Sub(r.at)
	return ago >= 0 && ago <= troubleLasts
}

// met notes how a transaction ended. On SQLite, one file, one that went through ends the trouble; on PostgreSQL
// it may have been about another table.
func (t *trouble) met(db *DB, err error) {
	if err == nil {
		if db.dialect == sqlite && t.last.Load() != nil {
			t.last.Store(nil)
		}
		return
	}
	for _, why := range []error{errFull, errLocked, errReadOnly} {
		if errors.Is(err, why) {
			now := db.clock.Now()
			r := &refusal{why, now, now}
			if last := t.last.Load(); last.lasts(now) {
				r.since = last.since
			}
			t.last.Store(r)
		}
	}
}

// Refusing says why the store takes no writes as far as is known, and since when: full, locked, read-only; "" when
// it takes them.
func (db *DB) Refusing() (why string, since time.Time) {
	r := db.trouble.last.Load()
	if !r.lasts(db.clock.Now()) {
		return "", since
	}
	why = "full"
	switch {
	case errors.Is(r.why, errLocked):
		why = "locked"
	case errors.Is(r.why, errReadOnly):
		why = "read-only"
	}
	return why, r.since
}

// Ping reports whether the database answers and, as far as is known, takes writes; a Fault Busy when not.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.read.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return asFault("ping store", err)
	}
	r := db.trouble.last.Load()
	if !r.lasts(db.clock.Now()) {
		return nil
	}
	return fmt.Errorf("ping store: %w", r.why)
}
