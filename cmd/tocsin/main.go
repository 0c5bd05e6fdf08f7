// Command tocsin is the security-incident notification and breach-response service: one binary with one
// subcommand a file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	_ "time/tzdata" // deadlines are counted in zones that a small machine may not carry

	"tocsin/internal/config"
)

// Exit codes, as scripts rely on them.
const (
	exitDone    = 0
	exitFailed  = 1
	exitMisused = 2
)

// streams are what a command talks through: results to out, everything else to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// globals are the flags that several commands take.
type globals struct {
	Config string `short:"c" type:"path" placeholder:"FILE" help:"Configuration file (YAML). Every key is also an environment variable: http.addr is TOCSIN_HTTP__ADDR."`
	Data   string `placeholder:"DIR" help:"Directory of database, keys, bus and journals. Default ./data."`
}

type cli struct {
	globals
	Demo        demoCmd        `cmd:"" help:"Run everything with simulated providers and a realistic incident."`
	Serve       serveCmd       `cmd:"" help:"Run the service: API, console, portal, bus, timers and fan-out."`
	Worker      workerCmd      `cmd:"" help:"Run fan-out only, beside serve processes on the same PostgreSQL."`
	Simulator   simulatorCmd   `cmd:"" help:"Run the providers' doubles: SMTP, SMS and push with faults on demand."`
	Obligations obligationsCmd `cmd:"" help:"Derive duties, clocks and open questions from facts."`
	Law         lawCmd         `cmd:"" help:"The law as data."`
	Playbook    playbookCmd    `cmd:"" help:"Playbook files."`
	Template    templateCmd    `cmd:"" help:"Notice and report templates."`
	Incident    incidentCmd    `cmd:"" help:"Post incidents to a running service."`
	Audience    audienceCmd    `cmd:"" help:"Import audiences into a running service."`
	Dispatch    dispatchCmd    `cmd:"" help:"Plan, watch and steer dispatches of a running service, and ask what they did."`
	Provider    providerCmd    `cmd:"" help:"The ways out of a running service: list, pause, resume."`
	Evidence    evidenceCmd    `cmd:"" help:"Evidence packs and proofs."`
	User        userCmd        `cmd:"" help:"People who sign in."`
	Token       tokenCmd       `cmd:"" help:"API tokens of tools and people."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database to this version and exit."`
	Doctor      doctorCmd      `cmd:"" help:"Check configuration, keys, database, law, templates and playbooks."`
	Conf        configCmd      `cmd:"" name:"config" help:"Show the configuration in force, secrets masked."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// run is main without the process: it parses, runs one command and gives its exit code.
func run(ctx context.Context, args []string, io streams) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("tocsin"),
		kong.Description("Tell everyone who must be told after a security incident, in time, and prove it."),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(io.out, io.err), kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(io))
	if err != nil {
		fmt.Fprintln(io.err, "tocsin:", err)
		return exitFailed
	}
	if len(args) == 1 && args[0] == "help" {
		args = []string{"--help"}
	} else if len(args) > 1 && args[0] == "help" {
		args = append(args[1:], "--help")
	}
	k, err := parser.Parse(args)
	if exited >= 0 { // --help was asked for and printed
		return exitDone
	}
	if err != nil {
		misused(io.err, err)
		return exitMisused
	}
	if err := k.Run(&c.globals); err != nil {
		if !errors.Is(err, errTold) {
			fmt.Fprintln(io.err, "tocsin:", err)
		}
		return exitFailed
	}
	return exitDone
}

// misused says what is wrong with a command line, and where its help is.
func misused(w io.Writer, err error) {
	fmt.Fprintln(w, "tocsin:", err)
	if strings.Contains(err.Error(), "--token=") {
		fmt.Fprintln(w, "Set TOCSIN_TOKEN to an API token: tocsin token issue makes one.")
	}
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context.Selected() != nil {
		fmt.Fprintf(w, "See tocsin %s --help.\n", parse.Context.Selected().Path())
		return
	}
	fmt.Fprintln(w, "See tocsin help.")
}

// errTold fails a command whose output has already said what is wrong.
var errTold = errors.New("failed")

// load reads the configuration that flags, file and environment make together.
func (g *globals) load() (config.Config, error) {
	c, err := config.Load(g.Config, os.Environ(), g.Data)
	return c, err
}

func logger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}
