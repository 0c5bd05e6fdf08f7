// Command bench measures the goals of this repository on the machine it runs on: `make bench`. Each goal is
// a line of the table, and with BENCH_OUT a line of JSON: goal, value, must, aim, holds.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"tocsin/test/bench/derive"
)

// result is one goal as measured. Of limits, less is better.
type result struct {
	Goal  string             `json:"goal"`
	Unit  string             `json:"unit"`
	Value float64            `json:"value"`
	Must  float64            `json:"must"`
	Aim   float64            `json:"aim"`
	Holds bool               `json:"holds"`
	Parts map[string]float64 `json:"parts,omitempty"`
}

func main() {
	testing.Init()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	r, err := derivation()
	if err != nil {
		return err
	}
	fmt.Printf("%-52s %10s %8s %8s\n", "goal", "measured", "must", "aim")
	fmt.Printf("%-52s %7.2f %s %8.2f %8.2f %s\n", r.Goal, r.Value, r.Unit, r.Must, r.Aim, verdict(r))
	for _, name := range slices.Sorted(maps.Keys(r.Parts)) {
		fmt.Printf("  %-50s %7.2f %s\n", name, r.Parts[name], r.Unit)
	}
	return write(r)
}

// derivation is the derive half of goal 14: all enabled rules for one fact set, the slowest of the typical ones.
func derivation() (result, error) {
	times, err := derive.Times()
	r := result{Goal: "14 derive all enabled rules for one fact set", Unit: "ms", Must: 1, Aim: 0.5, Parts: times}
	for _, t := range times {
		r.Value = max(r.Value, t)
	}
	r.Holds = r.Value <= r.Must
	return r, err
}

func verdict(r result) string {
	switch {
	case r.Value <= r.Aim:
		return "aim"
	case r.Holds:
		return "must"
	}
	return "missed"
}

// write appends to BENCH_OUT, so that several runs make one file.
func write(results ...result) error {
	name := os.Getenv("BENCH_OUT")
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // G703: who runs the measurement names the file
	if err != nil {
		return fmt.Errorf("open BENCH_OUT: %w", err)
	}
	for _, r := range results {
		if err := json.NewEncoder(f).Encode(r); err != nil {
			_ = f.Close()
			return fmt.Errorf("write BENCH_OUT: %w", err)
		}
	}
	return f.Close()
}
