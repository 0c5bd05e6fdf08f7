package obligation

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// readFacts reads facts into memory of its own.
func (l *law) readFacts(in Input) *factSet { return l.factsIn(in, slices.Clone(l.vocabulary.unknown)) }

// Parts of the people are never more than all of them, and all never fewer than a part.
func TestPeopleBoundEachOther(t *testing.T) {
	e := engine(t)
	bounds := func(people string) map[string][2]float64 {
		fs := e.law.readFacts(Input{AsOf: someday, Facts: parsed(t, `{"people": `+people+`}`)})
		require.Empty(t, fs.problems)
		out := map[string][2]float64{}
		for _, p := range []string{"count", "under_18", "under_14", "sensitive"} {
			v := fs.get("people." + p)
			out[p] = [2]float64{v.lo, v.hi}
		}
		return out
	}
	require.Equal(t, map[string][2]float64{"count": {9, 9}, "under_18": {0, 0}, "under_14": {0, 0}, "sensitive": {0, 9}}, bounds(`{"count": 9, "under_18": 0}`))
	require.Equal(t, map[string][2]float64{"count": {7, infinity}, "under_18": {3, infinity}, "under_14": {3, 3}, "sensitive": {7, 7}}, bounds(`{"sensitive": 7, "under_14": 3}`))
	require.Equal(t, [2]float64{0, 4}, bounds(`{"count": 100, "under_18": 4}`)["under_14"])
	require.Equal(t, [2]float64{8, infinity}, bounds(`{"count": 5, "certainty": "at_least", "sensitive": 8}`)["count"])
	require.Equal(t, [2]float64{8, infinity}, bounds(`{"count": 5, "certainty": "exact", "sensitive": 8}`)["count"], "they contradict: it has to be asked again")
	require.Equal(t, [2]float64{0, 0}, bounds(`{"count": 0, "certainty": "exact"}`)["under_14"])

	asked := func(people string) bool {
		r, problems := e.Derive(Input{AsOf: someday, Profile: Profile{Roles: []string{"pi_processor"}, Establishments: []string{"CN-SH"}},
			Facts: parsed(t, `{"aware_at": "2026-03-01", "data_event": "leaked", "data": ["name"], "jurisdictions": {"CN": 5}, "people": `+people+`}`)})
		require.Empty(t, problems)
		return slices.ContainsFunc(r.OpenQuestions, func(q Question) bool { return q.Fact == "people.under_14" })
	}
	require.False(t, asked(`{"count": 5, "under_18": 0}`))
	require.True(t, asked(`{"count": 5, "under_18": 2}`))
}

// A system that is still down crosses half an hour by itself: the duty of a bank begins then.
func TestARunningOutageBecomesADuty(t *testing.T) {
	e := engine(t)
	facts := parsed(t, `{"occurred_at": "2026-03-01T02:00:00+08:00", "aware_at": "2026-03-01T02:00:00+08:00", "processed_in": ["CN-SH"], "data_event": "none",
		"people": {"count": 0, "certainty": "exact"}, "systems": [{"cii": false, "down_since": "2026-03-01T02:00:00+08:00"}],
		"grading": {"bank53": {"continuity": false, "service_down_min": 0}}}`)
	at := func(clock string) (Result, bool) {
		now, err := time.Parse(time.RFC3339, clock)
		require.NoError(t, err)
		r, problems := e.Derive(Input{AsOf: now, Facts: facts, Profile: Profile{Roles: []string{"network_operator"}, Sectors: []string{"banking"}, Establishments: []string{"CN-SH"}}})
		require.Empty(t, problems)
		return r, slices.ContainsFunc(r.Obligations, func(o Obligation) bool { return o.ID == "cn-bank53-60min" })
	}
	before, owed := at("2026-03-01T02:10:00+08:00")
	require.False(t, owed)
	require.Equal(t, "2026-02-28T18:30:00Z", before.NextChange.Format(time.RFC3339))
	_, owed = at("2026-03-01T02:30:00+08:00")
	require.True(t, owed)
}
