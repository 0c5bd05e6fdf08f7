package console

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"tocsin/notify"
)

// reconciledRow holds the audience against what became of it.
type reconciledRow struct {
	Adds    bool
	Total   int64
	Parts   []bar
	At      *moment
	Recount *recountRow
}

// recountRow is the same, counted again from the records.
type recountRow struct {
	Batches, Events int64
	Differences     []string
}

// reconciled reads the counters, or counts everything again when that was asked for.
func (r *request) reconciled(m *dispatchModel, p notify.Progress) error {
	var rec notify.Reconciliation
	var err error
	if r.Request.Method == http.MethodPost && r.FullPath() == recountPath {
		rec, err = r.Notify.Recount(r.ctx(), r.scope, p.ID, nil)
	} else {
		rec, err = r.Notify.Reconciliation(r.ctx(), r.scope, p.ID)
	}
	if err != nil {
		return err
	}
	n := rec.People
	m.Reconciled = reconciledRow{Adds: rec.Adds, Total: n.Total, At: r.at(&rec.At), Recount: r.recounted(rec)}
	for _, part := range []bar{{State: "read", Count: n.Read}, {State: "delivered", Count: n.Delivered}, {State: "accepted", Count: n.Accepted}, {State: "in_doubt", Count: n.InDoubt},
		{State: "failed", Count: n.Failed}, {State: "pending", Count: n.Pending}, {State: "stopped", Count: n.Stopped}} {
		if part.Count != 0 {
			m.Reconciled.Parts = append(m.Reconciled.Parts, part)
		}
	}
	return nil
}

func (r *request) recounted(rec notify.Reconciliation) *recountRow {
	c := rec.Recount
	if c == nil {
		return nil
	}
	row := &recountRow{Batches: c.Batches, Events: c.Events}
	for _, d := range c.Differences {
		row.Differences = append(row.Differences, r.difference(d))
	}
	return row
}

// difference says in the reader's language what does not agree.
func (v *viewer) difference(d notify.Difference) string {
	return v.tr("difference."+d.Kind, "batch", d.Batch, "channel", v.word("channel", d.Channel), "state", v.word("delivery", d.State),
		"kept", thousands(strconv.FormatInt(d.Kept, 10)), "found", thousands(strconv.FormatInt(d.Found, 10)))
}

const (
	recountPath = "/dispatches/:id/recount"
	tellEvery   = 500 * time.Millisecond
)

// recount counts a dispatch again from deliveries, batches and ledger. A script is told how far it is, line by
// line, and at last given what to show.
func (r *request) recount() error {
	if r.GetHeader("Accept") != ndjson {
		return r.showDispatch(http.StatusOK, nil, nil)
	}
	if _, err := r.Notify.Reconciliation(r.ctx(), r.scope, r.Param("id")); err != nil {
		return err
	}
	r.Header("Content-Type", ndjson)
	out, told := json.NewEncoder(r.Writer), r.now
	rec, err := r.Notify.Recount(r.ctx(), r.scope, r.Param("id"), func(done, total int64) {
		if now := time.Now(); now.Sub(told) > tellEvery {
			told = now
			_ = out.Encode(map[string]int64{"done": done, "total": total}) // who has gone ends ctx
			r.Writer.Flush()
		}
	})
	var shown bytes.Buffer
	if err == nil {
		err = r.looks.part(&shown, r.Locale, "dispatch", "recounted", r.recounted(rec))
	}
	if err == nil {
		err = out.Encode(map[string]string{"shown": shown.String()})
	}
	r.cut(err)
	return nil
}
