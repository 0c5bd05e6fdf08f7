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
	Simulator string // address of the providers' doubles, said on every page; "" when providers are real
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

// handler answers one request of a signed-in person.
type handler func(*request) error

func (c *console) routes(engine *gin.Engine) {
	engine.GET("/assets/:name", c.asset)
	open := engine.Group("/", c.guard)
	open.GET("/sign-in", c.signInPage)
	open.POST("/sign-in", limit(maxForm), c.signIn)

	for path, page := range map[string]handler{
		"/":                        (*request).incidentList,
		"/approvals":               (*request).approvals,
		"/tasks":                   (*request).tasks,
		"/incidents/:id":           (*request).incidentPage,
		"/incidents/:id/timeline":  (*request).timeline,
		"/incidents/:id/evidence":  (*request).evidencePack,
		"/audiences/:id":           (*request).audiencePage,
		"/documents/:id":           (*request).documentPage,
		"/documents/:id/preview":   (*request).preview,
		"/documents/:id/dispatch":  (*request).confirmDispatch,
		"/dispatches/:id":          (*request).dispatchPage,
		"/incidents/:id/response":  (*request).responsePage,
		"/incidents/:id/relief":    (*request).reliefExport,
		"/incidents/:id/customers": (*request).customersPage,
		"/incidents/:id/rules":     (*request).rulesetPage,
		"/incidents/:id/reasons":   (*request).reasonsPage,
		"/duties/:id":              (*request).dutyPage,
		"/decisions/:id":           (*request).decisionPage,
		"/decisions/:id/defence":   (*request).defence,
		"/profile":                 (*request).profilePage,
		"/law":                     (*request).lawPage,
		"/console/events":          (*request).events,
	} {
		open.GET(path, c.signedIn(page))
	}
	for path, do := range map[string]handler{
		"/sign-out":                     (*request).signOut,
		"/preferences":                  (*request).preferences,
		"/incidents/:id/awareness":      (*request).decideAwareness,
		"/incidents/:id/facts":          (*request).answerFact,
		"/incidents/:id/close":          (*request).closeHandling,
		"/tasks/:id":                    (*request).completeTask,
		"/documents/:id":                (*request).saveDocument,
		"/documents/:id/submit":         (*request).submit,
		"/documents/:id/approve":        (*request).approve,
		"/documents/:id/return":         (*request).returnDocument,
		"/documents/:id/withdraw":       (*request).withdraw,
		"/documents/:id/dispatch":       (*request).dispatch,
		"/dispatches/:id/pause":         (*request).pause,
		"/dispatches/:id/resume":        (*request).resume,
		"/dispatches/:id/stop":          (*request).stop,
		"/dispatches/:id/search":        (*request).search,
		"/incidents/:id/plan":           (*request).activatePlan,
		"/incidents/:id/plan/end":       (*request).endPlan,
		"/incidents/:id/relief":         (*request).sayGround,
		"/incidents/:id/customers":      (*request).importCustomers,
		"/incidents/:id/customers/told": (*request).tellCustomer,
		"/incidents/:id/rules":          (*request).acceptRuleset,
		"/decisions/:id":                (*request).decideDecision,
		"/duties/:id/undertake":         (*request).undertake,
		"/profile":                      (*request).saveProfile,
	} {
		open.POST(path, limit(maxForm), c.signedIn(do))
	}
	open.POST("/incidents/:id/audience", c.signedIn((*request).importAudience)) // streamed, of any size
	for path, do := range map[string]handler{                                   // with a file of proof
		"/documents/:id/filings": (*request).recordFiling,
		"/duties/:id/decisions":  (*request).proposeDecision,
		"/incidents/:id/reasons": (*request).proposeNone,
		"/incidents/:id/letters": (*request).receiveLetter,
		"/letters/:id/answer":    (*request).answerLetter,
	} {
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
