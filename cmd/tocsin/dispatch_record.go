package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// dispatchRecords are the commands that ask what a dispatch did.
type dispatchRecords struct {
	Search    dispatchSearchCmd    `cmd:"" help:"What one person got: deliveries, outcomes, receipts."`
	Proof     dispatchProofCmd     `cmd:"" help:"Proof of what one recipient got, for tocsin evidence verify."`
	Reconcile dispatchReconcileCmd `cmd:"" help:"Hold the audience against what became of it."`
	Export    dispatchExportCmd    `cmd:"" help:"Every delivery of every recipient, as CSV or NDJSON."`
}

type dispatchSearchCmd struct {
	remote
	ID      string `arg:"" help:"dsp_…"`
	Person  string `xor:"who" help:"The person's person_key."`
	Address string `xor:"who" help:"An exact address, or - to read it from standard input, where no list of processes shows it."`
	Code    string `xor:"who" help:"The check code in the notice that the person got."`
}

// Help is the example that --help shows.
func (dispatchSearchCmd) Help() string {
	return "Example: tocsin dispatch search dsp_0193… --person u-1029\nGuardians and next of kin are found by the key of the person they stand for."
}

// Run prints what was found as JSON; exit code 1 when nobody was.
func (c dispatchSearchCmd) Run(ctx context.Context, std streams) error {
	if c.Address == "-" {
		b, err := io.ReadAll(io.LimitReader(std.in, 1<<10))
		if err != nil {
			return err
		}
		c.Address = strings.TrimSpace(string(b))
	}
	var found struct{ People []json.RawMessage }
	ask := map[string]string{"person_key": c.Person, "address": c.Address, "code": c.Code}
	if err := c.client().call(ctx, http.MethodPost, "/dispatches/"+url.PathEscape(c.ID)+"/deliveries/search", ask, &found); err != nil {
		return err
	}
	enc := json.NewEncoder(std.out)
	enc.SetIndent("", "  ")
	if len(found.People) == 0 {
		return errors.New("nobody in this dispatch's audience has that key, address or code")
	}
	return enc.Encode(found.People)
}

type dispatchProofCmd struct {
	remote
	ID        string `arg:"" help:"dsp_…"`
	Recipient int64  `arg:"" help:"Recipient number, as lists and search show it."`
	Channel   string `help:"Only this channel."`
}

// Help is the example that --help shows.
func (dispatchProofCmd) Help() string {
	return "Example: tocsin dispatch proof dsp_0193… 4711 > proof.json && tocsin evidence verify proof.json"
}

