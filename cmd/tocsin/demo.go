package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alexedwards/argon2id"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/app"
	"tocsin/internal/config"
)

type demoCmd struct {
	Auto       bool   `help:"Do it unattended: three demo people complete, approve, send and verify."`
	Input      string `type:"existingfile" placeholder:"FILE" help:"Take this in instead of the built-in incident."`
	Format     string `default:"auto" help:"Format of --input: native, cloudevents, veris … or auto."`
	Recipients int    `default:"2000" help:"How many fictitious people the audience has."`
	Addr       string `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where the console listens."`
	Keep       bool   `help:"Keep the data directory afterwards."`
}

// Help is the example that --help shows.
func (demoCmd) Help() string {
	return "Example: tocsin demo            (then open the printed address)\n         tocsin demo --auto --input finding.json --format native\nNothing leaves this machine: the providers are simulated on loopback."
}

// Run starts everything in a fresh directory and plays the part that was asked for.
func (c demoCmd) Run(ctx context.Context, g *globals, io streams) error {
	cfg := config.Default()
	cfg.HTTP.Addr, cfg.LogLevel = c.Addr, "warn"
	contracts(&cfg)
	dir, remove, err := c.directory(g)
	if err != nil {
		return err
	}
	defer remove()
	cfg.Data = dir
	if err := cfg.Validate(); err != nil {
		return err
	}
	cheap := &argon2id.Params{Memory: 8 << 10, Iterations: 1, Parallelism: 1}
	a, err := app.Open(ctx, app.Options{Config: cfg, Log: logger(io.err, cfg.LogLevel), Cost: cheap, Serve: true, Work: true})
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	play := c.play
	if c.Auto {
		play = c.auto
	}
	cast, err := hire(ctx, a)
	if err == nil {
		err = play(ctx, a, cast, io)
	}
	return errors.Join(err, a.Stop(ctx))
}

// contracts gives the simulated providers rates and prices as accounts commonly have them, so that a plan tells
// time and cost.
func contracts(c *config.Config) {
	for _, p := range []struct {
		way         *config.Way
		rate, price float64
	}{
		{&c.SMTP.Way, 1000, 0.0007}, {&c.Aliyun.Mainland, 500, 0.045}, {&c.Aliyun.Abroad, 100, 0.35}, {&c.Aliyun.App, 50_000, 0}, {&c.Tencent.Way, 300, 0.05},
	} {
		p.way.Rate, p.way.Price, p.way.Currency = p.rate, p.price, "CNY"
	}
}

func (c demoCmd) directory(g *globals) (dir string, remove func(), err error) {
	if g.Data != "" {
		return g.Data, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "tocsin-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make demo directory: %w", err)
	}
	if c.Keep {
		fmt.Fprintln(os.Stderr, "data stays in", dir)
		return dir, func() {}, nil
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil
}

// actor is one of the demo's people, with a password for the console and a token for the API.
type actor struct {
	access.User
	password string
	api      *client
}

// cast are the demo's people: one works the incident, two approve.
type cast struct{ responder, counsel, officer actor }

func hire(ctx context.Context, a *app.App) (cast, error) {
	system := evidence.System(a.Config.Operator)
	if _, err := a.Playbooks.PutProfile(ctx, system, "", app.DemoProfile(a.Config.Operator)); err != nil {
		return cast{}, err
	}
	var c cast
	for _, p := range []struct {
		actor *actor
		user  access.User
	}{
		{&c.responder, access.User{Login: "shen", Name: "沈一 Shen Yi", Roles: []string{access.Responder, access.Reporter}, Teams: []string{"incident-lead", "comms"}}},
		{&c.counsel, access.User{Login: "lin", Name: "林月 Lin Yue", Roles: []string{access.Approver}, Teams: []string{"legal", "dpo-team", "comms"}}},
		{&c.officer, access.User{Login: "zhou", Name: "周明 Zhou Ming", Roles: []string{access.Approver, access.Admin}, Teams: []string{"dpo-team", "legal", "comms"}}},
	} {
		p.actor.password = "demo-" + randomPassword()
		var err error
		if p.actor.User, err = a.Access.CreateUser(ctx, system, p.user, p.actor.password); err != nil {
			return cast{}, err
		}
		token, err := ownToken(ctx, a, p.user.Login, p.actor.password, "demo", p.user.Roles, time.Time{})
		if err != nil {
			return cast{}, err
		}
		p.actor.api = &client{base: a.URL() + "/api/v1", token: token}
	}
	return c, nil
}

// play takes an incident in, imports the audience, and leaves the rest to the person in the browser.
func (c demoCmd) play(ctx context.Context, a *app.App, people cast, io streams) error {
	s := script{demoCmd: c, people: people, io: io}
	if err := s.report(ctx); err != nil {
		return err
	}
	if err := s.importAudience(ctx); err != nil {
		return err
	}
	fmt.Fprintf(io.out, `
An incident has come in. Open the console:

    %s

  to work it      %-6s %s
  to approve it   %-6s %s
  and the second  %-6s %s

What "arrives" at people is at %s. Nothing leaves this machine.
Stop with Ctrl-C.
`, a.URL()+"/incidents/"+s.id, people.responder.Login, people.responder.password, people.counsel.Login, people.counsel.password,
		people.officer.Login, people.officer.password, a.SimulatorURL())
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.Failed():
		return err
	}
}

// auto plays every part and checks the proof.
func (c demoCmd) auto(ctx context.Context, a *app.App, people cast, io streams) error {
	s := script{demoCmd: c, people: people, io: io}
	for _, part := range []func(context.Context) error{s.report, s.waitDerived, s.decideAwareness, s.work, s.tell, s.prove} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *script) packFile() string { return filepath.Join(os.TempDir(), s.id+".zip") }
