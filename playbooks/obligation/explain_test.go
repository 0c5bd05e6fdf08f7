package obligation

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func explained(t testing.TB, e *Engine, locale, asOf, facts, profile string) []Explanation {
	t.Helper()
	body, err := json.Marshal(map[string]any{"as_of": asOf, "facts": parsed(t, facts), "profile": parsed(t, profile)})
	require.NoError(t, err)
	in, problems := ReadInput(body)
	require.Empty(t, problems)
	all, _, problems := e.Explanations(in, locale)
	require.Empty(t, problems)
	return all
}

func of(t testing.TB, all []Explanation, rule string) Explanation {
	t.Helper()
	i := slices.IndexFunc(all, func(x Explanation) bool { return x.ID == rule })
	require.GreaterOrEqual(t, i, 0, rule)
	return all[i]
}

const atBrussels = `{"establishments": ["BE"], "roles": ["pi_processor"]}`

// The arithmetic of a clock, line by line.
func TestExplainedClock(t *testing.T) {
	inChina := strings.Replace(clockLaw, "Europe/Brussels", "Asia/Shanghai", 1) + ruleText("wd", "{name: sa}", "anchor: closed_at\ndeadline: {n: 5, count: cn-wd}")
	e := &Engine{law: lawOf(t, map[string]string{"law/x.yaml": inChina})}
	clock := func(locale, closed string) []string {
		return of(t, explained(t, e, locale, "2026-12-31T00:00:00Z", `{"closed_at": "`+closed+`"}`, atBrussels), "wd").Clock
	}
	require.Equal(t, []string{
		"starts with the end of the handling: closed_at = 2026-09-29 09:00:00 +08:00",
		"2026-09-29 09:00:00 +08:00 + 5 working days = 2026-10-12 23:59:59 +08:00",
		"the first day is not counted; the period ends with the last day",
		"not counted: 2026-10-01 to 2026-10-07 (National Day), 2026-10-11 (weekend)",
		"counted, because worked in place of a day off: 2026-10-10 (weekend)",
		"deadline 2026-10-12 23:59:59 +08:00 (Asia/Shanghai) = 2026-10-12T15:59:59Z",
	}, clock("en", "2026-09-29T09:00:00+08:00"))
	require.Contains(t, clock("zh-Hans", "2026-09-29T09:00:00+08:00"), "不计入：2026-10-01 至 2026-10-07（国庆节）、2026-10-11（周末）")
	beyond := strings.Join(clock("en", "2026-12-30T09:00:00+08:00"), "\n")
	require.Contains(t, beyond, "has no data from 2027-01-01 on")
	require.Contains(t, beyond, "the earliest it can be, every later day taken as worked: 2027-01-04 23:59:59 +08:00")
	require.NotContains(t, beyond, "deadline 2027")
	require.NotContains(t, beyond, "own target")
}

