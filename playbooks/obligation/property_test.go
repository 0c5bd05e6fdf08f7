package obligation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// domains are values per fact of the State's scheme, for what is slow or compares with CEL.
var domains = map[string][]any{
	"kind": {"incident", "threat"}, "confirmed": {true, false}, "role": {"pi_processor", "entrusted"},
	"data_event": {"leaked", "encrypted", "none"}, "user_information": {true, false}, "harm_prevented": {true, false},
	"loss_cny": {0.0, 4999999.0, 5000000.0, 2e7, 1e8}, "data": {[]any{}, []any{"name"}, []any{"other"}},
	"processed_in":    {[]any{"CN-SH"}, []any{"CN-HK"}, []any{}},
	"jurisdictions":   {map[string]any{"CN": 5.0}, map[string]any{"CN": 0.0}, map[string]any{"HK": 9.0, "CN": 0.0}},
	"people.count":    {0.0, 5.0, 999999.0, 1000000.0, 1e7, 1e8},
	"people.under_18": {0.0, 3.0},
	"systems":         {[]any{}, []any{map[string]any{"cii": true, "down_minutes": 60.0}}, []any{map[string]any{"cii": false}}},
	"grading.sysloss": {"none", "larger", "extreme"}, "grading.other_threat": {"none", "serious"}, "grading.portal": {[]any{}},
	"grading.deface": {[]any{}}, "grading.people.province_pct_max": {0.0, 50.0}, "grading.people.prefecture_pct_max": {0.0, 30.0},
	"grading.people.affected_persons": {0.0, 100000.0}, "grading.data.threat": {"none", "fairly_serious", "extreme"},
	"grading.data.core.event": {"none", "lost"}, "grading.data.important.event": {"none", "stolen"}, "grading.pi.mass_word": {"none", "hailiang"},
}

func (e *Engine) scheme(t require.TestingT, id string) *schemeDef {
	i := slices.IndexFunc(e.law.schemes, func(s *schemeDef) bool { return s.ID == id })
	require.GreaterOrEqual(t, i, 0)
	return e.law.schemes[i]
}

// drawn is a random incident: per path a value, or nothing.
type drawn map[string]any

func draw(t *rapid.T, known int) drawn {
	d := drawn{}
	for _, path := range sortedKeys(domains) {
		if rapid.IntRange(0, 99).Draw(t, path+"?") < known {
			d[path] = rapid.SampledFrom(domains[path]).Draw(t, path)
		}
	}
	return d
}

func (d drawn) object() map[string]any {
	out := map[string]any{}
	for path, v := range d {
		at := out
		for rest := path; ; {
			head, tail, more := strings.Cut(rest, ".")
			if !more {
				at[head] = v
				break
			}
			if at[head] == nil {
				at[head] = map[string]any{}
			}
			at, rest = at[head].(map[string]any), tail
		}
	}
	return out
}

var someday = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func run(t require.TestingT, e *Engine, d drawn, asOf time.Time) (Result, bool) {
	facts := d.object()
	if facts["aware_at"] == nil {
		facts["aware_at"] = someday.Format(time.RFC3339)
	}
	result, problems := e.Derive(Input{AsOf: asOf, Facts: facts, Profile: Profile{
		Roles: []string{"network_operator", "pi_processor", "cii_operator"}, Establishments: []string{"CN-SH"}, Commitments: "ctyun-huiju"}})
	return result, len(problems) == 0 // contradictory facts are refused, not derived
}

// NextChange is when the answer differs, and until then it does not.
func TestNothingChangesBeforeNextChange(t *testing.T) {
	e := engine(t)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, 90)
		d["systems"] = []any{map[string]any{"cii": rapid.Bool().Draw(t, "cii"), "down_since": someday.Format(time.RFC3339)}}
		asOf := someday.Add(time.Duration(rapid.IntRange(1, 1500).Draw(t, "minutes")) * time.Minute)
		now, ok := run(t, e, d, asOf)
		if !ok || now.NextChange == nil {
			return
		}
		require.True(t, now.NextChange.After(asOf))
		then, _ := run(t, e, d, *now.NextChange)
		require.False(t, sameAnswer(now, then))
		before, _ := run(t, e, d, now.NextChange.Add(-time.Second))
		require.True(t, sameAnswer(now, before) || now.NextChange.Add(-time.Second).Before(asOf))
	})
}

// For known facts the evaluation here and CEL's own interpreter agree on every grading condition.
func TestAgreesWithCEL(t *testing.T) {
	e := engine(t)
	var programs []cel.Program
	var conditions []*gradeDef
	for _, c := range e.scheme(t, "cn-cac-2025").Conditions {
		checked, iss := e.law.env.Compile(c.If.text)
		require.NoError(t, iss.Err())
		if usesOwnFunction(c.If.text) {
			continue
		}
		p, err := e.law.env.Program(checked)
		require.NoError(t, err)
		programs, conditions = append(programs, p), append(conditions, c)
	}
	require.Greater(t, len(programs), 12)
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t, 100)
		facts := e.law.readFacts(Input{AsOf: someday, Facts: d.object(), Profile: Profile{Roles: []string{"cii_operator"}, Establishments: []string{"CN-SH"}}})
		if len(facts.problems) > 0 {
			t.Skip("draw again: such facts are refused")
		}
		vars := map[string]any{}
		for i, f := range e.law.vocabulary.order {
			switch v := facts.values[i]; {
			case f.Is == "number" && v.known:
				vars[f.Path] = v.lo
			case f.Is == "flag" && v.known:
				vars[f.Path] = v.truth
			case celType(f.Is) == cel.StringType && v.known:
				vars[f.Path] = v.text
			}
		}
		s := &scope{facts: facts, law: e.law, defs: make([]*val, len(e.law.defs)), grades: map[string]graded{}}
		for i, p := range programs {
			want, _, err := p.Eval(vars)
			got := conditions[i].eval(s)
			if err != nil {
				continue // a fact that is unknown even now
			}
			require.True(t, got.known, conditions[i].ID)
			require.Equal(t, want == types.True, got.truth, conditions[i].ID)
		}
	})
}

func usesOwnFunction(src string) bool {
	return slices.ContainsFunc([]string{"reaches(", "residents(", "within(", "graded(", ".exists("}, func(f string) bool { return strings.Contains(src, f) })
}
