// Package derive measures what the law engine takes per set of facts, with every rule that is on.
package derive

import (
	"testing"

	"tocsin/playbooks/obligation"
)

const shanghai = `"profile": {"operator": "acme", "roles": ["network_operator", "pi_processor"], "sectors": ["internet"], "establishments": ["CN-SH"], "commitments": "tencent-cloud"}`

// incidents are typical: what the first finding says, a leak in the middle of an investigation, an outage
// of critical infrastructure, a bank, and a leak at a processor for customers in China and Europe.
var incidents = map[string]string{
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

func BenchmarkDerive(b *testing.B) {
	engine, err := obligation.New()
	if err != nil {
		b.Fatal(err)
	}
	for name, body := range incidents {
		in, problems := obligation.ReadInput([]byte(body))
		if len(problems) > 0 {
			b.Fatal(name, problems)
		}
		b.Run(name, func(b *testing.B) {
			duties := 0
			b.ReportAllocs()
			for b.Loop() {
				result, problems := engine.Derive(in)
				if len(problems) > 0 {
					b.Fatal(problems)
				}
				duties = len(result.Obligations)
			}
			b.ReportMetric(float64(duties), "duties")
		})
	}
}

// A call from outside reads the input and writes the answer too.
func BenchmarkDeriveJSON(b *testing.B) {
	engine, err := obligation.New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if answer, ok := engine.DeriveJSON([]byte(incidents["leak"])); !ok {
			b.Fatal(string(answer))
		}
	}
}
