//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"tocsin/test/bench/derive"
	"tocsin/test/bench/sink"
	"tocsin/test/bench/stage"
)

// machine is what the figures were made on.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(b), "model name\t: "); ok {
			model, _, _ = strings.Cut(rest, "\n")
		}
	}
	load := "unknown"
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load, _, _ = strings.Cut(string(b), " ")
	}
	return fmt.Sprintf("%d cores (%s), %s, %s; load average at the end %s.", runtime.NumCPU(), model, runtime.Version(), time.Now().UTC().Format("2006-01-02"), load)
}

// open starts the sink and settles how Tocsin reaches it.
func (b *bench) open(tls bool) (err error) {
	b.addrs = map[string]string{}
	if b.sink, err = stage.Play("sink", struct{}{}, &b.addrs); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "tocsin-bench-"); err != nil {
		return err
	}
	b.settings, err = stage.Settings(b.addrs["http"], b.dir, tls)
	return err
}

// reset makes the sink count anew.
func (b *bench) reset(people int64) error {
	resp, err := http.Post(fmt.Sprintf("http://%s/reset?people=%d", b.addrs["http"], people), "", nil) //nolint:noctx // loopback
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// ask reads what the sink knows.
func (b *bench) ask(path string, out any) error {
	resp, err := http.Get("http://" + b.addrs["http"] + path) //nolint:noctx // loopback
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	return json.NewDecoder(resp.Body).Decode(out)
}

// arrived is what the sink has.
func (b *bench) arrived() (c sink.Counts, err error) { return c, b.ask("/counts", &c) }

// everyone wants each of so many people to have got one message.
func (b *bench) everyone(people int64) error {
	c, err := b.arrived()
	if err == nil && (c.People != people || c.Repeated != 0) {
		err = fmt.Errorf("of %d people %d got a message, and %d messages were repeated", people, c.People, c.Repeated)
	}
	return err
}

// derivation is the derive half of goal 14: all enabled rules for one fact set, the slowest of the typical ones.
func (b *bench) derivation() error {
	times, err := derive.Times()
	r := result{Goal: "14 derive all enabled rules for one fact set", Unit: "ms", Must: 1, Aim: 0.5, Parts: times}
	for _, t := range times {
		r.Value = max(r.Value, t)
	}
	r.Holds = r.Value <= r.Must
	b.add(r)
	return err
}
