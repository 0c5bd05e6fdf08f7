//go:build unix

package main

import (
	"errors"
	"math"

	"tocsin/test/bench/bare"
	"tocsin/test/bench/sink"
	"tocsin/test/bench/stage"
)

// callers is how many calls the bare sender has open at once.
const callers = 64

// providers measures goal 12: SMS and push end to end against a client that makes the same signed calls.
func (b *bench) providers() error {
	r := result{Goal: "12 SMS and push with ledger against a bare HTTP client", Unit: "of bare", Must: 0.7, Aim: 0.9, More: true, Value: math.Inf(1), Parts: map[string]float64{}}
	for _, channel := range []string{"sms", "push"} {
		f := figures{map[string][]float64{}, map[string][]float64{}}
		for round := range b.rounds {
			if err := b.calling(channel, round, f); err != nil {
				return err
			}
		}
		share := ratio(f.rate, nameWhole, nameBare)
		for _, name := range []string{nameBare, nameWhole} {
			b.peers = append(b.peers, peer{channel, name, median(f.rate[name]), median(f.cpu[name]), ratio(f.rate, name, nameBare)})
		}
		r.Parts[channel] = share
		r.Value = min(r.Value, share)
	}
	r.Holds = r.reaches(r.Must)
	b.add(r)
	return nil
}

// calling runs one round of one channel.
func (b *bench) calling(channel string, round int, f figures) (err error) {
	h, err := stage.Build(b.settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	if err := h.Start(""); err != nil {
		return err
	}
	notice, _, err := h.Ready(channel, stage.Audience{People: b.calls, Channel: channel})
	if err == nil {
		err = h.Stop()
	}
	if err != nil {
		return err
	}
	whole, _, err := b.release(h, notice, b.calls, channel, "")
	if err != nil {
		return err
	}
	f.put(nameWhole, b.calls, whole)
	var call sink.Call
	if err := b.ask("/call", &call); err != nil {
		return err
	}
	if err := b.sender("calls", bare.Calls{Addr: b.addrs["http"], Workers: callers, People: b.calls, Query: call.Query, Body: call.Body}, b.calls, nameBare, f); err != nil {
		return err
	}
	say("round %d %s: bare %.0f/s, end to end %.0f/s", round+1, channel, f.rate[nameBare][round], f.rate[nameWhole][round])
	return nil
}
