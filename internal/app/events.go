package app

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/bus"
	"tocsin/internal/natsapi"
	"tocsin/internal/outbox"
	"tocsin/internal/watch"
)

const (
	timersEvery  = time.Second
	importsEvery = 5 * time.Minute
	importSilent = 10 * time.Minute // an import that nothing is heard of for so long has died with its process
)

// events is the feed of committed changes that doors read and hear.
type events struct{ a *App }

// After reads committed events in their order.
func (e events) After(ctx context.Context, operator string, seq int64, limit int) ([]incident.Event, error) {
	return e.a.DB.EventsAfter(ctx, operator, seq, limit)
}

// Listen hears of new ones.
func (e events) Listen() (<-chan incident.Event, func()) { return e.a.relay.Listen() }

// startEvents opens the bus, the relay from outbox to listeners, and the timers.
func (a *App) startEvents(ctx context.Context) error {
	token, err := a.busToken()
	if err != nil {
		return err
	}
	a.bus, err = bus.Open(bus.Options{URL: a.Config.Bus.URL, Dir: filepath.Join(a.Config.Data, "bus"), Key: a.key.Leaf([]byte("bus")), Listen: a.Config.Bus.Listen, Token: token, Log: a.Log})
	if err != nil {
		return err
	}
	a.onStop("bus", func(context.Context) error { a.bus.Close(); return nil })
	sender := evidence.Scope{Operator: a.Config.Operator, Actor: evidence.Actor{Kind: evidence.Tool, ID: "bus"}, Roles: []string{access.Reporter}}
	door, err := natsapi.Open(ctx, a.bus, a.Intake, sender, a.Config.HTTP.MaxBody, a.Log)
	if err != nil {
		return err
	}
	a.onStop("bus door", func(context.Context) error { door.Close(); return nil })

	a.relay = outbox.New(a.DB, a.Clock, a.Log)
	a.relay.SubscribeLatest("playbooks", a.Playbooks.Subject, a.Playbooks.Handle)
	a.relay.Subscribe("bus", door.Publish)
	a.run("relay", a.relay.Run)

	a.watch = watch.New(a.Clock, a.Log, timersEvery, a.alone("timers", func(ctx context.Context, now time.Time) error {
		_, err := a.Playbooks.Wake(ctx, a.Config.Operator, now)
		return err
	}))
	a.run("watch", a.watch.Run)
	if a.Config.ImportDir != "" {
		a.run("file imports", watch.New(a.Clock, a.Log, timersEvery, a.alone("file imports", func(ctx context.Context, _ time.Time) error {
			return a.Notify.RunImports(ctx, evidence.System(a.Config.Operator))
		})).Run)
	}
	a.run("imports", watch.New(a.Clock, a.Log, importsEvery, a.alone("imports", a.failBroken(a.Clock.Now()))).Run)
	return nil
}

// alone is a job that one of several processes does at a time.
func (a *App) alone(name string, do func(context.Context, time.Time) error) watch.Job {
	return watch.Job{Name: name, Do: func(ctx context.Context, now time.Time) error {
		_, err := a.DB.Alone(ctx, name, func(ctx context.Context) error { return do(ctx, now) })
		return err
	}}
}

// failBroken ends imports whose process has died. Where there is one process, none but its own is alive.
func (a *App) failBroken(started time.Time) func(context.Context, time.Time) error {
	return func(ctx context.Context, now time.Time) error {
		before := now.Add(-importSilent)
		if a.Config.Database.Driver == "sqlite" && before.Before(started) {
			before = started
		}
		_, err := a.Notify.FailBroken(ctx, evidence.System(a.Config.Operator), before)
		return err
	}
}

// busToken is the secret of the embedded bus's open port, kept beside the other keys.
func (a *App) busToken() (string, error) {
	token := hex.EncodeToString(a.key.Index("bus", "token"))
	if a.Config.Bus.Listen == "" {
		return token, nil
	}
	name := filepath.Join(a.Config.Data, "bus-token")
	if err := os.WriteFile(name, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write bus token: %w", err)
	}
	return strings.TrimSpace(token), nil
}

// BusAddr is the embedded bus's open address, or "".
func (a *App) BusAddr() string { return a.bus.Addr() }
