package templates

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
)

// block is one drafted passage.
func drafted(t testing.TB, name, facts, locale, block string) Passage {
	t.Helper()
	return draft(t, catalog(t), name, facts).passage(locale, block)
}

func TestPrintsFactsAsTheyAreKnown(t *testing.T) {
	for name, tc := range map[string]struct{ template, block, facts, zh, en string }{
		"a year stays a year": {individuals, "circumstances", `{"data_event": "lost", "confirmed": true, "occurred_at": "2025"}`,
			"事件发生于2025年。", "It happened in 2025."},
		"a month": {individuals, "circumstances", `{"data_event": "lost", "occurred_at": "2025-12"}`,
			"事件发生于2025年12月。", "It happened in December 2025."},
		"an instant is in the organisation's zone": {individuals, "circumstances", `{"data_event": "lost", "occurred_at": "2025-12-31T18:30:00Z"}`,
			"2026年1月1日02:30（北京时间）", "on 1 January 2026 at 02:30 (Beijing time)"},
		"not confirmed is worded so": {individuals, "circumstances", `{"data_event": "stolen", "confirmed": false}`,
			"我们初步判断，您的信息可能遭到窃取。", "We believe that information about you may have been stolen."},
		"the first sign stands in for awareness": {individuals, "circumstances", `{"data_event": "lost", "first_signal_at": "2026-01-02"}`,
			"我们的系统于2026年1月2日首次发现异常。", "Our systems first showed signs of it on 2 January 2026."},
		"at least": {"cn/cac-initial", "cac-2e", `{"people.count": 1200000, "people.certainty": "at_least"}`,
			"受影响人数：至少1,200,000人。", "People affected: at least 1,200,000."},
		"about": {"cn/cac-initial", "cac-2e", `{"people.count": 18500, "people.certainty": "estimate"}`,
			"约18,500人（估计）", "about 18,500 (an estimate)"},
		"a number without proof": {"cn/cac-initial", "cac-2e", `{"people.count": 300, "people.certainty": "unknown"}`,
			"300人（尚未核实）", "300 (not yet verified)"},
		"not yet known": {"cn/cac-initial", "cac-2e", `{"records": 12000000000}`,
			"受影响人数：尚不明确。\n\n涉及记录：12,000,000,000条。", "People affected: not yet known.\n\nRecords concerned: 12,000,000,000."},
		"a suspected cause is a belief": {individuals, "cause", `{"cause": {"text": {"zh-Hans": "备份盘遗失", "en": "A backup disk was lost"}, "certainty": "suspected"}}`,
			"初步判断：备份盘遗失", "We believe this is the cause: A backup disk was lost"},
		"a confirmed cause is not": {individuals, "cause", `{"cause": {"text": {"zh-Hans": "备份盘遗失", "en": "A backup disk was lost"}, "certainty": "confirmed"}}`,
			"备份盘遗失", "A backup disk was lost"},
		"a grade":   {"cn/cac-initial", "cac-2d", `{}`, "初步判定为较大网络安全事件。", "Graded at present as: relatively major."},
		"no ransom": {"cn/cac-initial", "cac-2g", `{"ransom.asked": false}`, "未收到勒索要求。", "No ransom was asked."},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, drafted(t, tc.template, tc.facts, "zh-Hans", tc.block).Text, tc.zh)
			require.Contains(t, drafted(t, tc.template, tc.facts, "en", tc.block).Text, tc.en)
		})
	}
}

func TestBelievedEventIsNeverStatedAsDone(t *testing.T) {
	facts := snapshot(t, `{"data_event": "leaked", "confirmed": true}`)
	f := facts.Facts["data_event"]
	f.Certainty = "suspected"
	facts.Facts["data_event"] = f
	content, err := catalog(t).Draft(Input{Template: individuals, Facts: facts, Org: organisation()})
	require.NoError(t, err)
	require.Contains(t, content.passage("zh-Hans", "circumstances").Text, "可能遭到泄露")
}

