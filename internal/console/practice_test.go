package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// input is an instant as a form has it, in the house's zone.
func input(at time.Time) string {
	return at.In(time.FixedZone("CST", 8*3600)).Format("2006-01-02T15:04")
}

// ok posts a form that is taken, and returns the page that follows.
func (b *browser) ok(path string, form url.Values) string {
	b.h.t.Helper()
	answer := b.post(path, form)
	require.Equal(b.h.t, http.StatusSeeOther, answer.StatusCode, body(b.h.t, answer))
	to, _, _ := strings.Cut(answer.Header.Get("Location"), "#")
	page := b.get(to)
	require.Equal(b.h.t, http.StatusOK, page.StatusCode, to)
	return body(b.h.t, page)
}

// refused posts a form that is not taken, and returns the page that keeps it.
func (b *browser) refused(status int, path string, form url.Values) string {
	b.h.t.Helper()
	answer := b.post(path, form)
	page := body(b.h.t, answer)
	require.Equal(b.h.t, status, answer.StatusCode, page)
	return page
}

func TestTwoPeopleExemptAndAFactReopensIt(t *testing.T) {
	h := newHouse(t)
	shen, lin := h.browser("shen"), h.browser("lin")
	duty := "/duties/" + h.duty
	shen.ok(h.at("/incidents/:id/facts"), url.Values{"path": {"harm_prevented"}, "harm_prevented": {"true"}, "reason": {"keys are safe"}})

	page := shen.refused(http.StatusBadRequest, duty+"/decisions", url.Values{"kind": {"exempt"}, "exemption": {"pipl-57-2"}, "reason": {" "}})
	require.Contains(t, page, `value="pipl-57-2" checked`, "the choice is kept")
	require.Contains(t, page, "Say why")
	page = shen.ok(duty+"/decisions", url.Values{"kind": {"exempt"}, "exemption": {"pipl-57-2"}, "reason": {"The keys never left the vault"}})
	id := exemptionID(t, h)
	require.Contains(t, page, "The keys never left the vault")
	require.Contains(t, page, "It waits for a second person")
	require.NotContains(t, page, `value="confirm"`, "the first person cannot be the second")

	page = shen.refused(http.StatusForbidden, "/decisions/"+id, url.Values{"verdict": {"confirm"}, "note": {"myself"}})
	require.Contains(t, page, "Approving is not among your roles")
	require.Equal(t, obligation.Running, h.dutyOf("cn-pipl-57-individuals").State)

	page = lin.refused(http.StatusBadRequest, "/decisions/"+id, url.Values{"verdict": {"refuse"}, "note": {""}})
	require.Contains(t, page, "Say why")
	page = lin.ok("/decisions/"+id, url.Values{"verdict": {"confirm"}, "note": {"I have seen the vault"}})
	require.Contains(t, page, "I have seen the vault")
	require.Equal(t, obligation.Exempt, h.dutyOf("cn-pipl-57-individuals").State)

	answer := lin.get("/decisions/" + id + "/defence")
	file := body(t, answer)
	require.Contains(t, answer.Header.Get("Content-Security-Policy"), "sandbox")
	for _, said := range []string{"The keys never left the vault", "I have seen the vault", "SHEN", "LIN"} {
		require.Contains(t, file, said)
	}

	shen.ok(h.at("/incidents/:id/facts"), url.Values{"path": {"harm_prevented"}, "harm_prevented": {"false"}, "reason": {"the vault was open"}})
	require.Contains(t, body(t, shen.get(duty)), "reopened by itself")
	require.Equal(t, obligation.Running, h.dutyOf("cn-pipl-57-individuals").State)
}

// exemptionID is the id of the exemption that was proposed.
func exemptionID(t *testing.T, h *house) string {
	t.Helper()
	all, err := h.books.Decisions(t.Context(), evidence.System(operator), h.duty)
	require.NoError(t, err)
	for _, d := range all {
		if d.Kind == playbooks.DecideExempt {
			return d.ID
		}
	}
	t.Fatal("nothing was proposed")
	return ""
}

