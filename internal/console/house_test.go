package console_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/intake"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/internal/console"
	"tocsin/internal/store"
	"tocsin/internal/store/storetest"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// house is a console over a real store, with one incident worked up to its drafts.
type house struct {
	t        *testing.T
	engine   *gin.Engine
	books    *playbooks.Service
	notify   *notify.Service
	access   *access.Service
	clock    *clock.Fake
	incident incident.ID
	notice   string
	report   string
	task     string
	audience string
	duty     string // to tell individuals
	decision string // proposed about it
	letter   string
	files    string // import directory
	refuses  string // why the store takes no writes
	db       *store.DB
}

const (
	operator = "acme"
	password = "a-long-passphrase-for-tests"
)

// builtinLaw is compiled once: an engine is safe for all tests.
var builtinLaw = sync.OnceValues(obligation.New)

// silence is a feed that never says anything.
type silence struct{}

func (silence) Listen() (<-chan incident.Event, func()) {
	ch := make(chan incident.Event)
	return ch, func() {}
}

func (silence) After(context.Context, string, int64, int) ([]incident.Event, error) { return nil, nil }

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: clock.NewFake(storetest.Start), files: t.TempDir()}
	db := storetest.SQLite(t, storetest.WithClock(h.clock), storetest.Simulated())
	key, err := db.OperatorKey(t.Context(), operator)
	require.NoError(t, err)
	law, err := builtinLaw()
	require.NoError(t, err)
	catalog, err := templates.Load()
	require.NoError(t, err)
	definitions, err := playbooks.Load(law, catalog)
	require.NoError(t, err)
	h.access = access.New(store.Of[access.Tx](db), operator, access.WithCost(1<<10, 1, 1))
	h.notify = notify.New(store.Of[notify.Tx](db), catalog, key, notify.WithImportDir(h.files))
	h.books = playbooks.New(store.Of[playbooks.Tx](db), law, definitions, catalog)
	h.hire("shen", access.Responder)
	h.hire("lin", access.Approver)
	h.hire("audit", access.Auditor)
	h.hire("sensor", access.Reporter)
	gin.SetMode(gin.TestMode)
	h.engine = gin.New()
	require.NoError(t, console.Mount(h.engine, console.Options{Playbooks: h.books, Notify: h.notify, Access: h.access, Catalog: catalog,
		Law: law, Events: silence{}, Clock: h.clock, Log: slog.New(slog.NewTextHandler(testLog{t}, nil)), Operator: operator, Simulator: "http://127.0.0.1:1",
		Refusing: func() (string, time.Time) { return h.refuses, storetest.Start }}))
	h.db = db
	h.work(db)
	return h
}

// testLog fails a test in which a page could not be made.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "level=ERROR") {
		l.t.Error(string(p))
	}
	return len(p), nil
}

func (h *house) hire(login, role string) {
	_, err := h.access.CreateUser(h.t.Context(), evidence.System(operator),
		access.User{Login: login, Name: strings.ToUpper(login), Roles: []string{role}, Teams: []string{"legal", "dpo-team"}, Locale: "en"}, password)
	require.NoError(h.t, err)
}

const finding = `{"title":"Order export read","facts":{"first_signal_at":"2026-03-01T02:00:00Z","occurred_at":"2026-03-01T01:00:00Z","kind":"incident","confirmed":true,
"role":"pi_processor","jurisdictions":{"CN":1200000},"processed_in":["CN-SH"],"people":{"count":1200000,"certainty":"at_least"},"data":["name","phone"],
"data_event":"leaked","user_information":true,"encrypted_safe":false,"harm_prevented":false,"harm":"possible","loss_cny":600000,
"systems":[{"name":"order-export","cii":false,"province":"CN-SH"}]},
"cause":{"text":{"zh-Hans":"缺少校验","en":"A check was missing"},"certainty":"suspected"},
"measures":[{"text":{"zh-Hans":"关闭接口","en":"Closed the interface"},"taken_at":"2026-03-01T02:10:00Z"}],
"advice":[{"zh-Hans":"保持警惕","en":"Be wary"}],"remedies":[{"zh-Hans":"免费提醒","en":"Free alerts"}]}`

