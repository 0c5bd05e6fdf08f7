package store_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/templates"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

var (
	ctx  = context.Background()
	acme = evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: "usr_1"}}
	evil = evidence.System("evil") // another operator of the same database
)

// everywhere runs a test on each engine.
func everywhere(t *testing.T, test func(t *testing.T, db *store.DB), options ...storetest.Option) {
	t.Helper()
	for name, open := range storetest.Databases(t, options...) {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// tx runs fn in a transaction that must commit.
func tx(t testing.TB, db *store.DB, sc evidence.Scope, fn func(tx playbooks.Tx)) {
	t.Helper()
	require.NoError(t, store.Of[playbooks.Tx](db).InTx(ctx, sc, func(tx playbooks.Tx) error { fn(tx); return nil }))
}

// view runs fn on a snapshot.
func view(t testing.TB, db *store.DB, sc evidence.Scope, fn func(tx playbooks.Tx)) {
	t.Helper()
	require.NoError(t, store.Of[playbooks.Tx](db).View(ctx, sc, func(tx playbooks.Tx) error { fn(tx); return nil }))
}

func newIncident(mode incident.Mode) incident.Incident {
	at := storetest.Start
	return incident.Incident{
		ID: incident.ID(evidence.NewID("inc")), Operator: "acme", Mode: mode, State: incident.Open,
		Title: "Backup left in a public bucket", Summary: "Li Hua found it", Severity: "high",
		Source: incident.Source{Tool: "siem", ID: "4711"}, Tags: []string{"crm"}, Revision: 1, CreatedAt: at, UpdatedAt: at,
	}
}

func insertIncident(t testing.TB, db *store.DB, mode incident.Mode) incident.Incident {
	t.Helper()
	i := newIncident(mode)
	tx(t, db, acme, func(tx playbooks.Tx) { require.NoError(t, tx.InsertIncident(ctx, i)) })
	return i
}

func insertNotice(t testing.TB, db *store.DB, id incident.ID) notify.Document {
	t.Helper()
	d := notify.Document{
		ID: evidence.NewID("ntc"), Kind: templates.Notice, Incident: id, State: notify.DocDraft, Version: 1,
		Title: map[string]string{"en": "Notice"}, CreatedAt: storetest.Start, UpdatedAt: storetest.Start,
	}
	tx(t, db, acme, func(tx playbooks.Tx) { require.NoError(t, tx.InsertDocument(ctx, d)) })
	return d
}

func newDispatch(i incident.Incident, notice string, total int64) notify.Dispatch {
	return notify.Dispatch{
		ID: evidence.NewID("dsp"), Incident: i.ID, Mode: i.Mode, Notice: notice, Version: 1, Channels: []string{"email"},
		State: notify.DispRunning, Total: total, StartedAt: storetest.Start, StartedBy: "usr_1",
		Course: notify.Course{Canary: 250, Waits: map[string]notify.Duration{"email": notify.Duration(time.Hour)}},
		Terms:  notify.Terms{Transfers: map[string]string{"aliyun/EEA": "GDPR 46(2)(c)"}, Extends: "ntc_1"},
		Flow:   notify.Flow{Phase: notify.PhaseCanary, Cut: 250},
	}
}

// insertDispatch makes a running dispatch with so many open ranges of ten people.
func insertDispatch(t testing.TB, db *store.DB, ranges int) notify.Dispatch {
	t.Helper()
	i := insertIncident(t, db, incident.Live)
	d := newDispatch(i, insertNotice(t, db, i.ID).ID, int64(ranges)*10)
	tx(t, db, acme, func(tx playbooks.Tx) {
		var err error
		d.No, err = tx.InsertDispatch(ctx, d)
		require.NoError(t, err)
		var open []notify.Range
		for n := range int64(ranges) {
			open = append(open, notify.Range{Dispatch: d.No, No: n + 1, From: n * 10, To: n*10 + 10})
		}
		require.NoError(t, tx.InsertRanges(ctx, open))
	})
	return d
}

func requireFault(t testing.TB, err error, kind incident.FaultKind) {
	t.Helper()
	require.Truef(t, incident.IsFault(err, kind), "want fault %s, got: %v", kind, err)
}

func itoa(n int) string { return strconv.Itoa(n) }