func TestEmptyFactsDraftNothingButTheProfile(t *testing.T) {
	c := catalog(t)
	for _, tm := range c.Templates() {
		content := draft(t, c, tm.Name, `{}`)
		for _, ps := range content.Locales {
			for _, p := range ps {
				bound := tm.Items[tm.index(p.Block)].Facts
				if len(bound) > 0 && given(bound[0]) {
					require.NotEmpty(t, p.Text, p.Block)
					continue
				}
				require.Empty(t, p.Text, tm.Name+" "+p.Block)
			}
		}
	}
}

func TestOneLanguageIsPrintedInItsOwn(t *testing.T) {
	facts := `{"remedies": ["免费补办", "Free replacement", "400-000-0000"]}`
	require.Equal(t, "- 免费补办\n- 400-000-0000", drafted(t, individuals, facts, "zh-Hans", "remedies").Text)
	require.Equal(t, "- Free replacement\n- 400-000-0000", drafted(t, individuals, facts, "en", "remedies").Text)
}

func TestClaimsOfToolsAreNotPrinted(t *testing.T) {
	c := catalog(t)
	facts := snapshot(t, leak)
	f := facts.Facts["data_event"]
	f.Certainty = incident.Claimed
	facts.Facts["data_event"] = f
	content, err := c.Draft(Input{Template: individuals, Facts: facts, Org: organisation()})
	require.NoError(t, err)
	require.Empty(t, content.passage("en", "circumstances").Text)
	require.Equal(t, []string{GapFactUnknown, "data_event"}, gaps(c, content, facts, requirements(t, c, individuals))["impact@en"])
}

func TestNamesAndAmountsReadTheSameInEveryLanguage(t *testing.T) {
	facts := `{"ransom.asked": true, "ransom.amount": "0.5 BTC", "systems": [{"name": "crm"}, {"name": {"zh-Hans": "订单系统"}}]}`
	require.Equal(t, "收到勒索要求。金额：0.5 BTC。", drafted(t, "cn/cac-initial", facts, "zh-Hans", "cac-2g").Text)
	require.Equal(t, "- crm\n- 订单系统", drafted(t, "cn/cac-initial", facts, "en", "cac-1b").Text)
}

func TestPeopleAreToldOfTheirDataOnly(t *testing.T) {
	facts := `{"data": ["name", "source_code", "unknown"], "data_event": "leaked"}`
	require.Equal(t, "The following kinds of information are involved:\n- name\n- possibly other information, kinds not yet known",
		drafted(t, individuals, facts, "en", "kinds-of-data").Text)
	require.Empty(t, drafted(t, individuals, `{"data": ["source_code"]}`, "en", "kinds-of-data").Text)
	require.Empty(t, drafted(t, individuals, `{"data": ["name", "classified"]}`, "en", "kinds-of-data").Text, "state secrets are for people to word")
}

// Every kind of data and event of the vocabulary either has words or waits for a person, by decision.
func TestVocabularyHasWords(t *testing.T) {
	w := catalog(t).words
	for _, e := range incident.Vocabulary() {
		switch e.Path {
		case "data":
			for _, k := range e.Words {
				require.True(t, k == "classified" || w.Data[k] != nil || w.Business[k] != nil, k)
			}
		case "data_event":
			for _, v := range e.Words {
				require.True(t, v == "none" || v == "unknown" || w.Values["done"][v] != nil && w.Values["may"][v] != nil && w.Values["category"][v] != nil, v)
			}
		}
	}
	paths := map[string]bool{}
	for _, e := range incident.Vocabulary() {
		paths[e.Path] = true
	}
	for p := range w.Facts {
		family, _, _ := strings.Cut(p, ".") // the profile is none of the incident's; assessments.* are any
		require.True(t, given(p) || paths[p] || family == "profile" || paths[family+".*"], "no such fact: "+p)
	}
}

func TestUnknownKindOfDataIsNotLeftOutSilently(t *testing.T) {
	require.Empty(t, drafted(t, individuals, `{"data": ["name", "shoe_size"], "data_event": "leaked"}`, "en", "kinds-of-data").Text)
}

