package playbooks_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/clock"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

var (
	ctx    = context.Background()
	system = evidence.System("acme")
	lin    = person("usr_lin", []string{"responder"}, nil)
	wei    = person("usr_wei", []string{"approver"}, []string{"dpo-team"})
	min    = person("usr_min", []string{"approver"}, []string{"legal"})
	admin  = person("usr_admin", []string{"admin"}, nil)
	siem   = evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_siem"}, Roles: []string{"reporter"}}
	signal = storetest.Start.Add(-time.Hour)
)

func person(id string, roles, teams []string) evidence.Scope {
	return evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Person, ID: id}, Roles: roles, Teams: teams}
}

func profile() obligation.Profile {
	return obligation.Profile{Operator: "acme", Roles: []string{"network_operator", "pi_processor"}, Sectors: []string{"internet"},
		Establishments: []string{"CN-SH"}, Commitments: "tencent-cloud", Channels: []string{"email", "sms"},
		Org: templates.Organisation{Name: map[string]string{"zh-Hans": "示例公司", "en": "Example Company"},
			Contact: map[string]string{"zh-Hans": "热线 400-000-0000", "en": "Hotline 400-000-0000"}, Site: "acme.example",
			Sender: "notice@acme.example", SMSSign: "示例公司", SMSTemplate: "SMS_000000001", Zone: "Asia/Shanghai", Reporter: "张三 +86 139 0000 0000"}}
}

// compiled is what every process of one binary has alike.
var compiled = sync.OnceValues(func() (*obligation.Engine, *templates.Catalog) {
	engine, err := obligation.New()
	if err != nil {
		panic(err)
	}
	catalog, err := templates.Load()
	if err != nil {
		panic(err)
	}
	return engine, catalog
})

// builtin is the playbooks that first processes share; each restarted one reads its own.
var builtin = sync.OnceValue(func() *playbooks.Definitions {
	defs, err := playbooks.Load(compiled())
	if err != nil {
		panic(err)
	}
	return defs
})

// house is one process over a database that outlives it.
type house struct {
	t       *testing.T
	clock   *clock.Fake
	options store.Options
	db      *store.DB
	books   *playbooks.Service
	notify  *notify.Service
	seen    int64 // last event handled
}

func open(t *testing.T) *house {
	t.Helper()
	t.Parallel()
	clk := clock.NewFake(storetest.Start)
	h := &house{t: t, clock: clk, options: storetest.Engines()["sqlite"](t, storetest.WithClock(clk), storetest.Simulated())}
	h.start(builtin())
	t.Cleanup(func() { require.NoError(t, h.db.Close()) })
	_, err := h.books.PutProfile(ctx, admin, "", profile())
	require.NoError(t, err)
	h.pump()
	return h
}

func (h *house) start(defs *playbooks.Definitions) {
	h.t.Helper()
	var err error
	h.db, err = store.Open(ctx, h.options)
	require.NoError(h.t, err)
	engine, catalog := compiled()
	key, err := h.db.OperatorKey(ctx, "acme")
	require.NoError(h.t, err)
	h.books = playbooks.New(store.Of[playbooks.Tx](h.db), engine, defs, catalog)
	h.notify = notify.New(store.Of[notify.Tx](h.db), catalog, key)
}

// restart ends the process and starts another on the same database.
func (h *house) restart() {
	h.t.Helper()
	require.NoError(h.t, h.db.Close())
	defs, err := playbooks.Load(compiled())
	require.NoError(h.t, err)
	h.start(defs)
}

// pump hands over committed events until none is left and returns their kinds.
func (h *house) pump() (kinds []string) {
	h.t.Helper()
	for {
		_, err := h.db.Sequence(ctx, 1000)
		require.NoError(h.t, err)
		events, err := h.db.EventsAfter(ctx, "acme", h.seen, 1000)
		require.NoError(h.t, err)
		if len(events) == 0 {
			return kinds
		}
		for _, e := range events {
			require.NoError(h.t, h.books.Handle(ctx, e))
			h.seen = e.Seq
			kinds = append(kinds, e.Kind)
		}
	}
}

func (h *house) wake() int {
	h.t.Helper()
	n, err := h.books.Wake(ctx, "acme", h.clock.Now())
	require.NoError(h.t, err)
	return n
}

// leak is a finding of a leak of a number of people's data in mainland China.
func leak(people int64, more ...incident.FactInput) incident.Finding {
	facts := []incident.FactInput{
		{Path: "first_signal_at", Value: signal.Format(time.RFC3339)}, {Path: "kind", Value: "incident"}, {Path: "confirmed", Value: true},
		{Path: "people.count", Value: people}, {Path: "people.certainty", Value: "exact"}, {Path: "jurisdictions.CN", Value: people},
		{Path: "data", Value: []any{"name", "phone"}}, {Path: "data_event", Value: "leaked"},
		{Path: "systems", Value: []any{map[string]any{"name": "crm", "cii": false, "province": "CN-SH"}}},
	}
	return incident.Finding{Mode: incident.Live, Format: "native", Identity: "native:test:1", Title: "Customer data leak",
		Source: incident.Source{Tool: "siem"}, Facts: append(facts, more...)}
}

// known are the facts that a complete report and notice print besides.
func known() []incident.FactInput {
	return []incident.FactInput{
		{Path: "occurred_at", Value: signal.Add(-time.Hour).Format(time.RFC3339)},
		{Path: "harm", Value: "possible"}, {Path: "harm_severity", Value: "ordinary"},
		{Path: "measures", Value: []any{map[string]any{"text": "closed the leak", "taken_at": signal.Format(time.RFC3339), "effect": "no further access"}}},
		{Path: "advice", Value: []any{"change your password"}}, {Path: "remedies", Value: []any{"free hotline"}},
		{Path: "processed_in", Value: []any{"CN-SH"}},
	}
}

func (h *house) report(f incident.Finding) playbooks.Reported {
	h.t.Helper()
	r, err := h.books.Report(ctx, siem, f)
	require.NoError(h.t, err)
	return r
}

func (h *house) amend(by evidence.Scope, id incident.ID, reason string, facts ...incident.FactInput) playbooks.Reported {
	h.t.Helper()
	h.clock.Advance(time.Second)
	r, err := h.books.Amend(ctx, by, id, 0, incident.Amendment{At: h.clock.Now(), Reason: reason, Facts: facts})
	require.NoError(h.t, err)
	return r
}

func (h *house) view(id incident.ID) playbooks.View {
	h.t.Helper()
	v, err := h.books.Incident(ctx, lin, id)
	require.NoError(h.t, err)
	return v
}

func duty(t *testing.T, duties []playbooks.Duty, rule string) playbooks.Duty {
	t.Helper()
	i := slices.IndexFunc(duties, func(d playbooks.Duty) bool { return d.Obligation.ID == rule })
	require.GreaterOrEqual(t, i, 0, rule)
	return duties[i]
}

func step(t *testing.T, v playbooks.View, id string) playbooks.Step {
	t.Helper()
	for _, s := range slices.Backward(v.Steps) {
		if s.ID == id {
			return s
		}
	}
	require.Fail(t, "no step "+id)
	return playbooks.Step{}
}

func (h *house) ledger(id incident.ID) (kinds []string) {
	h.t.Helper()
	entries, err := h.books.Timeline(ctx, lin, id, 0, 500)
	require.NoError(h.t, err)
	for _, e := range entries {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

func count(kinds []string, kind string) (n int) {
	for _, k := range kinds {
		if k == kind {
			n++
		}
	}
	return n
}