func TestAnApproverWhoProposedIsNotTheSecondPerson(t *testing.T) {
	h := newHouse(t)
	lin := h.browser("lin")
	duty := "/duties/" + h.dutyOf("cn-pipl-57-authority").ID
	page := lin.ok(duty+"/decisions", url.Values{"kind": {"hold"}, "authority": {"public-security:CN-SH"}, "until": {input(h.clock.Now().Add(time.Hour))}, "reason": {"They asked"}})
	id := regexp.MustCompile(`id="decision-(dcn_[0-9a-z]+)"`).FindStringSubmatch(page)
	page = lin.refused(http.StatusForbidden, "/decisions/"+id[1], url.Values{"verdict": {"confirm"}})
	require.Contains(t, page, "You proposed this: another person must confirm it")
}

func TestWhoProposedMayTakeItBack(t *testing.T) {
	h := newHouse(t)
	page := body(t, h.browser("shen").get("/duties/"+h.duty))
	note := regexp.MustCompile(`name="note" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, note, "a withdrawal needs no words of its own")
	page = h.browser("shen").ok("/decisions/"+h.decision, url.Values{"verdict": {"refuse"}, "note": {note[1]}})
	require.Contains(t, page, "withdrawn")
}

func TestALetterStandsAgainstAClockUntilItIsAnswered(t *testing.T) {
	h := newHouse(t)
	shen := h.browser("shen")
	now := h.clock.Now()
	letter := url.Values{"kind": {"hold_request"}, "authority": {"public-security:CN-SH"}, "reference": {"SH-2026-7"}, "received_at": {input(now)},
		"hold_until": {input(now.Add(-time.Hour))}, "text": {"Do not tell anybody yet"}}
	page := shen.refused(http.StatusBadRequest, h.at("/incidents/:id/letters"), letter)
	require.Contains(t, page, "Do not tell anybody yet", "what was typed stays")
	require.Contains(t, page, `value="public-security:CN-SH" selected`)

	letter.Set("hold_until", input(now.Add(24*time.Hour)))
	letter.Set("due_at", input(now.Add(24*time.Hour)))
	page = shen.ok(h.at("/incidents/:id/letters"), letter)
	require.Contains(t, page, "SH-2026-7")
	require.Contains(t, page, "This stands against duties whose clock runs on")
	require.Contains(t, page, "/duties/")

	v, err := h.books.Incident(t.Context(), evidence.System(operator), h.incident)
	require.NoError(t, err)
	id := v.Letters[len(v.Letters)-1].ID
	answer := url.Values{"incident": {string(h.incident)}, "at": {input(now)}, "via": {""}, "text": {"We tell them"}}
	page = shen.refused(http.StatusBadRequest, "/letters/"+id+"/answer", answer)
	require.Contains(t, page, "We tell them")
	answer.Set("via", "letter")
	page = shen.ok("/letters/"+id+"/answer", answer)
	require.Contains(t, page, "Answered")
	tasks, err := h.books.Tasks(t.Context(), evidence.System(operator), incident.Page{Limit: 200})
	require.NoError(t, err)
	for _, task := range tasks {
		require.NotEqual(t, id, task.Letter, "the answer ends its task")
	}
}

func TestThePlanAndTheGroundsOfRelief(t *testing.T) {
	h := newHouse(t)
	shen := h.browser("shen")
	now := h.clock.Now()
	plan := url.Values{"name": {""}, "version": {"3"}, "level": {"II"}, "by": {"Zhou Ming"}, "at": {input(now)}}
	page := shen.refused(http.StatusBadRequest, h.at("/incidents/:id/plan"), plan)
	require.Contains(t, page, `value="Zhou Ming"`)
	require.Contains(t, page, "Say which plan")
	plan.Set("name", "Incident response plan")
	page = shen.ok(h.at("/incidents/:id/plan"), plan)
	require.Contains(t, page, "Incident response plan")
	relief := body(t, shen.get(h.at("/incidents/:id/relief")))
	require.Contains(t, relief, "Incident response plan")

	page = shen.ok(h.at("/incidents/:id/relief"), url.Values{"ground": {"protection"}, "relief.protection.en": {"Keys were kept in a vault"}})
	require.Contains(t, page, "Keys were kept in a vault")
	page = shen.ok(h.at("/incidents/:id/plan/end"), url.Values{"ended_at": {input(now)}, "reason": {"restored"}})
	require.Contains(t, page, "The end of the response is recorded")
	require.NotContains(t, page, "/plan/end", "it ends once")
}

func TestCustomersAreListedAndTold(t *testing.T) {
	h := newHouse(t)
	shen := h.browser("shen")
	at := h.at("/incidents/:id/customers")
	page := shen.refused(http.StatusBadRequest, at, url.Values{"customers": {", 12, DE"}, "reason": {"contract list"}})
	require.Contains(t, page, ", 12, DE")
	require.Contains(t, page, "Line 1 has no id")
	page = shen.ok(at, url.Values{"customers": {"mall-1, 1200, DE, FR\nmall-2"}})
	require.Contains(t, page, "mall-1")
	require.Contains(t, page, "Germany")
	require.Contains(t, page, "1,200")
	require.Contains(t, page, "mall-1, 1200, DE, FR\nmall-2\n", "the list can be changed as a whole")

	page = shen.refused(http.StatusBadRequest, at+"/told", url.Values{"customer": {"mall-1"}, "at": {input(h.clock.Now())}, "how": {""}})
	require.Contains(t, page, "Say how it was told")
	page = shen.ok(at+"/told", url.Values{"customer": {"mall-1"}, "at": {input(h.clock.Now())}, "how": {"telephone"}})
	require.Contains(t, page, "Told")
	require.Contains(t, page, "not told", "the other one is not")
}

func TestTheRulesThatApplyAreShown(t *testing.T) {
	h := newHouse(t)
	shen := h.browser("shen")
	page := body(t, shen.get(h.at("/incidents/:id/rules")))
	require.Contains(t, page, "The newer rules change nothing here")
	require.NotContains(t, page, `name="version"`, "there is nothing to accept")
	h.browser("lin").refused(http.StatusPreconditionFailed, h.at("/incidents/:id/rules"), url.Values{"version": {"older"}, "reason": {"seen"}})
}

func TestNobodyIsToldByDecision(t *testing.T) {
	h := newHouse(t)
	shen, lin := h.browser("shen"), h.browser("lin")
	at := h.at("/incidents/:id/reasons")
	page := body(t, shen.get(at))
	rule := regexp.MustCompile(`name="rule" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, rule, "some rule nearly applies")
	page = shen.ok(at, url.Values{"rule": {rule[1]}, "reason": {"It does not bind us"}})
	id := regexp.MustCompile(`id="decision-(dcn_[0-9a-z]+)"`).FindStringSubmatch(page)
	require.NotNil(t, id)
	page = lin.ok("/decisions/"+id[1], url.Values{"verdict": {"confirm"}})
	require.Contains(t, page, "It does not bind us")
	require.Contains(t, page, "confirmed")
	require.NotContains(t, page, `value="`+rule[1]+`"`, "it is decided")
}

