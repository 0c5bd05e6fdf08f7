package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"
)

type providerCmd struct {
	List   providerListCmd   `cmd:"" help:"The ways out, in the order of failover."`
	Pause  providerPauseCmd  `cmd:"" help:"Take a provider out of use, with a reason."`
	Resume providerResumeCmd `cmd:"" help:"Take a provider into use again."`
}

// providerState is what a reader sees of a provider.
type providerState struct {
	ID, Channel, Class, Code, By, Reason string
	Paused                               bool
	Since                                *time.Time
	Measured                             float64
}

func printProviders(w io.Writer, all ...providerState) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range all {
		state := "in use"
		if p.Paused {
			state = "paused by " + cmp.Or(p.By, p.Class+" "+p.Code)
		}
		if p.Reason != "" {
			state += " (" + p.Reason + ")"
		}
		if p.Since != nil {
			state += " since " + p.Since.Local().Format(time.RFC3339)
		}
		rate := ""
		if p.Measured > 0 {
			rate = perSecond(p.Measured) + "/s when last busy"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.ID, p.Channel, state, rate)
	}
	return t.Flush()
}

type providerListCmd struct{ remote }

// Help is the example that --help shows.
func (providerListCmd) Help() string { return "Example: tocsin provider list" }

// Run prints every provider.
func (c providerListCmd) Run(ctx context.Context, std streams) error {
	var out struct{ Providers []providerState }
	if err := c.client().call(ctx, http.MethodGet, "/providers", nil, &out); err != nil {
		return err
	}
	return printProviders(std.out, out.Providers...)
}

type providerPauseCmd struct {
	remote
	ID     string `arg:"" help:"As tocsin provider list names it."`
	Reason string `required:"" help:"Why."`
}

// Help is the example that --help shows.
func (providerPauseCmd) Help() string {
	return "Example: tocsin provider pause aliyun --reason 'signature under review'\nWhat it has not begun goes to the next provider of its channel; dispatches without one wait."
}

// Run pauses one provider.
func (c providerPauseCmd) Run(ctx context.Context, std streams) error {
	return c.set(ctx, std, c.ID, "pause", map[string]string{"reason": c.Reason})
}

type providerResumeCmd struct {
	remote
	ID string `arg:"" help:"As tocsin provider list names it."`
}

// Help is the example that --help shows.
func (providerResumeCmd) Help() string { return "Example: tocsin provider resume aliyun" }

// Run takes one provider into use again.
func (c providerResumeCmd) Run(ctx context.Context, std streams) error {
	return c.set(ctx, std, c.ID, "resume", nil)
}

func (r remote) set(ctx context.Context, std streams, id, verb string, body any) error {
	var p providerState
	if err := r.client().call(ctx, http.MethodPost, "/providers/"+url.PathEscape(id)+"/"+verb, body, &p); err != nil {
		return err
	}
	return printProviders(std.out, p)
}
