package store

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. On PostgreSQL an advisory lock lets one process do it.
func migrate(ctx context.Context, d dialect, db *sql.DB) error {
	p, err := migrator(d, db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return asFault("migrate", err)
	}
	return nil
}

func migrator(d dialect, db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	kind := goose.DialectSQLite3
	if d == postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // every second, five minutes
		if err != nil {
			return nil, fmt.Errorf("make migration lock: %w", err)
		}
		kind, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	} else {
		dir = sqliteWords{dir}
	}
	p, err := goose.NewProvider(kind, db, dir, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// sqliteWords is the migrations as SQLite takes them: two words differ, all else is common SQL.
type sqliteWords struct{ fs.FS }

var toSQLite = strings.NewReplacer(
	"bigserial PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT",
	"/* WITHOUT ROWID */", "WITHOUT ROWID",
)

// Open opens a migration, its words replaced.
func (w sqliteWords) Open(name string) (fs.File, error) {
	f, err := w.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	text, err := fs.ReadFile(w.FS, name)
	if err != nil {
		return nil, err
	}
	return sqlFile{f, bytes.NewReader([]byte(toSQLite.Replace(string(text))))}, nil
}

type sqlFile struct {
	fs.File
	text *bytes.Reader
}

func (f sqlFile) Read(p []byte) (int, error) { return f.text.Read(p) }
