package playbooks_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/store"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// reworded is the built-in rules with one text put in place of another in one file.
func reworded(t *testing.T, file, old, with string) *obligation.Engine {
	t.Helper()
	engine, _ := compiled()
	var texts map[string]string
	require.NoError(t, json.Unmarshal(engine.Bundle(), &texts))
	require.Contains(t, texts[file], old)
	texts[file] = strings.Replace(texts[file], old, with, 1)
	bundle, err := json.Marshal(texts)
	require.NoError(t, err)
	changed, err := obligation.OpenBundle(bundle)
	require.NoError(t, err)
	require.NotEqual(t, engine.Version(), changed.Version())
	return changed
}

// upgrade ends the process and starts one with other rules on the same database.
func (h *house) upgrade(engine *obligation.Engine) {
	h.t.Helper()
	h.restart()
	_, catalog := compiled()
	defs, err := playbooks.Load(engine, catalog)
	require.NoError(h.t, err)
	h.books = playbooks.New(store.Of[playbooks.Tx](h.db), engine, defs, catalog)
}

func TestIncidentKeepsItsRulesUntilAPersonAcceptsNewOnes(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.pump()
	h.wake()
	old := h.view(id).Derivation.RulesVersion
	at := duty(t, h.view(id).Duties, "cn-cac-incident-initial").Obligation
	changed := reworded(t, "law/cn/cac.yaml", "deadline: {n: 4, count: hours}", "deadline: {n: 3, count: hours}")
	h.upgrade(changed)
	require.Positive(t, h.wake(), "the start looks at open incidents")
	h.wake()
	h.pump()
	v := h.view(id)
	require.Equal(t, old, v.Derivation.RulesVersion)
	require.Equal(t, at.Deadline.UTC(), duty(t, v.Duties, at.ID).Obligation.Deadline.UTC())
	asks := func() (n int) {
		for _, task := range h.view(id).Tasks {
			if task.Rules == changed.Version() && task.State == playbooks.TaskOpen {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1, asks())
	h.amend(lin, id, "", fact("loss_cny", float64(1)))
	require.Equal(t, 1, asks(), "one question, however often it is looked at")

	r, err := h.books.Ruleset(ctx, admin, id)
	require.NoError(t, err)
	require.False(t, r.Same)
	require.NotEmpty(t, r.Change)
	require.Contains(t, r.Change[0].Differs, "deadline")
	_, err = h.books.AcceptRuleset(ctx, lin, id, "another", "read")
	require.True(t, incident.IsFault(err, incident.Stale))
	_, err = h.books.AcceptRuleset(ctx, siem, id, r.Current, "read")
	require.True(t, incident.IsFault(err, incident.Forbidden))
	for _, task := range h.view(id).Tasks {
		if task.Rules == r.Current {
			tool := evidence.Scope{Operator: "acme", Actor: evidence.Actor{Kind: evidence.Tool, ID: "tok_soar"}, Roles: []string{"responder"}}
			_, err = h.books.CompleteTask(ctx, tool, task.ID, "keep the old rules", nil)
			require.True(t, incident.IsFault(err, incident.Forbidden), "a tool decides nothing")
		}
	}
	accepted, err := h.books.AcceptRuleset(ctx, lin, id, r.Current, "counsel has read the difference")
	require.NoError(t, err)
	require.Equal(t, signal.Add(3*time.Hour), duty(t, accepted.Duties, at.ID).Obligation.Deadline.UTC())
	require.Zero(t, asks())
	require.Equal(t, changed.Version(), h.view(id).Derivation.RulesVersion)
	h.pump()
	require.Equal(t, 1, count(h.ledger(id), "ruleset.changed"))
	r, err = h.books.Ruleset(ctx, admin, id)
	require.NoError(t, err)
	require.True(t, r.Same)

	// The program before it, started again, does not move the incident back by itself.
	engine, _ := compiled()
	h.upgrade(engine)
	h.wake()
	h.pump()
	require.Equal(t, changed.Version(), h.view(id).Derivation.RulesVersion)
}

func TestRulesThatSayTheSameMoveSilently(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	h.wake()
	changed := reworded(t, "law/cn/cac.yaml", "rules:", "# read again\nrules:")
	h.upgrade(changed)
	require.Positive(t, h.wake())
	v := h.view(id)
	require.Equal(t, changed.Version(), v.Derivation.RulesVersion)
	for _, task := range v.Tasks {
		require.Empty(t, task.Rules)
	}
	require.Equal(t, 1, count(h.ledger(id), "ruleset.changed"))
	h.pump()
	require.Equal(t, 1, count(h.ledger(id), "ruleset.changed"))
}

func TestRulesThatCannotBeReadGiveWay(t *testing.T) {
	h := open(t)
	id := h.report(leak(1_200_000)).ID
	engine, _ := compiled()
	require.NoError(t, store.Of[playbooks.Tx](h.db).InTx(ctx, system, func(tx playbooks.Tx) error {
		d, err := tx.Derivation(ctx, id)
		require.NoError(t, err)
		d.RulesVersion = "of a program long gone"
		return tx.PutDerivation(ctx, *d)
	}))
	r, err := h.books.Ruleset(ctx, lin, id)
	require.NoError(t, err)
	require.True(t, r.Unreadable)
	h.amend(lin, id, "", fact("loss_cny", float64(1)))
	require.Equal(t, engine.Version(), h.view(id).Derivation.RulesVersion)
	require.Equal(t, 1, count(h.ledger(id), "ruleset.changed"))
}
