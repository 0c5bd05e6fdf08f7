package console

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"tocsin/incident"
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
	v, err := r.Playbooks.Incident(r.ctx(), r.scope, id)
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