// Run prints the proof.
func (c dispatchProofCmd) Run(ctx context.Context, std streams) error {
	path := fmt.Sprintf("/dispatches/%s/deliveries/%d/proof?channel=%s", url.PathEscape(c.ID), c.Recipient, url.QueryEscape(c.Channel))
	resp, err := c.client().send(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return indent(std.out, resp.Body)
}

type dispatchReconcileCmd struct {
	remote
	ID      string `arg:"" help:"dsp_…"`
	Recount bool   `help:"Count every delivery, batch and ledger entry again."`
	JSON    bool   `help:"Print everything as JSON."`
}

// Help is the example that --help shows.
func (dispatchReconcileCmd) Help() string {
	return "Example: tocsin dispatch reconcile dsp_0193… --recount\nExit code 1 when the states do not add up to the audience, or anything counted differs."
}

// account is a reconciliation as the API tells it.
type account struct {
	State      string                      `json:"state"`
	People     map[string]int64            `json:"people"`
	Adds       bool                        `json:"adds_up"`
	ByChannel  map[string]map[string]int64 `json:"by_channel"`
	Duplicates int64                       `json:"possible_duplicates"`
	Recount    *struct {
		ByClass []struct {
			Channel, State, Class string
			N                     int64 `json:"deliveries"`
		} `json:"by_class"`
		Batches     int64    `json:"batches"`
		Events      int64    `json:"delivery_events"`
		Differences []string `json:"differences"`
	} `json:"recount"`
}

// Run prints the account.
func (c dispatchReconcileCmd) Run(ctx context.Context, std streams) error {
	path, read := "/reconciliation", func(r io.Reader) (raw json.RawMessage, err error) { return raw, json.NewDecoder(r).Decode(&raw) }
	if c.Recount {
		path, read = "/recount", func(r io.Reader) (json.RawMessage, error) { return counted(r, std.err) }
	}
	resp, err := c.client().send(ctx, http.MethodGet, "/dispatches/"+url.PathEscape(c.ID)+path, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := read(resp.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	var a account
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if c.JSON {
		err = indent(std.out, strings.NewReader(string(raw)))
	} else {
		a.print(std.out)
	}
	if err == nil && (!a.Adds || a.Recount != nil && len(a.Recount.Differences) > 0) {
		return errTold
	}
	return err
}

// counted follows a recount to its end.
func counted(r io.Reader, to io.Writer) (json.RawMessage, error) {
	dec := json.NewDecoder(r)
	for {
		var line struct {
			Done, Total    int64
			Reconciliation json.RawMessage
		}
		if err := dec.Decode(&line); err != nil {
			return nil, err
		}
		if line.Reconciliation != nil {
			return line.Reconciliation, nil
		}
		fmt.Fprintf(to, "%d of %d recipients counted\n", line.Done, line.Total)
	}
}

func (a account) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %d people =", a.State, a.People["total"])
	sep := " "
	for _, s := range []string{"pending", "in_doubt", "accepted", "delivered", "read", "failed", "stopped"} {
		if n := a.People[s]; n != 0 {
			fmt.Fprintf(w, "%s%d %s", sep, n, s)
			sep = " + "
		}
	}
	fmt.Fprintf(w, "\n%d possible duplicates\n", a.Duplicates)
	if !a.Adds {
		fmt.Fprintln(w, "WRONG  the states do not add up to the audience")
	}
	for _, channel := range slices.Sorted(maps.Keys(a.ByChannel)) {
		for _, state := range slices.Sorted(maps.Keys(a.ByChannel[channel])) {
			fmt.Fprintf(w, "%-12s %-10s %d\n", channel, state, a.ByChannel[channel][state])
		}
	}
	if a.Recount == nil {
		return
	}
	fmt.Fprintf(w, "counted again: %d delivery events in %d batches\n", a.Recount.Events, a.Recount.Batches)
	for _, k := range a.Recount.ByClass {
		fmt.Fprintf(w, "%-12s %-10s %-10s %d\n", k.Channel, k.State, k.Class, k.N)
	}
	for _, d := range a.Recount.Differences {
		fmt.Fprintln(w, "WRONG ", d)
	}
	if len(a.Recount.Differences) == 0 {
		fmt.Fprintln(w, "counters, deliveries, batches and ledger agree")
	}
}

type dispatchExportCmd struct {
	remote
	ID     string `arg:"" help:"dsp_…"`
	Format string `enum:"csv,ndjson" default:"csv" help:"csv or ndjson."`
	Out    string `type:"path" help:"File to write; it appears only when it is whole. Default standard output."`
}

// Help is the example that --help shows.
func (dispatchExportCmd) Help() string {
	return `Example: tocsin dispatch export dsp_0193… --out deliveries.csv

Columns: recipient (number in the frozen audience), person_key and role (only for who may read people), standing
(the person over all channels), channel, state, class, code, provider, provider_id, attempt, possible_duplicate,
superseded (a further channel was begun), at, next_at, address (which of the person's on the channel: 2 for the second,
and so on; empty for the first). Who has not been sent to has a row without a channel. No address itself is in it.`
}

// Run writes the export.
func (c dispatchExportCmd) Run(ctx context.Context, std streams) error {
	resp, err := c.client().send(ctx, http.MethodGet, "/dispatches/"+url.PathEscape(c.ID)+"/export?format="+c.Format, "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.Out == "" {
		_, err := io.Copy(std.out, resp.Body)
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(c.Out), ".export-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(part, resp.Body)
	if err = errors.Join(err, part.Sync(), part.Close()); err == nil {
		err = os.Rename(part.Name(), c.Out)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}
