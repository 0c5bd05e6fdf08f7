package playbooks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConditionOverUnknownFacts(t *testing.T) {
	leak := `facts.jurisdictions.CN > 0 && facts.data_event in ["leaked", "stolen"]`
	for _, c := range []struct {
		name, src string
		facts     map[string]any
		want      truth
		open      []string
	}{
		{"true", leak, map[string]any{"jurisdictions": map[string]any{"CN": int64(12)}, "data_event": "leaked"}, yes, nil},
		{"false", leak, map[string]any{"jurisdictions": map[string]any{"CN": int64(12)}, "data_event": "lost"}, no, nil},
		{"false whatever the unknown is", leak, map[string]any{"data_event": "lost"}, no, nil},
		{"nothing known", leak, map[string]any{}, unknown, []string{"data_event", "jurisdictions.CN"}},
		{"a known null is unknown", leak, map[string]any{"jurisdictions": map[string]any{"CN": nil}, "data_event": "leaked"}, unknown, []string{"jurisdictions.CN"}},
		{"another country only", leak, map[string]any{"jurisdictions": map[string]any{"DE": int64(1)}, "data_event": "leaked"}, unknown, []string{"jurisdictions.CN"}},
		{"numbers of either kind", `facts.people.count >= 10`, map[string]any{"people": map[string]any{"count": 10.5}}, yes, nil},
		{"lists", `"phone" in facts.data`, map[string]any{"data": []any{"name", "phone"}}, yes, nil},
		{"objects in lists", `facts.systems.exists(s, s.cii == true)`, map[string]any{"systems": []any{map[string]any{"cii": true}}}, yes, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cond, faults := compileCondition(c.src)
			require.Empty(t, faults)
			got, open, err := cond.eval(c.facts)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, c.open, open)
		})
	}
}

func TestConditionFaults(t *testing.T) {
	for src, want := range map[string]conditionFault{
		`facts.a >`:           {0, 9, "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"},
		`fact.people.count>1`: {0, 0, "undeclared reference to 'fact'"},
		`facts.people.count`:  {0, 0, "a condition must be true or false"},
	} {
		_, faults := compileCondition(src)
		require.Equal(t, []conditionFault{want}, faults, src)
	}
	cond, faults := compileCondition(`facts.people.count > 3`)
	require.Empty(t, faults)
	answer, _, err := cond.eval(map[string]any{"people": map[string]any{"count": "many +86 139 0000 0000"}})
	require.Equal(t, unknown, answer)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "139", "no fact's value in an error")
}
