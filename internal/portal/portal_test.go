package portal_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/notify"
)

func TestCheckAnswersAreConstant(t *testing.T) {
	h := open(t)
	_, yes := h.check(code)
	require.Contains(t, yes, "Yes, this code is ours")
	require.Contains(t, yes, published)
	require.Contains(t, yes, "1 March 2026, 12:30 (Beijing time)")
	require.Contains(t, yes, "Text message signed 【示例商城】")
	_, same := h.check(other)
	require.Equal(t, yes, same, "every valid code of a notice has one answer")

	_, no := h.check("0123456789ABE")
	require.Contains(t, no, "We cannot confirm this code")
	for _, wrong := range []string{
		"", " ", "0123456789AB", "0123456789ABCD", "ABC", "ZZZZZZZZZZZZY", "<script>alert(1)</script>", "9999-AAAA",
		"u-1029", "user@example.com", "+86 139 0000 0000", strings.Repeat("7", 5000), "\x00\xff", "核验码",
	} {
		h.clock.Advance(time.Minute)
		res, answer := h.check(wrong)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, no, answer, "%.20q", wrong)
	}
	for _, form := range []string{"", "code=%zz", "other=1", "{}"} {
		h.clock.Advance(time.Minute)
		require.Equal(t, no, body(t, h.do(http.MethodPost, "/check?lang=en", form)), form)
	}
	require.NotContains(t, h.log.String(), code)
}

func TestCheckOfANoticeWithoutAPageSaysItIsOurs(t *testing.T) {
	h := open(t)
	_, answer := h.check(pageless)
	require.Contains(t, answer, "Yes, this code")
	require.Contains(t, answer, "9999-AAAA")
	require.NotContains(t, answer, "/notices/9999-AAAA", "there is nothing to read")
}

func TestANumberIsNoProof(t *testing.T) {
	h := open(t)
	_, answer := h.check(" 7k3m q2rd")
	require.Contains(t, answer, "a number proves nothing")
	require.NotContains(t, answer, "Yes, this code")
}

func TestCodeIsNeverTakenFromTheAddress(t *testing.T) {
	h := open(t)
	_, plain := h.get("/check?lang=en")
	_, with := h.get("/check?lang=en&code=" + code)
	require.Equal(t, plain, with)
	require.Equal(t, plain, body(t, h.do(http.MethodGet, "/check?lang=en", "code="+code)))
	require.Empty(t, h.asked)
	_, answer := h.check("")
	require.Equal(t, answer, body(t, h.do(http.MethodPost, "/check?lang=en&code="+code, "")))
}

func TestChecksAreLimitedPerNetwork(t *testing.T) {
	h := open(t)
	const home = "192.0.2.7:4711"
	for range 20 {
		res, _ := h.check("wrong", "X-Test-Address", home)
		require.Equal(t, http.StatusOK, res.StatusCode)
	}
	asked := len(h.asked)
	res, page := h.check(code, "X-Test-Address", "192.0.2.7:4712")
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	require.Equal(t, "60", res.Header.Get("Retry-After"))
	require.Contains(t, page, "Please wait a moment")
	require.Len(t, h.asked, asked, "a refused check asks nothing")
	_, again := h.check("wrong", "X-Test-Address", home)
	require.Equal(t, page, again)

	res, _ = h.check(code, "X-Test-Address", "192.0.2.8:4711")
	require.Equal(t, http.StatusOK, res.StatusCode, "others go on")
	res, _ = h.check(code, "X-Test-Address", home, "X-Forwarded-For", "198.51.100.1")
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode, "an untrusted header buys nothing")
	h.clock.Advance(time.Minute)
	res, _ = h.check(code, "X-Test-Address", home)
	require.Equal(t, http.StatusOK, res.StatusCode)
}

