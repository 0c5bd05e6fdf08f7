//go:build unix

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// result is one goal as measured.
type result struct {
	Goal  string             `json:"goal"`
	Unit  string             `json:"unit"`
	Value float64            `json:"value"`
	Must  float64            `json:"must"`
	Aim   float64            `json:"aim"`
	More  bool               `json:"more,omitempty"` // more is better; else less is
	Holds bool               `json:"holds"`
	Parts map[string]float64 `json:"parts,omitempty"`
}

// reaches tells whether the value is as good as a bound.
func (r result) reaches(bound float64) bool {
	if r.More {
		return r.Value >= bound
	}
	return r.Value <= bound
}

func (r result) verdict() string {
	switch {
	case r.Holds && r.reaches(r.Aim):
		return "aim"
	case r.Holds:
		return "must"
	}
	return "FAILED"
}

// peer is one sender of a round's comparison: medians over the rounds.
type peer struct {
	way, name string
	rate      float64 // messages a second
	cpu       float64 // microseconds a message, of the sending process
	share     float64 // of the bare sender's rate
}

// number of the goal, which its name begins with.
func (r result) number() (n int) {
	_, _ = fmt.Sscan(r.Goal, &n)
	return n
}

func (b *bench) add(r result) { b.results = append(b.results, r) }

// show prints the tables, writes BENCH_OUT and the document.
func (b *bench) show(markdown string) error {
	slices.SortStableFunc(b.results, func(x, y result) int { return cmp.Compare(x.number(), y.number()) })
	if len(b.peers) > 0 {
		fmt.Printf("%-12s %-32s %12s %12s %10s\n", "relay", "sender", "messages/s", "us/message", "of bare")
		for _, p := range b.peers {
			fmt.Printf("%-12s %-32s %12.0f %12.2f %9.0f%%\n", p.way, p.name, p.rate, p.cpu, 100*p.share)
		}
		fmt.Println()
	}
	fmt.Printf("%-72s %12s %-8s %10s %10s\n", "goal", "measured", "", "must", "aim")
	for _, r := range b.results {
		fmt.Printf("%-72s %12.2f %-8s %10.2f %10.2f %s\n", r.Goal, r.Value, r.Unit, r.Must, r.Aim, r.verdict())
		for _, name := range slices.Sorted(maps.Keys(r.Parts)) {
			fmt.Printf("  %-70s %12.2f\n", name, r.Parts[name])
		}
	}
	if err := write(b.results...); err != nil || markdown == "" {
		return err
	}
	return b.document(markdown)
}

// The marks between which the tables of the document stand.
const (
	markBegin = "<!-- measured: begin -->\n"
	markEnd   = "<!-- measured: end -->"
)

// document replaces the tables of docs/performance.md.
func (b *bench) document(name string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(old), markBegin)
	_, after, ends := strings.Cut(rest, markEnd)
	if !found || !ends {
		return fmt.Errorf("%s has no marks for the tables", name)
	}
	var t strings.Builder
	t.WriteString(before + markBegin + machine() + "\n\n| relay | sender | messages/s | µs CPU a message | of the bare rate |\n|---|---|--:|--:|--:|\n")
	for _, p := range b.peers {
		fmt.Fprintf(&t, "| %s | %s | %.0f | %.1f | %.0f %% |\n", p.way, p.name, p.rate, p.cpu, 100*p.share)
	}
	t.WriteString("\n| goal | measured | must | aim | reached |\n|---|--:|--:|--:|---|\n")
	for _, r := range b.results {
		fmt.Fprintf(&t, "| %s | %.4g %s | %.4g | %.4g | %s |\n", r.Goal, r.Value, r.Unit, r.Must, r.Aim, r.verdict())
		for _, part := range slices.Sorted(maps.Keys(r.Parts)) {
			fmt.Fprintf(&t, "| · %s | %.4g | | | |\n", part, r.Parts[part])
		}
	}
	return os.WriteFile(name, []byte(t.String()+markEnd+after), 0o644) //nolint:gosec // G306: a document of the repository
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
