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
	why error
	at  time.Time
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
			t.last.Store(&refusal{why, db.clock.Now()})
		}
	}
}

// Ping reports whether the database answers and, as far as is known, takes writes; a Fault Busy when not.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.read.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return asFault("ping store", err)
	}
	r := db.trouble.last.Load()
	if r == nil {
		return nil
	}
	if ago := db.clock.Now().Sub(r.at); ago < 0 || ago > troubleLasts {
		return nil
	}
	return fmt.Errorf("ping store: %w", r.why)
}
