package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type dispatchCmd struct {
	dispatchRecords
	Plan   dispatchPlanCmd   `cmd:"" help:"What sending a notice takes: people, cost, time."`
	Watch  dispatchWatchCmd  `cmd:"" help:"Follow a dispatch until it ends."`
	Pause  dispatchPauseCmd  `cmd:"" help:"Hold a running dispatch, with a reason."`
	Resume dispatchResumeCmd `cmd:"" help:"Let a paused dispatch run on."`
	Stop   dispatchStopCmd   `cmd:"" help:"End a dispatch for good, with a reason."`
}

type dispatchPlanCmd struct {
	remote
	Notice   string `arg:"" help:"ntc_…"`
	Audience string `help:"aud_…; default that of the notice, else the newest ready one."`
	Locale   string `enum:"en,zh-Hans" default:"en" help:"Language of problems and advice: en or zh-Hans."`
}

// Help is the example that --help shows.
func (dispatchPlanCmd) Help() string {
	return "Example: tocsin dispatch plan ntc_0193… --locale zh-Hans\nExit code 1 when it cannot finish before the deadline."
}

// releasePlan is what a reader sees of a plan.
type releasePlan struct {
	People, Unreachable int64
	Channels            []struct {
		Channel   string
		First     int64
		AtMost    int64 `json:"at_most"`
		Providers []struct {
			ID                   string
			First                int64
			AtMost               int64 `json:"at_most"`
			Parts, Rate, Seconds float64
			RateFrom             string `json:"rate_from"`
			Paused               bool
		}
	}
	Cost []struct {
		Currency    string
		Least, Most float64
	}
	Sent                          *time.Time `json:"sent_by"`
	Settled                       *time.Time `json:"settled_by"`
	Deadline                      *time.Time
	Verdict                       string
	Assumptions, Problems, Advice []struct{ Text map[string]string }
}

// Run prints the plan of one notice.
func (c dispatchPlanCmd) Run(ctx context.Context, std streams) error {
	var p releasePlan
	path := "/notices/" + url.PathEscape(c.Notice) + "/plan?audience=" + url.QueryEscape(c.Audience)
	if err := c.client().call(ctx, http.MethodGet, path, nil, &p); err != nil {
		return err
	}
	p.print(std.out, c.Locale)
	if p.Verdict == "cannot" {
		return errTold
	}
	return nil
}

func (p releasePlan) print(w io.Writer, locale string) {
	fmt.Fprintf(w, "%d people, %d of them reached by no channel\n", p.People, p.Unreachable)
	for _, c := range p.Channels {
		fmt.Fprintf(w, "%s: first for %d, at most %d\n", c.Channel, c.First, c.AtMost)
		for _, l := range c.Providers {
			rate := "rate not known"
			if l.Rate > 0 {
				rate = fmt.Sprintf("%s/s %s, %s", perSecond(l.Rate), l.RateFrom, lasts(l.Seconds))
			}
			fmt.Fprintf(w, "  %s: %d to %d messages%s, %s%s\n", l.ID, l.First, l.AtMost, parts(l.Parts), rate, map[bool]string{true: ", paused"}[l.Paused])
		}
	}
	for _, c := range p.Cost {
		fmt.Fprintf(w, "cost: %.2f to %.2f %s\n", c.Least, c.Most, c.Currency)
	}
	for _, at := range []struct {
		what string
		at   *time.Time
	}{{"sent by", p.Sent}, {"last word by", p.Settled}, {"deadline", p.Deadline}} {
		if at.at != nil {
			fmt.Fprintf(w, "%s: %s\n", at.what, at.at.Local().Format(time.RFC3339))
		}
	}
	switch {
	case p.Sent == nil && p.Verdict != "cannot":
		p.Verdict = "not known while a rate is not"
	case p.Deadline == nil:
		p.Verdict += "; no deadline with a number runs"
	}
	fmt.Fprintf(w, "verdict: %s\n", p.Verdict)
	for _, n := range p.Problems {
		fmt.Fprintf(w, "! %s\n", n.Text[locale])
	}
	for _, n := range slices.Concat(p.Advice, p.Assumptions) {
		fmt.Fprintf(w, "- %s\n", n.Text[locale])
	}
}

// lasts is a time in days, or as a duration is written.
func lasts(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
	return d.String()
}

// parts says how many an SMS has, where that is not one.
func parts(n float64) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(" of %.3g parts", n)
}

// steering is what pause, resume and stop have in common.
type steering struct {
	remote
	ID string `arg:"" help:"dsp_…"`
}

// steer does one thing to a dispatch and prints where it stands.
func (s steering) steer(ctx context.Context, std streams, verb, reason string) error {
	var body any
	if reason != "" {
		body = map[string]string{"reason": reason}
	}
	var d dispatchState
	if err := s.client().call(ctx, http.MethodPost, "/dispatches/"+url.PathEscape(s.ID)+"/"+verb, body, &d); err != nil {
		return err
	}
	fmt.Fprintln(std.out, d.line())
	return nil
}