func TestAProfileKeepsWhatWasTyped(t *testing.T) {
	h := newHouse(t)
	h.hire("root", "admin")
	root := h.browser("root")
	page := body(t, root.get("/profile"))
	hash := regexp.MustCompile(`name="hash" value="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, hash)
	form := url.Values{"hash": {hash[1]}, "roles": {"network_operator", "pi_processor"}, "sectors": {"internet"}, "establishments": {"cn-sh, de"}, "channels": {"email"},
		"org.name.zh-Hans": {"示例"}, "org.name.en": {"Example"}, "org.contact.zh-Hans": {"热线"}, "org.contact.en": {"Hotline"}, "org.site": {"www.example.com"},
		"org.sender": {"nobody"}, "org.zone": {"Asia/Shanghai"}, "authorities": {"nobody = 1"},
		"standing.0.rules": {"cn-cac-incident-initial"}, "standing.0.team": {"incident-lead"}, "standing.0.first": {"Zhou Ming"}, "standing.0.second": {"Zhou Ming"},
		"standing.0.until": {"2027-01-01"}}
	page = root.refused(http.StatusBadRequest, "/profile", form)
	for _, kept := range []string{`value="cn-sh, de"`, `value="nobody"`, "nobody = 1", "Must be an e-mail address", "No rule names such an addressee",
		"Name two different persons who signed it"} {
		require.Contains(t, page, kept)
	}
	form.Set("org.sender", "security@example.com")
	form.Set("authorities", "protection-department = 021-0000 0000")
	form.Set("standing.0.second", "Lin Yue")
	page = root.ok("/profile", form)
	require.Contains(t, page, "Lin Yue")
	p, _, err := h.books.Profile(t.Context(), evidence.System(operator))
	require.NoError(t, err)
	require.Equal(t, []string{"CN-SH", "DE"}, p.Establishments)
	require.Equal(t, []string{"Zhou Ming", "Lin Yue"}, p.Standing[0].SignedBy)
	require.True(t, p.Standing[0].Until.After(time.Date(2027, 1, 1, 15, 0, 0, 0, time.UTC)), "to the end of its last day")

	form.Set("hash", hash[1])
	page = root.refused(http.StatusPreconditionFailed, "/profile", form)
	require.Contains(t, page, "Somebody has changed the profile since")
	hash = regexp.MustCompile(`name="hash" value="([^"]+)"`).FindStringSubmatch(body(t, root.get("/profile")))
	form.Set("hash", hash[1])
	form.Set("standing.0.remove", "1")
	root.ok("/profile", form)
	p, _, err = h.books.Profile(t.Context(), evidence.System(operator))
	require.NoError(t, err)
	require.Empty(t, p.Standing)
}

