package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

// at puts real ids into a route.
func (h *house) at(route string) string {
	for prefix, id := range map[string]string{"/incidents/": string(h.incident), "/documents/": h.notice, "/tasks/": h.task,
		"/audiences/": h.audience, "/dispatches/": "dsp_none", "/duties/": h.duty, "/decisions/": h.decision, "/letters/": h.letter, "/providers/": "relay"} {
		route = strings.Replace(route, prefix+":id", prefix+id, 1)
	}
	return route
}

func TestEveryRouteNeedsASession(t *testing.T) {
	h := newHouse(t)
	stranger := h.browser("")
	for _, r := range h.engine.Routes() {
		if r.Path == "/sign-in" || r.Path == "/assets/:name" {
			continue
		}
		answer := stranger.get(h.at(r.Path))
		if r.Method == http.MethodPost {
			answer = stranger.post(h.at(r.Path), url.Values{"reason": {"x"}})
		}
		if r.Path == "/console/events" {
			require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
			continue
		}
		require.Equal(t, http.StatusSeeOther, answer.StatusCode, "%s %s", r.Method, r.Path)
		require.True(t, strings.HasPrefix(answer.Header.Get("Location"), "/sign-in"), r.Path)
		require.NotContains(t, body(t, answer), "Order export", "%s %s tells nothing", r.Method, r.Path)
	}
}

func TestWrongSignInTellsNothing(t *testing.T) {
	h := newHouse(t)
	known := h.browser("").post("/sign-in", url.Values{"login": {"shen"}, "password": {"wrong"}, "next": {"//evil.example/"}})
	unknown := h.browser("").post("/sign-in", url.Values{"login": {"nobody"}, "password": {"wrong"}})
	require.Equal(t, http.StatusUnauthorized, known.StatusCode)
	require.Equal(t, known.StatusCode, unknown.StatusCode)
	page := body(t, known)
	require.NotContains(t, page, "evil.example")
	require.Equal(t, strings.ReplaceAll(page, `value="shen"`, `value="nobody"`), body(t, unknown))
}

