package obligation

import (
	"encoding/json"
	flags "flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
)

// harmless answers every grading question so that nothing but the facts of a case matters.
const harmless = `{"kind": "incident", "confirmed": true, "data_event": "none", "loss_cny": 0, "people": {"count": 0, "certainty": "exact"},
 "jurisdictions": {"CN": 0}, "systems": [{"cii": false}],
 "grading": {"sysloss": "none", "other_threat": "none", "portal": [], "people": {"province_pct_max": 0, "prefecture_pct_max": 0, "affected_persons": 0},
  "data": {"core": {"event": "none"}, "important": {"event": "none"}, "threat": "none"}, "pi": {"mass_word": "none"}, "deface": []}}`

const operator = `{"operator": "acme", "roles": ["network_operator", "pi_processor"], "sectors": [], "establishments": ["CN-SH"]}`

func parsed(t testing.TB, src string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, decodeOne([]byte(src), &out))
	return out
}

// merge lays b over a, objects key by key.
func merge(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	for k, v := range b {
		inner, ok := v.(map[string]any)
		under, both := out[k].(map[string]any)
		_, counted := under["certainty"] // people and jurisdictions are replaced whole
		if ok && both && k != "jurisdictions" && !counted {
			out[k] = merge(under, inner)
			continue
		}
		out[k] = v
	}
	return out
}

var compiled = sync.OnceValues(New)

// Fewer draws than rapid's own hundred, because each derives the whole law; -rapid.checks asks for more.
func init() {
	if err := flags.Set("rapid.checks", "40"); err != nil {
		panic(err)
	}
}

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := compiled()
	require.NoError(t, err)
	return e
}

// derive1 derives facts and profile given as JSON laid over the harmless ones.
func derive1(t testing.TB, e *Engine, facts, profile, asOf string) Result {
	t.Helper()
	result := deriveAll(t, e, facts, profile, asOf)
	if len(result.Obligations) > 0 {
		result.NotApplied = nil
	}
	return result
}

const noon = "2026-03-01T02:30:00+08:00"

