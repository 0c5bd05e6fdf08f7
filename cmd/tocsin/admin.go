package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/app"
)

// opened runs do with the use cases of the installation that the flags name, while no service needs it:
// SQLite is held by one process.
func opened(ctx context.Context, g *globals, io streams, do func(*app.App, evidence.Scope) error) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{Config: cfg, Log: logger(io.err, cfg.LogLevel)})
	if err != nil {
		return err
	}
	return errors.Join(do(a, evidence.System(cfg.Operator)), a.Stop(ctx))
}

type userCmd struct {
	Add      userAddCmd      `cmd:"" help:"Add a user; the password is read from standard input."`
	List     userListCmd     `cmd:"" help:"List users."`
	Password userPasswordCmd `cmd:"" help:"Set a user's password, read from standard input."`
	Roles    userRolesCmd    `cmd:"" help:"Set a user's roles and teams."`
	Disable  userDisableCmd  `cmd:"" help:"End a user's access."`
	Enable   userEnableCmd   `cmd:"" help:"Give a disabled user access again."`
}

type userAddCmd struct {
	Login  string   `arg:""`
	Name   string   `required:"" help:"As shown to colleagues and in the ledger's export."`
	Roles  []string `required:"" help:"reporter, responder, approver, admin, auditor."`
	Teams  []string `help:"Teams that playbooks name, such as dpo-team, legal."`
	Locale string   `default:"zh-Hans" enum:"zh-Hans,en" help:"Language of the console."`
}

// Help is the example that --help shows.
func (userAddCmd) Help() string {
	return "Example: tocsin user add lin --name 'Lin Yue' --roles approver --teams dpo-team < password.txt"
}

// Run adds one user.
func (c userAddCmd) Run(ctx context.Context, g *globals, io streams) error {
	password, err := readSecret(io)
	if err != nil {
		return err
	}
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error {
		u, err := a.Access.CreateUser(ctx, by, access.User{Login: c.Login, Name: c.Name, Roles: c.Roles, Teams: c.Teams, Locale: c.Locale}, password)
		if err == nil {
			fmt.Fprintf(io.out, "%s %s\n", u.ID, u.Login)
		}
		return err
	})
}

func readSecret(io streams) (string, error) {
	if f, ok := io.in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprint(io.err, "password: ")
		}
	}
	line, err := bufio.NewReader(io.in).ReadString('\n')
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fmt.Errorf("no password on standard input: %w", err)
	}
	return line, nil
}

type userListCmd struct{}

// Run lists users.
func (userListCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error {
		users, err := a.Access.Users(ctx, by)
		for _, u := range users {
			state := "active"
			if u.Disabled {
				state = "disabled"
			}
			fmt.Fprintf(io.out, "%s\t%s\t%s\t%s\t%s\t%s\n", u.ID, u.Login, u.Name, strings.Join(u.Roles, ","), strings.Join(u.Teams, ","), state)
		}
		return err
	})
}

type userPasswordCmd struct {
	Login string `arg:""`
}

// Run sets a password.
func (c userPasswordCmd) Run(ctx context.Context, g *globals, io streams) error {
	password, err := readSecret(io)
	if err != nil {
		return err
	}
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error { return a.Access.SetPassword(ctx, by, c.Login, password) })
}

type userDisableCmd struct {
	Login string `arg:""`
}

// Run disables a user.
func (c userDisableCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error { return a.Access.Disable(ctx, by, c.Login) })
}

type userEnableCmd struct {
	Login string `arg:""`
}

// Run enables a user.
func (c userEnableCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error { return a.Access.Enable(ctx, by, c.Login) })
}

type userRolesCmd struct {
	Login string   `arg:""`
	Roles []string `required:"" help:"reporter, responder, approver, admin, auditor."`
	Teams []string `help:"Teams that playbooks name."`
}

// Run sets roles and teams.
func (c userRolesCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error {
		return a.Access.SetRoles(ctx, by, c.Login, c.Roles, c.Teams)
	})
}

type tokenCmd struct {
	Issue  tokenIssueCmd  `cmd:"" help:"Make an API token and print its only copy."`
	List   tokenListCmd   `cmd:"" help:"List tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"End a token."`
}

type tokenIssueCmd struct {
	Name  string        `arg:"" help:"What it is for, such as siem."`
	Roles []string      `help:"Roles of the token; default reporter, or with --as all of your own."`
	As    string        `placeholder:"LOGIN" help:"Issue it to yourself; your password is read from standard input."`
	Valid time.Duration `help:"How long it lasts, such as 720h; default until revoked."`
}

