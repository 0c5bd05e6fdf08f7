package derive

import (
	"testing"

	"tocsin/playbooks/obligation"
)

func BenchmarkDerive(b *testing.B) {
	engine, err := obligation.New()
	if err != nil {
		b.Fatal(err)
	}
	for name, body := range Incidents {
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
		if answer, ok := engine.DeriveJSON([]byte(Incidents["leak"])); !ok {
			b.Fatal(string(answer))
		}
	}
}
