package playbooks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBuiltInPlaybooksFitRulesAndTemplates(t *testing.T) {
	engine, catalog, defs := built(t)
	require.Len(t, defs.Playbooks(), 2)
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
