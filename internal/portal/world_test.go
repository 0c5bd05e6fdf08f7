package portal_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"tocsin/internal/clock"
	"tocsin/internal/portal"
	"tocsin/notify"
	"tocsin/templates"
)

const (
	code      = "0123456789ABC"
	other     = "0123456789ABD" // of the same notice
	pageless  = "ZZZZZZZZZZZZZ" // of a notice without an announcement
	published = "7K3M-Q2RD"
)

var start = time.Date(2026, 3, 1, 4, 30, 0, 0, time.UTC)

// house is a portal over notices held in memory.
type house struct {
	t      testing.TB
	engine *gin.Engine
	clock  *clock.Fake
	log    strings.Builder
	org    templates.Organisation
	live   []notify.Announcement
	down   error
	reads  int
	asked  []string
}

func (h *house) Announcements(context.Context, string) ([]notify.Announcement, error) {
	h.reads++
	return h.live, h.down
}

func (h *house) Genuine(_ context.Context, operator, typed string) (*notify.Announcement, bool, error) {
	require.Equal(h.t, "acme", operator)
	h.asked = append(h.asked, typed)
	switch {
	case h.down != nil:
		return nil, false, h.down
	case typed == code || typed == other:
		return &h.live[0], true, nil
	case typed == pageless:
		return &notify.Announcement{Notice: "ntc_2", No: "9999-AAAA", LiveAt: start, Channels: []string{templates.SMS}}, true, nil
	}
	return nil, false, nil
}

func open(t testing.TB) *house {
	gin.SetMode(gin.TestMode)
	h := &house{t: t, engine: gin.New(), clock: clock.NewFake(start.Add(time.Hour)), org: templates.Organisation{
		Name:    map[string]string{"zh-Hans": "示例商城（上海）有限公司", "en": "Example Mall (Shanghai) Co., Ltd."},
		Contact: map[string]string{"zh-Hans": "客服热线 400-000-0000", "en": "Hotline 400-000-0000"},
		Site:    "www.example.com", Sender: "security@example.com", SMSSign: "示例商城", SMSTemplate: "SMS_000000001", Zone: "Asia/Shanghai",
	}}
	h.live = []notify.Announcement{h.announcement("ntc_1", published, "An interface did not check who was asking.", start)}
	require.NoError(t, h.engine.SetTrustedProxies(nil))
	require.NoError(t, portal.Mount(h.engine, portal.Options{
		Notify: h, Operator: "acme", Clock: h.clock, Log: slog.New(slog.NewTextHandler(&h.log, nil)), URL: "https://www.example.com/",
		Organisation: func(context.Context) (templates.Organisation, error) { return h.org, h.down },
	}))
	return h
}

// announcement is compiled by the real templates, so that what is tested is what gets frozen.
func (h *house) announcement(notice, no, said string, at time.Time) notify.Announcement {
	catalog, err := templates.Load()
	require.NoError(h.t, err)
	content := templates.Content{
		Template: "cn/announcement", Locales: map[string][]templates.Passage{},
		Subject: map[string]string{"zh-Hans": "关于个人信息安全事件的公告", "en": "Public notice of a personal information security incident"},
	}
	a := notify.Announcement{Notice: notice, No: no, LiveAt: at,
		Channels: []string{templates.Email, templates.SMS, templates.Push, templates.Announcement}}
	for _, locale := range []string{"en", "zh-Hans"} {
		content.Locales[locale] = []templates.Passage{{Block: templates.Circumstances, Text: said, Author: "usr_1"}}
		m, err := catalog.Compile(content, h.org, templates.Announcement, locale)
		require.NoError(h.t, err)
		a.Messages = append(a.Messages, notify.FrozenMessage{Message: m})
	}
	return a
}

func (h *house) do(method, target, form string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if at := r.Header.Get("X-Test-Address"); at != "" {
		r.RemoteAddr = at
	}
	w := httptest.NewRecorder()
	h.engine.ServeHTTP(w, r)
	return w.Result()
}

func (h *house) get(target string, header ...string) (*http.Response, string) {
	res := h.do(http.MethodGet, target, "", header...)
	return res, body(h.t, res)
}

func (h *house) check(typed string, header ...string) (*http.Response, string) {
	res := h.do(http.MethodPost, "/check?lang=en", url.Values{"code": {typed}}.Encode(), header...)
	return res, body(h.t, res)
}

func body(t testing.TB, res *http.Response) string {
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

var errDown = errors.New("the store is down")
