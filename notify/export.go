package notify

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// ExportRow is one delivery of one person as an export tells it; a person nobody has sent to yet has a row
// without a channel. There is no address in it, and person_key and role only for who may read people.
type ExportRow struct {
	Recipient  int64      `json:"recipient"`
	PersonKey  string     `json:"person_key,omitempty"`
	Role       string     `json:"role,omitempty"` // in whose place the person is told: guardian, next-of-kin
	Standing   string     `json:"standing"`       // state of the person over all channels
	Channel    string     `json:"channel,omitempty"`
	State      string     `json:"state"`
	Class      Class      `json:"class,omitempty"`
	Code       string     `json:"code,omitempty"`
	Provider   string     `json:"provider,omitempty"`
	ProviderID string     `json:"provider_id,omitempty"`
	Attempt    int        `json:"attempt"`
	Doubt      bool       `json:"possible_duplicate"`
	Superseded bool       `json:"superseded"` // a further channel was begun
	At         *time.Time `json:"at,omitempty"`
	NextAt     *time.Time `json:"next_at,omitempty"`
	Address    int        `json:"address,omitempty"` // which of the person's addresses there: from 2 on; else the first
}

// ExportColumns are the columns of the CSV, in order.
var ExportColumns = []string{
	"recipient", "person_key", "role", "standing", "channel", "state", "class", "code", "provider", "provider_id", "attempt",
	"possible_duplicate", "superseded", "at", "next_at", "address",
}

func (r *ExportRow) columns() []string {
	address := ""
	if r.Address > 0 {
		address = strconv.Itoa(r.Address)
	}
	return []string{
		strconv.FormatInt(r.Recipient, 10), r.PersonKey, r.Role, r.Standing, r.Channel, r.State, string(r.Class), r.Code, r.Provider, r.ProviderID,
		strconv.Itoa(r.Attempt), strconv.FormatBool(r.Doubt), strconv.FormatBool(r.Superseded), moment(r.At), moment(r.NextAt), address,
	}
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ExportDeliveries writes every delivery of a dispatch, recipient by recipient, as csv or ndjson. Some thousand
// recipients are read at once, each lot as it stands then, and written between the reads: a slow reader
// holds up nobody, and memory does not grow with the audience.
func (s *Service) ExportDeliveries(ctx context.Context, sc evidence.Scope, id, format string, w io.Writer) error {
	if err := access.Require(sc, access.Read); err != nil {
		return err
	}
	write, flush, err := exportTo(w, format)
	if err != nil {
		return err
	}
	for from, total := int64(0), int64(1); from < total; from += recountSpan {
		var rows []ExportRow
		err := s.store.View(ctx, sc, func(tx Tx) error {
			d, err := tx.Dispatch(ctx, id)
			if err != nil {
				return err
			}
			total = d.Total
			rows, err = exportRows(ctx, tx, d, from, min(from+recountSpan, total))
			return err
		})
		if err != nil {
			return err
		}
		for i := range rows {
			if err := write(&rows[i]); err != nil {
				return err
			}
		}
	}
	return flush()
}

// exportTo is how rows are written and what ends them.
func exportTo(w io.Writer, format string) (write func(*ExportRow) error, flush func() error, err error) {
	switch format {
	case "csv":
		c := csv.NewWriter(w)
		err = c.Write(ExportColumns)
		return func(r *ExportRow) error { return c.Write(r.columns()) }, func() error { c.Flush(); return c.Error() }, err
	case "ndjson":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return func(r *ExportRow) error { return enc.Encode(r) }, func() error { return nil }, nil
	}
	return nil, nil, incident.InvalidInput([]incident.Problem{{Pointer: "/format", Rule: "enum", Message: "format is csv or ndjson"}})
}

// exportRows makes the rows of the recipients from ≤ seq < to.
func exportRows(ctx context.Context, tx Tx, d Dispatch, from, to int64) ([]ExportRow, error) {
	people, err := keyed(ctx, tx, d, from, to)
	if err != nil {
		return nil, err
	}
	rows, err := tx.DeliveriesOf(ctx, d.No, from, to)
	if err != nil {
		return nil, err
	}
	out := make([]ExportRow, 0, to-from)
	for seq := from; seq < to; seq++ {
		n := 0
		for n < len(rows) && rows[n].Seq == seq {
			n++
		}
		for len(people) > 0 && people[0].Seq < seq {
			people = people[1:]
		}
		base := ExportRow{Recipient: seq}
		if len(people) > 0 && people[0].Seq == seq {
			base.PersonKey, base.Role = people[0].PersonKey, people[0].Role
		}
		p := person{seq: seq, rows: rows[:n:n]}
		base.Standing = shown(d.State, p.state()).String()
		if n == 0 {
			base.State = base.Standing
			out = append(out, base)
		}
		for i := range p.rows {
			out = append(out, base.of(d, &p.rows[i]))
		}
		rows = rows[n:]
	}
	return out, nil
}

func (r ExportRow) of(d Dispatch, row *Delivery) ExportRow {
	r.Channel, r.Address, r.State, r.Class, r.Code = row.Channel, Nth(row.Address), shown(d.State, row.State).String(), row.Class, row.Code
	r.Provider, r.ProviderID, r.Attempt = row.Provider, row.ProviderID, row.Attempt
	r.Doubt, r.Superseded, r.At, r.NextAt = row.Doubt, row.Superseded, &row.At, row.NextAt
	return r
}

// keyed are the recipients from ≤ seq < to, for who may read people; nobody once they cannot be read, because
// they were damaged or their key is gone: what was sent is known all the same.
func keyed(ctx context.Context, tx Tx, d Dispatch, from, to int64) ([]Recipient, error) {
	if !access.Can(tx.Scope(), access.ReadPeople) || d.AudienceNo == 0 {
		return nil, nil
	}
	key, err := tx.Key(ctx, d.Incident)
	if incident.IsFault(err, incident.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pages, err := tx.Pages(ctx, nil, d.AudienceNo, from, to)
	if err != nil {
		return nil, err
	}
	var out []Recipient
	for _, page := range pages {
		people, err := OpenPage(key, d.AudienceNo, page)
		if errors.Is(err, ErrUnreadable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, people...)
	}
	return out, nil
}
