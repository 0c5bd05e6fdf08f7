package playbooks

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

func TestBuiltInPlaybooksFitRulesAndTemplates(t *testing.T) {
	engine, err := obligation.New()
	require.NoError(t, err)
	catalog, err := templates.Load()
	require.NoError(t, err)
	defs, err := Load(engine, catalog)
	require.NoError(t, err)
	require.Len(t, defs.Playbooks(), 1)
	for _, s := range defs.Playbooks()[0].steps {
		if s.doc != nil {
			later := s.id == "supplement" || s.id == "final"
			require.Equal(t, later, s.doc.byHand, s.id)
		}
	}
	require.Equal(t, []string{`x.yaml:1:1: unknown key "a"`}, Lint("x.yaml", []byte("a: 1"), engine, catalog)[:1])
}

func TestRunsKeepToTheirFrozenPlaybook(t *testing.T) {
	d := &Definitions{known: testVocabulary()}
	src := []byte(head + "steps:\n- id: a\n  task: x")
	asked := 0
	source := func() ([]byte, error) { asked++; return src, nil }
	for range 2 {
		def, err := d.at("an earlier hash", source)
		require.NoError(t, err)
		require.Equal(t, "a", def.steps[0].id)
	}
	require.Equal(t, 1, asked)
}
