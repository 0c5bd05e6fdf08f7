// Package console is the responders' web console: server-rendered pages over the use cases, live by
// server-sent events, usable without scripts.
package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tocsin/incident"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Events is the feed of committed changes that pages listen to.
type Events interface {
	Listen() (events <-chan incident.Event, cancel func())
	After(ctx context.Context, operator string, seq int64, limit int) ([]incident.Event, error)
}

// Options are the use cases behind the pages.
type Options struct {
	Playbooks *playbooks.Service
	Notify    *notify.Service
	Access    *access.Service
	Catalog   *templates.Catalog
	Law       Law // nil: only duties name those to whom they are owed
	Events    Events
	Clock     clock.Clock
	Log       *slog.Logger
	Operator  string
	Secure    bool   // cookies over TLS only; false on loopback
	Refusing  func() (why string, since time.Time) // why the store takes no writes: full, locked, read-only; "" when it does
	Simulator string                               // address of the providers' doubles, said on every page; "" when providers are real
}

// console serves the pages.
type console struct {
	Options
	looks  *looks
	assets assets

	rules func() map[string]obligation.RuleInfo // by id

	mu      sync.Mutex // guards people
	people  map[string]string
	peopled time.Time
}

// Mount puts the console's pages on the engine.
func Mount(engine *gin.Engine, o Options) error {
	c := &console{Options: o}
	c.rules = sync.OnceValue(func() map[string]obligation.RuleInfo {
		rules := map[string]obligation.RuleInfo{}
		for _, rule := range o.Playbooks.Law() {
			rules[rule.ID] = rule
		}
		return rules
	})
	var err error
	if c.assets, err = loadAssets(); err != nil {
		return fmt.Errorf("load console assets: %w", err)
	}
	if c.looks, err = loadLooks(c.assets); err != nil {
		return fmt.Errorf("load console pages: %w", err)
	}
	if !c.assets.live {
		o.Log.Warn("console: built without `make assets`: pages work, but do not update themselves")
	}
	c.routes(engine)
	return nil
}

// Limits of request bodies.
const (
	maxForm  = 4 << 20
	maxProof = 17 << 20
)

func (c *console) routes(engine *gin.Engine) {
	engine.GET("/assets/:name", c.asset)
	open := engine.Group("/", c.guard)
	open.GET("/sign-in", c.signInPage)
	open.POST("/sign-in", limit(maxForm), c.signIn)

	for path, page := range pages {
		open.GET(path, c.signedIn(page))
	}
	for path, do := range actions {
		open.POST(path, limit(maxForm), c.signedIn(do))
	}
	open.POST("/incidents/:id/audience", c.signedIn((*request).importAudience)) // streamed, of any size
	for path, do := range proven {
		open.POST(path, limit(maxProof), c.signedIn(do))
	}
}

// limit bounds a form and reads it.
func limit(most int64) gin.HandlerFunc {
	return func(g *gin.Context) {
		g.Request.Body = http.MaxBytesReader(g.Writer, g.Request.Body, most)
		if err := g.Request.ParseForm(); err != nil {
			g.AbortWithStatus(http.StatusRequestEntityTooLarge)
		}
	}
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard sets the headers of every page.
func (c *console) guard(g *gin.Context) {
	h := g.Writer.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cache-Control", "no-store")
	if c.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
