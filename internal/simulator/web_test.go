package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// post sends a body to an admin door and gives the status.
func post(t *testing.T, s *Simulator, method, path, body string) int {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+s.HTTPAddr()+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("X-Simulator", "1")
	resp, err := caller.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestAdminDoors(t *testing.T) {
	s, _ := started(t, Options{})
	require.Equal(t, 204, post(t, s, "POST", "/_admin/faults", `{"channel":"sms","accept":true,"drop":true,"times":1}`))
	require.Equal(t, "cut", s.tell(t, "sms", "13900000001"))
	require.Equal(t, "200 OK", s.tell(t, "sms", "13900000001"))
	var repeats struct{ Repeats []Repeat }
	_, body := get(t, s.HTTPAddr()+"/_admin/repeats?limit=10", nil)
	require.NoError(t, json.Unmarshal([]byte(body), &repeats))
	require.Equal(t, []Repeat{{"sms", "13900000001", "o-1", 2}}, repeats.Repeats)
	_, body = get(t, s.HTTPAddr()+"/_admin/export", nil)
	k := KeyOf("sms", "13900000001", "o-1")
	require.Equal(t, strings.TrimSpace(body), fmt.Sprintf("%016x %08x 2", k.Person, k.ID))

	require.Equal(t, 204, post(t, s, "POST", "/_admin/profile", `{"faults":{"throttled":1}}`))
	require.Equal(t, "400 Throttling.User", s.tell(t, "sms", "13900000002"))
	require.Equal(t, 400, post(t, s, "POST", "/_admin/profile", `{"faults":{"throttled":2}}`))
	_, body = get(t, s.HTTPAddr()+"/_admin/faults", nil)
	require.Contains(t, body, `"shares":{"throttled":1}`)
	require.Equal(t, 204, post(t, s, "DELETE", "/_admin/faults", ""))
	require.Equal(t, "200 OK", s.tell(t, "sms", "13900000003"))

	before := s.Now()
	require.Equal(t, 204, post(t, s, "POST", "/_admin/clock", `{"advance":"10m"}`))
	require.Equal(t, 10*time.Minute, s.Now().Sub(before))
	require.Equal(t, 204, post(t, s, "POST", "/_admin/clock", `{"set":"2027-01-02T03:04:05Z"}`))
	require.Equal(t, "2027-01-02T03:04:05Z", s.Now().Format(time.RFC3339))
	require.Equal(t, "200 OK", s.tell(t, "sms", "13900000004"), "callers are not late")
	require.Equal(t, 400, post(t, s, "POST", "/_admin/clock", `{"advance":"soon"}`))

	require.Equal(t, 204, post(t, s, "POST", "/_admin/sms", `{"limited":true,"balance":0}`))
	require.Equal(t, "200 isv.AMOUNT_NOT_ENOUGH", s.tell(t, "sms", "13900000005"))
	require.Equal(t, 204, post(t, s, "POST", "/_admin/reset", ""))
	require.Empty(t, s.Journal.Summary().Channels)
}

// A clock that is wrong at the provider makes right timestamps expired.
func TestSkew(t *testing.T) {
	s, fake := started(t, Options{})
	require.Equal(t, 204, post(t, s, "POST", "/_admin/clock", `{"skew":"16m"}`))
	status, code := call(t, s, "skewed", func(p url.Values) { p.Set("Timestamp", fake.Now().Format("2006-01-02T15:04:05Z")) }, true)
	require.Equal(t, 400, status)
	require.Equal(t, "InvalidTimeStamp.Expired", code)
}

// The pages speak both languages, show what arrived, and take buttons from themselves only.
func TestPages(t *testing.T) {
	s, _ := started(t, Options{})
	require.Equal(t, "200 OK", s.tell(t, "sms", "13900000001"))
	require.Equal(t, "200 OK", s.tell(t, "push", "d1"))
	_, body := get(t, s.HTTPAddr()+"/", func(r *http.Request) { r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9") })
	require.Contains(t, body, `lang="zh-Hans"`)
	require.Contains(t, body, "模拟器收到的消息")
	_, body = get(t, s.HTTPAddr()+"/?lang=en", nil)
	require.Contains(t, body, "Arrived at the simulator")
	require.Contains(t, body, "13900000001")
	_, body = get(t, s.HTTPAddr()+"/?channel=push", nil)
	require.NotContains(t, body, "13900000001")
	_, body = get(t, s.HTTPAddr()+"/message/1?lang=en", nil)
	require.Contains(t, body, "<dt>ref</dt><dd>A B&amp;=/~*</dd>", "values of a template, escaped")
	resp, _ := get(t, s.HTTPAddr()+"/message/99", nil)
	require.Equal(t, 404, resp.StatusCode)
	_, body = get(t, s.HTTPAddr()+"/faults?lang=zh-Hans", nil)
	for i := range kinds {
		require.Contains(t, body, kinds[i].ZH)
	}
	require.NotContains(t, body, "<script")

	press := func(site string) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+s.HTTPAddr()+"/faults", bytes.NewReader([]byte("do=share&kind=lost&share=0.1&back=faults")))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		resp, err := (&http.Client{Transport: caller.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	require.Equal(t, http.StatusForbidden, press("cross-site"))
	require.Equal(t, http.StatusSeeOther, press("same-origin"))
	_, body = get(t, s.HTTPAddr()+"/faults", nil)
	require.Contains(t, body, "<b>10 %</b>")
}

// Every word is there in both languages.
func TestWords(t *testing.T) {
	for key, w := range words {
		require.NotEmpty(t, w[0], key)
		require.NotEmpty(t, w[1], key)
	}
	html, err := files.ReadFile("page.html")
	require.NoError(t, err)
	for part := range strings.SplitSeq(string(html), `.T "`) {
		if key, _, found := strings.Cut(part, `"`); found && len(key) < 20 && !strings.ContainsAny(key, "<> ") {
			require.Contains(t, words, key)
		}
	}
}

// The handbook's table of what can go wrong is the table.
func TestHandbookListsTheKinds(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operator.md")
	require.NoError(t, err)
	for _, row := range handbook() {
		require.Contains(t, string(doc), row+"\n")
	}
}

// handbook is the table of kinds as docs/operator.md has it.
func handbook() (rows []string) {
	for i := range kinds {
		k := kindRow{Kind: kinds[i]}
		row := "|"
		for _, cell := range []string{k.Local(), k.Phone(), k.Device()} {
			if cell != "" {
				cell = " `" + cell + "`"
			}
			row += cell + " |"
		}
		what := k.EN
		if k.Stops {
			what += " (stops the provider)"
		}
		rows = append(rows, row+" "+what+" |")
	}
	return rows
}
