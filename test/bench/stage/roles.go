//go:build unix

package stage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"time"

	"github.com/alexedwards/argon2id"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/app"
	"tocsin/internal/config"
	"tocsin/test/bench/bare"
	"tocsin/test/bench/sink"
)

// Report is what one run of a sender came to.
type Report struct {
	Took time.Duration `json:"took"`
	Cost Cost          `json:"cost"`
}

// measured runs a sender and says what it took.
func measured(run func() error) (Report, error) {
	before, err := spent()
	if err != nil {
		return Report{}, err
	}
	start := time.Now()
	if err := run(); err != nil {
		return Report{}, err
	}
	took := time.Since(start)
	after, err := spent()
	after.CPU -= before.CPU
	return Report{took, after}, err
}

func playSink(orders *json.Decoder, answers *json.Encoder) error {
	s, err := sink.Start()
	if err != nil {
		return err
	}
	for {
		if err := orders.Decode(&struct{}{}); err != nil {
			return err
		}
		if err := answers.Encode(s.Addrs()); err != nil {
			return err
		}
	}
}

// playMail runs the bare sender for each order.
func playMail(orders *json.Decoder, answers *json.Encoder) error {
	for {
		var m bare.Mail
		if err := orders.Decode(&m); err != nil {
			return err
		}
		r, err := measured(m.Send)
		if err != nil {
			return err
		}
		if err := answers.Encode(r); err != nil {
			return err
		}
	}
}

// playCalls runs the bare caller of the SMS and push APIs for each order.
func playCalls(orders *json.Decoder, answers *json.Encoder) error {
	for {
		var c bare.Calls
		if err := orders.Decode(&c); err != nil {
			return err
		}
		r, err := measured(c.Send)
		if err != nil {
			return err
		}
		if err := answers.Encode(r); err != nil {
			return err
		}
	}
}

// installation is how Tocsin is opened: its settings come from the environment as a user's do.
type installation struct {
	Data    string `json:"data"`
	Addr    string `json:"addr"`
	Tokens  bool   `json:"tokens"`  // make the people who work in it
	Profile string `json:"profile"` // file for a profile of the processor's time, from the next fresh order on
}

// tocsinOrder is what a running Tocsin is told beside its API: to say what it used, or to count anew.
type tocsinOrder struct {
	Fresh bool `json:"fresh"`
}

// playTocsin is `tocsin serve`.
func playTocsin(orders *json.Decoder, answers *json.Encoder) error {
	var in installation
	if err := orders.Decode(&in); err != nil {
		return err
	}
	ctx := context.Background()
	cfg, err := config.Load("", os.Environ(), in.Data)
	if err != nil {
		return err
	}
	cfg.HTTP.Addr = in.Addr
	a, err := app.Open(ctx, app.Options{Config: cfg, Serve: true, Work: true,
		Log:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Cost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}})
	if err != nil {
		return err
	}
	tokens := map[string]string{}
	if in.Tokens {
		if tokens, err = staff(ctx, a); err != nil {
			return err
		}
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	if err := answers.Encode(tokens); err != nil {
		return err
	}
	stop := func() error { return nil }
	for {
		var o tocsinOrder
		if err := orders.Decode(&o); err != nil {
			return errors.Join(stop(), a.Stop(ctx)) // the input ended
		}
		if o.Fresh {
			if err := fresh(); err != nil {
				return err
			}
			if stop, err = profile(in.Profile); err != nil {
				return err
			}
		}
		c, err := spent()
		if err != nil {
			return err
		}
		if err := answers.Encode(c); err != nil {
			return err
		}
	}
}

// profile writes where the processor's time goes to a file, if there is one, until it is stopped.
func profile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, pprof.StartCPUProfile(f)
}

const password = "a-long-demo-passphrase-9"

// staff makes who works, who approves and who administrates, and gives a token of each.
func staff(ctx context.Context, a *app.App) (map[string]string, error) {
	out := map[string]string{}
	for _, u := range []access.User{
		{Login: "shen", Name: "Shen", Roles: []string{"responder", "reporter"}, Teams: []string{"incident-lead", "comms"}},
		{Login: "lin", Name: "Lin", Roles: []string{"approver"}, Teams: []string{"legal", "dpo-team", "comms"}},
		{Login: "zhou", Name: "Zhou", Roles: []string{"approver"}, Teams: []string{"legal", "dpo-team", "comms"}},
		{Login: "gao", Name: "Gao", Roles: []string{"admin"}, Teams: []string{"comms"}},
	} {
		u.Locale = "en"
		if _, err := a.Access.CreateUser(ctx, evidence.System(a.Config.Operator), u, password); err != nil {
			return nil, fmt.Errorf("add %s: %w", u.Login, err)
		}
		session, known, err := a.Access.SignIn(ctx, u.Login, password)
		if err != nil {
			return nil, err
		}
		sc, _, err := a.Access.BySession(ctx, session)
		if err != nil {
			return nil, err
		}
		out[u.Login], err = a.Access.IssueToken(ctx, sc, access.Token{Name: "bench", Kind: evidence.Person, User: known.ID, Roles: u.Roles})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
