package console_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

// uploads posts a file with what a form says of it.
func (b *browser) uploads(path, name, content string, said map[string]string) *http.Response {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for field, value := range said {
		require.NoError(b.h.t, w.WriteField(field, value))
	}
	part, err := w.CreateFormFile("file", name)
	require.NoError(b.h.t, err)
	_, err = part.Write([]byte(content))
	require.NoError(b.h.t, err)
	require.NoError(b.h.t, w.Close())
	r := httptest.NewRequest(http.MethodPost, path, &form)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return b.send(r)
}

// asks sends an empty form and says in what form the answer is wanted.
func (b *browser) asks(accept, path string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, path, nil)
	r.Header.Set("Accept", accept)
	return b.send(r)
}

// dispatched submits the notice to an audience and has it approved and dispatched by the API's use cases.
func (h *house) dispatched() string {
	h.t.Helper()
	ctx, shen := h.t.Context(), h.scope("shen")
	d, err := h.notify.Document(ctx, shen, h.notice)
	require.NoError(h.t, err)
	d, err = h.notify.Submit(ctx, shen, h.notice, d.Version, h.audience)
	require.NoError(h.t, err)
	h.hire("zhou", "approver")
	for _, login := range []string{"lin", "zhou"} {
		if d.State == notify.DocSubmitted {
			d, err = h.notify.Approve(ctx, h.scope(login), h.notice, d.Digest.All, "")
			require.NoError(h.t, err)
		}
	}
	p, err := h.notify.Dispatch(ctx, shen, h.notice)
	require.NoError(h.t, err)
	return "/dispatches/" + p.ID
}

func TestACourseIsRefusedWithWhatWasTyped(t *testing.T) {
	h := newHouse(t)
	b := h.browser("shen")
	form := url.Values{"version": {version(t, h)}, "canary": {"100"}, "watch": {"soon"}, "watch.unit": {"m"}, "step": {"email"}, "failed": {"10"}, "complaints": {"0.3"}, "after": {"100"}}
	page := body(t, b.post("/documents/"+h.notice+"/course", form))
	require.Contains(t, page, `value="soon"`)
	require.Contains(t, page, "Must be a number")

	form.Set("watch", "15")
	answer := b.post("/documents/"+h.notice+"/course", form)
	page = body(t, answer)
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	require.Contains(t, page, "Must be a multiple of 250")
	require.Contains(t, page, `value="100"`)

	form.Set("canary", "250")
	form.Set("quiet", "1")
	form.Set("from", "23:00")
	form.Set("to", "07:00")
	form.Set("quiet-channel", "email")
	form.Set("rate.email", "40")
	require.Equal(t, http.StatusSeeOther, b.post("/documents/"+h.notice+"/course", form).StatusCode)
	d, err := h.notify.Document(t.Context(), evidence.System(operator), h.notice)
	require.NoError(t, err)
	require.Equal(t, 250, d.Course.Canary)
	require.Equal(t, "23:00", d.Course.Quiet.From)
	require.InDelta(t, 40, d.Course.Rates["email"], 0)
	require.Contains(t, body(t, b.get("/documents/"+h.notice)), "250 people first, watched for 15 min")
}

func TestThePlanIsReadBeforeAnythingIsApproved(t *testing.T) {
	h := newHouse(t)
	h.notify.SetWays([]notify.Way{{ID: "relay", Channel: "email", Rate: 10, Price: notify.Price{Amount: 0.01, Currency: "CNY"}}})
	page := body(t, h.browser("shen").get("/documents/"+h.notice))
	require.Contains(t, page, `class="verdict verdict-`)
	require.Less(t, strings.Index(page, `id="release-plan"`), strings.Index(page, `id="decision"`), "the plan stands above the button")
	require.Contains(t, page, "Mail relay")
	require.Contains(t, page, "0.01 CNY")

	h.notify.SetWays([]notify.Way{{ID: "relay", Channel: "email"}})
	page = body(t, h.browser("shen").get("/documents/"+h.notice))
	require.Contains(t, page, "The rate of provider Mail relay is neither", "called what people call it")
	require.Contains(t, page, "verdict-unknown")
}