func TestTheLawIsSearched(t *testing.T) {
	h := newHouse(t)
	b := h.browser("audit")
	all := body(t, b.get("/law"))
	require.Contains(t, all, "cn-pipl-57-individuals")
	require.Contains(t, all, "eu-gdpr-33-authority")
	found := body(t, b.get("/law?q=cyberspace+cac-incident-initial"))
	require.Contains(t, found, "cn-cac-incident-initial")
	require.NotContains(t, found, "eu-gdpr-33-authority")
	off := body(t, b.get("/law?show=off&in=TW"))
	require.NotContains(t, off, `id="cn-`)
	require.Contains(t, off, "badge stale")
}

func TestAStandingAuthorisationFilesAheadAndIsReviewed(t *testing.T) {
	h := newHouse(t)
	shen, lin := h.browser("shen"), h.browser("lin")
	duty := h.dutyOf("cn-cac-incident-initial").ID
	documents, err := h.notify.Documents(t.Context(), h.scope("shen"), h.incident)
	require.NoError(t, err)
	i := slices.IndexFunc(documents, func(d notify.DocumentView) bool { return slices.Contains(d.Duties, duty) })
	report := "/documents/" + documents[i].ID
	require.Contains(t, body(t, shen.get(report)), "File it before approval")
	require.NotContains(t, body(t, lin.get(report)), "File it before approval", "who only approves files nothing")

	form := url.Values{"state": {"spoken"}, "filed_at": {input(h.clock.Now())}, "contact": {""}, "sealed": {"1"}}
	page := shen.refused(http.StatusBadRequest, report+"/filings", form)
	require.Contains(t, page, "Say who answered the call")
	require.Contains(t, page, `value="spoken" selected`)
	form.Set("contact", "Duty desk")
	page = shen.ok(report+"/filings", form)
	require.Contains(t, page, "Reported by phone")
	require.Contains(t, page, "before approval")
	require.Contains(t, body(t, shen.get("/duties/"+duty)), "Duty desk", "the duty shows its chain")
	digest := regexp.MustCompile(`name="digest" value="([0-9a-f]{64})"`).FindStringSubmatch(body(t, lin.get(report)))
	require.NotNil(t, digest, "what was said is now to be reviewed")
}

func TestADutyThatNobodyOwesIsNotFound(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/duties/obl_none", "/decisions/dcn_none", "/decisions/dcn_none/defence", "/incidents/inc_none/response"} {
		require.Equal(t, http.StatusNotFound, h.browser("shen").get(path).StatusCode, path)
	}
}
