package obligation

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRulesAndTheirSeries(t *testing.T) {
	e, err := New()
	require.NoError(t, err)
	rules := e.Rules()
	at := func(id string) Rule {
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == id })
		require.GreaterOrEqual(t, i, 0, id)
		return rules[i]
	}
	require.Equal(t, "provincial-cac:{province}", at("cn-cac-incident-initial").Rows[0].Addressee)
	require.Equal(t, []string{"report", "report"}, []string{at("cn-cac-incident-initial").Rows[0].Kind, at("cn-cac-incident-supplement").Rows[1].Kind})
	for _, r := range rules {
		require.NotEmpty(t, r.Rows, r.ID)
		for _, row := range r.Rows {
			require.Contains(t, []string{"report", "notice", Task}, row.Kind, r.ID)
		}
	}
	require.True(t, e.Follows("cn-cac-incident-initial"), "its supplement starts when it was filed")
	require.False(t, e.Follows("cn-pipl-57-individuals"))
}