func TestRejectsAreDownloaded(t *testing.T) {
	h := newHouse(t)
	b := h.browser("shen")
	answer := b.uploads(h.at("/incidents/:id/audience"), "people.csv", "person_key,email\nu-1,user1@example.com\nu-2,nowhere\n", map[string]string{"size": "70"})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, body(t, answer))
	at, _, _ := strings.Cut(answer.Header.Get("Location"), "?")
	page := body(t, b.get(at))
	require.NotContains(t, page, "nowhere", "never the value")
	file := b.get(at + "/rejects")
	require.Contains(t, file.Header.Get("Content-Disposition"), "attachment")
	rows := strings.Split(strings.TrimSpace(body(t, file)), "\n")
	require.Len(t, rows, 2, rows)
	require.Regexp(t, `^3,\d+,`, rows[1])
}

func TestAnInterruptedImportGoesOnWithTheSameFile(t *testing.T) {
	h := newHouse(t)
	b := h.browser("shen")
	people := "person_key,email\n"
	for i := range 2000 {
		people += fmt.Sprintf("u-%d,user%d@example.com\n", i, i)
	}
	half := httptest.NewRequest(http.MethodPost, h.at("/incidents/:id/audience"),
		strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\n\r\n"+people[:len(people)/2]))
	half.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	broken := b.send(half)
	at := regexp.MustCompile(`/audiences/(aud_\w+)#resume`).FindStringSubmatch(broken.Header.Get("Location"))
	require.NotNil(t, at, body(t, broken))
	page := body(t, b.get("/audiences/"+at[1]))
	require.Contains(t, page, "The import broke off after line")
	require.Contains(t, page, "Choose the same file again: people.csv")
	answer := b.uploads(h.at("/incidents/:id/audience"), "people.csv", people, map[string]string{"resume": at[1]})
	require.Equal(t, "/audiences/"+at[1]+"?done=imported", answer.Header.Get("Location"), body(t, answer))
	require.NotContains(t, body(t, b.get("/audiences/"+at[1])), "broke off")
}

func TestAFileOnTheServerIsImported(t *testing.T) {
	h := newHouse(t)
	require.NoError(t, os.WriteFile(filepath.Join(h.files, "people.csv.gz"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(h.files, "notes.txt"), nil, 0o600))
	b := h.browser("shen")
	page := body(t, b.get(h.at("/incidents/:id")))
	require.Contains(t, page, `<option value="people.csv.gz">`)
	require.NotContains(t, page, "notes.txt")
	answer := b.post(h.at("/incidents/:id/audience/file"), url.Values{"file": {"people.csv.gz"}})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode)
	require.Contains(t, body(t, b.get(answer.Header.Get("Location"))), "waits to be read")
	refused := b.post(h.at("/incidents/:id/audience/file"), url.Values{"file": {"../secret.csv"}})
	require.Equal(t, http.StatusNotFound, refused.StatusCode)
}

func TestWhoComesLaterIsAdded(t *testing.T) {
	h := newHouse(t)
	sent := h.dispatched()
	b := h.browser("shen")
	page := body(t, b.get(sent))
	base := regexp.MustCompile(`name="base" value="(aud_\w+)"`).FindStringSubmatch(page)
	require.NotNil(t, base)
	require.Equal(t, h.audience, base[1])

	alone := b.uploads(h.at("/incidents/:id/audience"), "more.ndjson", `{"emails":["user2@example.com"]}`+"\n", nil)
	at, _, _ := strings.Cut(alone.Header.Get("Location"), "?")
	require.NotContains(t, body(t, b.get(at)), "/additions", "an audience that may hold people who were told is not offered")

	later := b.uploads(h.at("/incidents/:id/audience"), "later.ndjson", `{"person_key":"u-1","emails":["user1@example.com"]}`+"\n"+`{"person_key":"u-9","emails":["user9@example.com"]}`+"\n", map[string]string{"base": h.audience})
	at, _, _ = strings.Cut(later.Header.Get("Location"), "?")
	page = body(t, b.get(at))
	require.Contains(t, page, "Tell these 1 people as well")
	answer := b.post("/documents/"+h.notice+"/additions", url.Values{"audience": {strings.TrimPrefix(at, "/audiences/")}})
	require.Equal(t, http.StatusSeeOther, answer.StatusCode, body(t, answer))
	addition, _, _ := strings.Cut(answer.Header.Get("Location"), "?")
	page = body(t, b.get(addition))
	require.Contains(t, page, "The same notice, to the letter")
	require.NotContains(t, page, "<textarea id=\"b-", "its words are not edited")
	require.Contains(t, page, addition+"/withdraw")
	require.Contains(t, body(t, b.get(sent)), addition)
}

func TestAProviderIsPausedByItsConsequence(t *testing.T) {
	h := newHouse(t)
	h.notify.SetWays([]notify.Way{{ID: "relay", Channel: "email", Regions: []string{"CN"}}, {ID: "relay-2", Channel: "email"}, {ID: "aliyun", Channel: "sms", Covers: notify.Mainland},
		{ID: "aliyun-intl", Channel: "sms", Covers: notify.Abroad}})
	sent := h.dispatched()
	b := h.browser("shen")
	page := body(t, b.get("/providers"))
	require.Contains(t, page, "What it has not begun goes out over Second mail relay")
	require.Equal(t, 2, strings.Count(page, "There is no other provider"), "what reaches other numbers takes nothing over")
	require.NotContains(t, body(t, h.browser("audit").get("/providers")), `action="/providers`)

	require.Equal(t, http.StatusBadRequest, b.post("/providers/relay/pause", url.Values{}).StatusCode, "a reason is needed")
	require.Equal(t, http.StatusSeeOther, b.post("/providers/relay/pause", url.Values{"reason": {"certificate"}}).StatusCode)
	require.Contains(t, body(t, b.get(sent)), "Mail relay (E-mail) is paused.")
	require.Contains(t, body(t, b.get("/providers")), "Reason: certificate")
	require.Equal(t, http.StatusSeeOther, b.post("/providers/relay/resume", nil).StatusCode)
	require.NotContains(t, body(t, b.get(sent)), "is paused.")
	require.Equal(t, http.StatusNotFound, b.post("/providers/none/pause", url.Values{"reason": {"x"}}).StatusCode)
}

func TestADispatchAddsUpAndIsFoundByPerson(t *testing.T) {
	h := newHouse(t)
	sent := h.dispatched()
	b := h.browser("shen")
	page := body(t, b.post(sent+"/recount", nil))
	require.Contains(t, page, "agree with the ledger")
	counted := body(t, b.asks("application/x-ndjson", sent+"/recount"))
	require.Contains(t, counted, `{"shown":`)
	require.Contains(t, counted, "agree with the ledger")
	require.NotContains(t, counted, "<html", "a script takes in the result alone")
	page = body(t, b.post(sent+"/search", url.Values{"by": {"code"}, "who": {"not a code"}}))
	require.Contains(t, page, "Nobody in this dispatch")
	require.Contains(t, body(t, b.get(sent+"?list=complained")), "do not send again")
	page = body(t, b.post(sent+"/search", url.Values{"by": {"key"}, "who": {"u-1"}}))
	require.Contains(t, page, `class="told"`)
	require.NotContains(t, page, "Download the proof", "nothing has happened yet")
	require.Equal(t, http.StatusConflict, b.get(sent+"/proof/0").StatusCode)
	file := b.get(sent + "/export?format=csv")
	require.Contains(t, file.Header.Get("Content-Type"), "text/csv")
	require.NotContains(t, body(t, file), "example.com")

	form := url.Values{"reason": {"wait"}}
	require.Equal(t, http.StatusSeeOther, b.post(sent+"/pause", form).StatusCode)
	page = body(t, b.get(sent))
	require.Contains(t, page, "Paused by SHEN (you).")
	require.Contains(t, page, "Nobody who was sent to is sent to again.")
	require.Equal(t, http.StatusBadRequest, b.post(sent+"/stop", form).StatusCode, "the box must be ticked")
}
