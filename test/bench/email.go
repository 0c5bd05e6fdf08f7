//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"time"

	"tocsin/test/bench/bare"
	"tocsin/test/bench/stage"
)

// connections to the relay by way: what the bare sender is fastest with.
var connections = map[string]int{"classic": 64, "pipelining": 64, "chunking": 16}

// The three senders of a comparison.
const (
	nameBare  = "bare sender"
	namePipe  = "Tocsin without ledger"
	nameWhole = "Tocsin end to end"
)

// rounds of one way: rate and microseconds a message of each sender.
type figures struct{ rate, cpu map[string][]float64 }

func (f figures) put(name string, people int64, r stage.Report) {
	f.rate[name] = append(f.rate[name], float64(people)/r.Took.Seconds())
	f.cpu[name] = append(f.cpu[name], float64(r.Cost.CPU.Nanoseconds())/1e3/float64(people))
}

// ratio is the median over the rounds of one sender's figure to another's.
func ratio(of map[string][]float64, a, b string) float64 { return ratios(of[a], of[b]) }

// ratios is the median of the ratios within each round.
func ratios(a, b []float64) float64 {
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, a[i]/b[i])
	}
	return median(all)
}

// email measures goals 1 to 4: in each round and for each way the bare sender, Tocsin without its ledger and
// Tocsin end to end, the same messages into the same sink.
func (b *bench) email() error {
	all := map[string]figures{}
	for _, way := range ways {
		all[way] = figures{map[string][]float64{}, map[string][]float64{}}
	}
	for round := range b.rounds {
		if err := b.emailRound(round, all); err != nil {
			return err
		}
	}
	for _, way := range ways {
		f := all[way]
		for _, name := range []string{nameBare, namePipe, nameWhole} {
			if len(f.rate[name]) > 0 {
				b.peers = append(b.peers, peer{way, name, median(f.rate[name]), median(f.cpu[name]), ratio(f.rate, name, nameBare)})
			}
		}
		b.add(emailGoal(way, f))
	}
	b.add(ledgerGoal(all))
	return nil
}

func emailGoal(way string, f figures) result {
	rate, cpu := median(f.rate[nameWhole]), median(f.cpu[nameWhole])
	r := result{Unit: "of bare", Value: ratio(f.rate, nameWhole, nameBare), More: true,
		Parts: map[string]float64{"messages a second": rate, "microseconds of CPU a message": cpu, "CPU of the bare sender": median(f.cpu[nameBare])}}
	switch way {
	case "pipelining":
		r.Goal, r.Must, r.Aim = "1 email end to end, relay with PIPELINING (and at most 30 us a message)", 0.50, 0.75
		r.Holds = r.Value >= r.Must && cpu <= 30
	case "chunking":
		r.Goal, r.Must, r.Aim = "2 email end to end, relay with CHUNKING (or 100,000 messages a second)", 0.40, 0.60
		r.Holds = r.Value >= r.Must || rate >= 100_000
	default:
		r.Goal, r.Must, r.Aim = "3 email end to end, relay without extensions", 0.70, 0.95
		r.Holds = r.Value >= r.Must
	}
	return r
}

// ledgerGoal is the worst way's: what the ledger costs in the processor's time.
func ledgerGoal(all map[string]figures) result {
	r := result{Goal: "4 the ledger's cost: CPU end to end against without ledger", Unit: "x", Must: 1.6, Aim: 1.2, Parts: map[string]float64{}}
	for way, f := range all {
		r.Parts[way] = ratio(f.cpu, nameWhole, namePipe)
		r.Value = max(r.Value, r.Parts[way])
	}
	r.Holds = r.Value > 0 && r.Value <= r.Must
	return r
}

