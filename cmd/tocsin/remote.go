package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

type incidentCmd struct {
	Post incidentPostCmd `cmd:"" help:"Post a finding; prints what followed from it."`
}

type incidentPostCmd struct {
	remote
	File   string `arg:"" default:"-" help:"Finding, or - for standard input."`
	Format string `default:"native" help:"native, cloudevents, veris … or auto."`
	Key    string `help:"Idempotency-Key; repeats with it change nothing."`
	Mode   string `enum:",live,drill,imported" default:"" help:"live, drill or imported."`
	DryRun bool   `help:"Store nothing; show where each fact comes from."`
}

// Help is the example that --help shows.
func (incidentPostCmd) Help() string {
	return "Example: tocsin incident post finding.json --key siem-4711"
}

// Run posts one finding.
func (c incidentPostCmd) Run(ctx context.Context, std streams) error {
	f, err := open(c.File, std.in)
	if err != nil {
		return err
	}
	defer f.Close()
	path := "/intake/" + url.PathEscape(c.Format) + "?" + url.Values{"dry_run": {fmt.Sprint(c.DryRun)}}.Encode()
	if c.Mode != "" {
		path += "&mode=" + c.Mode
	}
	if c.Format == "native" && !c.DryRun && c.Mode == "" {
		path = "/incidents"
	}
	resp, err := c.client().send(ctx, http.MethodPost, path, "application/json", f, "Idempotency-Key", c.Key)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return indent(std.out, resp.Body)
}

func indent(w io.Writer, r io.Reader) error {
	var v any
	if err := json.NewDecoder(r).Decode(&v); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
