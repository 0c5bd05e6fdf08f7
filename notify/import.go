package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/seal"
)

// Source is what an audience is imported from.
type Source struct {
	Name   string // of the file
	Format string // csv | ndjson; packed with gzip or zstd or not
	Reader io.Reader
	Size   int64  // bytes that Reader gives; 0: not known
	Resume string // aud_… of an import that was interrupted: Reader gives the same file from its start
	Base   string // aud_… whose people are left out
	// Progress, when not nil, is called after each committed batch.
	Progress func(Audience)
}

// Import is ImportFrom of a whole file.
func (s *Service) Import(ctx context.Context, sc evidence.Scope, id incident.ID, name, format string, r io.Reader, progress func(Audience)) (Audience, error) {
	return s.ImportFrom(ctx, sc, id, Source{Name: name, Format: format, Reader: r, Progress: progress})
}

// ImportFrom streams recipients into an audience and returns it ready (or failed). Memory is constant.
// Whatever line or address is not taken is kept as a reject that says why. An import that is interrupted has failed
// and goes on when the same file comes again; nobody can be sent to before it is complete.
func (s *Service) ImportFrom(ctx context.Context, sc evidence.Scope, id incident.ID, src Source) (Audience, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return Audience{}, err
	}
	name := path.Base(strings.ReplaceAll(src.Name, `\`, "/"))
	if p := line("/name", name, maxName); p != nil {
		return Audience{}, incident.InvalidInput([]incident.Problem{*p})
	}
	im := &importer{store: s.store, scope: sc, runOf: s.runOf, tierBits: s.tierBits, progress: src.Progress}
	closeInput, err := im.read(src)
	if err != nil {
		return Audience{}, err
	}
	defer closeInput()
	start := func(ctx context.Context, tx Tx) (Audience, error) {
		return begin(ctx, tx, Audience{Incident: id, Name: name, Format: src.Format, Size: src.Size}, src.Base)
	}
	if src.Resume != "" {
		start = func(ctx context.Context, tx Tx) (Audience, error) { return resume(ctx, tx, id, src) }
	}
	return im.work(ctx, start)
}

// importer is one import at work.
type importer struct {
	store    Store
	scope    evidence.Scope
	runOf    int
	tierBits int
	progress func(Audience)
	input    *counted
	lines    *lineReader
	csv      *csvForm // nil: NDJSON
	a        Audience
	bases    []crowd
	again    bool // many lines are about people who may be in already
	key      *seal.Key
	keeper   *keeper

	preparers, batches sync.Pool // at rest
}

// read opens the input; CSV has its header read.
func (im *importer) read(src Source) (closeInput func(), err error) {
	if src.Format != "csv" && src.Format != "ndjson" {
		return nil, incident.NewFault(incident.Unsupported, "an audience is imported as csv or ndjson")
	}
	im.input = &counted{r: src.Reader}
	r, err := unpacked(im.input)
	if err != nil {
		return nil, err
	}
	closeInput = func() { _ = r.Close() } // nothing is written
	im.lines = newLineReader(r)
	if src.Format == "ndjson" {
		return closeInput, nil
	}
	header, err := im.lines.header()
	if errors.Is(err, errNoHeader) {
		err = incident.InvalidInput([]incident.Problem{*problem("/header", "required", "the first line must name the columns")})
	}
	if err == nil {
		im.csv, err = csvHeader(string(header))
	}
	if err != nil {
		closeInput()
		return nil, err
	}
	im.lines.csv = im.csv
	return closeInput, nil
}

// work runs an import from its start, or from where an earlier attempt ended, to its end.
func (im *importer) work(ctx context.Context, start func(context.Context, Tx) (Audience, error)) (Audience, error) {
	err := im.store.InTx(ctx, im.scope, func(tx Tx) (err error) {
		if im.a, err = start(ctx, tx); err != nil {
			return err
		}
		if im.bases, err = bases(ctx, tx, im.a); err != nil {
			return err
		}
		im.key, err = tx.Key(ctx, im.a.Incident)
		return err
	})
	if err != nil {
		return Audience{}, err
	}
	err = im.run(ctx)
	if err == nil && im.a.Affected > 0 {
		err = im.finish(ctx)
	}
	var wrong *incident.Fault
	switch {
	case errors.Is(err, errTaken):
		return im.a, err
	case errors.As(err, &wrong) && wrong.Kind == incident.Invalid && im.a.Rows > 0:
		return im.fail(ctx, cutOff, &incident.Fault{Kind: incident.Invalid, Message: fmt.Sprintf("%s; nobody can be sent to before (%d records are kept)", cutOff, im.a.Rows), Problems: wrong.Problems})
	case errors.As(err, &wrong) && wrong.Kind == incident.Invalid:
		return im.fail(ctx, wrong.Message+": "+wrong.Problems[0].Message, err)
	case errors.Is(err, errOtherFile):
		return im.fail(ctx, interrupted, incident.NewFault(incident.Conflict, "this is another file than the one whose import was interrupted"))
	case err != nil:
		return im.fail(ctx, interrupted, err)
	case im.a.Affected == 0:
		return im.fail(ctx, "no line of the file could be taken", nil)
	}
	return im.a, nil
}

// run takes up where an earlier attempt ended, and reads and keeps the rest.
func (im *importer) run(ctx context.Context) error {
	if err := im.dropRuns(ctx); err != nil {
		return err
	}
	im.keeper = newKeeper(im.a, im.key, im.runOf)
	if err := im.keeper.load(ctx, im.store, im.scope, im.a, im.bases); err != nil {
		return err
	}
	if im.a.At.Offset > 0 {
		if err := im.lines.skipTo(im.a.At); err != nil {
			return err
		}
	}
	return im.pipe(ctx)
}

func begin(ctx context.Context, tx Tx, a Audience, base string) (Audience, error) {
	if _, err := tx.Incident(ctx, a.Incident); err != nil {
		return a, err
	}
	if base != "" {
		b, err := tx.Audience(ctx, base)
		if err != nil {
			return a, err
		}
		if b.Incident != a.Incident || b.State != Ready {
			return a, incident.NewFault(incident.Conflict, "the base must be a complete audience of the same incident")
		}
		a.Base = b.ID
	}
	a.ID, a.State, a.ByChannel, a.Attempt = evidence.NewID("aud"), Importing, map[string]int64{}, 1
	a.CreatedAt, a.UpdatedAt, a.Since = tx.Now(), tx.Now(), Mark{At: tx.Now()}
	var err error
	if a.No, err = tx.InsertAudience(ctx, a); err != nil {
		return a, fmt.Errorf("insert audience: %w", err)
	}
	return a, nil
}

// resume takes an interrupted import over.
func resume(ctx context.Context, tx Tx, id incident.ID, src Source) (Audience, error) {
	a, err := tx.LockAudience(ctx, src.Resume)
	switch {
	case err != nil:
		return a, err
	case a.Incident != id:
		return a, incident.NewFault(incident.NotFound, "this incident has no such audience")
	case a.State != Broken || !a.Resumable:
		return a, incident.NewFault(incident.Conflict, "the audience is %s: there is nothing to go on with", a.State)
	case a.Format != src.Format || src.Base != "" && src.Base != a.Base:
		return a, incident.NewFault(incident.Conflict, "the import began as %s with base %q; go on with the same", a.Format, a.Base)
	}
	return a, a.takeUp(ctx, tx, src.Size)
}

// takeUp begins the next attempt of a locked audience.
func (a *Audience) takeUp(ctx context.Context, tx Tx, size int64) error {
	a.State, a.Error, a.Resumable, a.Waiting = Importing, "", false, false
	a.Attempt++
	a.Size, a.Bytes, a.UpdatedAt = size, 0, tx.Now()
	a.Since = Mark{At: tx.Now(), Rows: a.Rows}
	if err := tx.UpdateAudience(ctx, *a); err != nil {
		return fmt.Errorf("update audience: %w", err)
	}
	return nil
}

// bases are the audiences whose people an audience leaves out: its base, the base of that …
func bases(ctx context.Context, tx Tx, a Audience) (all []crowd, err error) {
	for next := a.Base; next != ""; next = a.Base {
		if a, err = tx.Audience(ctx, next); err != nil {
			return nil, fmt.Errorf("read base: %w", err)
		}
		all = append(all, crowd{a.No, a.Total})
	}
	return all, nil
}

func (im *importer) finish(ctx context.Context) error {
	if err := im.commit(ctx, im.a, true); err != nil {
		return err
	}
	return im.change(ctx, im.store.InTx, func(tx Tx, a *Audience) error {
		a.State, a.Root, a.Tree, a.UpdatedAt = Ready, im.keeper.root.Hex(), evidence.Root{}, tx.Now()
		refs := map[string]string{"audience": a.ID, "count": strconv.FormatInt(a.Total, 10), "root": a.Root}
		if a.Base != "" {
			refs["base"] = a.Base
		}
		tx.AppendLedger(evidence.Draft{Chain: string(a.Incident), Kind: "audience.ready", Refs: refs})
		tx.Emit(incident.Event{Kind: "audience.ready", Incident: a.Incident, Refs: maps.Clone(refs)})
		return nil
	})
}

// errTaken ends an import that another attempt has taken over, or that was given up as lost.
var errTaken = &incident.Fault{Kind: incident.Conflict, Message: "the import goes on elsewhere, or was given up"}

// change writes the audience, if it is still this attempt's.
func (im *importer) change(ctx context.Context, in func(context.Context, evidence.Scope, func(Tx) error) error, fn func(Tx, *Audience) error) error {
	var next Audience
	err := in(ctx, im.scope, func(tx Tx) error {
		now, err := tx.LockAudience(ctx, im.a.ID)
		if err != nil {
			return err
		}
		if now.Attempt != im.a.Attempt || now.State != Importing {
			return errTaken
		}
		next = now
		if err := fn(tx, &next); err != nil {
			return err
		}
		return tx.UpdateAudience(ctx, next)
	})
	if err == nil {
		im.a = next
	}
	return err
}

// Why an import failed that goes on with the same file, or with all of it.
const (
	interrupted = "the import was interrupted; import the same file again to go on"
	cutOff      = "the file is damaged or cut off; import the whole file again to go on"
)

// fail marks the audience failed, also when ctx is what ended the import. A file on the server then waits
// for the next process.
func (im *importer) fail(ctx context.Context, why string, cause error) (Audience, error) {
	stopped := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := im.change(ctx, im.store.InTx, func(tx Tx, a *Audience) error {
		if stopped {
			a.lose(tx.Now())
		} else {
			a.breakOff(why, tx.Now())
		}
		return nil
	})
	return im.a, errors.Join(cause, err)
}

func (a *Audience) breakOff(why string, now time.Time) {
	a.State, a.Error, a.Resumable, a.UpdatedAt = Broken, why, why == interrupted || why == cutOff, now
}