// The vectors of the law notes.
func TestGradingVectors(t *testing.T) {
	e := engine(t)
	deface := func(fields string) string {
		return `{"grading": {"deface": [` + string(must(json.Marshal(merge(parsed(t, `{"owner": "party_gov", "level": "county", "platform": "ordinary", "harmful_info": true,
			"home_min": 0, "other_min": 0, "shares": 0, "views": 0, "finding": "none"}`), parsed(t, fields))))) + `]}}`
	}
	portal := func(owner, level, minutes string) string {
		return `{"grading": {"portal": [{"owner": "` + owner + `", "level": "` + level + `", "down_min": ` + minutes + `, "cause": "fault"}]}}`
	}
	cii := func(which, minutes string) string {
		return `{"systems": [{"cii": true}], "grading": {"cii": {"whole_down_min": 0, "main_down_min": 0, "` + which + `": ` + minutes + `}}}`
	}
	people := func(field, n string) string { return `{"grading": {"people": {"` + field + `": ` + n + `}}}` }
	leaked := func(n string) string {
		return `{"data_event": "leaked", "people": {"count": ` + n + `, "certainty": "exact"}}`
	}
	narrow, broad := `{"settings": {"portal_reading": "narrow"}}`, `{}`
	cases := []struct{ facts, profile, grade, because string }{
		{leaked("999999"), "", "general", ""}, {leaked("1000000"), "", "larger", "RM-N5"}, {leaked("10000000"), "", "major", "MA-N5"}, {leaked("100000000"), "", "extreme", "SP-N5"},
		{cii("whole_down_min", "9"), "", "general", ""}, {cii("whole_down_min", "10"), "", "larger", "RM-N2"}, {cii("whole_down_min", "59"), "", "larger", "RM-N2"},
		{cii("whole_down_min", "60"), "", "major", "MA-N2"}, {cii("whole_down_min", "359"), "", "major", "MA-N2"}, {cii("whole_down_min", "360"), "", "extreme", "SP-N2"},
		{cii("main_down_min", "29"), "", "general", ""}, {cii("main_down_min", "30"), "", "larger", "RM-N2"}, {cii("main_down_min", "179"), "", "larger", "RM-N2"},
		{cii("main_down_min", "180"), "", "major", "MA-N2"}, {cii("main_down_min", "1439"), "", "major", "MA-N2"}, {cii("main_down_min", "1440"), "", "extreme", "SP-N2"},
		{`{"grading": {"cii": {"involved": false, "whole_down_min": 360, "main_down_min": 1440}}}`, "", "general", ""},
		{portal("party_gov", "province", "1440"), "", "extreme", "SP-N1"}, {portal("party_gov", "prefecture", "1440"), "", "major", "MA-N1"},
		{portal("enterprise_inst", "county", "130"), narrow, "general", ""}, {portal("enterprise_inst", "county", "130"), broad, "larger", "RM-N1"},
		{people("prefecture_pct_max", "29.9"), "", "general", ""}, {people("prefecture_pct_max", "30"), "", "larger", "RM-N3"}, {people("prefecture_pct_max", "50"), "", "major", "MA-N3"}, {people("province_pct_max", "50"), "", "extreme", "SP-N3"},
		{people("affected_persons", "100000"), "", "larger", "RM-N3"}, {people("affected_persons", "1000000"), "", "major", "MA-N3"}, {people("affected_persons", "10000000"), "", "extreme", "SP-N3"},
		{deface(`{"home_min": 30}`), "", "larger", "RM-N6"}, {deface(`{"home_min": 400, "shares": 200000}`), "", "larger", "RM-N6"},
		{deface(`{"owner": "platform", "views": 1000000}`), "", "larger", "RM-N6"},
		{deface(`{"owner": "platform", "platform": "large", "views": 100000}`), "", "major", "MA-N6"}, {deface(`{"owner": "platform", "platform": "super", "views": 1000000}`), "", "extreme", "SP-N6"},
		{`{"loss_cny": 4999999}`, "", "general", ""}, {`{"loss_cny": 5000000}`, "", "larger", "RM-N7"}, {`{"loss_cny": 20000000}`, "", "major", "MA-N7"}, {`{"loss_cny": 100000000}`, "", "extreme", "SP-N7"},
		{`{"grading": {"data": {"important": {"event": "tampered"}, "threat": "fairly_serious"}}}`, "", "larger", "RM-G2"},
		{`{"grading": {"data": {"important": {"event": "leaked"}, "threat": "serious"}}}`, "", "major", "MA-N4"},
		{`{"data_event": "encrypted", "people": {"count": 5000, "certainty": "exact"}, "loss_cny": 600000}`, "", "general", ""},
	}
	for _, c := range cases {
		if c.profile == "" {
			c.profile = "{}"
		}
		got := derive1(t, e, c.facts, c.profile, noon).Grades[0]
		require.Equal(t, []string{c.grade, c.grade, c.grade}, []string{got.Grade, got.Floor, got.Ceiling}, c.facts)
		require.Equal(t, strings.Fields(c.because), append([]string{}, got.Because...), c.facts)
		require.Equal(t, c.because == "RM-N1" && c.profile == broad, len(got.Flags) > 0, c.facts)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// Vector 20: the number of leaked persons is unknown, everything else harmless.
func TestUnknownNumberLeavesTheAssessmentOpen(t *testing.T) {
	for _, event := range []string{"leaked", "unknown"} {
		r := derive1(t, engine(t), `{"aware_at": "`+noon+`", "data_event": "`+event+`", "people": {"count": null}, "jurisdictions": {}}`, "{}", noon)
		require.Equal(t, "general", r.Grades[0].Floor)
		require.Equal(t, "extreme", r.Grades[0].Ceiling)
		require.Equal(t, AssessmentOpen, one(t, r, "cn-cac-incident-initial").State)
		var facts []string
		for _, q := range r.OpenQuestions {
			facts = append(facts, q.Fact)
		}
		require.Contains(t, facts, "people.count")
	}
}

// Counts are intervals: "at least a million" is 较大 for certain and perhaps more.
func TestAtLeast(t *testing.T) {
	r := derive1(t, engine(t), `{"data_event": "stolen", "people": {"count": 1000000, "certainty": "at_least"}}`, "{}", noon)
	require.Equal(t, []string{"larger", "extreme"}, []string{r.Grades[0].Floor, r.Grades[0].Ceiling})
	r = derive1(t, engine(t), `{"data_event": "stolen", "people": {"count": 1000000, "certainty": "estimate"}}`, "{}", noon)
	require.Equal(t, "larger", r.Grades[0].Ceiling)
	require.Equal(t, []string{"people.count"}, r.Estimates)
}

// An outage grows into higher grades while nobody changes a fact.
func TestNextChange(t *testing.T) {
	e := engine(t)
	down := `{"systems": [{"cii": true, "down_since": "2026-03-01T02:00:00+08:00"}]}`
	profile := `{"roles": ["network_operator", "cii_operator"]}`
	for asOf, want := range map[string]string{"02:05": "02:10", "02:10": "03:00", "02:59": "03:00", "03:00": "08:00"} {
		r := derive1(t, e, down, profile, "2026-03-01T"+asOf+":00+08:00")
		require.NotNil(t, r.NextChange, asOf)
		require.Equal(t, want, r.NextChange.In(time.FixedZone("", 8*3600)).Format("15:04"), asOf)
	}
	require.Nil(t, derive1(t, e, down, profile, "2026-03-01T08:00:00+08:00").NextChange)
	r := derive1(t, e, `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "people": {"count": 1000000}}`, "{}", noon)
	require.Equal(t, "2026-02-28T22:00:00Z", r.NextChange.Format(time.RFC3339))
}

func TestTargetsAreOursAndNeverOverdue(t *testing.T) {
	r := derive1(t, engine(t), `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["name"], "people": {"count": 10}, "jurisdictions": {"CN": 10}}`,
		`{"targets": {"cn-pipl-57-authority": "PT2H"}}`, "2026-03-02T02:00:00+08:00")
	o := one(t, r, "cn-pipl-57-authority")
	require.Equal(t, Running, o.State)
	require.Nil(t, o.Deadline)
	require.Equal(t, "2026-02-28T20:00:00Z", o.Target.UTC().Format(time.RFC3339))
}

func TestImpreciseTimesRunFromTheirEarliestInstant(t *testing.T) {
	r := derive1(t, engine(t), `{"aware_at": "2026-03-01", "data_event": "leaked", "people": {"count": 1000000}}`, "{}", noon)
	require.True(t, one(t, r, "cn-cac-incident-initial").Imprecise)
	require.Equal(t, "2026-02-28T20:00:00Z", one(t, r, "cn-cac-incident-initial").Deadline.Format(time.RFC3339))
}

func TestRansomAndUnresearchedLaw(t *testing.T) {
	facts := `{"aware_at": "2026-03-01T02:00:00+08:00", "loss_cny": 5000000, "ransom": {"asked": true}, "jurisdictions": {"CN": 0, "NZ": 3}}`
	r := derive1(t, engine(t), facts, `{"sectors": ["forestry"]}`, noon)
	ids := ""
	for _, q := range one(t, r, "cn-cac-incident-initial").Requirements {
		ids += q.ID + " "
	}
	require.Contains(t, ids, "cac-2g")
	require.NotContains(t, ids, "cac-8")
	asked := ""
	for _, q := range r.OpenQuestions {
		asked += q.Fact + strings.Join(q.Decides, ",") + " "
	}
	require.Contains(t, asked, "jurisdictions.NZcounsel:NZ")
	require.Contains(t, asked, "profile.sectorscounsel:CN:forestry")
}

func TestQuestionsThatDecideADutyComeFirst(t *testing.T) {
	open := `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["name"], "jurisdictions": {"CN": 5}, "people": {"count": %s, "certainty": "at_least"}, "loss_cny": null, "grading": {"deface": null}}`
	asked := func(count string) (Question, int) {
		r := derive1(t, engine(t), fmt.Sprintf(open, count), "{}", noon)
		i := slices.IndexFunc(r.OpenQuestions, func(q Question) bool { return q.Fact == "people.count" })
		require.GreaterOrEqual(t, i, 0)
		return r.OpenQuestions[i], i
	}
	undecided, first := asked("900000")
	require.Subset(t, undecided.Decides, []string{"cn-cac-2025", "cn-cac-incident-initial", "cn-cac-incident-supplement", "cn-cac-incident-final"})
	decided, later := asked("1200000")
	require.NotContains(t, decided.Decides, "cn-cac-incident-initial", "the duty is certain, only the grade may rise")
	require.Greater(t, later, first)

	r := derive1(t, engine(t), fmt.Sprintf(open, "900000"), `{"sectors": ["forestry"]}`, noon)
	last := r.OpenQuestions[len(r.OpenQuestions)-1]
	require.Equal(t, "profile.sectors", last.Fact, "what only counsel can say comes last")
	for _, q := range r.OpenQuestions {
		if q.Fact == "people.count" {
			require.Equal(t, "受影响的有多少人？（目前已知：至少 900,000）", q.Text["zh-Hans"])
			return
		}
	}
	t.Fatal("people.count is not asked")
}

func TestNobodyAffectedBesideResidentsIsAskedAgain(t *testing.T) {
	r := derive1(t, engine(t), `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["other"], "jurisdictions": {"CN": 5}, "people": {"count": 0}}`, "{}", noon)
	require.Contains(t, fmt.Sprint(r.OpenQuestions), "people.count")
	one(t, r, "cn-pipl-57-individuals")
}

func TestBadInputHasAPointerEach(t *testing.T) {
	answer, ok := engine(t).DeriveJSON([]byte(`{"facts": {"people": {"count": "secret"}, "nonsense": 1}, "profile": {"sector": []}}`))
	require.False(t, ok)
	require.NotContains(t, string(answer), "secret")
	for _, pointer := range []string{"/as_of", "/profile/sector"} {
		require.Contains(t, string(answer), `"pointer":"`+pointer+`"`)
	}
	answer, _ = engine(t).DeriveJSON([]byte(`{"as_of": "2026-03-01T02:30:00Z", "facts": {"people": {"count": "secret"}, "nonsense": 1}}`))
	require.Contains(t, string(answer), `"pointer":"/facts/people/count"`)
	require.Contains(t, string(answer), `"pointer":"/facts/nonsense"`)
	answer, _ = engine(t).DeriveJSON([]byte(`{"as_of": "2026-03-01T02:30:00Z", "facts": {"systems": [{"cii": true}], "grading": {"cii": {"involved": false}}}, "profile": {"commitments": "nobody"}}`))
	require.Contains(t, string(answer), `"pointer":"/facts/grading/cii/involved"`)
	require.Contains(t, string(answer), `"pointer":"/profile/commitments"`)
}

func TestExplainInBothLanguages(t *testing.T) {
	e := engine(t)
	body := `{"as_of": "2026-03-01T03:00:00+08:00", "facts": {"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["name"],
	 "people": {"count": 1200000, "certainty": "exact"}, "jurisdictions": {"CN": 1200000}}, "profile": ` + operator + `}`
	in, problems := ReadInput([]byte(body))
	require.Empty(t, problems)
	text, _ := e.Explain(in, "en")
	require.Contains(t, text, "2026-03-01 02:00:00 +08:00 + 4 hours = 2026-03-01 06:00:00 +08:00")
	require.Contains(t, text, "(1,200,000)")
	require.Contains(t, text, "cn-cac-incident-initial-central: the operator is not a central or state organ")
	text, _ = e.Explain(in, "zh-Hans")
	for _, words := range []string{"泄露 100 万人以上个人信息（本次：1,200,000）", "《中华人民共和国个人信息保护法》第五十七条", "涉及个人信息（姓名；"} {
		require.Contains(t, text, words)
	}
}

func TestSchemaIsJSON(t *testing.T) {
	var schema map[string]any
	require.NoError(t, json.Unmarshal(engine(t).Schema(), &schema))
	require.Contains(t, string(engine(t).Schema()), `"leaked_persons"`)
	for name, fact := range schema["properties"].(map[string]any)["facts"].(map[string]any)["properties"].(map[string]any) {
		words, _ := fact.(map[string]any)["enum"].([]any)
		for _, word := range words {
			_, problems := incident.CheckFacts(map[string]any{name: word}, "")
			require.Empty(t, problems, "%s %v", name, word)
		}
	}
}
