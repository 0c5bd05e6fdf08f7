// Package sink is where the benchmark's messages end: a relay that announces no extensions, PIPELINING, or
// CHUNKING, and an HTTP provider, both as fast as this machine allows, with a count of who got what.
package sink

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Counts is what has arrived since the last reset.
type Counts struct {
	Messages int64   `json:"messages"`
	Bytes    int64   `json:"bytes"` // of the messages, without envelope
	People   int64   `json:"people"`
	Repeated int64   `json:"repeated"` // messages to somebody who had one
	Calls    int64   `json:"calls"`    // of the HTTP provider
	Again    []int64 `json:"again,omitempty"`
}

// ways are the relay's doors by what they announce.
var ways = map[string][]string{
	"classic":    nil,
	"pipelining": {"PIPELINING", "8BITMIME", "DSN", "SMTPUTF8"},
	"chunking":   {"PIPELINING", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"},
}

// tally counts people by the number in their address: each has a bit.
type tally struct {
	messages, bytes, calls, people, repeated atomic.Int64

	all  int64 // people who may be told
	seen []uint64
	mu   sync.Mutex
	more []int64 // who got a message again
}

// got marks one person.
func (t *tally) got(person int64) {
	word, bit := person>>6, uint64(1)<<(person&63)
	if person < 0 || person >= t.all {
		return
	}
	if atomic.OrUint64(&t.seen[word], bit)&bit == 0 {
		t.people.Add(1)
		return
	}
	t.repeated.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.more = append(t.more, person)
}

func (t *tally) counts(again bool) Counts {
	c := Counts{Messages: t.messages.Load(), Bytes: t.bytes.Load(), People: t.people.Load(), Repeated: t.repeated.Load(), Calls: t.calls.Load()}
	if again {
		t.mu.Lock()
		defer t.mu.Unlock()
		c.Again = append(c.Again, t.more...)
	}
	return c
}

// Sink is the doors and the count.
type Sink struct {
	tally  atomic.Pointer[tally]
	sample atomic.Pointer[[]byte] // the first message since the reset
	call   atomic.Pointer[Call]   // the largest call since the reset
	trust  *trust
	doors  map[string]net.Listener
	web    *http.Server
	admin  net.Listener
}

// Start opens a door for each way and one for HTTP on free loopback ports.
func Start() (*Sink, error) {
	s := &Sink{doors: map[string]net.Listener{}}
	s.reset(0)
	var err error
	if s.trust, err = newTrust(); err != nil {
		return nil, err
	}
	for way, announce := range ways {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it listens as long as the process lives
		if err != nil {
			return nil, err
		}
		s.doors[way] = l
		go s.accept(l, announce)
	}
	if s.admin, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // as above
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reset", func(_ http.ResponseWriter, r *http.Request) {
		n, _ := strconv.ParseInt(r.FormValue("people"), 10, 64)
		s.reset(n)
	})
	mux.HandleFunc("GET /counts", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(s.tally.Load().counts(r.FormValue("again") != ""))
	})
	mux.HandleFunc("GET /sample", func(w http.ResponseWriter, _ *http.Request) {
		if m := s.sample.Load(); m != nil {
			_, _ = w.Write(*m)
		}
	})
	mux.HandleFunc("GET /call", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(s.call.Load()) })
	mux.HandleFunc("GET /trust", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(s.trust.pem) })
	mux.HandleFunc("POST /{$}", s.provide)
	s.web = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.web.Serve(s.admin) }()
	return s, nil
}

// Addrs are the relay's doors by way, and the HTTP one as "http".
func (s *Sink) Addrs() map[string]string {
	out := map[string]string{"http": s.admin.Addr().String()}
	for way, l := range s.doors {
		out[way] = l.Addr().String()
	}
	return out
}

func (s *Sink) reset(people int64) {
	s.tally.Store(&tally{all: people, seen: make([]uint64, people/64+1)})
	s.sample.Store(nil)
	s.call.Store(nil)
}

func (s *Sink) accept(l net.Listener, announce []string) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		go s.serve(nc, announce)
	}
}
