package playbooks

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

func built(t *testing.T) (*obligation.Engine, *templates.Catalog, *Definitions) {
	t.Helper()
	engine, err := obligation.New()
	require.NoError(t, err)
	catalog, err := templates.Load()
	require.NoError(t, err)
	defs, err := Load(engine, catalog)
	require.NoError(t, err)
	return engine, catalog, defs
}

// TestBothPlaybooksCarryEveryDuty goes through every row of every rule that is on: a step of each playbook works
// it off, and one that names it, not one for whatever is left.
func TestBothPlaybooksCarryEveryDuty(t *testing.T) {
	engine, _, defs := built(t)
	require.Equal(t, []string{"cn-personal-data-leak", "network-incident"}, []string{defs.all[0].ID, defs.all[1].ID})
	for _, def := range defs.all {
		for _, rule := range engine.Rules() {
			for _, row := range rule.Rows {
				s := def.worker(obligation.Obligation{ID: rule.ID, Addressee: row.Addressee, Kind: row.Kind})
				if !assert.NotNil(t, s, "%s: nobody works off %s to %s", def.ID, rule.ID, row.Addressee) {
					continue
				}
				anyhow := slices.Contains([]string{"other-reports", "other-notices"}, s.id)
				assert.False(t, anyhow && !rule.Off, "%s: no step names %s to %s (%s)", def.ID, rule.ID, row.Addressee, row.Kind)
			}
		}
	}
}

// TestTemplatesAnswerTheirDuties: a step with a template for one law has only duties whose items stand in it.
func TestTemplatesAnswerTheirDuties(t *testing.T) {
	engine, catalog, defs := built(t)
	for _, def := range defs.all {
		for _, rule := range engine.Rules() {
			for _, row := range rule.Rows {
				s := def.worker(obligation.Obligation{ID: rule.ID, Addressee: row.Addressee, Kind: row.Kind})
				if s == nil || s.doc == nil {
					continue
				}
				require.False(t, s.doc.byHand, "%s: step %s has no template", def.ID, s.id)
				if s.doc.anyDuty() || rule.Off {
					continue
				}
				form, _ := catalog.Template(s.doc.template)
				for _, q := range row.Requirements {
					stands := slices.ContainsFunc(form.Items, func(it templates.Item) bool { return it.Block == q.Block })
					assert.True(t, stands, "%s: %s of step %s has no %s for %s", def.ID, s.doc.template, s.id, q.Block, rule.ID)
				}
			}
		}
	}
}
