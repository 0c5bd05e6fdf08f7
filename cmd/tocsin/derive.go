package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tocsin/internal/app"
	"tocsin/playbooks"
	"tocsin/playbooks/obligation"
	"tocsin/templates"
)

type obligationsCmd struct {
	Derive deriveCmd `cmd:"" help:"Derive from a JSON object or JSON lines; nothing is stored."`
}

type deriveCmd struct {
	File    string `short:"f" default:"-" placeholder:"FILE" help:"Input with as_of, facts and profile; - for standard input."`
	Explain bool   `help:"Say in words why each duty applies or not, and how each clock is counted."`
	Locale  string `default:"en" enum:"en,zh-Hans" help:"Language of --explain."`
	Law     string `type:"existingdir" placeholder:"DIR" help:"Own rules on top of the built-in ones."`
	Schema  bool   `help:"Print the JSON Schema of the input and exit."`
}

// Help is the example that --help shows.
func (deriveCmd) Help() string {
	return "Example: tocsin obligations derive -f facts.json --explain\nOne result per input, in order; an invalid input gives a problem object in its place."
}

const maxInput = 4 << 20

// Run derives every input in turn.
func (c deriveCmd) Run(ctx context.Context, std streams) error {
	engine, err := app.Law(c.Law)
	if err != nil {
		return err
	}
	if c.Schema {
		_, err := fmt.Fprintln(std.out, string(engine.Schema()))
		return err
	}
	f, err := open(c.File, std.in)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriter(std.out)
	bad := 0
	err = eachInput(f, func(input []byte) error {
		ok := c.one(engine, input, out)
		if !ok {
			bad++
		}
		return ctx.Err()
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil && bad > 0 {
		fmt.Fprintf(std.err, "%d inputs are invalid; their problems stand in their place\n", bad)
		return errTold
	}
	return err
}

func (c deriveCmd) one(engine *obligation.Engine, input []byte, out io.Writer) (ok bool) {
	answer, ok := engine.DeriveJSON(input)
	if c.Explain && ok {
		in, _ := obligation.ReadInput(input)
		text, _ := engine.Explain(in, c.Locale)
		answer = []byte(text)
	}
	fmt.Fprintln(out, string(bytes.TrimRight(answer, "\n")))
	return ok
}

// eachInput calls do for a whole JSON object, or for each line of JSON lines. A line that is no JSON is handed
// on as it is, so that it gets its problem and the next line its turn.
func eachInput(r io.Reader, do func([]byte) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(br.Size())
	if err != nil && err != io.EOF {
		return fmt.Errorf("read input: %w", err)
	}
	first, _, _ := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	if !json.Valid(first) { // an object over several lines
		whole, err := io.ReadAll(io.LimitReader(br, maxInput+1))
		if err != nil {
			return fmt.Errorf("read input: %w", err)
		}
		if json.Valid(whole) || !bytes.Contains(bytes.TrimSpace(whole), []byte("\n")) {
			return do(whole)
		}
		br = bufio.NewReader(bytes.NewReader(whole))
	}
	lines := bufio.NewScanner(br)
	lines.Buffer(nil, maxInput)
	for lines.Scan() {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			if err := do(line); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

func told(std streams, fine bool, err error) error {
	if err != nil {
		fmt.Fprintln(std.out, err)
	}
	if !fine {
		return errTold
	}
	fmt.Fprintln(std.out, "no faults")
	return nil
}

type playbookCmd struct {
	Lint playbookLintCmd `cmd:"" help:"Check playbook files; line and column of every fault."`
}

type playbookLintCmd struct {
	Files []string `arg:"" type:"existingfile" help:"Playbook files."`
}

// Help is the example that --help shows.
func (playbookLintCmd) Help() string { return "Example: tocsin playbook lint ours.yaml" }

// Run lints the files.
func (c playbookLintCmd) Run(std streams) error {
	engine, err := obligation.New()
	if err != nil {
		return err
	}
	catalog, err := templates.Load()
	if err != nil {
		return err
	}
	return lintFiles(std, c.Files, func(name string, src []byte) []string { return playbooks.Lint(name, src, engine, catalog) })
}

type templateCmd struct {
	Lint templateLintCmd `cmd:"" help:"Check template files; line and column of every fault."`
}

type templateLintCmd struct {
	Files []string `arg:"" type:"existingfile" help:"Template files."`
}

// Help is the example that --help shows.
func (templateLintCmd) Help() string { return "Example: tocsin template lint notice.yaml" }

// Run lints the files.
func (c templateLintCmd) Run(std streams) error { return lintFiles(std, c.Files, templates.Lint) }

func lintFiles(std streams, files []string, lint func(string, []byte) []string) error {
	fine := true
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, fault := range lint(filepath.ToSlash(name), src) {
			fmt.Fprintln(std.out, fault)
			fine = false
		}
	}
	return told(std, fine, nil)
}
