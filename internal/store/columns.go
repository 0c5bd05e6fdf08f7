package store

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"time"
)

// instant keeps a time as UTC microseconds, both ways; the zero time is NULL.
type instant struct{ t *time.Time }

func at(t *time.Time) instant { return instant{t} }

func (i instant) Value() (driver.Value, error) {
	if i.t.IsZero() {
		return nil, nil
	}
	return i.t.UnixMicro(), nil
}

func (i instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i.t = time.Time{}
	case int64:
		*i.t = time.UnixMicro(v).UTC()
	default:
		return errors.New("time is not a number of microseconds")
	}
	return nil
}

// optional is instant for a time that may be absent.
type optional struct{ t **time.Time }

func maybe(t **time.Time) optional { return optional{t} }

func (o optional) Value() (driver.Value, error) {
	if *o.t == nil {
		return nil, nil
	}
	return (*o.t).UnixMicro(), nil
}

func (o optional) Scan(src any) error {
	*o.t = nil
	if src == nil {
		return nil
	}
	*o.t = new(time.Time)
	return instant{*o.t}.Scan(src)
}

// dueOrder is a deadline as lists are sorted by it: none comes last.
func dueOrder(t *time.Time) int64 {
	if t == nil {
		return math.MaxInt64
	}
	return t.UnixMicro()
}

// text keeps a value of ids and enums as JSON text, both ways.
type text struct{ p any }

func (j text) Value() (driver.Value, error) {
	b, err := json.Marshal(j.p)
	return string(b), err
}

func (j text) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), j.p)
	case []byte:
		return json.Unmarshal(v, j.p)
	}
	return errors.New("JSON column is not text")
}
