// Package intake turns outside formats into findings, one file per format, and takes them in.
package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/clock"
)

// Service takes inputs in.
type Service struct {
	store incident.Store
	clock clock.Clock
}

// New makes the service.
func New(store incident.Store, clk clock.Clock) *Service { return &Service{store: store, clock: clk} }

// Request is one input as a door received it.
type Request struct {
	Format string            // one of Formats
	Header map[string]string // of the request or message; names in any case
	Body   []byte
	Mode   incident.Mode // "" leaves it to the input and its format
	DryRun bool          // show what would be read and store nothing
}

// Answer says what became of an input.
type Answer struct {
	Incidents []Accepted         `json:"incidents"`
	Ignored   string             `json:"ignored,omitempty"` // the rule by which nothing was opened
	Warnings  []incident.Problem `json:"warnings,omitempty"`
	Rejected  []incident.Problem `json:"rejected,omitempty"` // faults of single items of a batch
	DryRun    []Mapped           `json:"dry_run,omitempty"`
}

// Accepted is an incident that an input opened, revised or repeated.
type Accepted struct {
	ID        incident.ID `json:"id"`
	Created   bool        `json:"created"`
	Revision  int64       `json:"revision"`
	MatchedBy string      `json:"matched_by,omitempty"` // what its identity is made of
	Pointer   string      `json:"pointer,omitempty"`    // of the item in a batch
}

// Mapped shows where a fact came from.
type Mapped struct {
	Item      int    `json:"item"` // counts the incidents of the input from 0
	Path      string `json:"path"`
	Value     any    `json:"value"`
	Certainty string `json:"certainty,omitempty"`
	Pointer   string `json:"pointer"`
}

func tooLarge() error {
	return incident.NewFault(incident.TooLarge, "the body is larger than %d bytes; nothing was stored", MaxBody)
}

func unsupported(why string) error {
	return incident.NewFault(incident.Unsupported, "%s; formats: %s", why, strings.Join(Formats(), ", "))
}

// Accept reads an input and records its findings, each with its keys, facts, original, ledger entry and
// event in one transaction. Faults of a single finding refuse the input; of a batch, that item.
func (s *Service) Accept(ctx context.Context, sc evidence.Scope, r Request) (Answer, error) {
	readings, err := read(r)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Incidents: []Accepted{}}
	if len(readings) == 0 {
		a.Ignored = "empty-batch"
		return a, nil
	}
	item := 0
	for _, g := range readings {
		if len(g.problems) > 0 {
			a.Rejected = append(a.Rejected, g.problems...)
			continue
		}
		if r.DryRun {
			a.DryRun = append(a.DryRun, s.show(item, g)...)
			a.Warnings = append(a.Warnings, g.finding.Warnings...)
		} else if err := s.record(ctx, sc, g, &a); err != nil {
			return Answer{}, err
		}
		item++
	}
	if item == 0 || !r.DryRun && len(a.Incidents) == 0 {
		return Answer{}, incident.InvalidInput(first(a.Rejected))
	}
	a.Rejected = first(a.Rejected)
	return a, nil
}

func first(problems []incident.Problem) []incident.Problem {
	return problems[:min(len(problems), maxFaults)]
}

// read finds the reader and applies it. Its error is a fault of the input as a whole.
func read(r Request) ([]reading, error) {
	if len(r.Body) > MaxBody {
		return nil, tooLarge()
	}
	rd := named(r.Format)
	if rd == nil && r.Format != "auto" {
		return nil, unsupported("this format is not known")
	}
	if r.Mode != "" && !slices.Contains(modes, string(r.Mode)) {
		return nil, incident.InvalidInput([]incident.Problem{{Rule: "mode", Message: "mode must be one of " + strings.Join(modes, ", ")}})
	}
	doc, problems := decode(r.Body, "")
	if len(problems) > 0 {
		return nil, incident.InvalidInput(problems)
	}
	in := &input{header: r.Header, body: r.Body, doc: doc}
	if rd == nil {
		if rd = detect(in); rd == nil {
			return nil, unsupported("the format was not recognised: name it in the path")
		}
	}
	readings := rd.apply(in)
	for i := range readings {
		g := &readings[i]
		f := &g.finding
		if len(g.problems) > 0 {
			continue
		}
		if r.Mode != "" && f.Mode != "" && r.Mode != f.Mode {
			g.problems = []incident.Problem{{Pointer: g.pointer + "/mode", Rule: "mode", Message: "is not the mode that was asked for"}}
		}
		if f.Mode = r.Mode; f.Mode == "" {
			f.Mode = g.mode
		}
		f.Original.ContentType, _ = in.header.get("Content-Type")
		f.Original.Header = in.header.kept()
	}
	return readings, nil
}

// record takes one finding in. What only the transaction can tell to be invalid rejects it too.
func (s *Service) record(ctx context.Context, sc evidence.Scope, g reading, a *Answer) error {
	var rec incident.Recorded
	err := s.store.InTx(ctx, sc, func(tx incident.Tx) (err error) {
		rec, err = incident.Record(ctx, tx, g.finding)
		return err
	})
	var fault *incident.Fault
	if errors.As(err, &fault) && fault.Kind == incident.Invalid {
		for _, p := range fault.Problems {
			p.Pointer = g.pointer + p.Pointer
			a.Rejected = append(a.Rejected, p)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("record finding: %w", err)
	}
	by := g.matchedBy
	if rec.Created {
		by = ""
	}
	a.Incidents = append(a.Incidents, Accepted{ID: rec.ID, Created: rec.Created, Revision: rec.Revision, MatchedBy: by, Pointer: g.pointer})
	a.Warnings = append(a.Warnings, rec.Warnings...)
	return nil
}

// show lists what would be recorded, with the pointer each fact came from.
func (s *Service) show(item int, g reading) []Mapped {
	f := g.finding
	title, _ := incident.CleanTitle(f.Title)
	out := []Mapped{{Item: item, Path: incident.TitlePath, Value: title}}
	noticed := f.Mode == incident.Imported // such a record keeps what it says
	for _, in := range f.Facts {
		out = append(out, Mapped{Item: item, Path: in.Path, Value: in.Value, Certainty: in.Certainty, Pointer: in.Pointer})
		noticed = noticed || in.Path == "first_signal_at"
	}
	if !noticed {
		at := s.clock.Now()
		if !f.DetectedAt.IsZero() && f.DetectedAt.Before(at) {
			at = f.DetectedAt
		}
		out = append(out, Mapped{Item: item, Path: "first_signal_at", Value: at.Format(time.RFC3339Nano)})
	}
	return out
}
