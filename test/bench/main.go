//go:build unix

// Command bench measures the goals of this repository on the machine it runs on: `make bench`. Each goal is
// a line of the table, and with BENCH_OUT a line of JSON: goal, value, must, aim, holds.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/test/bench/stage"
)

// scale is how much is measured.
type scale struct {
	rounds  int
	people  map[string]int64 // of one round, by way of SMTP
	calls   int64            // people of one round of SMS and push
	rows    int64            // of one import
	country []int64          // audiences for cost per person and memory, growing
	kills   int
}

var (
	small = scale{5, map[string]int64{"classic": 30_000, "pipelining": 150_000, "chunking": 1_000_000}, 60_000, 300_000, []int64{100_000, 1_000_000}, 10}
	full  = scale{5, map[string]int64{"classic": 200_000, "pipelining": 1_000_000, "chunking": 1_000_000}, 100_000, 1_000_000, []int64{100_000, 1_000_000, 10_000_000}, 50}
)

// ways of SMTP, in the order of the table.
var ways = []string{"classic", "pipelining", "chunking"}

// bench is one run of everything that was asked for.
type bench struct {
	scale
	sink     *stage.Process
	addrs    map[string]string
	settings []string // of Tocsin
	dir      string   // for files of the run
	profiles string   // directory for the processor's profiles
	results  []result
	peers    []peer
}

// parts of a run by the name that -only takes.
var parts = []struct {
	name string
	run  func(*bench) error
}{
	{"email", (*bench).email}, {"import", (*bench).imports}, {"country", (*bench).countries}, {"kill", (*bench).killed}, {"calls", (*bench).providers}, {"derive", (*bench).derivation},
}

func main() {
	stage.Child()
	testing.Init()
	only := flag.String("only", "", "parts to measure, by comma: email, import, country, kill, calls, derive; default all")
	rounds := flag.Int("rounds", 0, "alternating rounds; default by BENCH_SCALE")
	n := flag.Int64("n", 0, "people of a round; default by BENCH_SCALE")
	way := flag.String("way", "", "only this way of SMTP: classic, pipelining, chunking")
	tls := flag.Bool("tls", false, "encrypt towards the relay (the bare sender never does)")
	profiles := flag.String("cpuprofile", "", "directory for profiles of Tocsin's use of the processor")
	markdown := flag.String("markdown", "", "write the tables into this file, between its marks")
	flag.Parse()
	b := &bench{scale: full, profiles: *profiles}
	if os.Getenv("BENCH_SCALE") == "small" {
		b.scale = small
	}
	b.rounds = cmp.Or(*rounds, b.rounds)
	if *n > 0 {
		b.people = map[string]int64{"classic": *n, "pipelining": *n, "chunking": *n}
		b.calls, b.rows, b.country = min(*n, stage.PhonePlaces), *n, []int64{*n, 10 * *n}
	}
	if *way != "" {
		ways = []string{*way}
	}
	err := b.run(strings.Split(*only, ","), *tls)
	if err := errors.Join(err, b.show(*markdown)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures part by part. What goes wrong in one does not keep the others from being measured.
func (b *bench) run(only []string, tls bool) error {
	if err := b.open(tls); err != nil {
		return err
	}
	var errs []error
	for _, p := range parts {
		if only[0] != "" && !slices.Contains(only, p.name) {
			continue
		}
		start := time.Now()
		if err := p.run(b); err != nil {
			errs = append(errs, fmt.Errorf("measure %s: %w", p.name, err))
			say("%s failed: %v", p.name, err)
		}
		say("%s took %s", p.name, time.Since(start).Round(time.Second))
	}
	return errors.Join(append(errs, b.sink.End(), os.RemoveAll(b.dir))...)
}

// say tells on standard error how far the run is.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// median of some figures.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
