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
	Batches bool
}

// timeline pages through an incident's ledger from its beginning, without the batches of deliveries unless they are
// asked for: a large dispatch has thousands.
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
	read, batches := r.Playbooks.Landmarks, r.Query("batches") == "true"
	if batches {
		read = r.Playbooks.Timeline
	}
	entries, err := read(r.ctx(), r.scope, id, after, entriesAtOnce+1)
	if err != nil {
		return err
	}
	m := &timelineModel{page: r.page("timeline.title"), ID: string(id), Name: v.Incident.Title, Part: after > 0, Batches: batches}
	m.Nav = "incidents"
	if len(entries) > entriesAtOnce {
		entries = entries[:entriesAtOnce]
		m.More = entries[entriesAtOnce-1].Seq
	}
	m.Entries = r.entryRows(entries)
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
	for _, e := range entries {
		out = append(out, r.entryRow(e))
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

// latest are the newest entries that the incident's page shows.
func (r *request) latest(id incident.ID) ([]entryRow, error) {
	entries, err := r.Playbooks.LatestLandmarks(r.ctx(), r.scope, id, newest)
	return r.entryRows(entries), err
}

const newest = 12 // entries on the incident's page
