package main

import (
	"context"
	"fmt"

	"tocsin/internal/app"
)

type serveCmd struct {
	Addr       string `placeholder:"HOST:PORT" help:"Where the HTTP door listens. Default 127.0.0.1:8080."`
	NatsListen string `placeholder:"HOST:PORT" help:"Open the embedded bus to others; its token is written to <data>/bus-token."`
	NoWork     bool   `help:"Leave fan-out to worker processes."`
}

// Help is the example that --help shows.
func (serveCmd) Help() string {
	return "Example: tocsin serve --data /var/lib/tocsin --addr 127.0.0.1:8080"
}

// Run serves until the process is told to stop.
func (c serveCmd) Run(ctx context.Context, g *globals, io streams) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	if c.Addr != "" {
		cfg.HTTP.Addr = c.Addr
	}
	if c.NatsListen != "" {
		cfg.Bus.Listen = c.NatsListen
	}
	a, err := app.Open(ctx, app.Options{Config: cfg, Log: logger(io.err, cfg.LogLevel), Serve: true, Work: !c.NoWork})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(io.err, "console %s\n", a.URL())
	if url := a.SimulatorURL(); url != "" {
		fmt.Fprintf(io.err, "providers that are not configured are simulated: what \"arrived\" is at %s\n", url)
	}
	if addr := a.BusAddr(); addr != "" {
		fmt.Fprintf(io.err, "bus %s\n", addr)
	}
	return until(ctx, a)
}

type workerCmd struct {
	Addr string `placeholder:"HOST:PORT" help:"Where /livez, /readyz and /metrics of this process are. Default none."`
}

// Help is the example that --help shows.
func (workerCmd) Help() string {
	return "Example: TOCSIN_DATABASE__DRIVER=postgres TOCSIN_DATABASE__DSN=postgres://… tocsin worker"
}

// Run works ranges off until the process is told to stop.
func (c workerCmd) Run(ctx context.Context, g *globals, io streams) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	if c.Addr != "" {
		cfg.WorkerAddr = c.Addr
	}
	a, err := app.Open(ctx, app.Options{Config: cfg, Log: logger(io.err, cfg.LogLevel), Work: true})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	if cfg.WorkerAddr != "" {
		fmt.Fprintf(io.err, "health http://%s/readyz\n", a.Addr())
	}
	return until(ctx, a)
}

// until waits for the signal to stop, or for a part of the app that failed, and stops cleanly.
func until(ctx context.Context, a *app.App) error {
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-a.Failed():
	}
	if err := a.Stop(ctx); err != nil {
		return err
	}
	return failed
}
