package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// plantEverywhere writes a word into every field that may be personal.
func plantEverywhere(t *testing.T, db *store.DB, w string) {
	t.Helper()
	at := storetest.Start
	words := map[string]string{"en": w}
	i := newIncident(incident.Live)
	i.Title, i.Summary, i.Source, i.Tags = w, w, incident.Source{Tool: w, ID: w, URL: w}, []string{w}
	tx(t, db, acme, func(tx playbooks.Tx) {
		_, err := tx.ClaimIdentity(ctx, w, i.ID)
		require.NoError(t, err)
		require.NoError(t, tx.InsertIncident(ctx, i))
		require.NoError(t, tx.InsertFacts(ctx, i.ID, []incident.Fact{{Path: "cause", Value: map[string]any{"text": w}, Source: w}}))
		require.NoError(t, tx.InsertFile(ctx, incident.File{ID: "fil_1", Incident: i.ID, Name: w, Body: []byte(w), At: at}))
		require.NoError(t, tx.KeepAnswer(ctx, incident.KeptAnswer{Route: "r", Key: w, Body: []byte(w), At: at}))
		require.NoError(t, tx.InsertUser(ctx, access.User{ID: "usr_1", Login: w, Name: w, CreatedAt: at}))
		require.NoError(t, tx.InsertToken(ctx, access.Token{ID: "tok_1", Name: w, Hash: []byte{1}, CreatedAt: at}))
		require.NoError(t, tx.Freeze(ctx, templates.Artefact{Kind: "profile", Hash: "h", Body: []byte(w), At: at}))
		_, err = tx.PutProfile(ctx, obligation.Profile{Org: templates.Organisation{Contact: words}})
		require.NoError(t, err)

		d := notify.Document{ID: "ntc_1", Incident: i.ID, Title: words, Addressee: w, Org: templates.Organisation{Contact: words}, ReturnReason: w,
			Content: templates.Content{Locales: map[string][]templates.Passage{"en": {{Text: w}}}}}
		require.NoError(t, tx.InsertDocument(ctx, d))
		require.NoError(t, tx.InsertApproval(ctx, notify.Approval{ID: "apr_1", Document: d.ID, Note: w, At: at}))
		require.NoError(t, tx.InsertFiling(ctx, notify.Filing{ID: "fig_1", Report: d.ID, Contact: w, Note: w, Receipt: w}))
		require.NoError(t, tx.InsertMessages(ctx, []notify.FrozenMessage{{Document: d.ID, Message: templates.Message{Text: w, HTML: w}}}))
		require.NoError(t, tx.PutAnnouncement(ctx, notify.Announcement{Notice: d.ID, Incident: i.ID, No: w, LiveAt: at}))
		_, err = tx.InsertAudience(ctx, notify.Audience{ID: "aud_1", Incident: i.ID, Name: w, Error: w})
		require.NoError(t, err)
		dispatch := newDispatch(i, d.ID, 1)
		dispatch.Reason = w
		_, err = tx.InsertDispatch(ctx, dispatch)
		require.NoError(t, err)

		require.NoError(t, tx.PutDuty(ctx, playbooks.Duty{ID: "obl_1", Incident: i.ID, Reason: w, Obligation: obligation.Obligation{Because: []string{w}}}))
		require.NoError(t, tx.PutDerivation(ctx, playbooks.Derivation{Incident: i.ID, Result: obligation.Result{NotApplied: []obligation.Reason{{Because: w}}}}))
		require.NoError(t, tx.InsertRun(ctx, playbooks.Run{ID: "run_1", Incident: i.ID, StartedAt: at}))
		require.NoError(t, tx.PutStep(ctx, playbooks.Step{Run: "run_1", ID: "s", Reason: w, UpdatedAt: at}))
		require.NoError(t, tx.InsertTask(ctx, playbooks.Task{ID: "tsk_1", Incident: i.ID, Title: words, Note: w}))
		require.NoError(t, tx.PutDecision(ctx, playbooks.Decision{ID: "dcn_1", Incident: i.ID, Reason: w, Authority: w, Note: w}))
		require.NoError(t, tx.PutLetter(ctx, playbooks.Letter{ID: "ltr_1", Incident: i.ID, Text: w, AskedBy: w, Reference: w}))
		tx.AppendLedger(evidence.Draft{Chain: string(i.ID), Kind: "test.done", Commit: map[string]string{"name": w}})
		tx.Emit(incident.Event{Kind: "test.done", Incident: i.ID})
	})
	_, err := db.Sequence(ctx, 10)
	require.NoError(t, err)
}

// Whoever reads the database's files without the key finds nobody in them.
func TestNothingPersonalLiesInClear(t *testing.T) {
	const planted = "zzplantedzz@persons.example"
	o := storetest.Engines()["sqlite"](t)
	plantEverywhere(t, storetest.Open(t, o), planted)
	files, err := filepath.Glob(o.DSN + "*")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 2, "the database and its log")
	seen := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NotContains(t, string(bytes.ToLower(b)), planted, f)
		seen += bytes.Count(b, []byte("ntc_1"))
		info, err := os.Stat(f)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm(), f)
	}
	require.Positive(t, seen, "ids are in clear, so the files hold what was written")
}