// emailRound prepares an installation with a notice for each way, and measures each.
func (b *bench) emailRound(round int, all map[string]figures) (err error) {
	h, err := stage.Build(b.settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	notices := map[string]string{}
	if err := h.Start("", b.relay("classic")...); err != nil {
		return err
	}
	for i, way := range ways {
		if notices[way], _, err = h.Ready(fmt.Sprintf("%d-%s", round, way), stage.Audience{People: b.people[way], Channel: "email", CSV: i%2 == 0}); err != nil {
			return err
		}
	}
	if err := h.Stop(); err != nil {
		return err
	}
	for _, way := range ways {
		if err := b.compare(h, way, notices[way], round, all[way]); err != nil {
			return err
		}
	}
	return nil
}

// relay are the settings that point Tocsin at the sink's door for a way.
func (b *bench) relay(way string) []string {
	if way == "" { // nobody gets mail
		return nil
	}
	return []string{"TOCSIN_SMTP__ADDR=" + b.addrs[way], fmt.Sprintf("TOCSIN_SMTP__CONNECTIONS=%d", connections[way])}
}

// compare runs the three senders one after the other.
func (b *bench) compare(h *stage.House, way, notice string, round int, f figures) error {
	people := b.people[way]
	whole, dispatch, err := b.release(h, notice, people, fmt.Sprintf("%s-%d", way, round), way)
	if err != nil {
		return err
	}
	f.put(nameWhole, people, whole)
	sample, to, err := b.sample()
	if err != nil {
		return err
	}
	if err := b.sender("mail", bare.Mail{Way: way, Addr: b.addrs[way], Connections: connections[way], People: people, Sample: sample, To: to}, people, nameBare, f); err != nil {
		return err
	}
	order := stage.Pipeline{Data: h.Data(), Dispatch: dispatch}
	if err := b.sender("pipeline", order, people, namePipe, f, append(b.settings, b.relay(way)...)...); err != nil {
		return err
	}
	last := func(name string) float64 { v := f.cpu[name]; return v[len(v)-1] }
	speed := func(name string) float64 { v := f.rate[name]; return v[len(v)-1] }
	say("round %d %s: %d bytes a message; bare %.0f/s %.1f us, without ledger %.0f/s %.1f us, end to end %.0f/s %.1f us", round+1, way, len(sample),
		speed(nameBare), last(nameBare), speed(namePipe), last(namePipe), speed(nameWhole), last(nameWhole))
	return nil
}

// sender runs a sender of ours once in its own process, and wants everybody to have got one message.
func (b *bench) sender(role string, order any, people int64, name string, f figures, env ...string) error {
	if err := b.reset(people); err != nil {
		return err
	}
	var r stage.Report
	p, err := stage.Play(role, order, &r, env...)
	if err != nil {
		return err
	}
	if err := errors.Join(p.End(), b.everyone(people)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.put(name, people, r)
	return nil
}

// release starts Tocsin, dispatches a notice and measures until the dispatch is done. It stops Tocsin again.
func (b *bench) release(h *stage.House, notice string, people int64, name string, way string) (r stage.Report, dispatch string, err error) {
	all, dispatch, err := b.releases(h, []string{notice}, people, name, way)
	if err != nil {
		return r, "", err
	}
	return all[0], dispatch, nil
}

// releases starts Tocsin and dispatches notices, each to as many people and when the one before is done. It stops
// Tocsin again. What a dispatch used is what the process has used since the one before was done.
func (b *bench) releases(h *stage.House, notices []string, people int64, name string, way string) (all []stage.Report, dispatch string, err error) {
	profile := ""
	if b.profiles != "" {
		profile = filepath.Join(b.profiles, name+".pprof")
	}
	if err := h.Start(profile, b.relay(way)...); err != nil {
		return nil, "", err
	}
	if err := h.Settle(); err != nil {
		return nil, "", err
	}
	before, err := h.Cost(true)
	if err != nil {
		return nil, "", err
	}
	for _, notice := range notices {
		if err := b.reset(people); err != nil {
			return nil, "", err
		}
		start := time.Now()
		d, err := h.Release(notice)
		if err != nil {
			return nil, "", err
		}
		if err := b.await(h, d.ID, people); err != nil {
			return nil, "", err
		}
		r := stage.Report{Took: time.Since(start)}
		used, err := h.Cost(false)
		if err = errors.Join(err, b.everyone(people)); err != nil {
			return nil, "", err
		}
		r.Cost, dispatch = used, d.ID
		r.Cost.CPU -= before.CPU
		all, before = append(all, r), used
	}
	return all, dispatch, h.Stop()
}

// await waits until a dispatch is done. It asks the sink first, so as not to keep Tocsin busy with questions.
func (b *bench) await(h *stage.House, dispatch string, people int64) error {
	last, moved := int64(-1), time.Now()
	for {
		c, err := b.arrived()
		if err != nil {
			return err
		}
		if c.People >= people {
			break
		}
		if c.People > last {
			last, moved = c.People, time.Now()
		}
		if time.Since(moved) > time.Minute {
			p, err := h.Progress(dispatch)
			return errors.Join(err, fmt.Errorf("nothing moves: %d of %d arrived, the dispatch is %s %s with %v", c.People, people, p.State, p.Reason, p.People))
		}
		time.Sleep(20 * time.Millisecond)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		p, err := h.Progress(dispatch)
		if err != nil || p.State == "done" {
			return err
		}
	}
	return errors.New("everybody has a message, but the dispatch does not end")
}

var recipient = regexp.MustCompile(`u\d{8}@example\.com`)

// sample is a message as the relay got it, and whose it is.
func (b *bench) sample() (message []byte, to string, err error) {
	resp, err := http.Get("http://" + b.addrs["http"] + "/sample") //nolint:noctx // loopback
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if message, err = io.ReadAll(resp.Body); err != nil {
		return nil, "", err
	}
	if to = string(recipient.Find(message)); to == "" {
		return nil, "", errors.New("the relay has no message to show")
	}
	return message, to, nil
}
