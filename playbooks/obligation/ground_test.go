package obligation

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroundsSayHowEachExemptionStands(t *testing.T) {
	e := engine(t)
	ground := func(facts string) Ground {
		t.Helper()
		in := Input{AsOf: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Facts: merge(parsed(t, harmless), parsed(t, facts))}
		all := e.Grounds(in, "cn-pipl-57-individuals")
		require.Len(t, all, 1)
		require.Equal(t, "pipl-57-2", all[0].ID)
		return all[0]
	}
	require.True(t, ground(`{"encrypted_safe": true}`).Holds)
	no := ground(`{"encrypted_safe": false, "harm_prevented": false}`)
	require.False(t, no.Holds)
	require.Empty(t, no.Open)
	require.NotEmpty(t, ground(`{}`).Open)
	require.True(t, ground(`{"encrypted_safe": true, "people": {"count": 5, "certainty": "exact", "under_14": 1}}`).Never)
	require.Empty(t, e.Grounds(Input{}, "no-such-rule"))
}

func TestRestsOnFollowsConditionsAndGrades(t *testing.T) {
	e := engine(t)
	reads := e.RestsOn("cn-pipl-57-individuals")
	require.Subset(t, reads, []string{"aware_at", "encrypted_safe", "harm_prevented", "data_event", "data", "people.under_14"})
	require.NotContains(t, reads, "grading.loss_cny")
	graded := e.RestsOn("cn-cac-incident-initial")
	require.Subset(t, graded, []string{"grading.loss_cny", "loss_cny", "systems"}, "through the grade, and what it defaults from")
	for _, path := range append(reads, graded...) {
		require.False(t, strings.HasPrefix(path, "profile."), path)
	}
	require.Empty(t, e.RestsOn("no-such-rule"))
}

func TestBundleOpensToTheSameRules(t *testing.T) {
	e := engine(t)
	again, err := OpenBundle(e.Bundle())
	require.NoError(t, err)
	require.Equal(t, e.Version(), again.Version())
	in := Input{AsOf: time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC), Facts: parsed(t, harmless), Profile: Profile{Roles: []string{"network_operator"}, Establishments: []string{"CN-SH"}}}
	was, problems := e.Derive(in)
	require.Empty(t, problems)
	is, problems := again.Derive(in)
	require.Empty(t, problems)
	require.Equal(t, was, is)

	for name, bundle := range map[string]string{"no JSON": "rules", "rules that do not compile": `{"law/a.yaml": "rules: [{id: x}]"}`, "other bytes": " " + string(e.Bundle())} {
		_, err := OpenBundle([]byte(bundle))
		require.Error(t, err, name)
	}
}

func TestAddresseesHaveNames(t *testing.T) {
	e := engine(t)
	require.Contains(t, e.Addressees(), "provincial-cac")
	require.Contains(t, e.AddresseeName("provincial-cac:CN-SH")["zh-Hans"], "上海")
	require.Equal(t, "nobody", e.AddresseeName("nobody")["en"])
}
