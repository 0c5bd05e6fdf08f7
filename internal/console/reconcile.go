package console

import (
	"net/http"

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
	recount := r.Request.Method == http.MethodPost && r.FullPath() == "/dispatches/:id/recount"
	var rec notify.Reconciliation
	var err error
	if recount {
		rec, err = r.Notify.Recount(r.ctx(), r.scope, p.ID, nil)
	} else {
		rec, err = r.Notify.Reconciliation(r.ctx(), r.scope, p.ID)
	}
	if err != nil {
		return err
	}
	n := rec.People
	m.Reconciled = reconciledRow{Adds: rec.Adds, Total: n.Total, At: r.at(&rec.At)}
	for _, part := range []bar{{State: "read", Count: n.Read}, {State: "delivered", Count: n.Delivered}, {State: "accepted", Count: n.Accepted}, {State: "in_doubt", Count: n.InDoubt},
		{State: "failed", Count: n.Failed}, {State: "pending", Count: n.Pending}, {State: "stopped", Count: n.Stopped}} {
		if part.Count != 0 {
			m.Reconciled.Parts = append(m.Reconciled.Parts, part)
		}
	}
	if c := rec.Recount; c != nil {
		m.Reconciled.Recount = &recountRow{Batches: c.Batches, Events: c.Events, Differences: c.Differences}
	}
	return nil
}

// recount counts a dispatch again from deliveries, batches and ledger.
func (r *request) recount() error { return r.showDispatch(http.StatusOK, nil, nil) }