// The same in PostgreSQL, where every value of every row is looked at.
func TestNothingPersonalInPostgresRows(t *testing.T) {
	const planted = "zzplantedzz@persons.example"
	o := storetest.Engines()["postgres"](t)
	db := storetest.Open(t, o)
	plantEverywhere(t, db, planted)
	pool := store.Pools(db)[0]
	rows, err := pool.QueryContext(ctx, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	require.NoError(t, err)
	defer rows.Close()
	tables := 0
	for rows.Next() {
		var table string
		require.NoError(t, rows.Scan(&table))
		tables++
		var found int
		require.NoError(t, pool.QueryRowContext(ctx, fmt.Sprintf(
			`SELECT count(*) FROM %s r WHERE r::text LIKE '%%%s%%' OR r::text LIKE '%%%x%%'`, table, planted, planted)).Scan(&found))
		require.Zero(t, found, table)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, tables, 25)
}

// What a driver says of a failed statement may hold its values; what we say may not.
func TestErrorsHoldNoValues(t *testing.T) {
	const planted = "zzplantedzz"
	everywhere(t, func(t *testing.T, db *store.DB) {
		i := insertIncident(t, db, incident.Live)
		twice := notify.Document{ID: planted, Incident: i.ID}
		for name, fn := range map[string]func(tx notify.Tx) error{
			"unique": func(tx notify.Tx) error { _ = tx.InsertDocument(ctx, twice); return tx.InsertDocument(ctx, twice) },
			"foreign": func(tx notify.Tx) error {
				return tx.InsertSession(ctx, access.Session{User: planted, TokenHash: []byte(planted)})
			},
			"check": func(tx notify.Tx) error {
				i := newIncident(planted)
				return tx.InsertIncident(ctx, i)
			},
		} {
			err := store.Of[notify.Tx](db).InTx(ctx, acme, fn)
			require.Error(t, err, name)
			require.NotContains(t, err.Error(), planted, name)
			require.Contains(t, err.Error(), "insert ", name)
			for cause := err; cause != nil; {
				require.NotContains(t, fmt.Sprintf("%+v", cause), planted, name)
				wrapper, ok := cause.(interface{ Unwrap() error })
				if !ok {
					break
				}
				cause = wrapper.Unwrap()
			}
		}
	})
}

// A sealed value opens at its own place only: rows cannot be swapped by whoever can write the files.
func TestSealedRowsCannotBeSwapped(t *testing.T) {
	db := storetest.SQLite(t)
	i := insertIncident(t, db, incident.Live)
	a, b := insertNotice(t, db, i.ID), insertNotice(t, db, i.ID)
	_, err := store.Pools(db)[0].ExecContext(ctx, `UPDATE document SET body = (SELECT body FROM document WHERE id = $1) WHERE id = $2`, a.ID, b.ID)
	require.NoError(t, err)
	err = store.Of[notify.Tx](db).View(ctx, acme, func(tx notify.Tx) error {
		_, err := tx.Document(ctx, b.ID)
		return err
	})
	require.ErrorContains(t, err, "does not open")
}

func TestKeysAreKeptInBounds(t *testing.T) {
	o := storetest.Engines()["sqlite"](t)
	db := storetest.Open(t, o)
	first, err := db.OperatorKey(ctx, "acme")
	require.NoError(t, err)
	again, err := storetest.Open(t, o).OperatorKey(ctx, "acme")
	require.NoError(t, err)
	require.Equal(t, first.Index("f", "v"), again.Index("f", "v"), "the same key after a restart")
	other, err := db.OperatorKey(ctx, "evil")
	require.NoError(t, err)
	require.NotEqual(t, first.Index("f", "v"), other.Index("f", "v"))

	// A key made in a transaction that is rolled back must not be sealed with later.
	var lost []byte
	id := newIncident(incident.Live)
	_ = store.Of[notify.Tx](db).InTx(ctx, acme, func(tx notify.Tx) error {
		require.NoError(t, tx.InsertIncident(ctx, id))
		key, err := tx.Key(ctx, id.ID)
		require.NoError(t, err)
		lost = key.Index("f", "v")
		return incident.NewFault(incident.Conflict, "no")
	})
	tx(t, db, acme, func(tx playbooks.Tx) {
		_, err := tx.Key(ctx, id.ID)
		requireFault(t, err, incident.NotFound)
		require.NoError(t, tx.InsertIncident(ctx, id))
	})
	view(t, storetest.Open(t, o), acme, func(tx playbooks.Tx) {
		key, err := tx.Key(ctx, id.ID)
		require.NoError(t, err)
		require.NotEqual(t, lost, key.Index("f", "v"))
		got, err := tx.Incident(ctx, id.ID)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(got.Title, "Backup"))
	})
	require.Equal(t, 2, store.KeysKept(2, 5))
}
