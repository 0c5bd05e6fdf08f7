package simulator

import (
	"cmp"
	"embed"
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

//go:embed page.html page.css
var files embed.FS

var pages = template.Must(template.ParseFS(files, "page.html"))

const pagePolicy = "default-src 'none'; style-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// routes are the providers' door, the pages for people, and the admin doors.
func (s *Simulator) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.call)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("Action") {
			s.call(w, r)
			return
		}
		s.arrivals(w, r)
	})
	mux.HandleFunc("GET /faults", s.faultPage)
	mux.HandleFunc("POST /faults", s.pressed)
	mux.HandleFunc("GET /message/{no}", s.message)
	mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		http.ServeFileFS(w, r, files, "page.css")
	})
	mux.HandleFunc("GET /_mail/{no}", s.mail)
	s.adminRoutes(mux)
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

// view is what every page shows.
type view struct {
	Lang    string // zh-Hans or en
	Asked   string // ?lang=, to keep
	Page    string
	Now     time.Time
	Moved   time.Duration // the clock, by people
	Waiting int64
	Summary Summary
	Entries []Entry
	Channel string
	Kinds   []kindRow
	Scripts []Fault
	Entry   Entry
	Values  []value
}

type kindRow struct {
	Kind
	Share float64
}

// On reports whether a share is set.
func (k kindRow) On() bool { return k.Share > 0 }

// Percent is the share for readers.
func (k kindRow) Percent() string { return strconv.FormatFloat(k.Share*100, 'g', 3, 64) + " %" }

// Local is the local part that has the kind.
func (k kindRow) Local() string {
	if k.Kind.On("email") {
		return k.Name + "@…"
	}
	return ""
}

// Phone is the number's end that has the kind.
func (k kindRow) Phone() string {
	if k.Number == "" {
		return ""
	}
	return "…" + k.Number
}

// Device is the beginning of a device id that has the kind.
func (k kindRow) Device() string {
	if k.Kind.On("push") {
		return k.Name + "-…"
	}
	return ""
}

// value is a variable of a text whose wording is not known.
type value struct{ Name, Text string }

var matcher = language.NewMatcher([]language.Tag{language.English, language.SimplifiedChinese})

func (s *Simulator) view(r *http.Request, page string) view {
	asked := r.URL.Query().Get("lang")
	_, i := language.MatchStrings(matcher, asked, r.Header.Get("Accept-Language"))
	waiting, _ := s.Waiting()
	return view{Lang: []string{"en", "zh-Hans"}[i], Asked: asked, Page: page, Now: s.Now().In(beijing),
		Moved: time.Duration(s.clock.offset.Load()).Round(time.Second), Waiting: waiting, Summary: s.Journal.Summary()}
}

// T is a word of the page in the reader's language.
func (v view) T(key string) string {
	w := words[key]
	if v.Lang == "zh-Hans" {
		return w[0]
	}
	return w[1]
}

// Clock is a time as the page's clock shows it.
func (v view) Clock(t time.Time) time.Time { return t.In(beijing) }

// What tells in the reader's language what happens.
func (v view) What(k kindRow) string {
	if v.Lang == "zh-Hans" {
		return k.ZH
	}
	return k.EN
}

// Query keeps the language that was asked for.
func (v view) Query() string {
	if v.Asked == "" {
		return "?"
	}
	return "?lang=" + v.Lang + "&"
}

func (v view) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	_ = pages.Execute(w, v) // the reader may be gone
}

func (s *Simulator) arrivals(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "arrivals")
	v.Channel = r.URL.Query().Get("channel")
	v.Entries = s.Journal.Recent(v.Channel, "")
	v.Entries = v.Entries[:min(len(v.Entries), 40)]
	v.write(w)
}

func (s *Simulator) faultPage(w http.ResponseWriter, r *http.Request) {
	v := s.view(r, "faults")
	list, shares := s.faults.known()
	for _, k := range kinds {
		share, named := shares[k.Name]
		if !named && !k.Stops {
			share = shares["*"]
		}
		v.Kinds = append(v.Kinds, kindRow{k, share})
	}
	v.Scripts = slices.DeleteFunc(list, func(f Fault) bool { return f.Times == 0 })
	v.write(w)
}

// returns are the pages that a button leads back to, by page and language.
var returns = map[string]string{
	"": "/", "en": "/?lang=en", "zh-Hans": "/?lang=zh-Hans", "arrivals": "/", "arrivalsen": "/?lang=en", "arrivalszh-Hans": "/?lang=zh-Hans",
	"faults": "/faults", "faultsen": "/faults?lang=en", "faultszh-Hans": "/faults?lang=zh-Hans",
}

// pressed is a button of the pages: a share of a kind, time, or a fresh start.
func (s *Simulator) pressed(w http.ResponseWriter, r *http.Request) {
	if !ours(r) {
		http.Error(w, "not from here", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	switch r.FormValue("do") {
	case "share":
		_, shares := s.faults.known()
		if shares == nil {
			shares = map[string]float64{}
		}
		share, err := strconv.ParseFloat(r.FormValue("share"), 64)
		shares[r.FormValue("kind")] = share
		if err = cmp.Or(err, s.Share(shares)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	case "advance":
		d, err := time.ParseDuration(r.FormValue("by"))
		if err != nil {
			http.Error(w, "unreadable duration", http.StatusBadRequest)
			return
		}
		s.Advance(d)
	case "heal":
		s.Heal()
	case "reset":
		s.Journal.Reset()
	}
	w.Header().Set("Location", returns[r.FormValue("back")+r.URL.Query().Get("lang")])
	w.WriteHeader(http.StatusSeeOther)
}

// message is a page with one message as its reader sees it.
func (s *Simulator) message(w http.ResponseWriter, r *http.Request) {
	no, _ := strconv.ParseInt(r.PathValue("no"), 10, 64)
	v := s.view(r, "message")
	var ok bool
	if v.Entry, ok = s.Journal.at(no); !ok {
		http.NotFound(w, r)
		return
	}
	v.Values = valuesOf(v.Entry.Body)
	v.write(w)
}

// valuesOf reads the variables of a text whose wording is not known here.
func valuesOf(body string) (list []value) {
	fields := map[string]string{}
	if json.Unmarshal([]byte(body), &fields) != nil {
		return nil
	}
	for name, text := range fields {
		list = append(list, value{name, text})
	}
	slices.SortFunc(list, func(a, b value) int { return strings.Compare(a.Name, b.Name) })
	return list
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
