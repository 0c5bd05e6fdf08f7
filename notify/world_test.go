package notify_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/templates"
)

const leak = `{
	"first_signal_at": "2026-03-01T01:10:00+08:00", "occurred_at": "2026-02-28", "aware_at": "2026-03-01T02:00:00+08:00",
	"confirmed": true, "data_event": "leaked", "people": {"count": 12000, "certainty": "at_least"},
	"data": ["name", "phone"], "harm": "possible", "processed_in": ["CN-SH"],
	"cause": {"text": {"zh-Hans": "一个对外接口没有检查访问权限。", "en": "An interface did not check who was asking."}, "certainty": "suspected"},
	"measures": [{"text": {"zh-Hans": "关闭了有问题的接口", "en": "Switched off the faulty interface"}, "taken_at": "2026-03-01T02:30:00+08:00"}],
	"advice": [{"zh-Hans": "查看最近的登录记录。", "en": "Look at your recent sign-ins."}]}`

var organisation = templates.Organisation{
	Name:    map[string]string{"zh-Hans": "示例网络科技有限公司", "en": "Example Network Technology Co., Ltd."},
	Contact: map[string]string{"zh-Hans": "客服热线：400-000-0000", "en": "Hotline: 400-000-0000"},
	Site:    "www.example.com", Sender: "notice@example.com", SMSSign: "示例网络", SMSTemplate: "SMS_100001",
	Zone: "Asia/Shanghai", Reporter: "王示例，+86 139 0000 0000",
}

// world is a store with one incident and the people who work it.
type world struct {
	t       testing.TB
	ctx     context.Context
	db      *store.DB
	store   store.Handle[notify.Tx]
	clock   *clock.Fake
	catalog *templates.Catalog
	service *notify.Service
	id      incident.ID
}

func person(id string, roles ...string) evidence.Scope {
	return evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: id}, Roles: roles, Teams: []string{"legal"}}
}

var (
	rui   = person("usr_rui", access.Responder)
	ren   = person("usr_ren", access.Responder, access.Approver)
	an    = person("usr_an", access.Approver)
	ai    = person("usr_ai", access.Approver)
	audit = person("usr_audit", access.Auditor)
	tool  = evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_1"},
		Roles: []string{access.Responder, access.Approver}}
	system = evidence.System("acme")
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), clock: clock.NewFake(storetest.Start)}
	w.db = storetest.SQLite(t, storetest.WithClock(w.clock))
	w.store = store.Of[notify.Tx](w.db)
	var err error
	w.catalog, err = templates.Load()
	require.NoError(t, err)
	key, err := w.db.OperatorKey(w.ctx, "acme")
	require.NoError(t, err)
	w.service = notify.New(w.store, w.catalog, key)
	w.id = w.incident()
	return w
}

func (w *world) incident() (id incident.ID) {
	w.do(rui, func(tx notify.Tx) error {
		r, err := incident.Record(w.ctx, tx, incident.Finding{
			Operator: "acme", Mode: incident.Live, Format: "native", Title: "Leak", Facts: w.facts(leak),
		})
		id = r.ID
		return err
	})
	return id
}

func (w *world) facts(object string) []incident.FactInput {
	d := json.NewDecoder(strings.NewReader(object))
	d.UseNumber()
	var m map[string]any
	require.NoError(w.t, d.Decode(&m))
	in, problems := incident.CheckFacts(m, "")
	require.Empty(w.t, problems)
	return in
}

func (w *world) do(sc evidence.Scope, fn func(notify.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.InTx(w.ctx, sc, fn))
}

func (w *world) amend(facts string) {
	w.clock.Advance(time.Minute)
	w.do(rui, func(tx notify.Tx) error {
		_, err := incident.Amend(w.ctx, tx, w.id, incident.Amendment{Source: "person", At: w.clock.Now(), Facts: w.facts(facts)})
		return err
	})
}

// propose drafts a template from the present facts, as a playbook's step does.
func (w *world) propose(template string, p notify.Policy) (d notify.Document) {
	w.t.Helper()
	w.do(system, func(tx notify.Tx) error {
		_, facts, err := incident.Load(w.ctx, tx, w.id)
		require.NoError(w.t, err)
		content, err := w.catalog.Draft(templates.Input{Template: template, Facts: facts, Org: organisation, Grade: "larger", Now: tx.Now()})
		require.NoError(w.t, err)
		tm, _ := w.catalog.Template(template)
		d, err = notify.Propose(w.ctx, tx, notify.NewDocument{
			Kind: tm.Kind, Incident: w.id, Run: "run_1", Step: template, Title: map[string]string{"en": "Tell people"},
			Channels: tm.Channels, Content: content, Org: organisation, FactRevision: facts.Revision, Policy: p,
			Duties: []string{"obl_1"}, Addressee: "provincial-cac:CN-SH",
		})
		return err
	})
	return d
}

func requires(blocks ...string) (out []templates.Requirement) {
	for _, b := range blocks {
		out = append(out, templates.Requirement{ID: "req-" + b, Block: b, Term: "条目", Gloss: "item", Law: "个人信息保护法", Article: "57", MayBeOpen: b == templates.Remedies})
	}
	return out
}

func (w *world) audience() notify.Audience {
	w.t.Helper()
	a, err := w.service.Import(w.ctx, rui, w.id, "people.csv", "csv",
		strings.NewReader("person_key,email,phone\nu-1,one@example.com,13900000001\nu-2,two@example.com,\n"), nil)
	require.NoError(w.t, err)
	require.Equal(w.t, notify.Ready, a.State)
	return a
}

// ledger is the kinds of the incident's entries from the nth on.
func (w *world) ledger(after int64) (kinds []string) {
	require.NoError(w.t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
		entries, err := tx.Ledger(w.ctx, string(w.id), after, 100)
		for _, e := range entries {
			kinds = append(kinds, e.Kind)
		}
		return err
	}))
	return kinds
}

func (w *world) fault(kind incident.FaultKind, err error) *incident.Fault {
	w.t.Helper()
	var f *incident.Fault
	require.ErrorAs(w.t, err, &f)
	require.Equal(w.t, kind, f.Kind, f.Message)
	return f
}
