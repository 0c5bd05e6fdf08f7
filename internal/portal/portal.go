// Package portal is the public side: announcements, and "is this notice real?", for people who have no
// account, no JavaScript and no cookies.
package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/templates"
)

// Notify is what the portal asks of the notices: what is public, and whether a check code is ours.
type Notify interface {
	Announcements(ctx context.Context, operator string) ([]notify.Announcement, error)
	Genuine(ctx context.Context, operator, code string) (*notify.Announcement, bool, error)
}

// Options are what the portal shows and from where.
type Options struct {
	Notify       Notify
	Organisation func(ctx context.Context) (templates.Organisation, error)
	Operator     string
	Clock        clock.Clock
	Log          *slog.Logger
	URL          string // as people type it, without a slash at the end; feeds hold whole addresses
	Simulated    bool   // a try-out: every page says that no real person is sent anything
}

type portal struct {
	Options
	words words
	shelf shelf
	pages pages
	limit *limiter
}

// policy lets a page load its own style and picture and post its own form; nothing can run.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Mount registers the public pages on the engine.
func Mount(engine *gin.Engine, o Options) error {
	if o.Notify == nil || o.Organisation == nil || o.Clock == nil || o.Log == nil {
		return errors.New("mount portal: notices, organisation, clock and log are needed")
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	p := &portal{Options: o, limit: newLimiter(visitorsKept)}
	var err error
	if p.words, err = loadWords(); err != nil {
		return fmt.Errorf("mount portal: %w", err)
	}
	if p.pages, err = loadPages(); err != nil {
		return fmt.Errorf("mount portal: %w", err)
	}
	group := engine.Group("/", headers)
	for path, handle := range map[string]gin.HandlerFunc{
		"/notices": p.list, "/notices/:no": p.notice, "/check": p.ask,
		"/notices.json": p.jsonFeed, "/notices.atom": p.atomFeed,
		"/portal.css": p.pages.file("portal.css", "text/css; charset=utf-8"),
		"/portal.svg": p.pages.file("portal.svg", "image/svg+xml"),
	} {
		group.GET(path, handle)
		group.HEAD(path, handle)
	}
	group.POST("/check", p.check)
	return nil
}

// headers go on every answer. The referrer stays within the site: without one, old browsers would post
// the check form from a "null" origin, which is refused.
func headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Next()
}

// public lets everyone keep an answer for a minute, per language.
func public(c *gin.Context) {
	c.Header("Cache-Control", "public, max-age=60")
	c.Header("Vary", "Accept-Language")
}

// private keeps an answer out of every cache and history.
func private(c *gin.Context) { c.Header("Cache-Control", "no-store") }

// unavailable answers when neither the store nor the shelf has anything to show.
func (p *portal) unavailable(c *gin.Context, what string, err error) {
	p.Log.ErrorContext(c.Request.Context(), what, "error", err)
	private(c)
	c.Header("Retry-After", "30")
	v := p.view(c, stock{})
	v.Heading, v.Text = "unavailable.heading", "unavailable.text"
	p.show(c, http.StatusServiceUnavailable, "message", v)
}
