package store

import (
	"context"
	"database/sql"
)

const (
	statementsKept = 200  // prepared
	statementsSeen = 1000 // remembered as having come once
	statementLong  = 4096 // bytes: longer ones are inserts of many rows, of which each number is another one
)

// statements are those that come again and again at the writer, prepared once. The writer's only connection
// is taken while a transaction runs, so they are prepared between two of them. Jobs run one after another,
// so it needs no lock.
type statements struct {
	db     *sql.DB
	kept   map[string]*sql.Stmt
	seen   map[string]bool
	wanted []string
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, kept: map[string]*sql.Stmt{}, seen: map[string]bool{}}
}

// find is a prepared statement, nil when there is none yet.
func (s *statements) find(query string) *sql.Stmt {
	found := s.kept[query]
	if found != nil || len(query) > statementLong || len(s.kept)+len(s.wanted) >= statementsKept {
		return found
	}
	if s.seen[query] {
		delete(s.seen, query)
		s.wanted = append(s.wanted, query)
		return nil
	}
	if len(s.seen) >= statementsSeen {
		clear(s.seen)
	}
	s.seen[query] = true
	return nil
}

// prepare readies what has come twice. One that cannot be prepared now goes on without.
func (s *statements) prepare() {
	for _, query := range s.wanted {
		if made, err := s.db.PrepareContext(context.Background(), query); err == nil { //nolint:sqlclosecheck // kept until the database is closed
			s.kept[query] = made
		}
	}
	s.wanted = s.wanted[:0]
}

// steady runs every statement to its end: SQLite answers an interrupted one by rolling back the whole
// transaction, which is also that of others. Tx looks at the context before each statement instead.
type steady struct {
	tx *sql.Tx
	*statements
}

func (s steady) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	whole := context.Background()
	if p := s.find(query); p != nil {
		return s.tx.StmtContext(whole, p).ExecContext(whole, args...) //nolint:sqlclosecheck // ends with its transaction
	}
	return s.tx.ExecContext(whole, query, args...)
}

func (s steady) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	whole := context.Background()
	if p := s.find(query); p != nil {
		return s.tx.StmtContext(whole, p).QueryContext(whole, args...) //nolint:sqlclosecheck // ends with its transaction
	}
	return s.tx.QueryContext(whole, query, args...)
}
