//go:build unix

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tocsin/test/bench/sink"
	"tocsin/test/bench/stage"
)

// perKill is how many people a dispatch has for each kill, so that it outlasts them.
const perKill = 40_000

// killed measures goal 6: Tocsin is ended with kill -9 at random moments of a dispatch at full speed and
// started again, until everybody has an outcome.
func (b *bench) killed() (err error) {
	people, way := int64(b.kills)*perKill, "chunking"
	h, err := stage.Build(b.settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.Start("", b.relay(way)...); err != nil {
		return err
	}
	notice, _, err := h.Ready("kill", stage.Audience{People: people, Channel: "email"})
	if err != nil {
		return err
	}
	if err := b.reset(people); err != nil {
		return err
	}
	d, err := h.Release(notice)
	if err != nil {
		return err
	}
	kills := 0
	for kills < b.kills && d.State == "running" {
		time.Sleep(rand.N(500 * time.Millisecond))
		if err := errors.Join(h.Kill(), h.Start("", b.relay(way)...)); err != nil {
			return err
		}
		kills++
		if d, err = h.Progress(d.ID); err != nil {
			return err
		}
		say("kill %d: %v", kills, d.People)
	}
	if err := b.await(h, d.ID, people); err != nil {
		return err
	}
	return b.killGoal(h, d.ID, people, kills)
}

// killGoal holds what arrived against what the ledger says.
func (b *bench) killGoal(h *stage.House, dispatch string, people int64, kills int) error {
	var c sink.Counts
	if err := b.ask("/counts?again=1", &c); err != nil {
		return err
	}
	listed, err := h.Listed(dispatch)
	if err != nil {
		return err
	}
	unnamed := 0
	for _, person := range c.Again {
		if !listed[person] {
			unnamed++
		}
	}
	inFlight := float64(connections["chunking"] * windowMost)
	r := result{Goal: "6 kill -9 at full speed: people lost, or told twice without being named", Unit: "people", Value: float64(people-c.People) + float64(unnamed),
		Parts: map[string]float64{
			"kills": float64(kills), "people told": float64(c.People), "repeats": float64(c.Repeated), "named as possible duplicates": float64(len(listed)),
			"repeats a kill": float64(c.Repeated) / max(float64(kills), 1), "messages in flight at most": inFlight,
		}}
	r.Holds = r.Value == 0 && kills > 0 && float64(c.Repeated) <= inFlight*float64(kills)
	b.add(r)
	return errors.Join(h.Stop(), enough(kills))
}

// windowMost is how many messages a connection has in flight at most: a batch of 16 is written while the one before it
// is being answered.
const windowMost = 32

func enough(kills int) error {
	if kills == 0 {
		return fmt.Errorf("the dispatch ended before the first kill")
	}
	return nil
}
