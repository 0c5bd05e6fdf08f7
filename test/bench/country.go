//go:build unix

package main

import (
	"errors"
	"fmt"
	"math"

	"tocsin/test/bench/stage"
)

const million = 1_000_000 // people that a round tells of each size of audience, at least

// country is one size of audience: what dispatches to it took, a figure a round.
type country struct {
	people          int64
	cpu, peak, disk []float64
	first           []float64 // the processor's time of a person in the first dispatch of a process
	imported        float64   // most memory of an import
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
			if round > 0 && all[i].people*int64(round+1) > 5*million {
				continue // the largest are not repeated
			}
			if err := b.visit(&all[i]); err != nil {
				return err
			}
		}
	}
	b.add(memoryGoal(all))
	b.add(diskGoal(all))
	b.add(flatGoal(all))
	return nil
}

// visit imports audiences, until there are a million people, and releases a notice to one after the other: a
// process is as warm and works as long whatever the size.
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
	notices := make([]string, max(1, million/c.people))
	var in stage.Imported
	for i := range notices {
		if notices[i], in, err = h.Ready(fmt.Sprintf("country-%d-%d", visit, i), a); err != nil {
			return err
		}
		c.imported = max(c.imported, mib(in.Cost.Peak))
	}
	if err := h.Stop(); err != nil {
		return err
	}
	before, err := h.Disk()
	if err != nil {
		return err
	}
	dispatches, _, err := b.releases(h, notices, c.people, fmt.Sprintf("country-%d-%d", c.people, visit), "chunking")
	if err != nil {
		return err
	}
	after, err := h.Disk()
	if err != nil {
		return err
	}
	c.keep(dispatches, float64(after-before))
	people := float64(c.people)
	say("visit %d of %d times %d people: import %.0f rows/s, %.0f MiB; dispatch %.0f/s, %.1f us (the first %.1f), %.0f MiB, %.0f bytes of disk each",
		visit+1, len(notices), c.people, people/in.Took.Seconds(), c.imported, people/dispatches[0].Took.Seconds(),
		c.cpu[visit], c.first[visit], c.peak[visit], c.disk[visit])
	return nil
}

// keep adds the figures of a visit.
func (c *country) keep(dispatches []stage.Report, disk float64) {
	var cpu, peak float64
	for _, r := range dispatches {
		cpu += float64(r.Cost.CPU.Nanoseconds()) / 1e3
		peak = max(peak, mib(r.Cost.Peak))
	}
	people := float64(c.people) * float64(len(dispatches))
	c.cpu, c.peak, c.disk = append(c.cpu, cpu/people), append(c.peak, peak), append(c.disk, disk/people)
	c.first = append(c.first, float64(dispatches[0].Cost.CPU.Nanoseconds())/1e3/float64(c.people))
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
		if c.people < million {
			r.Parts[people(c.people)+", us in the first dispatch of a process"] = median(c.first)
		}
		against := ratios(c.cpu, all[0].cpu)
		least, most = min(least, against), max(most, against)
	}
	r.Value = 100 * (most/least - 1)
	r.Holds = r.reaches(r.Must)
	return r
}