func TestExplainedCapReliefAndFallback(t *testing.T) {
	e := clockEngine(t, strings.ReplaceAll(ruleText("dora", "{name: sa}", doraInitial), "assessments.relief", "user_information"),
		ruleText("borrows", "{name: sa}", "anchor: occurred_at\ndeadline: {with: dora}"),
		ruleText("bare", "{name: sa}", "anchor: discovery\nphrase: without delay\nhold: {text: {en: the police may ask, zh-Hans: 警方可以要求}, source: {instrument: x, article: \"9\"}}"))
	facts := `{"first_signal_at": "2026-11-20T18:00:00+01:00", "anchors": {"classified-major": "2026-11-21T16:00:00+01:00"}, "user_information": true}`
	all := explained(t, e, "en", "2026-11-21T17:00:00+01:00", facts, `{"establishments": ["BE"], "targets": {"bare": "PT2H"}}`)
	require.Equal(t, []string{
		"starts with the classification as major: classified-major = 2026-11-21 16:00:00 +01:00",
		"2026-11-21 16:00:00 +01:00 + 4 hours = 2026-11-21 20:00:00 +01:00",
		"but not later than 24 hours after when we became aware = 2026-11-21 18:00:00 +01:00",
		"deadline 2026-11-21 18:00:00 +01:00 (Europe/Brussels) = 2026-11-21T17:00:00Z",
		"the last day is not worked (2026-11-21 to 2026-11-22 (weekend)): the law moves it to 2026-11-23 12:00:00 +01:00",
		"legal limit 2026-11-23 12:00:00 +01:00 = 2026-11-23T11:00:00Z; we alarm on the deadline",
	}, of(t, all, "dora").Clock)
	require.Equal(t, []string{
		"starts with when it occurred; that is not recorded, so it counts from the first signal of a tool: first_signal_at = 2026-11-20 18:00:00 +01:00",
		"the time of occurrence is not known; counted from awareness, so the limit may already have passed",
		"provisional, until a person decides when we became aware",
		"not later than the duty dora: its deadline is taken",
		"deadline 2026-11-21 18:00:00 +01:00 (Europe/Brussels) = 2026-11-21T17:00:00Z",
		"legal limit 2026-11-23 12:00:00 +01:00 = 2026-11-23T11:00:00Z; we alarm on the deadline",
	}, of(t, all, "borrows").Clock)
	bare := of(t, all, "bare")
	require.Contains(t, bare.Clock, "the law gives no number: without delay")
	require.Contains(t, bare.Clock, "own target 2026-11-20 20:00:00 +01:00 (ours, not the law's)")
	require.Equal(t, "the police may ask", bare.Hold.Text)
	require.Equal(t, "Test law, art. 9", bare.Hold.Law)
	require.Equal(t, "official text read", bare.ConfidenceIs)
	require.Equal(t, "authority", bare.AddresseeName)
	require.Equal(t, "内容", bare.Terms[0].Term)
	late := of(t, explained(t, e, "en", "2026-11-23T00:00:00Z", strings.Replace(facts, "11-21T16", "11-22T09", 1), atBrussels), "dora").Clock
	require.Contains(t, late, "the limit of 24 hours after when we became aware had run out before the clock started (2026-11-21 18:00:00 +01:00): it does not count")
	waits := of(t, explained(t, e, "zh-Hans", "2026-11-23T00:00:00Z", `{}`, atBrussels), "dora").Clock
	require.Equal(t, []string{"尚未起算：等待定为重大事件的时间"}, waits)
}

// A near miss says what stands in the way, and what it looks at, as it is now.
func TestExplainedNearMiss(t *testing.T) {
	clause := func(cond, yes, no string) string {
		return "{if: '" + cond + "', yes: {en: " + yes + ", zh-Hans: 是}, no: {en: " + no + ", zh-Hans: 否}}"
	}
	many, leaked := clause("people.count >= 500", "500 or more", "fewer than 500"), clause(`data_event == "leaked"`, "leaked", "nothing leaked")
	when := func(id, conditions string) string {
		return strings.Replace(ruleText(id, "{name: sa}", "anchor: aware_at"), "when: [x.any]", "when: ["+conditions+"]", 1)
	}
	e := clockEngine(t, when("near", "x.any, "+many), when("far", many+", "+leaked),
		when("shut", "x.any")+"    off: {en: not in force, zh-Hans: 未施行}\n",
		when("ended", "x.any")+"    until: closed_at\n", when("old", "x.any")+"    valid: {from: 2020-01-01, until: 2021-01-01}\n")
	facts := `{"aware_at": "2026-03-01", "closed_at": "2026-03-02", "people": {"count": 499, "certainty": "exact"}, "data_event": "lost"}`
	all := explained(t, e, "en", "2026-03-03T00:00:00Z", facts, atBrussels)
	near := of(t, all, "near")
	require.Equal(t, NearMiss, near.Verdict)
	require.Equal(t, []string{"it is an incident"}, near.Because)
	require.Equal(t, []string{"fewer than 500"}, near.BecauseNot)
	require.Len(t, near.WouldChange, 1)
	require.Contains(t, near.WouldChange[0], "now 499")
	require.False(t, slices.ContainsFunc(all, func(x Explanation) bool { return x.ID == "far" }), "two conditions fail: not near")
	require.Equal(t, []string{"not in force"}, of(t, all, "shut").Because)
	require.Equal(t, Off, of(t, all, "shut").Verdict)
	require.Contains(t, of(t, all, "ended").BecauseNot[0], "the end of the handling")
	require.Contains(t, of(t, all, "old").BecauseNot[0], "2020-01-01")

	open := explained(t, e, "en", "2026-03-03T00:00:00Z", `{"aware_at": "2026-03-01"}`, atBrussels)
	require.Equal(t, Undecided, of(t, open, "near").Verdict)
	require.NotEmpty(t, of(t, open, "near").WouldChange)
}

