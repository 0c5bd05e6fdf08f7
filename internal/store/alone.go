package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

const unlockLimit = 5 * time.Second

// Alone runs fn unless another process on this database is running one of the same name; ran says whether
// it did. It never waits. The name is held by a database session, so the death of its process frees it;
// should the session end while fn goes on, another process may begin, so fn must bear being run twice.
func (db *DB) Alone(ctx context.Context, name string, fn func(context.Context) error) (ran bool, err error) {
	if db.dialect == sqlite { // one process owns the file
		return true, fn(ctx)
	}
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return false, asFault("connect to store", err)
	}
	defer conn.Close() //nolint:errcheck // back to the pool, or gone already
	var got bool
	err = conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, "tocsin/"+name).Scan(&got)
	if err != nil {
		discard(conn) // it may hold the lock all the same
		return false, asFault("take name", err)
	}
	if !got {
		return false, nil
	}
	defer unlock(conn)
	return true, fn(ctx)
}

// unlock frees every name of a session; one that does not answer is ended, which frees them too.
func unlock(conn *sql.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock_all()`); err != nil {
		discard(conn)
	}
}

// discard ends a session instead of giving it back to the pool.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // that very error, or it has ended already
}
