package store

import (
	"bytes"
	"container/list"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"tocsin/incident"
	"tocsin/internal/seal"
)

const keysKept = 4096

// keyring keeps the data keys used last, opened, so that a KMS is not asked for every row.
type keyring struct {
	mu    sync.Mutex
	limit int
	order *list.List // of keyEntry, last used first
	by    map[keyName]*list.Element
}

type keyName struct{ operator, owner string }

type keyEntry struct {
	name keyName
	key  *seal.Key
}

func newKeyring(limit int) *keyring {
	return &keyring{limit: limit, order: list.New(), by: map[keyName]*list.Element{}}
}

func (r *keyring) get(operator, owner string) *seal.Key {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.by[keyName{operator, owner}]
	if !ok {
		return nil
	}
	r.order.MoveToFront(e)
	return e.Value.(keyEntry).key
}

func (r *keyring) keep(operator string, opened map[string]*seal.Key) {
	if len(opened) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for owner, key := range opened {
		name := keyName{operator, owner}
		if _, ok := r.by[name]; ok {
			continue
		}
		r.by[name] = r.order.PushFront(keyEntry{name, key})
		if r.order.Len() > r.limit {
			last := r.order.Back()
			delete(r.by, last.Value.(keyEntry).name)
			r.order.Remove(last)
		}
	}
}

// Key is the incident's data key.
func (t *Tx) Key(ctx context.Context, id incident.ID) (*seal.Key, error) {
	return t.key(ctx, string(id))
}

func (t *Tx) key(ctx context.Context, owner string) (*seal.Key, error) {
	key, err := t.findKey(ctx, owner)
	if err == nil && key == nil {
		return nil, notFound("incident")
	}
	return key, err
}

// findKey is nil when owner has no key.
func (t *Tx) findKey(ctx context.Context, owner string) (*seal.Key, error) {
	if key := t.opened[owner]; key != nil {
		return key, nil
	}
	if key := t.db.keys.get(t.op, owner); key != nil {
		return key, nil
	}
	wrapped, ok, err := one(ctx, t, "read data key", value[[]byte],
		`SELECT wrapped FROM data_key WHERE operator_id = $1 AND owner = $2`, t.op, owner)
	if err != nil || !ok {
		return nil, err
	}
	return t.openKey(owner, wrapped)
}

// openKey opens a wrapped key that came with its owner's row.
func (t *Tx) openKey(owner string, wrapped []byte) (*seal.Key, error) {
	if key := t.opened[owner]; key != nil {
		return key, nil
	}
	if key := t.db.keys.get(t.op, owner); key != nil {
		return key, nil
	}
	key, err := seal.OpenKey(t.db.kek, owner, wrapped)
	if err != nil {
		return nil, fmt.Errorf("open data key: %w", err)
	}
	t.opened[owner] = key
	return key, nil
}

// makeKey makes owner's key; it returns nil when owner has one already.
func (t *Tx) makeKey(ctx context.Context, owner string) (*seal.Key, error) {
	wrapped, key, err := seal.NewKey(t.db.kek, owner)
	if err != nil {
		return nil, fmt.Errorf("make data key: %w", err)
	}
	n, err := t.exec(ctx, "insert data key",
		`INSERT INTO data_key (operator_id, owner, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, t.op, owner, wrapped)
	if err != nil || n == 0 {
		return nil, err
	}
	t.opened[owner] = key
	return key, nil
}

func (t *Tx) operatorKey(ctx context.Context) (*seal.Key, error) {
	if key, err := t.findKey(ctx, t.op); err != nil || key != nil {
		return key, err
	}
	if key, err := t.makeKey(ctx, t.op); err != nil || key != nil {
		return key, err
	}
	return t.key(ctx, t.op) // made by another in the same moment
}

// sealJSON seals v as JSON for a place, which names table and id.
func sealJSON(key *seal.Key, place string, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", place, err)
	}
	return key.Seal(place, b), nil
}

// openJSON reads what sealJSON made. Numbers in values of any type come back as int64 where they are
// whole, so that twelve thousand million records survive.
func openJSON(key *seal.Key, place string, sealed []byte, v any) error {
	b, err := key.Open(place, sealed)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("decode %s: %w", place, err)
	}
	return nil
}

// plain turns the json.Numbers of a decoded value into int64 or float64.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // it was a number when it was sealed
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}