// work takes an incident in, has its drafts made, and imports an audience.
func (h *house) work(db *store.DB) {
	system := evidence.System(operator)
	both := map[string]string{"zh-Hans": "示例商城", "en": "Example Mall"}
	_, err := h.books.PutProfile(h.t.Context(), system, "", obligation.Profile{Operator: operator, Roles: []string{"network_operator", "pi_processor"},
		Sectors: []string{"internet"}, Establishments: []string{"CN-SH"}, Channels: []string{"email", "announcement"},
		Standing: []obligation.Standing{{Rules: []string{"cn-cac-incident-initial"}, Team: "legal", SignedBy: []string{"Zhou Ming", "Lin Yue"}, Until: storetest.Start.AddDate(1, 0, 0)}},
		Org: templates.Organisation{Name: both, Contact: both, Site: "www.example.com", Sender: "security@example.com", SMSSign: "示例商城",
			SMSTemplate: "SMS_000000001", Zone: "Asia/Shanghai", Reporter: "Zhou Ming"}})
	require.NoError(h.t, err)
	f, err := intake.Native([]byte(finding), "")
	require.NoError(h.t, err)
	r, err := h.books.Report(h.t.Context(), system, f)
	require.NoError(h.t, err)
	h.incident = r.ID
	events, err := db.Sequence(h.t.Context(), 1000)
	require.NoError(h.t, err)
	for _, e := range events {
		require.NoError(h.t, h.books.Handle(h.t.Context(), e))
	}
	documents, err := h.notify.Documents(h.t.Context(), system, r.ID)
	require.NoError(h.t, err)
	for _, d := range documents {
		if d.Kind == templates.Notice {
			h.notice = d.ID
		} else {
			h.report = d.ID
		}
	}
	v, err := h.books.Incident(h.t.Context(), system, r.ID)
	require.NoError(h.t, err)
	h.task = v.Tasks[0].ID
	people := `{"person_key":"u-1","locale":"en","emails":["user1@example.com"]}` + "\nnot json\n"
	a, err := h.notify.Import(h.t.Context(), system, r.ID, "people.ndjson", "ndjson", strings.NewReader(people), nil)
	require.NoError(h.t, err)
	h.audience = a.ID
	h.duty = h.dutyOf("cn-pipl-57-individuals").ID
	h.practice()
}

// practice has shen propose a hold and record a letter.
func (h *house) practice() {
	shen := h.scope("shen")
	until := h.clock.Now().Add(48 * time.Hour)
	d, err := h.books.Propose(h.t.Context(), shen, h.duty, playbooks.DecideHold, playbooks.Proposal{Reason: "They called", Authority: "public-security:CN-SH", Until: &until})
	require.NoError(h.t, err)
	h.decision = d.ID
	l, err := h.books.ReceiveLetter(h.t.Context(), shen, h.incident, playbooks.NewLetter{Kind: playbooks.LetterQuestions, Authority: "provincial-cac:CN-SH",
		ReceivedAt: h.clock.Now(), DueAt: &until, Text: "How many people?"})
	require.NoError(h.t, err)
	h.letter = l.ID
}

// scope is that of a person who has signed in.
func (h *house) scope(login string) evidence.Scope {
	token, _, err := h.access.SignIn(h.t.Context(), login, password)
	require.NoError(h.t, err)
	sc, _, err := h.access.BySession(h.t.Context(), token)
	require.NoError(h.t, err)
	return sc
}

// dutyOf is the first duty of a rule.
func (h *house) dutyOf(rule string) playbooks.Duty {
	v, err := h.books.Incident(h.t.Context(), evidence.System(operator), h.incident)
	require.NoError(h.t, err)
	i := slices.IndexFunc(v.Duties, func(d playbooks.Duty) bool { return d.Obligation.ID == rule })
	require.GreaterOrEqual(h.t, i, 0, "no duty of %s", rule)
	return v.Duties[i]
}

// browser keeps the cookies of one person.
type browser struct {
	h       *house
	cookies map[string]string
}

func (h *house) browser(login string) *browser {
	b := &browser{h: h, cookies: map[string]string{}}
	if login != "" {
		w := b.post("/sign-in", url.Values{"login": {login}, "password": {password}})
		require.Equal(h.t, http.StatusSeeOther, w.StatusCode)
	}
	return b
}

func (b *browser) get(path string) *http.Response {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	b.h.t.Cleanup(cancel)
	return b.send(httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
}

func (b *browser) post(path string, form url.Values) *http.Response {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

func (b *browser) send(r *http.Request) *http.Response {
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.h.engine.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return string(b)
}
