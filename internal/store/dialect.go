package store

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the driver sqlite
)

// lockLimit is how long PostgreSQL waits for somebody else's lock, in milliseconds. Locks of our own last less.
const lockLimit = "10000"

type dialect int

const (
	sqlite dialect = iota
	postgres
)

func dialectOf(driver string) (dialect, error) {
	switch driver {
	case "sqlite":
		return sqlite, nil
	case "postgres":
		return postgres, nil
	}
	return 0, fmt.Errorf("open store: driver %q is neither sqlite nor postgres", driver)
}

// open connects. SQLite has one connection that writes and a pool that reads; in PostgreSQL they are one pool.
func (d dialect) open(dsn string) (write, read *sql.DB, err error) {
	if d == postgres {
		c, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, nil, fmt.Errorf("open postgres: %w", err)
		}
		if c.RuntimeParams["lock_timeout"] == "" {
			c.RuntimeParams["lock_timeout"] = lockLimit
		}
		write = stdlib.OpenDB(*c)
		write.SetMaxOpenConns(16)
		write.SetMaxIdleConns(16)
		write.SetConnMaxIdleTime(5 * time.Minute)
		return write, write, nil
	}
	// Made here so that it, and the files SQLite puts beside it, are nobody else's to read.
	f, err := os.OpenFile(dsn, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open database file: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, nil, fmt.Errorf("open database file: %w", err)
	}
	if write, err = sql.Open("sqlite", sqliteDSN(dsn, "_txlock=immediate")); err != nil {
		return nil, nil, fmt.Errorf("open sqlite: %w", err)
	}
	write.SetMaxOpenConns(1)
	if read, err = sql.Open("sqlite", sqliteDSN(dsn, "_pragma=query_only(1)")); err != nil {
		return nil, nil, fmt.Errorf("open sqlite: %w", err)
	}
	read.SetMaxOpenConns(2 + 2*runtime.GOMAXPROCS(0))
	read.SetMaxIdleConns(2 + 2*runtime.GOMAXPROCS(0))
	return write, read, nil
}

// sqliteDSN puts the pragmas where every connection gets them; busy_timeout first, so that the others wait.
func sqliteDSN(path, more string) string {
	pragmas := []string{
		"_pragma=busy_timeout(5000)", "_pragma=journal_mode(WAL)", "_pragma=synchronous(FULL)",
		"_pragma=foreign_keys(1)", "_pragma=secure_delete(FAST)", more,
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: strings.Join(pragmas, "&")}).String()
}

func (d dialect) snapshot() *sql.TxOptions {
	if d == postgres {
		return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	return nil // query_only holds, and a deferred transaction reads one snapshot
}

// forUpdate ends a SELECT whose row is to stay as read until the end of the transaction. SQLite has one
// writer at a time anyway.
func (d dialect) forUpdate() string {
	if d == postgres {
		return " FOR UPDATE"
	}
	return ""
}

// skipLocked ends a SELECT that takes a row nobody else holds.
func (d dialect) skipLocked() string {
	if d == postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// using names the index that a statement is meant for. Without statistics SQLite prefers the primary key
// to a partial index and reads a whole dispatch; PostgreSQL finds the way by itself.
func (d dialect) using(index string) string {
	if d == sqlite {
		return " INDEXED BY " + index
	}
	return ""
}