var (
	forms     = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	allForms  = regexp.MustCompile(`<form`)
	inline    = regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script(?:[^>]*)>[^<]|javascript:`)
	headerOne = map[string]bool{"/preferences": true, "/sign-out": true, "/law": true} // a search changes nothing
)

// pages are those that show one house whole.
func (h *house) pages() []string {
	return []string{"/", "/approvals", "/tasks", h.at("/incidents/:id"), h.at("/incidents/:id/timeline"), h.at("/audiences/:id"),
		"/documents/" + h.notice, "/documents/" + h.report, "/documents/" + h.report + "?locale=zh-Hans", h.at("/documents/:id/dispatch"),
		h.at("/duties/:id"), h.at("/incidents/:id/response"), h.at("/incidents/:id/customers"), h.at("/incidents/:id/rules"), h.at("/incidents/:id/reasons"), "/law", "/profile", "/providers"}
}

func TestWhoMaySeeWhat(t *testing.T) {
	h := newHouse(t)
	for login, want := range map[string]bool{"shen": true, "audit": false} {
		b := h.browser(login)
		found := 0
		for _, page := range h.pages() {
			answer := b.get(page)
			text := body(t, answer)
			require.Equal(t, http.StatusOK, answer.StatusCode, page)
			require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
			require.NotRegexp(t, inline, text, page)
			require.NotContains(t, text, "user1@example.com", page)
			matches := forms.FindAllStringSubmatch(text, -1)
			require.Len(t, matches, len(allForms.FindAllString(text, -1)), "every form says where it goes")
			for _, m := range matches {
				if !headerOne[m[1]] {
					found++
				}
			}
		}
		require.Equal(t, want, found > 0, "%s sees %d forms", login, found)
	}
	reporter := h.browser("sensor").get("/")
	require.Equal(t, http.StatusForbidden, reporter.StatusCode)
}

func TestAnAuditorChangesNothing(t *testing.T) {
	h := newHouse(t)
	b := h.browser("audit")
	for _, r := range h.engine.Routes() {
		free := map[string]bool{"/sign-in": true, "/sign-out": true, "/preferences": true, "/dispatches/:id/search": true}
		if r.Method != http.MethodPost || free[r.Path] || strings.HasPrefix(r.Path, "/dispatches") {
			continue
		}
		answer := b.post(h.at(r.Path), url.Values{"reason": {"x"}, "aware_at": {"2026-03-01T10:00"}, "path": {"people.count"}, "people.count": {"1"},
			"incident": {string(h.incident)}, "version": {"1"}, "read": {"1"}, "sure": {"1"}, "closed_at": {"2026-03-01T10:00"}, "subject": {"x"}, "locale": {"en"},
			"kind": {"hold"}, "verdict": {"confirm"}, "customers": {"customer-1"}, "customer": {"customer-1"}, "rule": {"cn-minor-35-authority"}, "ground": {"protection"}, "relief.protection.en": {"x"}})
		refused := http.StatusForbidden
		if r.Path == "/incidents/:id/audience" {
			refused = http.StatusUnsupportedMediaType // no file, so nobody was asked
		}
		require.Equal(t, refused, answer.StatusCode, r.Path)
	}
}

func TestNothingTypedIsLost(t *testing.T) {
	h := newHouse(t)
	b := h.browser("shen")
	answer := b.post(h.at("/incidents/:id/facts"), url.Values{"path": {"people.count"}, "people.count": {"many"}, "reason": {"said the hotline"}})
	page := body(t, answer)
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	require.Contains(t, page, `value="many"`)
	require.Contains(t, page, `value="said the hotline"`)
	require.Contains(t, page, "Must be a whole number")

	form := url.Values{"version": {"99"}, "locale": {"en"}, "subject": {"Our own words"}, "block": {"cause"}, "text.cause": {"Written by hand"}}
	answer = b.post("/documents/"+h.notice, form)
	page = body(t, answer)
	require.Equal(t, http.StatusPreconditionFailed, answer.StatusCode)
	require.Contains(t, page, "Written by hand")
	require.Contains(t, page, "Our own words")
	require.Contains(t, page, "A check was missing", "what stands there now is shown beside")
}

func TestApprovalIsBoundToWhatWasShown(t *testing.T) {
	h := newHouse(t)
	shen := h.browser("shen")
	answer := shen.post("/documents/"+h.notice+"/submit", url.Values{"version": {version(t, h)}, "audience": {h.audience}})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, body(t, answer))

	lin := h.browser("lin")
	page := body(t, lin.get("/documents/"+h.notice))
	digest := regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(page)
	require.NotNil(t, digest)
	unread := lin.post("/documents/"+h.notice+"/approve", url.Values{"digest": {digest[1]}})
	require.Equal(t, http.StatusBadRequest, unread.StatusCode)
	other := lin.post("/documents/"+h.notice+"/approve", url.Values{"digest": {strings.Repeat("0", 64)}, "read": {"1"}})
	require.Equal(t, http.StatusPreconditionFailed, other.StatusCode)
	yes := lin.post("/documents/"+h.notice+"/approve", url.Values{"digest": {digest[1]}, "read": {"1"}})
	require.Equal(t, http.StatusSeeOther, yes.StatusCode, body(t, yes))

	d, err := h.notify.Document(t.Context(), evidence.System(operator), h.notice)
	require.NoError(t, err)
	require.Len(t, d.Approvals, 1)
	require.NotEqual(t, notify.DocDraft, d.State)
	require.Contains(t, body(t, shen.get("/documents/"+h.notice)), "LIN")
}

func version(t *testing.T, h *house) string {
	page := body(t, h.browser("shen").get("/documents/"+h.notice))
	m := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page)
	require.NotNil(t, m)
	return m[1]
}

func TestPreviewHasAPolicyOfItsOwn(t *testing.T) {
	h := newHouse(t)
	b := h.browser("lin")
	answer := b.get("/documents/" + h.notice + "/preview?locale=en&channel=email")
	require.Equal(t, http.StatusOK, answer.StatusCode)
	csp := answer.Header.Get("Content-Security-Policy")
	require.Contains(t, csp, "sandbox")
	require.Contains(t, csp, "default-src 'none'")
	require.NotContains(t, csp, "script-src")
	require.Equal(t, http.StatusNotFound, b.get("/documents/"+h.notice+"/preview?locale=fr&channel=email").StatusCode)
}