func TestPagesAndTheirHeaders(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/notices", "/notices/" + published, "/notices/none", "/check", "/notices.json", "/notices.atom", "/portal.css", "/portal.svg"} {
		res, page := h.get(path)
		want := http.StatusOK
		if path == "/notices/none" {
			want = http.StatusNotFound
		}
		require.Equal(t, want, res.StatusCode, path)
		require.Empty(t, res.Header.Values("Set-Cookie"), path)
		csp := res.Header.Get("Content-Security-Policy")
		require.Contains(t, csp, "default-src 'none'", path)
		require.NotContains(t, csp, "script-src", path)
		require.NotContains(t, csp, "unsafe", path)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			require.NotContains(t, page, "<script", path)
			require.NotContains(t, page, "style=", path)
		}
		head := h.do(http.MethodHead, path, "")
		require.Equal(t, want, head.StatusCode, "HEAD %s", path)
		require.Equal(t, res.Header.Get("ETag"), head.Header.Get("ETag"), path)
	}
	for _, path := range []string{"/check", "/notices/none"} {
		res, _ := h.get(path)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"), path)
	}
	res, _ := h.check(code)
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	require.Empty(t, res.Header.Get("ETag"))
	require.Empty(t, res.Header.Values("Set-Cookie"))
}

func TestUnchangedPagesAreNotSentAgain(t *testing.T) {
	h := open(t)
	res, _ := h.get("/notices")
	tag := res.Header.Get("ETag")
	require.NotEmpty(t, tag)
	res, page := h.get("/notices", "If-None-Match", tag)
	require.Equal(t, http.StatusNotModified, res.StatusCode)
	require.Empty(t, page)
	res, _ = h.get("/notices", "If-None-Match", tag, "Accept-Language", "en")
	require.Equal(t, http.StatusOK, res.StatusCode, "another language is another page")
}

func TestLanguages(t *testing.T) {
	h := open(t)
	for _, c := range []struct{ path, accept, lang, says string }{
		{"/notices", "", "zh-Hans", "安全通知"},
		{"/notices", "zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans", "安全通知"},
		{"/notices", "zh-TW", "zh-Hans", "安全通知"},
		{"/notices", "en-GB", "en", "Security notices"},
		{"/notices", "fr", "en", "Security notices"},
		{"/notices?lang=en", "zh-CN", "en", "Security notices"},
		{"/notices?lang=zh-Hans", "en", "zh-Hans", "安全通知"},
		{"/notices?lang=%22%3E%3Cscript%3E", "en", "en", "Security notices"},
		{"/notices/" + published + "?lang=en", "zh-CN", "en", "Public notice of a personal"},
		{"/notices/" + published, "zh-CN", "zh-Hans", "关于个人信息安全事件的公告"},
	} {
		res, page := h.get(c.path, "Accept-Language", c.accept)
		require.Contains(t, page, `<html lang="`+c.lang+`">`, c.path)
		require.Contains(t, page, c.says, c.path)
		require.NotContains(t, page, "><script>", c.path)
		require.Equal(t, c.lang, res.Header.Get("Content-Language"), c.path)
		require.Equal(t, "Accept-Language", res.Header.Get("Vary"), c.path)
	}
	_, page := h.get("/notices?lang=en", "Accept-Language", "zh-CN")
	require.Contains(t, page, `href="/notices/`+published+`?lang=en"`, "a chosen language goes along")
}

func TestAnnouncementInOneLanguageIsShownToAll(t *testing.T) {
	h := open(t)
	h.live[0].Messages = h.live[0].Messages[1:]
	_, page := h.get("/notices/"+published, "Accept-Language", "en")
	require.Contains(t, page, `<html lang="en">`)
	require.Contains(t, page, `<article lang="zh-Hans">`)
}

func TestHostileTextIsShownAsFrozen(t *testing.T) {
	h := open(t)
	hostile := `<script>alert(1)</script> <img src=x onerror=alert(1)> [[ref]] {{.Org}} "><b>`
	h.live = []notify.Announcement{h.announcement("ntc_3", `<b>"no`, hostile, start)}
	h.live[0].Messages[0].Subject = `</title><script>alert(2)</script>`
	_, page := h.get("/notices/"+url.PathEscape(`<b>"no`), "Accept-Language", "en")
	require.Contains(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;")
	require.Contains(t, page, "&lt;b&gt;&#34;no")
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "<img src=x")
	require.NotContains(t, page, "[[ref]]")
	_, list := h.get("/notices", "Accept-Language", "en")
	require.NotContains(t, list, "<script")
}

