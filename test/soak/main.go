// Command soak runs Tocsin as its own command does, with a clock that a test moves.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"tocsin/internal/app"
	"tocsin/internal/config"
)

// look is how soon a move of the clock is seen.
const look = 10 * time.Millisecond

// moved is the machine's clock with what a file says added to it.
type moved struct{ by atomic.Int64 }

// Now is the present instant in UTC, cut to microseconds.
func (m *moved) Now() time.Time {
	return time.Now().Add(time.Duration(m.by.Load())).UTC().Truncate(time.Microsecond)
}

// read takes over what the file says; a file that is just being written says nothing.
func (m *moved) read(file string) {
	b, err := os.ReadFile(file) //nolint:gosec // the test that starts this names the file
	if err != nil {
		return
	}
	if by, err := time.ParseDuration(strings.TrimSpace(string(b))); err == nil {
		m.by.Store(int64(by))
	}
}

func (m *moved) follow(ctx context.Context, file string) {
	t := time.NewTicker(look)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			m.read(file)
		}
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("usage: soak CLOCK-FILE DATA ADDR")
	}
	cfg, err := config.Load("", os.Environ(), args[1])
	if err != nil {
		return err
	}
	cfg.HTTP.Addr = args[2]
	var clock moved
	clock.read(args[0])
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	a, err := app.Open(ctx, app.Options{Config: cfg, Log: log, Clock: &clock, Serve: true, Work: true})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	go clock.follow(ctx, args[0])
	fmt.Fprintf(os.Stderr, "console %s\n", a.URL())
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-a.Failed():
	}
	return errors.Join(failed, a.Stop(context.WithoutCancel(ctx)))
}
