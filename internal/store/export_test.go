package store

import (
	"context"
	"database/sql"

	"tocsin/internal/seal"
)

// Waiting is how many jobs wait for the writer.
func Waiting(db *DB) int { return len(db.writer.lanes[urgent]) + len(db.writer.lanes[bulk]) }

// Pools are the connections that write and those that read.
func Pools(db *DB) []*sql.DB { return []*sql.DB{db.write, db.read} }

// KeysKept is how many keys a ring of the limit holds after n were put into it.
func KeysKept(limit, n int) int {
	r := newKeyring(limit)
	for i := range n {
		r.keep("acme", map[string]*seal.Key{string(rune('a' + i)): new(seal.Key)})
	}
	return len(r.by)
}

// MigrateTo brings an empty database to a version.
func MigrateTo(ctx context.Context, o Options, version int64) (*sql.DB, error) {
	d, err := dialectOf(o.Driver)
	if err != nil {
		return nil, err
	}
	db, _, err := d.open(o.DSN)
	if err != nil {
		return nil, err
	}
	p, err := migrator(d, db)
	if err != nil {
		return nil, err
	}
	_, err = p.UpTo(ctx, version)
	return db, err
}

// Refuse has a write end as on a full disk, or on a locked database.
func Refuse(db *DB, full bool) {
	why := errLocked
	if full {
		why = errFull
	}
	db.trouble.met(db, why)
}
