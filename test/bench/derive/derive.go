// Package derive measures what the law engine takes per set of facts, with every rule that is on.
package derive

import (
	"fmt"
	"testing"

	"tocsin/playbooks/obligation"
)

const shanghai = `"profile": {"operator": "acme", "roles": ["network_operator", "pi_processor"], "sectors": ["internet"], "establishments": ["CN-SH"], "commitments": "tencent-cloud"}`

// Incidents are typical: what the first finding says, a leak in the middle of an investigation, an outage
// of critical infrastructure, a bank, and a leak at a processor for customers in China and Europe.
var Incidents = map[string]string{
	"first finding": `{"as_of": "2026-03-01T03:00:00+08:00", "facts": {"first_signal_at": "2026-03-01T01:10:00+08:00", "data_event": "leaked", "data": ["name", "phone"]}, ` + shanghai + `}`,
	"leak": `{"as_of": "2026-03-01T03:00:00+08:00", "facts": {"aware_at": "2026-03-01T02:00:00+08:00", "occurred_at": "2026-03-01T00:30:00+08:00", "kind": "incident", "confirmed": true,
	 "data_event": "leaked", "data": ["name", "phone", "id_number"], "user_information": true, "harm": "possible", "crime_suspected": true, "processed_in": ["CN-SH"],
	 "people": {"count": 1200000, "certainty": "at_least"}, "jurisdictions": {"CN": 1200000, "DE": 800, "FR": null}, "systems": [{"cii": false, "province": "CN-SH"}]}, ` + shanghai + `}`,
	"outage": `{"as_of": "2026-03-01T03:00:00+08:00", "facts": {"aware_at": "2026-03-01T02:00:00+08:00", "data_event": "none", "people": {"count": 0, "certainty": "exact"},
	 "systems": [{"cii": true, "province": "CN-SH", "down_since": "2026-03-01T02:00:00+08:00"}]}, "profile": {"roles": ["network_operator", "cii_operator"], "sectors": ["energy"], "establishments": ["CN-SH"]}}`,
	"bank": `{"as_of": "2026-03-01T03:00:00+08:00", "facts": {"aware_at": "2026-03-01T02:00:00+08:00", "occurred_at": "2026-03-01T01:30:00+08:00", "data_event": "stolen", "data": ["name", "bank"],
	 "people": {"count": 40000, "certainty": "estimate"}, "jurisdictions": {"CN": 40000, "LU": 200}, "loss_cny": 6000000},
	 "profile": {"roles": ["network_operator", "pi_processor"], "sectors": ["banking"], "establishments": ["CN-SH", "LU"], "registrations": {"dora": true, "nis2": "important"}}}`,
	"processor": `{"as_of": "2026-03-01T03:00:00+08:00", "facts": {"aware_at": "2026-03-01T02:00:00+08:00", "role": "entrusted", "data_event": "leaked", "data": ["name"], "jurisdictions": {"CN": 5000, "DE": 800},
	 "customers": [{"id": "shop", "residents": ["CN"], "people": 5000}, {"id": "club", "told_at": "2026-03-01T02:30:00+08:00", "residents": ["DE"], "people": 800}]},
	 "profile": {"roles": ["network_operator", "entrusted"], "sectors": ["cloud"], "establishments": ["CN-BJ", "DE"]}}`,
}

// Times derives each set of facts until its time per run settles, and gives it in milliseconds.
func Times() (map[string]float64, error) {
	engine, err := obligation.New()
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for name, body := range Incidents {
		in, problems := obligation.ReadInput([]byte(body))
		if len(problems) > 0 {
			return nil, fmt.Errorf("read %s: %v", name, problems)
		}
		r := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				if _, problems := engine.Derive(in); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
		out[name] = float64(r.NsPerOp()) / 1e6
	}
	return out, nil
}
