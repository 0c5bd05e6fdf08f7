package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

type audienceCmd struct {
	Import audienceImportCmd `cmd:"" help:"Stream recipients from a CSV or NDJSON file."`
}

type audienceImportCmd struct {
	remote
	Incident string `arg:"" help:"inc_…"`
	File     string `arg:"" help:"Recipients: .csv, or .ndjson / .jsonl; - with --format."`
	Format   string `enum:",csv,ndjson" default:"" help:"csv or ndjson; default by the file's ending."`
}

// Help is the example that --help shows.
func (audienceImportCmd) Help() string {
	return "Example: tocsin audience import inc_0193… people.csv\nRejected lines are listed with line, column and reason."
}

// Run imports one file and lists its rejects.
func (c audienceImportCmd) Run(ctx context.Context, std streams) error {
	format := c.Format
	if format == "" {
		format = map[string]string{".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}[strings.ToLower(filepath.Ext(c.File))]
	}
	mediaType := map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson"}[format]
	if mediaType == "" {
		return fmt.Errorf("say --format csv or --format ndjson")
	}
	f, err := open(c.File, std.in)
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(0)
	if info, err := os.Stat(c.File); err == nil {
		size = info.Size()
	}
	body := &progress{r: f, size: size, w: std.err}
	api := c.client()
	resp, err := api.send(ctx, http.MethodPost, "/incidents/"+url.PathEscape(c.Incident)+"/audience?name="+url.QueryEscape(filepath.Base(c.File)), mediaType, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var a struct {
		ID                                string
		State, Error                      string
		Rows, Total, Rejected, Duplicates int64
		ByChannel                         map[string]int64 `json:"by_channel"`
		Root                              string
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	fmt.Fprintf(std.out, "%s %s: %d lines, %d recipients, %d rejected (%d duplicates)\nreachable by %v\nsnapshot root %s\n", a.ID, a.State, a.Rows, a.Total, a.Rejected, a.Duplicates, a.ByChannel, a.Root)
	return c.rejects(ctx, api, a.ID, std)
}

func (c audienceImportCmd) rejects(ctx context.Context, api *client, id string, std streams) error {
	for after := int64(0); ; {
		var page struct {
			Rejects []struct {
				Line                   int64
				Pointer, Rule, Message string
			}
		}
		if err := api.call(ctx, http.MethodGet, fmt.Sprintf("/audiences/%s/rejects?limit=1000&after=%d", id, after), nil, &page); err != nil {
			return err
		}
		for _, r := range page.Rejects {
			fmt.Fprintf(std.out, "line %d, %s: %s (%s)\n", r.Line, r.Pointer, r.Message, r.Rule)
			after = r.Line
		}
		if len(page.Rejects) < 1000 {
			return nil
		}
	}
}

// progress says on the terminal how much of a file has gone.
type progress struct {
	r          io.Reader
	w          io.Writer
	size, done int64
	told       time.Time
}

func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	if now := time.Now(); p.size > 0 && now.Sub(p.told) > time.Second {
		p.told = now
		fmt.Fprintf(p.w, "\r%3d %% of %d MiB", p.done*100/p.size, p.size>>20)
	}
	if err == io.EOF && !p.told.IsZero() {
		fmt.Fprintln(p.w)
		p.told = time.Time{}
	}
	return n, err
}
