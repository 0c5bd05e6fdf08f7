package simulator

import (
	"embed"
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"strings"
)

//go:embed page.html page.css
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

const pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// routes are the RPC door, the page of arrivals, and the admin doors.
//
//	POST /                 a signed call                GET  /                the page of arrivals
//	GET  /_admin/journal   sums; with ?channel= and ?recipient= also the messages kept
//	POST /_admin/faults    adds one fault               DELETE /_admin/faults removes all
//	POST /_admin/reset     empties the journal          POST   /_admin/callback sets where receipts go
//
// Admin calls that change something need the header X-Simulator, which no foreign page can send unasked.
func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.call)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("Action") {
			s.call(w, r)
			return
		}
		s.index(w, r)
	})
	mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		http.ServeFileFS(w, r, files, "page.css")
	})
	mux.HandleFunc("GET /_mail/{no}", s.mail)
	mux.HandleFunc("GET /_admin/journal", s.journal)
	mux.HandleFunc("POST /_admin/faults", s.change(func(r *http.Request) error {
		var f Fault
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10)).Decode(&f); err != nil {
			return err
		}
		s.Fail(f)
		return nil
	}))
	mux.HandleFunc("DELETE /_admin/faults", s.change(func(*http.Request) error { s.Heal(); return nil }))
	mux.HandleFunc("POST /_admin/reset", s.change(func(*http.Request) error { s.Journal.Reset(); return nil }))
	mux.HandleFunc("POST /_admin/callback", s.change(func(r *http.Request) error {
		var b struct {
			URL string `json:"url"`
		}
		err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10)).Decode(&b)
		if err == nil {
			s.SetCallback(b.URL)
		}
		return err
	}))
	return local(mux)
}

// local refuses host names that are not this machine's, so that no foreign page reads the journal by
// pointing its own name at loopback.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "not here", http.StatusForbidden)
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func (s *Simulator) change(do func(*http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Simulator") == "" {
			http.Error(w, "the header X-Simulator is needed", http.StatusForbidden)
			return
		}
		if err := do(r); err != nil {
			http.Error(w, "unreadable body", http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Simulator) journal(w http.ResponseWriter, r *http.Request) {
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
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(out) // the reader may be gone
}

func (s *Simulator) index(w http.ResponseWriter, _ *http.Request) {
	entries := s.Journal.Recent("", "")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	_ = page.Execute(w, map[string]any{"Summary": s.Journal.Summary(), "Entries": entries[:min(len(entries), 50)]}) // the reader may be gone
}

// mail shows a kept message as its reader sees it, under a policy that lets nothing run or load.
func (s *Simulator) mail(w http.ResponseWriter, r *http.Request) {
	no, _ := strconv.ParseInt(r.PathValue("no"), 10, 64)
	e, ok := s.Journal.at(no)
	if !ok || e.Channel != "email" {
		http.NotFound(w, r)
		return
	}
	text, kind := body(e.Body)
	if kind == "" {
		kind = "text/plain"
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
	_, _ = w.Write(text) // the reader may be gone
}
