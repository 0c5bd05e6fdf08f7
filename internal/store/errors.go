package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"tocsin/incident"
)

// asFault names what was done and says which sort of error it is: a Conflict where a row is there
// already, Busy where the database does not answer, otherwise an internal one. Of a driver's error only
// codes and names remain: PostgreSQL's carry values.
func asFault(what string, err error) error {
	if err == nil {
		return nil
	}
	var fault *incident.Fault
	if errors.As(err, &fault) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	if unreachable(err) {
		return fmt.Errorf("%s: %w", what, errBusy)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("%s: %w", what, postgresError(pg))
	}
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) {
		return fmt.Errorf("%s: %w", what, sqliteError(lite))
	}
	return fmt.Errorf("%s: %w", what, err)
}

var (
	errBusy     = incident.NewFault(incident.Busy, "the store does not answer at present; try again")
	errFull     = incident.NewFault(incident.Busy, "the store's disk is full; free some space, then try again")
	errLocked   = incident.NewFault(incident.Busy, "another program holds the store locked; end that, then try again")
	errReadOnly = incident.NewFault(incident.Busy, "the store's files cannot be written; look at its disk, then try again")
	errConflict = incident.NewFault(incident.Conflict, "it is there already")
)

// notFound is the one answer for what is not there and what is not the scope's.
func notFound(what string) error {
	return incident.NewFault(incident.NotFound, "there is no such %s", what)
}

// codeError is what remains of a driver's error.
type codeError struct {
	code       string
	constraint string
	fault      *incident.Fault
}

func (e *codeError) Error() string {
	s := "database code " + e.code
	if e.constraint != "" {
		s += " on " + e.constraint
	}
	if e.fault != nil {
		s += ": " + e.fault.Message
	}
	return s
}

func (e *codeError) Unwrap() error {
	if e.fault == nil {
		return nil
	}
	return e.fault
}

func postgresError(pg *pgconn.PgError) error {
	e := &codeError{code: pg.Code, constraint: pg.ConstraintName}
	switch {
	case pg.Code == "23505":
		e.fault = errConflict
	case pg.Code == "53100":
		e.fault = errFull
	case pg.Code == "55P03":
		e.fault = errLocked
	case pg.Code == "25006":
		e.fault = errReadOnly
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57P"),
		pg.Code == serializationFailure, pg.Code == deadlockDetected:
		e.fault = errBusy
	}
	return e
}

func sqliteError(lite *sqlitedriver.Error) error {
	e := &codeError{code: fmt.Sprintf("sqlite %d", lite.Code())}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT:
		if c := lite.Code(); c == sqlite3.SQLITE_CONSTRAINT_UNIQUE || c == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
			e.fault = errConflict
		}
		if _, name, ok := strings.Cut(lite.Error(), "constraint failed: "); ok { // table and column names
			e.constraint = strings.TrimPrefix(name, "CHECK constraint failed: ")
		}
	case sqlite3.SQLITE_FULL:
		e.fault = errFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		e.fault = errLocked
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		e.fault = errReadOnly
	case sqlite3.SQLITE_NOMEM:
		e.fault = errBusy
	}
	return e
}

// PostgreSQL's codes of a transaction that lost against a concurrent one and may be tried again.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

func lostRace(err error) bool {
	var e *codeError
	return errors.As(err, &e) && (e.code == serializationFailure || e.code == deadlockDetected)
}

func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		pgconn.SafeToRetry(err) // the connection was closed before anything was sent
}
