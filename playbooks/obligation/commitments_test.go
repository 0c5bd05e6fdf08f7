package obligation

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the five statements promise beside notices and reports is data.
func TestStatementsOfOperators(t *testing.T) {
	e := engine(t)
	all := map[string]Commitments{}
	for _, c := range e.Commitments() {
		all[c.ID] = c
		for _, p := range c.People {
			require.NotEmpty(t, p.Says["zh-Hans"], c.ID)
		}
	}
	require.Len(t, all, 5)
	who := func(id, who string) Relation {
		i := slices.IndexFunc(all[id].People, func(p Relation) bool { return p.Who == who })
		require.GreaterOrEqual(t, i, 0, "%s %s", id, who)
		return all[id].People[i]
	}
	require.Equal(t, []string{"all in 30 calendar days after identity is verified", "all in 3 working days, at most 7 calendar days", "requests in 15 calendar days", "enquiries in 15 working days"},
		[]string{all["21vianet"].Answers[0].String(), all["ctyun-huiju"].Answers[0].String(), all["zstack"].Answers[0].String(), all["zstack"].Answers[1].String()})
	require.True(t, all["21vianet"].Report.Network)
	require.Equal(t, "网络安全事件", all["21vianet"].Report.Trigger)
	require.False(t, all["tencent-cloud"].Report.Network)
	require.True(t, all["tencent-cloud"].Plan)
	require.True(t, who("21vianet", "customers").Instruction)
	require.Equal(t, 18, who("21vianet", "minors").Under)
	who("21vianet", "former-customers")
	who("zstack", "relatives")
	require.True(t, who("zstack", "visitors").Unreached)
	require.True(t, who("ctyun-huiju", "guardians").Guardian)
	require.Contains(t, e.Docs(), "former customers are reached too")
}

func TestAStatementIsChecked(t *testing.T) {
	body := string(must(embedded.ReadFile("commitments/zstack.yaml")))
	for _, c := range []struct{ old, new, message string }{
		{"of: requests", "of: questions", `of "questions" is not one of`},
		{"n: 15, count: cal-days", "n: 15, count: moons", "counting rule"},
		{"who: relatives", "who: aliens", `who "aliens" is not one of`},
		{"covers: personal_data", "covers: everything", `covers "everything" is not one of`},
	} {
		require.Contains(t, body, c.old)
		src := strings.Replace(strings.Replace(body, "id: zstack", "id: mine", 1), c.old, c.new, 1)
		faults := Lint(tree(t, map[string]string{"law/x.yaml": soundRule, "commitments/mine.yaml": src}), someday)
		require.True(t, slices.ContainsFunc(faults, func(f Fault) bool { return strings.Contains(f.Message, c.message) }), "%s: %v", c.message, faults)
	}
}
