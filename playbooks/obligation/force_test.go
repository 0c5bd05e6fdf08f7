package obligation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A rule that would apply but was not yet law is neither a duty nor passed over in silence.
func TestARuleOutOfForceSaysSo(t *testing.T) {
	e, err := New()
	require.NoError(t, err)
	derive := func(aware string) Result {
		r, problems := e.Derive(Input{AsOf: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
			Profile: Profile{Operator: "acme", Roles: []string{"network_operator", "pi_processor"}, Establishments: []string{"CN-SH"}},
			Facts: map[string]any{"aware_at": aware, "data_event": "leaked", "data": []any{"name"}, "jurisdictions": map[string]any{"CN": int64(2000000)},
				"people": map[string]any{"count": int64(2000000), "certainty": "exact"}, "processed_in": []any{"CN-SH"}}})
		require.Empty(t, problems)
		return r
	}
	ids := func(r Result) (out []string) {
		for _, o := range r.Obligations {
			out = append(out, o.ID)
		}
		return out
	}
	require.Contains(t, ids(derive("2025-11-01T00:00:00+08:00")), "cn-cac-incident-initial")
	before := derive("2025-10-31T23:59:59+08:00")
	require.NotContains(t, ids(before), "cn-cac-incident-initial")
	require.Contains(t, ids(before), "cn-pipl-57-authority")
	in := Input{AsOf: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Facts: map[string]any{"aware_at": "2025-10-31T23:59:59+08:00", "people": map[string]any{"count": int64(2000000)},
		"data_event": "leaked", "data": []any{"name"}, "jurisdictions": map[string]any{"CN": int64(2000000)}},
		Profile: Profile{Operator: "acme", Roles: []string{"network_operator", "pi_processor"}, Establishments: []string{"CN-SH"}}}
	text, problems := e.Explain(in, "en")
	require.Empty(t, problems)
	require.Contains(t, text, "cn-cac-incident-initial: was not in force")
	require.Contains(t, text, "2025-11-01")
}
