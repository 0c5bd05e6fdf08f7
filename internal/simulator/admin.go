package simulator

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// adminRoutes are the doors for tests and scripts.
//
//	GET  /_admin/journal    sums; with ?channel= and ?recipient= (and ?id=) also a count and the messages kept
//	GET  /_admin/repeats    deliveries that arrived more than once; ?after= and ?limit=
//	GET  /_admin/export     every delivery as a line: person, id (both hashed, see KeyOf) and how many arrived
//	GET  /_admin/kinds      everything that can go wrong, and what magic recipients there are
//	GET  /_admin/faults     what is scripted, and shares       POST adds one   DELETE removes all
//	POST /_admin/profile    {"faults": {"greylist": 0.01, "*": 0.005}}: the share of recipients that meets each kind
//	GET  /_admin/clock      POST {"advance": "10m"} or {"set": "2026-01-02T03:04:05Z"} or {"skew": "20m"}
//	GET  /_admin/sms        balance, caps, signatures and templates; POST changes those it names
//	POST /_admin/reset      empties the journal                POST /_admin/callback {"url": …} sets where receipts go;
//	                        with "fallback": true only while nobody has said another place
//
// Calls that change something need the header X-Simulator, which no foreign page can send unasked.
func (s *Simulator) adminRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /_admin/journal", s.showJournal)
	mux.HandleFunc("GET /_admin/repeats", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		if limit < 1 || limit > 1000 {
			limit = 1000
		}
		show(w, map[string]any{"repeats": s.Journal.Repeats(after, limit)})
	})
	mux.HandleFunc("GET /_admin/export", s.export)
	mux.HandleFunc("GET /_admin/kinds", func(w http.ResponseWriter, _ *http.Request) { show(w, kinds) })
	mux.HandleFunc("GET /_admin/faults", func(w http.ResponseWriter, _ *http.Request) {
		list, shares := s.faults.known()
		show(w, map[string]any{"faults": list, "shares": shares})
	})
	mux.HandleFunc("POST /_admin/faults", change(func(f Fault) error { s.Fail(f); return nil }))
	mux.HandleFunc("DELETE /_admin/faults", change(func(struct{}) error { s.Heal(); return nil }))
	mux.HandleFunc("POST /_admin/profile", change(func(b struct {
		Faults map[string]float64 `json:"faults"`
	}) error {
		return s.Share(b.Faults)
	}))
	mux.HandleFunc("GET /_admin/clock", func(w http.ResponseWriter, _ *http.Request) {
		waiting, lost := s.Waiting()
		show(w, map[string]any{"now": s.Now(), "skew": time.Duration(s.clock.skew.Load()).String(), "receipts_waiting": waiting, "receipts_lost": lost})
	})
	mux.HandleFunc("POST /_admin/clock", change(s.moveClock))
	mux.HandleFunc("GET /_admin/sms", func(w http.ResponseWriter, _ *http.Request) { show(w, s.Terms()) })
	mux.HandleFunc("POST /_admin/sms", change(func(b json.RawMessage) error {
		t := s.Terms()
		err := json.Unmarshal(b, &t)
		if err == nil {
			s.SetTerms(t)
		}
		return err
	}))
	mux.HandleFunc("POST /_admin/reset", change(func(struct{}) error { s.Journal.Reset(); return nil }))
	mux.HandleFunc("POST /_admin/callback", change(func(b struct {
		URL      string `json:"url"`
		Fallback bool   `json:"fallback"`
	}) error {
		if b.Fallback {
			s.receipts.setFallback(b.URL)
			return nil
		}
		s.SetCallback(b.URL)
		return nil
	}))
}

type clockChange struct {
	Advance string    `json:"advance"`
	Set     time.Time `json:"set"`
	Skew    string    `json:"skew"`
}

func (s *Simulator) moveClock(b clockChange) error {
	if !b.Set.IsZero() {
		s.clock.set(b.Set)
	}
	for text, move := range map[string]func(time.Duration){b.Advance: s.Advance, b.Skew: s.Skew} {
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("read duration: %w", err)
		}
		move(d)
	}
	return nil
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // the reader may be gone
}

// ours reports whether a request to change something comes from a script that says so or from our own page:
// browsers let no foreign page claim either.
func ours(r *http.Request) bool {
	return r.Header.Get("X-Simulator") != "" || r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

// change reads a JSON body, if there is one, and applies it.
func change[T any](do func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !ours(r) {
			http.Error(w, "the header X-Simulator is needed", http.StatusForbidden)
			return
		}
		var b T
		if r.ContentLength != 0 {
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
			d.DisallowUnknownFields()
			if err := d.Decode(&b); err != nil {
				http.Error(w, "unreadable body: "+err.Error(), http.StatusBadRequest)
				return
			}
		}
		if err := do(b); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Simulator) showJournal(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	out := struct {
		Summary
		Count    *int    `json:"count,omitempty"`
		Messages []Entry `json:"messages,omitempty"`
	}{Summary: s.Journal.Summary()}
	if channel := q.Get("channel"); channel != "" {
		n := s.Journal.Count(channel, q.Get("recipient"), q.Get("id"))
		out.Count = &n
		out.Messages = s.Journal.Recent(channel, q.Get("recipient"))
	}
	show(w, out)
}

func (s *Simulator) export(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=us-ascii")
	b := bufio.NewWriterSize(w, 64<<10)
	s.Journal.Each(func(k Key, times uint32) bool {
		_, err := fmt.Fprintf(b, "%016x %08x %d\n", k.Person, k.ID, times)
		return err == nil
	})
	_ = b.Flush() // the reader may be gone
}