func TestNumbersAreReadAsPeopleTypeThem(t *testing.T) {
	h := open(t)
	for _, no := range []string{published, "7k3m-q2rd", "7k3mq2rd", "7K3M%20Q2RD"} {
		res, page := h.get("/notices/"+no, "Accept-Language", "en")
		require.Equal(t, http.StatusOK, res.StatusCode, no)
		require.Contains(t, page, `<dd class="number">`+published, no)
		require.Contains(t, page, "Notice number "+published)
	}
}

func TestFeedsKeepTheirIds(t *testing.T) {
	h := open(t)
	_, first := h.get("/notices.atom?lang=en")
	later := h.announcement("ntc_9", "AAAA-BBBB", "More is known.", start.Add(time.Hour))
	h.live = append([]notify.Announcement{later}, h.live...)
	h.clock.Advance(time.Minute)
	_, second := h.get("/notices.atom?lang=en")

	type entry struct {
		ID      string `xml:"id"`
		Updated string `xml:"updated"`
		Link    struct {
			Href string `xml:"href,attr"`
		} `xml:"link"`
		Content string `xml:"content"`
	}
	var a, b struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Updated string   `xml:"updated"`
		Entries []entry  `xml:"entry"`
	}
	require.NoError(t, xml.Unmarshal([]byte(first), &a))
	require.NoError(t, xml.Unmarshal([]byte(second), &b))
	require.Equal(t, a.ID, b.ID)
	require.Len(t, b.Entries, 2)
	require.Equal(t, a.Entries[0], b.Entries[1])
	require.NotEqual(t, b.Entries[0].ID, b.Entries[1].ID)
	require.Equal(t, "2026-03-01T05:30:00Z", b.Updated)
	require.Equal(t, "https://www.example.com/notices/"+published+"?lang=en", b.Entries[1].Link.Href)
	require.Contains(t, b.Entries[1].Content, "An interface did not check who was asking.")

	_, raw := h.get("/notices.json?lang=en")
	var feed struct {
		Version string
		Items   []struct{ ID, URL, Language string }
	}
	require.NoError(t, json.Unmarshal([]byte(raw), &feed))
	require.Equal(t, "https://jsonfeed.org/version/1.1", feed.Version)
	require.Equal(t, b.Entries[1].ID, feed.Items[1].ID)
	require.Equal(t, "en", feed.Items[0].Language)
}

func TestAnnouncementsOutliveTheStore(t *testing.T) {
	h := open(t)
	h.down = errDown
	res, page := h.get("/notices", "Accept-Language", "en")
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.Equal(t, "30", res.Header.Get("Retry-After"))
	require.NotContains(t, page, errDown.Error())
	h.down = nil
	h.get("/notices")

	h.down = errDown
	h.clock.Advance(time.Hour)
	res, page = h.get("/notices/"+published, "Accept-Language", "en")
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Contains(t, page, "An interface did not check")
	res, _ = h.check(code)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode, "what cannot be checked is not answered with a no")
}

func TestManyVisitorsReadTheStoreOnce(t *testing.T) {
	h := open(t)
	for i := range 50 {
		h.get(fmt.Sprintf("/notices?lang=en&n=%d", i))
	}
	require.Equal(t, 1, h.reads)
	h.clock.Advance(2 * time.Second)
	h.get("/notices")
	require.Equal(t, 2, h.reads)
}

func TestNothingPublishedYet(t *testing.T) {
	h := open(t)
	h.live = nil
	_, page := h.get("/notices", "Accept-Language", "en")
	require.Contains(t, page, "There are no announcements at present.")
	res, _ := h.get("/notices.atom")
	require.Equal(t, http.StatusOK, res.StatusCode)
}
