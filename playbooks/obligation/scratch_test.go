package obligation

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Derivations share memory one after the other: an answer given stays as it is, whatever is derived after it.
func TestAnswersDoNotShareMemory(t *testing.T) {
	e := engine(t)
	inputs := make([]Input, 0, 4)
	for _, facts := range []string{
		`{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "leaked", "data": ["name"], "people": {"count": 1200000}, "jurisdictions": {"CN": 1200000, "DE": 4}}`,
		`{"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "none", "systems": [{"cii": true, "province": "CN-SH", "down_since": "2026-03-01T02:00:00+08:00"}]}`,
		`{"kind": "vulnerability", "aware_at": "2026-03-01T02:00:00+08:00"}`, `{}`} {
		inputs = append(inputs, Input{AsOf: someday, Facts: parsed(t, facts), Profile: Profile{Roles: []string{"network_operator", "pi_processor", "cii_operator"},
			Sectors: []string{"banking"}, Establishments: []string{"CN-SH", "DE"}, Commitments: "tencent-cloud"}})
	}
	answer := func(in Input) Result {
		r, problems := e.Derive(in)
		require.Empty(t, problems)
		return r
	}
	text := func(r Result) string { return string(must(json.Marshal(r))) }
	var first []Result
	var said []string
	for _, in := range inputs {
		first = append(first, answer(in))
		said = append(said, text(first[len(first)-1]))
	}
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for i := range 12 {
				k := (n + i) % len(inputs)
				require.Equal(t, said[k], text(answer(inputs[k])))
			}
		})
	}
	all.Wait()
	for i, r := range first {
		require.Equal(t, said[i], text(r))
	}
}