// genFacts draws an incident of which some facts are unknown, in every way a fact can be.
func genFacts(rt *rapid.T) incident.Snapshot {
	word := rapid.StringMatching(`[a-z]{3,9}|[\p{Han}]{2,6}|\{org\.name\}|\[\[code\]\]|<b>|- `)
	list := func(of *rapid.Generator[any]) *rapid.Generator[any] {
		return rapid.Map(rapid.SliceOfN(of, 0, 3), func(l []any) any { return l })
	}
	text := rapid.Map(word, func(s string) any { return s })
	pick := func(v ...any) *rapid.Generator[any] { return rapid.SampledFrom(v) }
	gens := map[string]*rapid.Generator[any]{
		"data_event":    pick("leaked", "stolen", "lost", "none", "unknown", nil),
		"confirmed":     pick(true, false, nil),
		"occurred_at":   pick("2024", "2024-02", "2026-03-01T01:10:00+08:00", "", "unknown", nil),
		"aware_at":      pick("2026-03-01", nil),
		"people.count":  pick(int64(7), int64(12_345_678), nil),
		"data":          list(pick("name", "phone", "health", "credentials", "other")),
		"harm":          pick("none", "possible", "actual", "unknown", nil),
		"cause":         rapid.Map(text, func(v any) any { return map[string]any{"text": v, "certainty": "suspected"} }),
		"measures":      list(rapid.Map(text, func(v any) any { return map[string]any{"text": v} })),
		"advice":        list(text),
		"remedies":      list(text),
		"systems":       list(rapid.Map(text, func(v any) any { return map[string]any{"name": v, "province": "CN-SH"} })),
		"ransom.asked":  pick(true, false, nil),
		"ransom.amount": pick(nil, "0.5 BTC"),
	}
	s := incident.Snapshot{Facts: map[string]incident.Fact{}}
	for _, path := range slices.Sorted(maps.Keys(gens)) {
		if rapid.Bool().Draw(rt, path+" there") {
			s.Facts[path] = incident.Fact{Path: path, Value: gens[path].Draw(rt, path), Revision: 1}
		}
	}
	return s
}

// Nothing unknown is printed; a text stands only on known facts; and no gap means that every required
// block has something to say.
func TestDraftPrintsOnlyWhatIsKnown(t *testing.T) {
	c := catalog(t)
	rapid.Check(t, func(rt *rapid.T) {
		facts := genFacts(rt)
		tm := rapid.SampledFrom(c.Templates()).Draw(rt, "template")
		content, err := c.Draft(Input{Template: tm.Name, Facts: facts, Org: organisation(), Grade: "major", Blocks: every(t, c, tm.Name)})
		require.NoError(rt, err)
		for l, ps := range content.Locales {
			for i, p := range ps {
				require.Equal(rt, tm.Items[i].Block, p.Block)
				require.False(rt, p.Text == "" && p.Facts != nil)
				for _, f := range p.Facts {
					require.True(rt, knownValue(plainValue(facts.Facts[f.Path].Value)), "%s %s prints %s", l, p.Block, f.Path)
				}
				for _, bad := range []string{"unknown", "{", "<nil>", "%!", "null", "map["} {
					text := strings.ReplaceAll(p.Text, "{org.name}", "") // hostile fact text, printed as it is
					require.NotContains(rt, text, bad)
				}
				require.Empty(rt, StaleFacts(content, facts))
			}
		}
		reqs := requirements(t, c, tm.Name)
		if len(c.Check(content, facts, reqs)) == 0 {
			for _, r := range reqs {
				require.NotEmpty(rt, content.passage("zh-Hans", r.Block).Text)
			}
		}
	})
}

// The languages rest on the same facts wherever both have something to say and the facts have words in both.
func TestLanguagesSayTheSame(t *testing.T) {
	c := catalog(t)
	for _, tm := range c.Templates() {
		content := draft(t, c, tm.Name, leak)
		for i, p := range content.Locales["zh-Hans"] {
			require.Equal(t, p.Facts, content.Locales["en"][i].Facts, tm.Name+" "+p.Block)
			require.Equal(t, strings.Count(p.Text, "- "), strings.Count(content.Locales["en"][i].Text, "- "), p.Block)
		}
	}
}
