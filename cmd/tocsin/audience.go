package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tocsin/notify"
)

type audienceCmd struct {
	Import  audienceImportCmd  `cmd:"" help:"Import recipients from a CSV or NDJSON file."`
	Show    audienceShowCmd    `cmd:"" help:"An import with its counts and segments."`
	Rejects audienceRejectsCmd `cmd:"" help:"The lines of an import that were not taken, and why."`
}

type audienceImportCmd struct {
	remote
	Incident   string `arg:"" help:"inc_…"`
	File       string `arg:"" optional:"" help:"Recipients: .csv, or .ndjson / .jsonl, also with .gz or .zst; - with --format."`
	Format     string `enum:",csv,ndjson" default:"" help:"csv or ndjson; default by the file's ending."`
	Resume     string `placeholder:"aud_…" help:"Go on with an import that was interrupted: the same file again."`
	Base       string `placeholder:"aud_…" help:"Leave out who stands in this audience: late additions."`
	ServerFile string `placeholder:"NAME" help:"A file of the server's import directory; it is imported in the background, also over a restart."`
}

// Help is the example and the format that --help shows.
func (audienceImportCmd) Help() string {
	return `Example: tocsin audience import inc_0193… people.csv.gz
What was not taken is listed with line, column and reason, the first twenty here, all by tocsin audience rejects. An import that breaks off is taken up with --resume.

The first line of a CSV file names its columns; commas, semicolons or tabs stand between values, a value with several
items has semicolons between them. One of person_key, email, phone and push_id is needed.
  person_key                  the operator's own key; else the first address says who somebody is
  name, locale, jurisdiction, zone        zh-Hans, CN-SH, Asia/Shanghai
  email(s), phone(s)          several are tried by verified_at, then in their order
  push_id, push_provider, push_target     aliyun and DEVICE unless named
  data                        kinds of data: name;phone;id_number
  channels, burnt             the person's own order; channels that are no longer safe
  safe_contact                true: only over the channels named
  shared                      addresses that an employer, a school or others can read
  verified_at                 2026-03-01, or address=2026-03-01;…
  minor, guardian1_name, guardian1_phone, guardian1_email, guardian2_…    guardians are told instead
  deceased, kin1_name, kin1_phone, kin1_email, kin2_…                     next of kin are told instead
  customer, business, brand   whose user it is; the customer itself; the name the person knows the service by
  former, no_app, opted_out   true or false; nobody is left out for having opted out of marketing
  var.<name>                  values of the message's own slots
NDJSON has one object a line with the same names (emails, phones, push, guardians, next_of_kin and vars as JSON).`
}

// Run imports one file and lists its rejects.
func (c audienceImportCmd) Run(ctx context.Context, std streams) error {
	api := c.client()
	q := url.Values{}
	for name, value := range map[string]string{"resume": c.Resume, "base": c.Base, "file": c.ServerFile} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var a audienceState
	var err error
	switch {
	case c.ServerFile != "" && c.File == "":
		a, err = c.importServerFile(ctx, api, q, std)
	case c.File != "" && c.ServerFile == "":
		a, err = c.importFile(ctx, api, q, std)
	default:
		return errors.New("name a file, or one on the server with --server-file")
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, a.text())
	if err := listRejects(ctx, api, a.ID, std.out, shownRejects); err != nil {
		return err
	}
	if n := a.Rejected + a.Duplicates + a.Dropped; n > shownRejects {
		fmt.Fprintf(std.out, "… and more: tocsin audience rejects %s\n", a.ID)
	}
	if a.State != "ready" {
		return errTold
	}
	return nil
}

// shownRejects is how many rejects an import prints: a list of late additions may hold everybody told before.
const shownRejects = 20

func (c audienceImportCmd) path(q url.Values) string {
	return "/incidents/" + url.PathEscape(c.Incident) + "/audience?" + q.Encode()
}

