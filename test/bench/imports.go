//go:build unix

package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"

	"tocsin/test/bench/stage"
)

// imports measures goal 8: how fast people come in over the API, as CSV and as NDJSON, each round into a new
// installation.
func (b *bench) imports() error {
	r := result{Goal: "8 import: checked, without duplicates, sealed", Unit: "rows/s", Must: 120_000, Aim: 300_000, More: true, Value: math.Inf(1), Parts: map[string]float64{}}
	rate, cpu := map[string][]float64{}, map[string][]float64{}
	for round := range b.rounds {
		for _, format := range []string{"CSV", "NDJSON"} {
			in, err := b.importOnce(round, format)
			if err != nil {
				return err
			}
			people := float64(in.Total)
			rate[format] = append(rate[format], people/in.Took.Seconds())
			cpu[format] = append(cpu[format], float64(in.Cost.CPU.Nanoseconds())/1e3/people)
			say("round %d, %d people: %s import %.0f rows/s, %.1f us, %.0f MiB", round+1, in.Total, format,
				rate[format][round], cpu[format][round], mib(in.Cost.Peak))
		}
	}
	for format, rates := range rate {
		r.Parts[format] = median(rates)
		r.Parts[format+", us of CPU a row"] = median(cpu[format])
		r.Value = min(r.Value, median(rates))
	}
	r.Holds = r.reaches(r.Must)
	b.add(r)
	return nil
}

func (b *bench) importOnce(round int, format string) (in stage.Imported, err error) {
	h, err := stage.Build(b.settings...)
	if err != nil {
		return in, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	profile := ""
	if b.profiles != "" {
		profile = filepath.Join(b.profiles, fmt.Sprintf("import-%s-%d.pprof", format, round))
	}
	if err := h.Start(profile, b.relay("chunking")...); err != nil {
		return in, err
	}
	id, err := h.Report("import")
	if err != nil {
		return in, err
	}
	if in, err = h.Import(id, stage.Audience{People: b.rows, Channel: "email", CSV: format == "CSV"}); err != nil {
		return in, err
	}
	return in, h.Stop()
}