type dispatchPauseCmd struct {
	steering
	Reason string `required:"" help:"Why."`
}

// Help is the example that --help shows.
func (dispatchPauseCmd) Help() string {
	return "Example: tocsin dispatch pause dsp_0193… --reason 'wrong hotline number'"
}

// Run pauses one dispatch.
func (c dispatchPauseCmd) Run(ctx context.Context, std streams) error {
	return c.steer(ctx, std, "pause", c.Reason)
}

type dispatchResumeCmd struct{ steering }

// Help is the example that --help shows.
func (dispatchResumeCmd) Help() string { return "Example: tocsin dispatch resume dsp_0193…" }

// Run resumes one dispatch.
func (c dispatchResumeCmd) Run(ctx context.Context, std streams) error {
	return c.steer(ctx, std, "resume", "")
}

type dispatchStopCmd struct {
	steering
	Reason string `required:"" help:"Why."`
	Yes    bool   `help:"You know that a stopped dispatch cannot run on."`
}

// Help is the example that --help shows.
func (dispatchStopCmd) Help() string {
	return "Example: tocsin dispatch stop dsp_0193… --reason 'sent to the wrong people' --yes\nA stopped dispatch cannot run on. Who was reached: tocsin dispatch export."
}

// Run stops one dispatch for good.
func (c dispatchStopCmd) Run(ctx context.Context, std streams) error {
	if !c.Yes {
		return fmt.Errorf("a stopped dispatch cannot run on: say --yes, or pause it")
	}
	return c.steer(ctx, std, "stop", c.Reason)
}

type dispatchWatchCmd struct {
	remote
	ID string `arg:"" help:"dsp_…"`
}

// Help is the example that --help shows.
func (dispatchWatchCmd) Help() string {
	return "Example: tocsin dispatch watch dsp_0193…\nHow far it is on standard error, a line a second; the end on standard output; exit code 1 when it was stopped."
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
	WaitsUntil                *time.Time `json:"waits_until"`
	Phase                     string
	Margin                    *float64 `json:"margin_seconds"`
	Pace                      map[string]struct {
		First, Tried int64
		Rate         float64
		ETA          *time.Time
	}
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
	if d.Phase != "" {
		fmt.Fprintf(&b, ", first wave: %s", d.Phase)
	}
	if d.Reason != "" {
		fmt.Fprintf(&b, ", because: %s", d.Reason)
	}
	return b.String()
}

// pace is how fast it goes, on the whole and by channel, and when it should be through.
func (d dispatchState) pace() string {
	if d.State != "running" {
		return "" // what stands still has no speed
	}
	var b strings.Builder
	fmt.Fprintf(&b, "; %s/s", perSecond(d.Rate))
	if d.ETA != nil {
		fmt.Fprintf(&b, ", through at %s", clock(*d.ETA))
	}
	if d.WaitsUntil != nil {
		fmt.Fprintf(&b, ", some wait until %s", clock(*d.WaitsUntil))
	}
	if d.Margin != nil {
		left := time.Duration(*d.Margin * float64(time.Second)).Round(time.Minute)
		when := "before"
		if left < 0 {
			left, when = -left, "after"
		}
		fmt.Fprintf(&b, ", %s %s the deadline", left, when)
	}
	for _, c := range slices.Sorted(maps.Keys(d.Pace)) {
		p := d.Pace[c]
		if p.First == 0 && p.Tried == 0 {
			continue
		}
		fmt.Fprintf(&b, "; %s %d of %d at %s/s", c, p.Tried, max(p.First, p.Tried), perSecond(p.Rate))
	}
	return b.String()
}

// perSecond is a rate as exact as anybody wants it.
func perSecond(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.2g", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// clock is the time of day, with its day where that is not today's working hours.
func clock(at time.Time) string {
	layout := time.TimeOnly
	if time.Until(at) > 12*time.Hour {
		layout = "2006-01-02 15:04"
	}
	return at.Local().Format(layout)
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

// follow asks for a dispatch until it ends, and says each second how far it is, where that is news.
func follow(ctx context.Context, api *client, id string, to io.Writer) (d dispatchState, err error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	said := ""
	for n := 1; ; n++ {
		d = dispatchState{}
		if err := api.call(ctx, http.MethodGet, "/dispatches/"+url.PathEscape(id), nil, &d); err != nil {
			return d, err
		}
		if d.ended() {
			return d, nil
		}
		if line := d.line() + d.pace(); n%10 == 0 && line != said {
			fmt.Fprintln(to, line)
			said = line
		}
		select {
		case <-ctx.Done():
			return d, ctx.Err()
		case <-tick.C:
		}
	}
}
