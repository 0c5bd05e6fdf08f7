package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/playbooks/obligation"
)

type lawCmd struct {
	Lint lawLintCmd `cmd:"" help:"Check rule files; line and column of every fault."`
	List lawListCmd `cmd:"" help:"List the rules."`
	Docs lawDocsCmd `cmd:"" help:"Write the law as a page for readers (docs/law.md)."`
}

type lawLintCmd struct {
	Dir string `arg:"" optional:"" type:"existingdir" help:"Tree with law/**.yaml and commitments/*.yaml; default the built-in one."`
}

// Help is the example that --help shows.
func (lawLintCmd) Help() string { return "Example: tocsin law lint ./rules" }

// Run lints one tree. A warning, such as a calendar that ends soon, is told but is no fault.
func (c lawLintCmd) Run(std streams) error {
	tree := obligation.Builtin()
	if c.Dir != "" {
		tree = os.DirFS(c.Dir)
	}
	fine := true
	for _, f := range obligation.Lint(tree, time.Now()) {
		if f.Warning {
			fmt.Fprintln(std.err, "warning:", f)
			continue
		}
		fmt.Fprintln(std.out, f)
		fine = false
	}
	return told(std, fine, nil)
}

type lawListCmd struct {
	Jurisdiction string `short:"j" placeholder:"CN" help:"Only rules of this jurisdiction."`
	On           bool   `xor:"status" help:"Only rules that are on."`
	Off          bool   `xor:"status" help:"Only rules that are off, with the reason."`
	JSON         bool   `help:"As JSON, with everything that is known of each rule."`
	Locale       string `default:"en" enum:"en,zh-Hans" help:"Language of titles and reasons."`
}

// Help is the example that --help shows.
func (lawListCmd) Help() string { return "Example: tocsin law list --jurisdiction EU --on" }

// Run lists the rules that the flags let through.
func (c lawListCmd) Run(std streams) error {
	engine, err := obligation.New()
	if err != nil {
		return err
	}
	rules := []obligation.RuleInfo{}
	for _, r := range engine.List() {
		here := c.Jurisdiction == "" || strings.EqualFold(c.Jurisdiction, r.Jurisdiction)
		unwanted := c.On && r.Off != nil || c.Off && r.Off == nil
		if here && !unwanted {
			rules = append(rules, r)
		}
	}
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return enc.Encode(rules)
	}
	w := tabwriter.NewWriter(std.out, 0, 8, 2, ' ', 0)
	for _, r := range rules {
		status, last := "on", r.Deadline // the longest comes last, where nothing is padded
		switch {
		case r.Off != nil:
			status, last = "off", strings.TrimSpace(r.Off[c.Locale])
		case r.Voluntary:
			status = "voluntary"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, status, r.Confidence, r.Title[c.Locale], last)
	}
	return w.Flush()
}

type lawDocsCmd struct{}

// Help is the example that --help shows.
func (lawDocsCmd) Help() string { return "Example: tocsin law docs > docs/law.md" }

// Run writes the page.
func (lawDocsCmd) Run(std streams) error {
	engine, err := obligation.New()
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(std.out, engine.Docs())
	return err
}
