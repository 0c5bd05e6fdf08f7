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
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/seal"
)

// Import streams recipients into a new audience and returns it ready (or failed). progress, when not nil,
// is called after each committed batch. Memory is constant. Whatever line is not taken is kept as a
// reject that says why; an audience that nobody is in, or that was interrupted, has failed.
func (s *Service) Import(ctx context.Context, sc evidence.Scope, id incident.ID, name, format string, r io.Reader, progress func(Audience)) (Audience, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return Audience{}, err
	}
	im := &importer{store: s.store, scope: sc, progress: progress, lines: newLineReader(r)}
	if err := im.format(format); err != nil {
		return Audience{}, err
	}
	if err := im.begin(ctx, id, name, format); err != nil {
		return Audience{}, err
	}
	err := im.run(ctx)
	if err == nil && im.a.Total > 0 {
		err = im.finish(ctx)
	}
	switch {
	case err != nil:
		return im.fail(ctx, "the import was interrupted; import the file again", err)
	case im.a.Total == 0:
		return im.fail(ctx, "no line of the file could be taken", nil)
	}
	return im.a, nil
}

// importer is one import at work.
type importer struct {
	store    Store
	scope    evidence.Scope
	progress func(Audience)
	lines    *lineReader
	columns  []column // of CSV
	a        Audience
	key      *seal.Key
	keeper   *keeper
}

// format chooses the reader of the input; CSV reads its header.
func (im *importer) format(format string) error {
	switch format {
	case "ndjson":
		return nil
	case "csv":
		header, long, err := im.lines.line()
		switch {
		case errors.Is(err, io.EOF) || long:
			return incident.InvalidInput([]incident.Problem{*problem("/header", "required", "the first line must name the columns")})
		case err != nil:
			return fmt.Errorf("read header: %w", err)
		}
		im.columns, err = csvHeader(string(header))
		return err
	}
	return incident.NewFault(incident.Unsupported, "an audience is imported as csv or ndjson")
}

func (im *importer) begin(ctx context.Context, id incident.ID, name, format string) error {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if p := line("/name", name, maxName); p != nil {
		return incident.InvalidInput([]incident.Problem{*p})
	}
	return im.store.InTx(ctx, im.scope, func(tx Tx) error {
		if _, err := tx.Incident(ctx, id); err != nil {
			return err
		}
		key, err := tx.Key(ctx, id)
		if err != nil {
			return fmt.Errorf("open incident key: %w", err)
		}
		a := Audience{
			ID: evidence.NewID("aud"), Incident: id, State: Importing, Name: name, Format: format,
			ByChannel: map[string]int64{}, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
		}
		if a.No, err = tx.InsertAudience(ctx, a); err != nil {
			return fmt.Errorf("insert audience: %w", err)
		}
		im.a, im.key, im.keeper = a, key, newKeeper(a.No, key)
		return nil
	})
}

func (im *importer) finish(ctx context.Context) error {
	if err := im.commit(ctx, im.a, true); err != nil {
		return err
	}
	return im.store.InTx(ctx, im.scope, func(tx Tx) error {
		a := im.a
		a.State, a.Root, a.UpdatedAt = Ready, im.keeper.root.Hex(), tx.Now()
		if err := tx.UpdateAudience(ctx, a); err != nil {
			return fmt.Errorf("update audience: %w", err)
		}
		refs := map[string]string{"audience": a.ID, "count": strconv.FormatInt(a.Total, 10), "root": a.Root}
		tx.AppendLedger(evidence.Draft{Chain: string(a.Incident), Kind: "audience.ready", Refs: refs})
		tx.Emit(incident.Event{Kind: "audience.ready", Incident: a.Incident, Refs: maps.Clone(refs)})
		im.a = a
		return nil
	})
}

// fail marks the audience failed, also when ctx is what ended the import.
func (im *importer) fail(ctx context.Context, why string, cause error) (Audience, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := im.store.InTx(ctx, im.scope, func(tx Tx) error { return breakOff(ctx, tx, &im.a, why) })
	return im.a, errors.Join(cause, err)
}

func breakOff(ctx context.Context, tx Tx, a *Audience, why string) error {
	a.State, a.Error, a.UpdatedAt = Broken, why, tx.Now()
	if err := tx.UpdateAudience(ctx, *a); err != nil {
		return fmt.Errorf("update audience: %w", err)
	}
	return nil
}
