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

type dispatchCmd struct {
	Watch dispatchWatchCmd `cmd:"" help:"Follow a dispatch until it ends."`
}

type dispatchWatchCmd struct {
	remote
	ID string `arg:"" help:"dsp_…"`
}

// Help is the example that --help shows.
func (dispatchWatchCmd) Help() string {
	return "Example: tocsin dispatch watch dsp_0193…\nA line a second on standard error, the end on standard output; exit code 1 when it was stopped."
}

// dispatchState is what a watcher reads of a dispatch.
type dispatchState struct {
	ID, Notice, State, Reason string
	Channels                  []string
	People                    map[string]int64
	ByChannel                 map[string]map[string]int64 `json:"by_channel"`
	Duplicates                int64                       `json:"possible_duplicates"`
	Rate                      float64
	ETA                       *time.Time
}

func (d dispatchState) ended() bool { return d.State == "done" || d.State == "stopped" }

func (d dispatchState) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d people", d.State, d.People["total"])
	for _, s := range []string{"pending", "in_doubt", "accepted", "delivered", "read", "failed", "stopped"} {
		if n := d.People[s]; n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, s)
		}
	}
	return b.String()
}

// Run prints a line a second until the dispatch ends.
func (c dispatchWatchCmd) Run(ctx context.Context, std streams) error {
	d, err := follow(ctx, c.client(), c.ID, std.err)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, d.line())
	if d.State == "stopped" {
		return errTold
	}
	return nil
}

// follow asks for a dispatch until it ends, and says each second how far it is.
func follow(ctx context.Context, api *client, id string, to io.Writer) (d dispatchState, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 1; ; n++ {
		d = dispatchState{}
		if err := api.call(ctx, http.MethodGet, "/dispatches/"+url.PathEscape(id), nil, &d); err != nil {
			return d, err
		}
		if d.ended() {
			return d, nil
		}
		if n%10 == 0 {
			fmt.Fprintln(to, d.line())
		}
		select {
		case <-ctx.Done():
			return d, ctx.Err()
		case <-tick.C:
		}
	}
}
