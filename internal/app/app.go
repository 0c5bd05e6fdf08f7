// Package app wires the house: it opens the store, joins rooms to doors, and starts and stops them in order.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/alexedwards/argon2id"

	"tocsin/incident"
	"tocsin/incident/intake"
	"tocsin/internal/access"
	"tocsin/internal/bus"
	"tocsin/internal/clock"
	"tocsin/internal/config"
	"tocsin/internal/outbox"
	"tocsin/internal/seal"
	"tocsin/internal/store"
	"tocsin/internal/watch"
	"tocsin/notify"
	"tocsin/notify/fanout"
	"tocsin/notify/receipt/inbox"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

// Options say what this process does and with what.
type Options struct {
	Config config.Config
	Log    *slog.Logger
	Clock  clock.Clock      // default the machine's
	Cost   *argon2id.Params // of new passwords; default access's own
	Serve  bool             // doors, timers, events
	Work   bool             // fan-out
}

// App is one process of Tocsin.
type App struct {
	Options
	DB        *store.DB
	Access    *access.Service
	Intake    *intake.Service
	Notify    *notify.Service
	Playbooks *playbooks.Service
	Engine    *obligation.Engine
	Catalog   *templates.Catalog

	key        *seal.Key // the operator's
	bus        *bus.Bus
	relay      *outbox.Relay
	watch      *watch.Watch
	simulator  simulated
	ways       []notify.Provider
	bounceDoor string         // where our own door for bounces listens; "" when there is none
	fanout     *fanout.Fanout // nil where this process sends nothing
	mailbox    *inbox.Mailbox // that bounces are collected from; nil when there is none
	listener   net.Listener

	mu     sync.Mutex
	closes []closing // in order of opening; closed last in, first out
	failed chan error
}

type closing struct {
	name string
	do   func(context.Context) error
}

// Open opens the store and makes the use cases; nothing runs yet. Commands that only administrate stop here.
func Open(ctx context.Context, o Options) (*App, error) {
	keepHeapFloor()
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	a := &App{Options: o, failed: make(chan error, 1)}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Stop(ctx))
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	cfg := a.Config
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("create data directory: %w", err)
	}
	if cfg.Database.Driver == "sqlite" {
		unlock, err := lock(filepath.Join(cfg.Data, "lock"))
		if err != nil {
			return err
		}
		a.onStop("lock", func(context.Context) error { return unlock() })
	}
	kek, err := seal.LoadKEK(cfg.KeyFile)
	if err != nil {
		return err
	}
	a.DB, err = store.Open(ctx, store.Options{Driver: cfg.Database.Driver, DSN: cfg.Database.DSN, KEK: kek, Clock: a.Clock, Simulated: cfg.Simulated()})
	if err != nil {
		return err
	}
	a.onStop("store", func(context.Context) error { return a.DB.Close() })
	if a.key, err = a.DB.OperatorKey(ctx, cfg.Operator); err != nil {
		return err
	}
	return a.useCases()
}

func (a *App) useCases() error {
	var err error
	if a.Engine, err = Law(a.Config.Law); err != nil {
		return fmt.Errorf("load law: %w", err)
	}
	if a.Catalog, err = templates.Load(); err != nil {
		return fmt.Errorf("load templates: %w", err)
	}
	defs, err := playbooks.Load(a.Engine, a.Catalog)
	if err != nil {
		return fmt.Errorf("load playbooks: %w", err)
	}
	var cost []access.Option
	if c := a.Cost; c != nil {
		cost = append(cost, access.WithCost(c.Memory, c.Iterations, c.Parallelism))
	}
	a.Access = access.New(store.Of[access.Tx](a.DB), a.Config.Operator, cost...)
	a.Intake = intake.New(store.Of[incident.Tx](a.DB), a.Clock)
	a.Notify = notify.New(store.Of[notify.Tx](a.DB), a.Catalog, a.key, notify.WithImportDir(a.Config.ImportDir))
	a.Playbooks = playbooks.New(store.Of[playbooks.Tx](a.DB), a.Engine, defs, a.Catalog)
	return nil
}

// Law compiles the built-in rules and, on top of them, those of a directory; "" for none.
func Law(dir string) (*obligation.Engine, error) {
	if dir == "" {
		return obligation.New()
	}
	return obligation.Open(os.DirFS(dir))
}

// Start opens the doors and begins to work. It returns when everything is ready.
func (a *App) Start(ctx context.Context) error {
	if err := a.start(ctx); err != nil {
		return errors.Join(err, a.Stop(ctx))
	}
	return nil
}

func (a *App) start(ctx context.Context) error {
	if a.Serve {
		if err := a.listen(ctx, a.Config.HTTP.Addr); err != nil {
			return err
		}
		if err := a.startInbox(ctx); err != nil {
			return err
		}
	}
	if err := a.startSimulator(); err != nil {
		return err
	}
	if err := a.openWays(); err != nil {
		return err
	}
	if a.Work {
		if err := a.startFanout(ctx); err != nil {
			return err
		}
	}
	if a.Serve {
		if err := a.startEvents(ctx); err != nil {
			return err
		}
		return a.startDoor()
	}
	return a.startHealth(ctx)
}

// listen opens the door; nobody answers there yet.
func (a *App) listen(ctx context.Context, addr string) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("open http door: %w", err)
	}
	a.listener = l
	a.onStop("listener", func(context.Context) error { return ignoreClosed(l.Close()) })
	return nil
}

// Addr is where the HTTP door listens.
func (a *App) Addr() string { return a.listener.Addr().String() }

// URL is the address people use.
func (a *App) URL() string {
	if a.Config.HTTP.PublicURL != "" {
		return a.Config.HTTP.PublicURL
	}
	return "http://" + a.Addr()
}

// Failed reports the first background service that ended by itself.
func (a *App) Failed() <-chan error { return a.failed }

// Stop ends everything in reverse order: doors first, so that what is in flight finishes on an open store.
// It is safe to call twice.
func (a *App) Stop(ctx context.Context) error {
	a.mu.Lock()
	closes := a.closes
	a.closes = nil
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), config.StopLimit)
	defer cancel()
	var errs []error
	for i := len(closes) - 1; i >= 0; i-- {
		if err := closes[i].do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", closes[i].name, err))
		}
	}
	return errors.Join(errs...)
}

func (a *App) onStop(name string, do func(context.Context) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closes = append(a.closes, closing{name, do})
}

// run starts a background service that ends when the app stops.
func (a *App) run(name string, do func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := do(ctx)
		if err != nil && ctx.Err() == nil {
			select {
			case a.failed <- fmt.Errorf("%s: %w", name, err):
			default:
			}
		}
		done <- err
	}()
	a.onStop(name, func(stop context.Context) error {
		cancel()
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case <-stop.Done():
			return errors.New("it did not end in time")
		}
	})
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
