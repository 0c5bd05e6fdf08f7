package console

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

const entriesAtOnce = 100

type timelineModel struct {
	page
	ID      string
	Name    string
	Entries []entryRow
	More    int64
	Part    bool
}

// timeline pages through an incident's ledger from its beginning.
func (r *request) timeline() error {
	id := incident.ID(r.Param("id"))
	after, err := strconv.ParseInt(r.DefaultQuery("after", "0"), 10, 64)
	if err != nil || after < 0 {
		after = 0
	}
	v, err := r.incident(id)
	if err != nil {
		return err
	}
	entries, err := r.Playbooks.Timeline(r.ctx(), r.scope, id, after, entriesAtOnce+1)
	if err != nil {
		return err
	}
	m := &timelineModel{page: r.page("timeline.title"), ID: string(id), Name: v.Incident.Title, Part: after > 0}
	m.Nav = "incidents"
	if len(entries) > entriesAtOnce {
		entries = entries[:entriesAtOnce]
		m.More = entries[entriesAtOnce-1].Seq
	}
	for _, e := range entries {
		m.Entries = append(m.Entries, r.entryRow(e))
	}
	r.show(http.StatusOK, "timeline", m)
	return nil
}

// entryRow is one ledger entry in words.
type entryRow struct {
	Seq             int64
	Kind, Text, By  string
	Detail          []string
	At              *moment
	Link            string
	Hash            string
	Document, State string
}

func (r *request) entryRows(entries []evidence.Entry) []entryRow {
	out := make([]entryRow, 0, len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		out = append(out, r.entryRow(entries[i]))
	}
	return out
}

func (r *request) entryRow(e evidence.Entry) entryRow {
	row := entryRow{Seq: e.Seq, Kind: e.Kind, Text: r.word("ledger", e.Kind), By: r.actor(e.Actor), At: r.at(&e.At), Hash: e.Hash}
	say := func(key, value string) {
		if value != "" {
			row.Detail = append(row.Detail, r.tr("detail."+key, "v", value))
		}
	}
	say("rule", e.Refs["rule"])
	if a := e.Refs["addressee"]; a != "" {
		say("addressee", r.addressee(a))
	}
	if n := e.Refs["count"]; n != "" && e.Kind != "derivation.made" {
		say("count", thousands(n))
	}
	if s := e.Refs["state"]; s != "" {
		say("state", r.word("state", s))
	}
	if c := e.Refs["reason_code"]; c != "" && c != "person" {
		say("reason", r.word("reason", c))
	}
	if d := e.Refs["digest"]; d != "" && len(d) >= 16 {
		say("digest", d[:16])
	}
	if d := e.Refs["document"]; d != "" {
		row.Link = "/documents/" + d
	}
	if d := e.Refs["dispatch"]; d != "" {
		row.Link = "/dispatches/" + d
	}
	return row
}

// latest are the newest entries of the incident's ledger, newest first.
func (r *request) latest(id incident.ID) ([]entryRow, error) {
	var tail []evidence.Entry
	for after := int64(0); ; {
		page, err := r.Playbooks.Timeline(r.ctx(), r.scope, id, after, 500)
		if err != nil || len(page) == 0 {
			return r.entryRows(tail), err
		}
		tail = append(tail, page...)
		tail = tail[max(0, len(tail)-newest):]
		after = page[len(page)-1].Seq
		if len(page) < 500 {
			return r.entryRows(tail), nil
		}
	}
}

const newest = 12 // entries on the incident's page
