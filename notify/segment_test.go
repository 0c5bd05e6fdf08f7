package notify

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRareRegionsAreCountedWithTheirCountry: who may serve people goes by their country, which must not be lost.
func TestRareRegionsAreCountedWithTheirCountry(t *testing.T) {
	s, all := segments{}, int64(0)
	for i := range 2 * maxSegments {
		part, people := fmt.Sprintf("%s-%03d", []string{"DE", "US"}[i%2], i), int64(1+i)
		s.count([]traits{{jurisdiction: part, zone: part, ladder: "email"}}, []int64{people})
		all += people
	}
	s.count([]traits{{jurisdiction: "FR", ladder: "email"}, {ladder: "sms"}}, []int64{1, 1})
	counted := map[string]int64{}
	for _, g := range s.list() {
		if g.Kind == "jurisdiction" {
			counted[g.Value] += g.People
			all -= g.People
		}
	}
	require.EqualValues(t, -2, all, "nobody is counted twice or not at all")
	require.Zero(t, counted[OtherValues])
	require.Equal(t, []int64{1, 1}, []int64{counted["FR"], counted[UnknownValue]})
	require.Greater(t, counted["DE"]*counted["US"], int64(1))
	require.LessOrEqual(t, len(counted), maxSegments+4)
	require.Positive(t, s["zone"][OtherValues]["email"])
}