// Help is the example that --help shows.
func (tokenIssueCmd) Help() string {
	return "Example: tocsin token issue siem --roles reporter\n         tocsin token issue laptop --as lin < password.txt"
}

// Run issues one token.
func (c tokenIssueCmd) Run(ctx context.Context, g *globals, io streams) error {
	password := ""
	if c.As != "" {
		var err error
		if password, err = readSecret(io); err != nil {
			return err
		}
	}
	if c.As == "" && len(c.Roles) == 0 {
		c.Roles = []string{access.Reporter}
	}
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) (err error) {
		var token string
		if c.As != "" {
			token, err = ownToken(ctx, a, c.As, password, c.Name, c.Roles, c.expiry(a))
		} else {
			token, err = a.Access.IssueToken(ctx, by, access.Token{Name: c.Name, Roles: c.Roles, Kind: evidence.Tool, ExpiresAt: c.expiry(a)})
		}
		if err == nil {
			fmt.Fprintln(io.out, token)
		}
		return err
	})
}

func (c tokenIssueCmd) expiry(a *app.App) time.Time {
	if c.Valid <= 0 {
		return time.Time{}
	}
	return a.Clock.Now().Add(c.Valid)
}

// ownToken signs a person in and issues a token as that person: nobody can issue one in another's name.
func ownToken(ctx context.Context, a *app.App, login, password, name string, roles []string, expires time.Time) (string, error) {
	session, u, err := a.Access.SignIn(ctx, login, password)
	if err != nil {
		return "", err
	}
	sc, _, err := a.Access.BySession(ctx, session)
	if err != nil {
		return "", err
	}
	if len(roles) == 0 {
		roles = u.Roles
	}
	token, err := a.Access.IssueToken(ctx, sc, access.Token{Name: name, Kind: evidence.Person, User: u.ID, Roles: roles, ExpiresAt: expires})
	return token, errors.Join(err, a.Access.SignOut(ctx, session))
}

type tokenListCmd struct{}

// Run lists tokens.
func (tokenListCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error {
		tokens, err := a.Access.Tokens(ctx, by)
		for _, t := range tokens {
			state := "live"
			if !t.RevokedAt.IsZero() {
				state = "revoked"
			}
			fmt.Fprintf(io.out, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, t.Kind, strings.Join(t.Roles, ","), state)
		}
		return err
	})
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"tok_…"`
}

// Run revokes a token.
func (c tokenRevokeCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error { return a.Access.RevokeToken(ctx, by, c.ID) })
}

type migrateCmd struct{}

// Run opens the store, which migrates it.
func (migrateCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(*app.App, evidence.Scope) error {
		fmt.Fprintln(io.out, "the database is at this version")
		return nil
	})
}

type doctorCmd struct{}

// Help is the example that --help shows.
func (doctorCmd) Help() string { return "Example: tocsin doctor --data /var/lib/tocsin" }

// Run opens everything that a start opens and says what it found.
func (doctorCmd) Run(ctx context.Context, g *globals, io streams) error {
	return opened(ctx, g, io, func(a *app.App, by evidence.Scope) error {
		fmt.Fprintf(io.out, "configuration, key file, %s, law %s, %d templates, playbooks: fine\n", a.Config.Database.Driver, a.Engine.Version()[:12], len(a.Catalog.Templates()))
		for _, provider := range app.Receipts {
			fmt.Fprintf(io.out, "receipts of %s go to %s\n", provider, a.ReceiptURL(provider))
		}
		var wants []string
		without := "cannot be sent"
		if a.Config.Simulated() {
			without = "is simulated"
		}
		if a.Config.SMTP.Addr == "" {
			wants = append(wants, "smtp.addr (mail "+without+")")
		}
		if a.Config.Aliyun.KeyID == "" && a.Config.Tencent.SecretID == "" {
			wants = append(wants, "aliyun.key_id (SMS "+without+")")
		}
		if _, _, err := a.Playbooks.Profile(ctx, by); err != nil {
			wants = append(wants, "a profile: PUT /api/v1/operators/"+a.Config.Operator+"/profile")
		}
		users, err := a.Access.Users(ctx, by)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			wants = append(wants, "users: tocsin user add")
		}
		for _, w := range wants {
			fmt.Fprintln(io.out, "before a real incident, set", w)
		}
		return nil
	})
}

type configCmd struct{}

// Run prints the configuration in force.
func (configCmd) Run(g *globals, io streams) error {
	c, err := g.load()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(io.out)
	enc.SetIndent("", "  ")
	return enc.Encode(c.Masked())
}

// randomPassword is for demonstrations.
func randomPassword() string { return strings.ToLower(rand.Text()[:16]) }
