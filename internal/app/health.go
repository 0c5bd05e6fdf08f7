package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
)

// health serves /livez, /readyz and /metrics at the root.
func (a *App) health(engine *gin.Engine) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), state{a})
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tocsin_http_requests_total", Help: "Requests by route and status."}, []string{"route", "status"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tocsin_http_seconds", Help: "Time to answer by route.", Buckets: prometheus.DefBuckets}, []string{"route"})
	registry.MustRegister(requests, took)
	engine.Use(func(c *gin.Context) {
		start := time.Now()
		c.Next()
		requests.WithLabelValues(c.FullPath(), fmt.Sprint(c.Writer.Status())).Inc()
		took.WithLabelValues(c.FullPath()).Observe(time.Since(start).Seconds())
	})
	engine.GET("/livez", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	engine.GET("/readyz", func(c *gin.Context) {
		for _, part := range a.parts() {
			if err := part.check(c.Request.Context()); err != nil {
				c.Header("Retry-After", "5")
				c.String(http.StatusServiceUnavailable, "%s is not ready%s\n", part.name, because(err))
				return
			}
		}
		c.String(http.StatusOK, "ok\n")
	})
	engine.GET("/metrics", gin.WrapH(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
}

// because is what a person may read of an error.
func because(err error) string {
	if fault := new(incident.Fault); errors.As(err, &fault) {
		return ": " + fault.Message
	}
	return ""
}

// part is something that must work for the service to work.
type part struct {
	name  string
	check func(context.Context) error
}

func (a *App) parts() []part {
	store := part{"store", a.DB.Ping}
	if !a.Serve {
		return []part{store} // a worker has no more
	}
	return []part{
		store,
		{"bus", func(context.Context) error {
			if !a.bus.Connected() {
				return errors.New("not connected")
			}
			return nil
		}},
		{"timers", func(context.Context) error {
			if stalled := a.watch.Stalled(); len(stalled) > 0 {
				return fmt.Errorf("stalled: %v", stalled)
			}
			return nil
		}},
	}
}

// scrapeLimit bounds what a scrape asks of the store.
const scrapeLimit = 3 * time.Second

var (
	readyMetric    = prometheus.NewDesc("tocsin_ready", "1 when the part works.", []string{"part"}, nil)
	providerMetric = prometheus.NewDesc("tocsin_provider_paused", "1 when nothing goes over the provider, because it refused us or a person said so.", []string{"provider", "channel"}, nil)
	pausedMetric   = prometheus.NewDesc("tocsin_dispatch_paused", "1 for a dispatch that waits for a person, by why it does.", []string{"dispatch", "reason"}, nil)
	unknownMetric  = prometheus.NewDesc("tocsin_unknown_codes_total", "Answers of a provider whose code no table knows.", []string{"provider"}, nil)
	trapsMetric    = prometheus.NewDesc("tocsin_dispatch_traps", "Addresses of a running or paused dispatch that are traps (honeypots).", []string{"dispatch"}, nil)
	peopleMetric   = prometheus.NewDesc("tocsin_dispatch_people", "People of a running or paused dispatch by state.", []string{"dispatch", "state"}, nil)
)

// state is what a monitor needs in order to call somebody: parts that do not work, providers and dispatches
// that wait for a person, and how far each dispatch is.
type state struct{ a *App }

// Describe names the metrics.
func (state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyMetric, providerMetric, pausedMetric, unknownMetric, trapsMetric, peopleMetric} {
		ch <- d
	}
}

// Collect reads them. What the store does not tell is left out, and the store is not ready.
func (s state) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, p := range s.a.parts() {
		gauge(readyMetric, flag(p.check(ctx) == nil), p.name)
	}
	if m := s.a.mailbox; m != nil { // no reason to take nothing in, but one to look
		gauge(readyMetric, flag(m.Health().Fault == ""), "bounce mailbox")
	}
	if s.a.fanout != nil {
		for id, n := range s.a.fanout.UnknownCodes() {
			ch <- prometheus.MustNewConstMetric(unknownMetric, prometheus.CounterValue, float64(n), id)
		}
	}
	if !s.a.Serve {
		return // what all processes share is told by those that serve
	}
	sc := evidence.System(s.a.Config.Operator)
	providers, err := s.a.Notify.Providers(ctx, sc)
	if err != nil {
		return
	}
	for _, p := range providers {
		gauge(providerMetric, flag(p.Paused), p.ID, p.Channel)
	}
	live, err := s.a.Notify.LiveDispatches(ctx, sc)
	if err != nil {
		return
	}
	for _, p := range live {
		if p.State == notify.DispPaused {
			gauge(pausedMetric, 1, p.ID, cmp.Or(p.Flow.Halted, "person"))
		}
		gauge(trapsMetric, float64(p.Traps), p.ID)
		c := p.People
		for state, n := range map[notify.DeliveryState]int64{
			notify.Pending: c.Pending, notify.InDoubt: c.InDoubt, notify.Accepted: c.Accepted, notify.Failed: c.Failed,
			notify.Delivered: c.Delivered, notify.Read: c.Read, notify.Stopped: c.Stopped,
		} {
			gauge(peopleMetric, float64(n), p.ID, state.String())
		}
	}
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
