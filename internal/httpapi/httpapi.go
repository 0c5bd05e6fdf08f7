// Package httpapi is the JSON API: typed operations over the use cases, one place that turns faults into
// answers, and the OpenAPI description of exactly what is served.
package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/incident/intake"
	"tocsin/internal/access"
	"tocsin/internal/clock"
	"tocsin/notify"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
)

// Base is where the API lives.
const Base = "/api/v1"

// Options are the use cases behind the door.
type Options struct {
	Playbooks *playbooks.Service
	Notify    *notify.Service
	Access    *access.Service
	Intake    *intake.Service
	Engine    *obligation.Engine
	Store     incident.Store // idempotency answers
	Events    Events
	Clock     clock.Clock
	Log       *slog.Logger
	Operator  string
	MaxBody   int64
	// Callback is the unguessable path part of providers' receipts.
	Callback string
	// Evidence writes an incident's pack.
	Evidence func(ctx context.Context, sc evidence.Scope, id incident.ID, w io.Writer) error
}

// Events is where committed events are read and heard.
type Events interface {
	After(ctx context.Context, operator string, seq int64, limit int) ([]incident.Event, error)
	Listen() (events <-chan incident.Event, cancel func())
}

type api struct {
	Options
	running inFlight
}

// Mount registers every operation on the engine and returns the description of what is served.
func Mount(engine *gin.Engine, o Options) huma.API {
	a := &api{Options: o, running: newInFlight()}
	huma.NewError = newError
	cfg := huma.DefaultConfig("Tocsin", "1")
	cfg.Info.Description = "Security-incident notification and breach response. Times are RFC 3339; lists take after and limit; faults are RFC 9457 problems with a pointer each."
	cfg.DocsPath, cfg.OpenAPIPath, cfg.SchemasPath, cfg.CreateHooks = "", "", "", nil
	cfg.Servers = []*huma.Server{{URL: Base}}
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer", Description: "An API token: tocsin token issue"}}
	group := engine.Group(Base)
	h := humagin.NewWithGroup(engine, group, cfg)
	h.UseMiddleware(a.authenticate, a.limitBody)
	a.incidents(h)
	a.duties(h)
	a.explanations(h)
	a.documents(h)
	a.audiences(h)
	a.dispatches(h)
	a.providers(h)
	a.administration(h)
	a.callbacks(group)
	group.GET("/openapi.json", func(c *gin.Context) { c.JSON(http.StatusOK, h.OpenAPI()) })
	return h
}

// schemaName tells apart the types of one name from several rooms: ObligationSource, IncidentSource.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if room := path.Base(t.PkgPath()); t.Name() != "" && room != "." && room != "httpapi" {
		name = strings.ToUpper(room[:1]) + room[1:] + name
	}
	return name
}

type (
	scopeKey  struct{}
	headerKey struct{}
)

// scope is the authenticated caller of an operation.
func scope(ctx context.Context) evidence.Scope {
	sc, _ := ctx.Value(scopeKey{}).(evidence.Scope)
	return sc
}

// requestHeaders are the caller's headers less the secret ones, for readers that need them.
func requestHeaders(ctx context.Context) map[string]string {
	h, _ := ctx.Value(headerKey{}).(map[string]string)
	return h
}

func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	token, ok := strings.CutPrefix(ctx.Header("Authorization"), "Bearer ")
	if !ok {
		a.refuse(ctx, incident.NewFault(incident.Unauthorized, "sign in with Authorization: Bearer and an API token"))
		return
	}
	sc, err := a.Access.ByToken(ctx.Context(), strings.TrimSpace(token))
	if err != nil {
		a.refuse(ctx, err)
		return
	}
	header := map[string]string{}
	ctx.EachHeader(func(name, value string) {
		if !strings.EqualFold(name, "Authorization") && !strings.EqualFold(name, "Cookie") {
			header[name] = value
		}
	})
	next(huma.WithValue(huma.WithValue(ctx, scopeKey{}, sc), headerKey{}, header))
}

// limitBody refuses early what says it is too large; streamed imports have no limit of their own.
func (a *api) limitBody(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata["stream"] == nil && contentLength(ctx) > a.MaxBody {
		a.refuse(ctx, incident.NewFault(incident.TooLarge, "the body is larger than %d bytes", a.MaxBody))
		return
	}
	next(ctx)
}

// operation is the common part of every operation's description.
func (a *api) operation(id, method, path, summary string, status int, more ...func(*huma.Operation)) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status,
		MaxBodyBytes: a.MaxBody, Security: []map[string][]string{{"token": {}}}, Metadata: map[string]any{},
		Tags: []string{strings.SplitN(strings.TrimPrefix(path, "/"), "/", 2)[0]},
	}
	for _, m := range more {
		m(&op)
	}
	return op
}

// raw marks an operation that reads its own body; schema describes it to others.
func raw(schema *huma.Schema, types ...string) func(*huma.Operation) {
	return func(o *huma.Operation) {
		o.SkipValidateBody = true
		o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, t := range types {
			o.RequestBody.Content[t] = &huma.MediaType{Schema: schema}
		}
	}
}

// register adds an operation whose errors are explained in one place.
func register[I, O any](h huma.API, a *api, op huma.Operation, handle func(context.Context, evidence.Scope, *I) (*O, error)) {
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, scope(ctx), in)
		if err != nil {
			return nil, a.fail(ctx, op.OperationID, err)
		}
		return out, nil
	})
}
