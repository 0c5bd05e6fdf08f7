package obligation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A number may be given for a group of countries: it answers the question that the group asks, and nobody
// counts twice.
func TestPeopleOfAGroupOfCountries(t *testing.T) {
	e := engine(t)
	cases := []struct {
		name, homes string
		lo, hi      float64 // in the EEA
		german      float64 // at most in Germany
	}{
		{"nobody", `{"CN": 1000, "EEA": 0}`, 0, 0, 0},
		{"some, countries not named", `{"CN": 1000, "EEA": 50}`, 50, 50, 50},
		{"some of them named", `{"CN": 1000, "EEA": 50, "FR": 20}`, 50, 50, 30},
		{"the Union inside the area", `{"CN": 1000, "EEA": 50, "EU": 40, "FR": 20, "IS": 5}`, 50, 50, 20},
		{"not asked", `{"CN": 1000}`, 0, 500, 500},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			facts := parsed(t, `{"people": {"count": 1500, "certainty": "exact"}, "jurisdictions": `+c.homes+`}`)
			fs := e.law.readFacts(Input{Facts: facts})
			require.Empty(t, fs.problems)
			area := fs.residents(e.law.regions, "EEA")
			require.Equal(t, []float64{c.lo, c.hi}, []float64{area.lo, area.hi})
			require.Equal(t, c.german, fs.residents(e.law.regions, "DE").hi)
			require.Equal(t, 1000.0, fs.residents(e.law.regions, "CN").lo)
		})
	}
}

// Which authority is told depends on the country: a number for the area alone asks for them, never silence.
func TestAreaAloneAsksForItsCountries(t *testing.T) {
	r := derive1(t, engine(t), `{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["name"], "risk": "high",
		"people": {"count": 50, "certainty": "exact"}, "jurisdictions": {"EEA": 50}}`, `{}`, noon)
	asked := false
	for _, q := range r.OpenQuestions {
		for _, d := range q.Decides {
			asked = asked || strings.HasPrefix(q.Fact, "jurisdictions.") && d == "eu-gdpr-33-authority"
		}
	}
	require.True(t, asked)
}
