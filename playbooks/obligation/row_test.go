package obligation

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A document names the grade of the scheme that its duty rests on, through named conditions, never another's.
func TestDutiesNameTheirScheme(t *testing.T) {
	e := engine(t)
	bank := deriveAll(t, e, `{"occurred_at": "2026-03-01T02:00:00+08:00", "aware_at": "2026-03-01T02:20:00+08:00", "processed_in": ["CN-SH"], "data_event": "leaked", "data": ["name"],
		"people": {"count": 1000000, "certainty": "exact"}, "jurisdictions": {"CN": 1000000}, "grading": {"pboc": {"hot_opinion": true}}}`, `{"sectors": ["banking"]}`, noon)
	schemes := map[string][]string{}
	for _, o := range bank.Obligations {
		schemes[o.ID] = o.Schemes
	}
	require.Equal(t, []string{"cn-cac-2025"}, schemes["cn-cac-incident-initial"])
	require.Equal(t, []string{"cn-pboc-2025"}, schemes["cn-pboc-brief"])
	require.Equal(t, []string{"cn-pboc-2025"}, schemes["cn-pboc-final"], "it names a grade, although no grade is asked for")
	require.Contains(t, schemes, "cn-pipl-57-authority")
	require.Empty(t, schemes["cn-pipl-57-authority"])
}

// What a row says of its time wins over what the rule says.
func TestRowsHaveTheirOwnTimes(t *testing.T) {
	rows := func(rule string) string {
		return strings.Replace(ruleText("r", "{name: users}", rule), "{name: users}",
			`{name: users}, {name: "sa", deadline: {n: 2, count: hours}, legal_limit: {n: 3, count: hours}, until: closed_at, repeats: true}`, 1)
	}
	e := clockEngine(t, strings.ReplaceAll(rows("anchor: aware_at\ndeadline: {n: 72, count: hours}"), "name: users", "name: individuals"))
	derive := func(facts string) map[string]Obligation {
		body, err := json.Marshal(map[string]any{"as_of": "2026-03-01T01:00:00Z", "facts": parsed(t, facts), "profile": parsed(t, atBrussels)})
		require.NoError(t, err)
		in, problems := ReadInput(body)
		require.Empty(t, problems)
		result, problems := e.Derive(in)
		require.Empty(t, problems)
		out := map[string]Obligation{}
		for _, o := range result.Obligations {
			out[o.Addressee] = o
		}
		return out
	}
	is := derive(`{"aware_at": "2026-03-01T00:00:00Z"}`)
	require.Equal(t, "2026-03-04T00:00:00Z", is["individuals"].Deadline.Format(time.RFC3339))
	require.Nil(t, is["individuals"].LegalLimit)
	require.False(t, is["individuals"].Repeats)
	require.Equal(t, "2026-03-01T02:00:00Z", is["sa"].Deadline.Format(time.RFC3339))
	require.Equal(t, "2026-03-01T03:00:00Z", is["sa"].LegalLimit.Format(time.RFC3339))
	require.True(t, is["sa"].Repeats)
	ended := derive(`{"aware_at": "2026-03-01T00:00:00Z", "closed_at": "2026-03-01T00:30:00Z"}`)
	require.Contains(t, ended, "individuals")
	require.NotContains(t, ended, "sa", "its own until")
	rule := e.Rules()[slices.IndexFunc(e.Rules(), func(r Rule) bool { return r.ID == "r" })]
	require.True(t, rule.Repeats)
	require.Equal(t, []bool{false, true}, []bool{rule.Rows[0].Repeats, rule.Rows[1].Repeats})
	list := e.List()
	require.Equal(t, "72 hours; sa: 2 hours", list[slices.IndexFunc(list, func(r RuleInfo) bool { return r.ID == "r" })].Deadline)
}

// A deadline is taken from another duty only where its condition holds.
func TestADeadlineIsTakenOnlyIf(t *testing.T) {
	e := clockEngine(t, ruleText("lends", "{name: sa}", "anchor: aware_at\ndeadline: {n: 4, count: hours}"),
		ruleText("takes", "{name: sa}", "anchor: aware_at\ndeadline: {with: lends, if: user_information}"))
	takes := func(known string) Obligation {
		in := Input{AsOf: someday, Facts: parsed(t, `{"aware_at": "2026-03-01T00:00:00Z", "user_information": `+known+`}`), Profile: Profile{Establishments: []string{"BE"}}}
		result, problems := e.Derive(in)
		require.Empty(t, problems)
		return result.Obligations[slices.IndexFunc(result.Obligations, func(o Obligation) bool { return o.ID == "takes" })]
	}
	require.Equal(t, "2026-03-01T04:00:00Z", takes("true").Deadline.Format(time.RFC3339))
	require.Nil(t, takes("false").Deadline)
	require.Equal(t, Running, takes("false").State)
	require.NotNil(t, takes("null").Deadline, "an alarm may be too early, never too late")
}

// An exemption towards people says so, and lifts no report.
func TestExemptionsAreForTheirRows(t *testing.T) {
	e := engine(t)
	for _, rule := range []string{"cn-nfra-63", "cn-csl-44", "cn-dsl-29", "cn-civil-1038"} {
		grounds := e.Grounds(Input{AsOf: someday, Facts: parsed(t, harmless)}, rule)
		require.Len(t, grounds, 1, rule)
		require.True(t, grounds[0].Covers("users") != grounds[0].Covers("individuals"), rule)
		for _, to := range []string{"nfra", "competent-department:CN-SH"} {
			require.False(t, grounds[0].Covers(to), rule)
		}
	}
	require.True(t, Exemption{}.Covers("anybody:CN"))
	src := strings.Replace(soundRule, "    confidence: S", "    exemptions: [{id: e, for: [nobody], if: encrypted_safe, text: {en: x, zh-Hans: 甲}, source: {instrument: x, article: \"1\"}}]\n    confidence: S", 1)
	require.Contains(t, faultsOf(t, src), `"nobody", whom this rule does not name`)
}

func faultsOf(t *testing.T, src string) string {
	var all []string
	for _, f := range Lint(tree(t, map[string]string{"law/x.yaml": src}), someday) {
		all = append(all, f.Message)
	}
	return strings.Join(all, "\n")
}

// Whether a rule can apply takes in when its scheme applies.
func TestReachTakesTheSchemesOwnConditions(t *testing.T) {
	graded := strings.Replace(soundRule, "people.count >= 500", `graded("x-scheme", "larger") && kind == "incident"`, 1)
	scheme := func(when string) string {
		return strings.Replace(graded, "grades: [general", "when: [{if: '"+when+"', yes: {en: x, zh-Hans: 甲}, no: {en: x, zh-Hans: 甲}}], grades: [general", 1)
	}
	require.Empty(t, faultsOf(t, scheme(`"aerospace" in profile.sectors || people.count >= 7`)))
	require.Contains(t, faultsOf(t, scheme(`kind == "threat"`)), "can never apply")
	require.Contains(t, faultsOf(t, scheme(`people.count >= 7 && people.count < 3`)), "can never apply")
}

func TestDeadlinesThatRestOnEachOther(t *testing.T) {
	second := strings.ReplaceAll(soundRule[strings.Index(soundRule, "  - id: x-rule"):], "x-rule", "y-rule")
	src := strings.ReplaceAll(soundRule+second, "deadline: {n: 72, count: hours}", "deadline: {with: y-rule}")
	require.Contains(t, faultsOf(t, src), `the deadline of "y-rule" rests on itself`)
}
