package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/console"
	"tocsin/internal/httpapi"
	"tocsin/internal/portal"
	"tocsin/internal/store"
	"tocsin/templates"
)

// routes mounts API, console and portal on one engine.
func (a *App) routes() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed, engine.ContextWithFallback = true, true
	if err := engine.SetTrustedProxies(a.Config.HTTP.Proxies); err != nil {
		return nil, fmt.Errorf("trust proxies: %w", err)
	}
	engine.Use(a.recover)
	a.health(engine)
	httpapi.Mount(engine, httpapi.Options{
		Playbooks: a.Playbooks, Notify: a.Notify, Access: a.Access, Intake: a.Intake, Engine: a.Engine,
		Store: store.Of[incident.Tx](a.DB), Events: events{a}, Clock: a.Clock, Log: a.Log, Operator: a.Config.Operator,
		MaxBody: a.Config.HTTP.MaxBody, Callback: a.callbackToken(), Evidence: a.Playbooks.WriteEvidence,
	})
	if err := portal.Mount(engine, portal.Options{
		Notify: a.Notify, Organisation: a.organisation, Operator: a.Config.Operator, Clock: a.Clock, Log: a.Log,
		URL: a.URL(), Simulated: a.Config.Simulated(),
	}); err != nil {
		return nil, err
	}
	if err := console.Mount(engine, console.Options{
		Playbooks: a.Playbooks, Notify: a.Notify, Access: a.Access, Catalog: a.Catalog, Law: a.Engine, Events: events{a}, Clock: a.Clock, Log: a.Log,
		Operator: a.Config.Operator, Secure: strings.HasPrefix(a.Config.HTTP.PublicURL, "https://"), Simulator: a.SimulatorURL(),
		Refusing: a.DB.Refusing,
	}); err != nil {
		return nil, err
	}
	return engine, nil
}

// organisation is what the public pages say about the operator.
func (a *App) organisation(ctx context.Context) (templates.Organisation, error) {
	p, _, err := a.Playbooks.Profile(ctx, evidence.System(a.Config.Operator))
	return p.Org, err
}

// doorLimit is how long a stop waits for requests in work. The fan-out needs the rest of the limit.
const doorLimit = 5 * time.Second

func (a *App) startDoor() error {
	engine, err := a.routes()
	if err != nil {
		return err
	}
	cross := http.NewCrossOriginProtection() // providers' callbacks come from no browser and pass
	a.answer(cross.Handler(engine))
	return nil
}

// startHealth opens the door of a worker, which tells only how the process is.
func (a *App) startHealth(ctx context.Context) error {
	if a.Config.WorkerAddr == "" {
		return nil
	}
	if err := a.listen(ctx, a.Config.WorkerAddr); err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	a.health(engine)
	a.answer(engine)
	return nil
}

// answer serves requests until the app stops.
func (a *App) answer(h http.Handler) {
	open, hangUp := context.WithCancel(context.Background())
	srv := &http.Server{Handler: endStreams(open, h), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	a.run("http", func(context.Context) error {
		if err := srv.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	a.onStop("door", func(ctx context.Context) error {
		hangUp()
		ctx, cancel := context.WithTimeout(ctx, doorLimit)
		defer cancel()
		if err := srv.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
			a.Log.Warn("requests were cut off by the stop")
			return srv.Close()
		} else if err != nil {
			return errors.Join(err, srv.Close())
		}
		return nil
	})
}

// endStreams ends event streams with open; every other request is left to finish.
func endStreams(open context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(open, cancel)()
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// recover answers a panic with a problem and logs where it came from, never what was sent.
func (a *App) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler { //nolint:errorlint // a sentinel that net/http compares the same way
			panic(v)
		}
		a.Log.Error("request panicked", "method", c.Request.Method, "route", c.FullPath(), "panic", fmt.Sprintf("%T", v))
		httpapi.Refuse(c, errors.New("panic"))
	}()
	c.Next()
}