func (c audienceImportCmd) importFile(ctx context.Context, api *client, q url.Values, std streams) (a audienceState, err error) {
	format := cmp.Or(c.Format, notify.FormatOf(c.File))
	mediaType := map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson"}[format]
	if mediaType == "" {
		return a, errors.New("say --format csv or --format ndjson")
	}
	f, err := open(c.File, std.in)
	if err != nil {
		return a, err
	}
	defer f.Close()
	size := int64(0)
	if info, err := os.Stat(c.File); err == nil {
		size = info.Size()
	}
	q.Set("name", filepath.Base(c.File))
	body := &progress{r: f, size: size, w: std.err}
	resp, err := api.send(ctx, http.MethodPost, c.path(q), mediaType, body)
	if err != nil {
		return a, c.hint(ctx, api, std, err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}

// hint says how to go on with an import that was interrupted.
func (c audienceImportCmd) hint(ctx context.Context, api *client, std streams, cause error) error {
	var list struct{ Audiences []audienceState }
	path := "/incidents/" + url.PathEscape(c.Incident) + "/audiences"
	if api.call(context.WithoutCancel(ctx), http.MethodGet, path, nil, &list) != nil || len(list.Audiences) == 0 {
		return cause
	}
	if a := list.Audiences[0]; a.Resumable || a.State == "importing" && c.Resume != a.ID {
		fmt.Fprintf(std.err, "%s was interrupted after line %d; go on with: tocsin audience import %s %s --resume %s\n", a.ID, a.Line, c.Incident, c.File, a.ID)
	}
	return cause
}

func (c audienceImportCmd) importServerFile(ctx context.Context, api *client, q url.Values, std streams) (a audienceState, err error) {
	if err := api.call(ctx, http.MethodPost, c.path(q), nil, &a); err != nil {
		return a, err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for a.State == "importing" {
		fmt.Fprintln(std.err, a.pace())
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-tick.C:
		}
		id := a.ID
		a = audienceState{}
		if err := api.call(ctx, http.MethodGet, "/audiences/"+url.PathEscape(id), nil, &a); err != nil {
			return a, err
		}
	}
	return a, nil
}

type audienceShowCmd struct {
	remote
	ID string `arg:"" help:"aud_…"`
}

// Help is the example that --help shows.
func (audienceShowCmd) Help() string { return "Example: tocsin audience show aud_0193…" }

// Run prints an audience and its segments.
func (c audienceShowCmd) Run(ctx context.Context, std streams) error {
	var a audienceState
	if err := c.client().call(ctx, http.MethodGet, "/audiences/"+url.PathEscape(c.ID), nil, &a); err != nil {
		return err
	}
	fmt.Fprintln(std.out, a.text())
	if a.State == "importing" {
		fmt.Fprintln(std.out, a.pace())
	}
	for _, s := range a.Segments {
		fmt.Fprintf(std.out, "%-14s %-24s %-20s %12d\n", s.Kind, cmp.Or(s.Value, "-"), cmp.Or(s.Ladder, "no address"), s.People)
	}
	return nil
}

type audienceRejectsCmd struct {
	remote
	ID string `arg:"" help:"aud_…"`
}

// Help is the example that --help shows.
func (audienceRejectsCmd) Help() string { return "Example: tocsin audience rejects aud_0193…" }

// Run lists what was not taken.
func (c audienceRejectsCmd) Run(ctx context.Context, std streams) error {
	return listRejects(ctx, c.client(), c.ID, std.out, math.MaxInt)
}

// audienceState is what a command reads of an audience.
type audienceState struct {
	ID, State, Error                                     string
	Resumable, Waiting                                   bool
	Rows, Affected, Total, Rejected, Duplicates, Dropped int64
	Line, Bytes, Size                                    int64
	ByChannel                                            map[string]int64 `json:"by_channel"`
	Segments                                             []notify.Segment
	Root                                                 string
	Rate                                                 float64
	ETA                                                  *time.Time
}

func (a audienceState) text() string {
	s := fmt.Sprintf("%s %s: %d lines, %d people, %d recipients, %d rejected, %d duplicates, %d bad values dropped", a.ID, a.State,
		a.Rows, a.Affected, a.Total, a.Rejected, a.Duplicates, a.Dropped)
	for i, ch := range slices.Sorted(maps.Keys(a.ByChannel)) {
		s += fmt.Sprintf("%s%s %d", [...]string{"\nreachable by ", ", "}[min(i, 1)], ch, a.ByChannel[ch])
	}
	for _, g := range a.Segments {
		if g.Kind == "all" && g.Ladder == "" {
			s += fmt.Sprintf("\nwithout a usable address %d", g.People)
		}
	}
	if a.Root != "" {
		s += "\nsnapshot root " + a.Root
	}
	if a.Error != "" {
		s += "\n" + a.Error
	}
	if a.Resumable {
		s += fmt.Sprintf("\ninterrupted after line %d; go on with --resume %s and the same file", a.Line, a.ID)
	}
	return s
}

func (a audienceState) pace() string {
	s := fmt.Sprintf("%d lines, %.0f a second", a.Rows, a.Rate)
	if a.Waiting {
		s = "waits to be read"
	}
	if a.Size > 0 {
		s += fmt.Sprintf(", %d %% of %d MiB", a.Bytes*100/a.Size, a.Size>>20)
	}
	if a.ETA != nil {
		s += ", done about " + a.ETA.Local().Format(time.TimeOnly)
	}
	return s
}

// listRejects prints the first ones, at most so many.
func listRejects(ctx context.Context, api *client, id string, to io.Writer, most int) error {
	for after := int64(0); ; {
		var page struct{ Rejects []notify.Reject }
		if err := api.call(ctx, http.MethodGet, fmt.Sprintf("/audiences/%s/rejects?limit=%d&after=%d", url.PathEscape(id), min(most, 1000), after), nil, &page); err != nil {
			return err
		}
		for _, r := range page.Rejects[:min(most, len(page.Rejects))] {
			at := fmt.Sprintf("line %d", r.Line)
			if r.Column > 0 {
				at += fmt.Sprintf(", character %d", r.Column)
			}
			fmt.Fprintf(to, "%s, %s: %s (%s)\n", at, cmp.Or(r.Pointer, "-"), r.Message, r.Rule)
			after = r.Line
		}
		if most -= len(page.Rejects); most <= 0 || len(page.Rejects) < 1000 {
			return nil
		}
	}
}

// progress says on the terminal how much of a file has gone, how fast and until when.
type progress struct {
	r           io.Reader
	w           io.Writer
	size, done  int64
	begun, told time.Time
}

// Read reads on and tells each second.
func (p *progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done += int64(n)
	now := time.Now()
	if p.begun.IsZero() {
		p.begun, p.told = now, now
	}
	if now.Sub(p.told) > time.Second {
		p.told = now
		rate := float64(p.done) / now.Sub(p.begun).Seconds()
		fmt.Fprintf(p.w, "\r%d MiB, %.1f MiB/s", p.done>>20, rate/(1<<20))
		if p.size > 0 {
			left := time.Duration(float64(p.size-p.done) / rate * float64(time.Second))
			fmt.Fprintf(p.w, ", %d %%, %s left   ", p.done*100/p.size, left.Round(time.Second))
		}
	}
	if err != nil && p.told.After(p.begun) {
		fmt.Fprintln(p.w)
		p.told = p.begun
	}
	return n, err
}