// Every duty and every rule that is off has its reason, in both languages, with nothing left out.
func TestEveryRuleCanBeExplained(t *testing.T) {
	e := engine(t)
	facts := `{"aware_at": "2026-03-01T02:00:00+08:00", "occurred_at": "2026-03-01T01:00:00+08:00", "closed_at": "2026-03-05T02:00:00+08:00", "data_event": "leaked",
		"data": ["name", "id_number"], "people": {"count": 1200000}, "jurisdictions": {"CN": 1200000, "DE": 800, "HK": 5, "TW": 5}}`
	for _, locale := range locales {
		for _, x := range explained(t, e, locale, "2026-03-06T00:00:00Z", facts, operator) {
			require.NotEmpty(t, x.Title, x.ID)
			require.NotEmpty(t, x.Law, x.ID)
			require.NotEmpty(t, x.ConfidenceIs, x.ID)
			switch x.Verdict {
			case Owed:
				require.NotEmpty(t, x.Because, x.ID)
				require.NotEmpty(t, x.Clock, x.ID)
			case Off:
				require.NotEmpty(t, x.Because, x.ID)
			default:
				require.NotEmpty(t, x.BecauseNot, x.ID)
			}
			for _, line := range append(x.Clock, x.WouldChange...) {
				require.NotContains(t, line, "%!", x.ID)
				require.NotEmpty(t, line, x.ID)
			}
		}
	}
	for _, r := range e.law.rules {
		for _, p := range []*periodDef{r.Deadline, r.LegalLimit} {
			if p != nil && p.Count != "" {
				require.NotEmpty(t, countWords[p.Count]["zh-Hans"], p.Count)
			}
		}
		for _, to := range r.To {
			for _, a := range to.Anchor {
				family, _, _ := strings.Cut(a.text, ":")
				known := anchorWords[a.text] != nil || anchorWords[family+":"] != nil || strings.HasPrefix(a.text, "knowledge")
				require.True(t, known, "anchor %s has no words", a.text)
			}
		}
	}
}

func TestCountsAndAnchorsHaveWords(t *testing.T) {
	for _, rule := range sortedKeys(countingRules) {
		require.NotEmpty(t, countWords[rule]["en"], rule)
		require.NotEmpty(t, countWords[rule]["zh-Hans"], rule)
	}
	for _, a := range append(append([]string{"aware_at"}, firm...), sortedKeys(falling)...) {
		require.NotEmpty(t, anchorWords[a]["zh-Hans"], a)
	}
	for _, u := range urgencies {
		require.NotEmpty(t, urgencyWords[u]["zh-Hans"], u)
	}
	for _, c := range confidences {
		require.NotEmpty(t, confidenceMeans[c]["zh-Hans"], c)
	}
}

// What is said is in words: no placeholder, no version beside another, no item twice, every note in its language.
func TestExplanationsAreInWords(t *testing.T) {
	e := engine(t)
	facts := `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "none", "data": [], "people": {"count": 0, "certainty": "exact"}}`
	for _, locale := range locales {
		all := explained(t, e, locale, "2026-03-06T00:00:00Z", facts, operator)
		seen := map[string]int{}
		for _, x := range all {
			if x.Verdict != Owed {
				seen[x.ID]++
			}
			for _, line := range slices.Concat(x.WouldChange, x.BecauseNot, x.Because) {
				require.NotContains(t, line, "{", x.ID)
				require.NotContains(t, line, "jurisdictions", x.ID)
			}
			for i, term := range x.Terms {
				require.False(t, slices.ContainsFunc(x.Terms[:i], func(before Term) bool { return before.ID == term.ID }), x.ID)
			}
		}
		for id, n := range seen {
			require.Equal(t, 1, n, id)
		}
	}
	result := deriveAll(t, e, `{"aware_at": "2026-03-01T02:00:00+08:00"}`, "{}", noon)
	count := 0
	for _, n := range result.NotApplied {
		if n.ID == "cn-csl-44" {
			count++
			require.Contains(t, n.Because, "nothing happened to data")
		}
	}
	require.Equal(t, 1, count, "one of its two versions is told")
	late := deriveAll(t, e, `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["name"]}`, `{"sectors": ["banking"]}`, noon)
	i := slices.IndexFunc(late.Obligations, func(o Obligation) bool { return o.ID == "cn-nfra-2h" })
	require.Equal(t, late.Obligations[i].AnchorNote, late.Obligations[i].AnchorNotes["en"])
	require.Contains(t, late.Obligations[i].AnchorNotes["zh-Hans"], "自知悉时起算")
}
