package notify_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/templates"
)

var responder = evidence.Scope{
	Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: "usr_1"}, Roles: []string{access.Responder},
}

// desk is a store with one notice that is only announced.
type desk struct {
	ctx   context.Context
	store notify.Store
	svc   *notify.Service
	doc   notify.Document
}

func newDesk(t *testing.T, mode incident.Mode, approvers ...string) *desk {
	d := &desk{ctx: context.Background()}
	db := storetest.SQLite(t)
	d.store = store.Of[notify.Tx](db)
	key, err := db.OperatorKey(d.ctx, "acme")
	require.NoError(t, err)
	d.svc = notify.New(d.store, nil, key)

	inc := incident.ID(evidence.NewID("inc"))
	channels := []string{templates.Announcement}
	m := templates.Message{Channel: templates.Announcement, Locale: "en", Subject: "Notice", HTML: "<p>[[ref]]</p>"}
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	sum := sha256.Sum256(raw)
	d.doc = notify.Document{
		ID: evidence.NewID("ntc"), Kind: templates.Notice, Incident: inc, Channels: channels, Version: 2, Frozen: 1,
		State: notify.DocApproved, Policy: notify.Policy{Quorum: 2}, Editors: []string{"usr_author"},
		Digest: notify.MakeDigest([]templates.Message{m}, "", notify.PlanHash(channels, "", 0, notify.Course{})),
	}
	require.NoError(t, d.store.InTx(d.ctx, responder, func(tx notify.Tx) error {
		err := errors.Join(
			tx.InsertIncident(d.ctx, incident.Incident{ID: inc, Operator: "acme", Mode: mode, State: incident.Open, Revision: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}),
			tx.InsertDocument(d.ctx, d.doc),
			tx.InsertMessages(d.ctx, []notify.FrozenMessage{{Document: d.doc.ID, Version: 1, Message: m, Hash: hex.EncodeToString(sum[:])}}))
		for _, user := range approvers {
			err = errors.Join(err, tx.InsertApproval(d.ctx, notify.Approval{
				ID: evidence.NewID("apr"), Document: d.doc.ID, Version: 1, User: user, Digest: d.doc.Digest.All, At: tx.Now()}))
		}
		return err
	}))
	return d
}

func TestAnnouncementAloneIsDoneAtOnce(t *testing.T) {
	d := newDesk(t, incident.Live, "usr_2", "usr_3")
	p, err := d.svc.Dispatch(d.ctx, responder, d.doc.ID)
	require.NoError(t, err)
	require.Equal(t, notify.DispDone, p.State)
	require.Zero(t, p.People.Total)
	live, err := d.svc.Announcements(d.ctx, "acme")
	require.NoError(t, err)
	require.Len(t, live, 1)
	require.Equal(t, notify.Reference(d.doc.ID), live[0].No)
	require.Len(t, live[0].Messages, 1)

	var kinds []string
	require.NoError(t, d.store.View(d.ctx, responder, func(tx notify.Tx) error {
		entries, err := tx.Ledger(d.ctx, string(d.doc.Incident), 0, 100)
		for _, e := range entries {
			kinds = append(kinds, e.Kind)
		}
		doc, docErr := tx.Document(d.ctx, d.doc.ID)
		require.Equal(t, notify.DocDispatched, doc.State)
		return errors.Join(err, docErr)
	}))
	require.Equal(t, []string{"announcement.live", "dispatch.started", "dispatch.done"}, kinds)

	_, err = d.svc.Dispatch(d.ctx, responder, d.doc.ID)
	require.True(t, incident.IsFault(err, incident.Conflict), "once")
}

func TestWhatIsNotReleased(t *testing.T) {
	for _, c := range []struct {
		name      string
		mode      incident.Mode
		approvers []string
		scope     evidence.Scope
		want      incident.FaultKind
	}{
		{"too few approvals", incident.Live, []string{"usr_2"}, responder, incident.Conflict},
		{"the author's own", incident.Live, []string{"usr_2", "usr_author"}, responder, incident.Conflict},
		{"an imported incident", incident.Imported, []string{"usr_2", "usr_3"}, responder, incident.Conflict},
		{"a drill outside the simulator", incident.Drill, []string{"usr_2", "usr_3"}, responder, incident.Conflict},
		{"by who may not send", incident.Live, []string{"usr_2", "usr_3"}, evidence.Scope{Operator: "acme", Roles: []string{access.Auditor}}, incident.Forbidden},
		{"of another operator", incident.Live, []string{"usr_2", "usr_3"}, evidence.Scope{Operator: "other", Roles: []string{access.Responder}}, incident.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, c.mode, c.approvers...)
			_, err := d.svc.Dispatch(d.ctx, c.scope, d.doc.ID)
			require.True(t, incident.IsFault(err, c.want), "%v", err)
			live, err := d.svc.Announcements(d.ctx, "acme")
			require.NoError(t, err)
			require.Empty(t, live, "nothing half-released")
		})
	}
}
