//go:build unix

package main

import (
	"errors"
	"fmt"
	"math"

	"tocsin/test/bench/stage"
)

const (
	million = 1_000_000 // people goal 5 speaks of
	visits  = 3         // a round of what is over in less than a second: the other work of a machine weighs more there
)

// country is one size of audience: what a dispatch to it took, a figure a visit.
type country struct {
	people                int64
	cpu, peak, heap, disk []float64
	rounds                []float64 // the processor's time of a person, a figure a round
	imported              float64   // most memory of an import
}

// countries measures goals 5, 7 and 13: what a person costs in the processor's time, memory and disk as audiences
// grow.
func (b *bench) countries() error {
	all := make([]country, len(b.country))
	for i, people := range b.country {
		all[i].people = people
	}
	for round := range b.rounds {
		for i := range all {
			c := &all[i]
			if round > 0 && c.people*int64(round+1) > 3*million {
				continue // the largest are not repeated
			}
			begun := len(c.cpu)
			for range max(1, min(visits, million/c.people)) {
				if err := b.visit(c); err != nil {
					return err
				}
			}
			c.rounds = append(c.rounds, median(c.cpu[begun:]))
		}
	}
	b.add(memoryGoal(all))
	b.add(diskGoal(all))
	b.add(flatGoal(all))
	return nil
}

// visit imports one audience and releases a notice to it.
func (b *bench) visit(c *country) (err error) {
	visit := len(c.cpu)
	h, err := stage.Build(b.settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.Start("", b.relay("chunking")...); err != nil {
		return err
	}
	a := stage.Audience{People: c.people, Channel: "email", CSV: visit%2 == 0}
	notice, in, err := h.Ready(fmt.Sprintf("country-%d", visit), a)
	if err != nil {
		return err
	}
	c.imported = max(c.imported, mib(in.Cost.Peak))
	if err := h.Stop(); err != nil {
		return err
	}
	before, err := h.Disk()
	if err != nil {
		return err
	}
	r, _, err := b.release(h, notice, c.people, fmt.Sprintf("country-%d-%d", c.people, visit), "chunking")
	if err != nil {
		return err
	}
	after, err := h.Disk()
	if err != nil {
		return err
	}
	people := float64(c.people)
	c.cpu = append(c.cpu, float64(r.Cost.CPU.Microseconds())/people)
	c.peak, c.heap = append(c.peak, mib(r.Cost.Peak)), append(c.heap, mib(r.Cost.Heap))
	c.disk = append(c.disk, float64(after-before)/people)
	say("visit %d of %d people: import %.0f rows/s, %.0f MiB; dispatch %.0f/s, %.1f us, %.0f MiB, %.0f bytes of disk each", visit+1, c.people,
		people/in.Took.Seconds(), mib(in.Cost.Peak), people/r.Took.Seconds(), c.cpu[len(c.cpu)-1], mib(r.Cost.Peak), c.disk[len(c.disk)-1])
	return nil
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// people names a size of audience.
func people(n int64) string {
	if n >= million {
		return fmt.Sprintf("%dM people", n/million)
	}
	return fmt.Sprintf("%dk people", n/1000)
}

func memoryGoal(all []country) result {
	r := result{Goal: "5 peak memory in a dispatch to 1M people (and 10M at most 1.1 times that)", Unit: "MiB", Must: 256, Aim: 64, Parts: map[string]float64{}}
	million1 := 0.0
	grown := true
	for _, c := range all {
		peak := median(c.peak)
		r.Parts[people(c.people)+", MiB"] = peak
		r.Parts[people(c.people)+", MiB of the import"] = c.imported
		if c.people <= million {
			million1 = peak
		} else {
			grown = peak <= 1.1*million1
		}
	}
	r.Value = million1
	r.Holds = grown && r.reaches(r.Must)
	return r
}

func diskGoal(all []country) result {
	r := result{Goal: "7 disk per delivery, beyond the sealed address", Unit: "B", Must: 200, Aim: 130, Parts: map[string]float64{}}
	for _, c := range all {
		r.Parts[people(c.people)] = median(c.disk)
		r.Value = median(c.disk)
	}
	r.Holds = r.reaches(r.Must)
	return r
}

// flatGoal compares the dearest size with the cheapest, each by the median over the rounds of its cost against that
// of the smallest in the same round: what else the machine does changes between rounds.
func flatGoal(all []country) result {
	r := result{Goal: "13 cost per person as audiences grow: the dearest above the cheapest", Unit: "%", Must: 15, Aim: 5, Parts: map[string]float64{}}
	least, most := math.Inf(1), 0.0
	for _, c := range all {
		r.Parts[people(c.people)+", us of CPU each"] = median(c.cpu)
		against := ratios(c.rounds, all[0].rounds)
		least, most = min(least, against), max(most, against)
	}
	r.Value = 100 * (most/least - 1)
	r.Holds = r.reaches(r.Must)
	return r
}
