package notify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// fileTick is how often a process looks for files that wait to be imported.
const fileTick = 5 * time.Second

// FormatOf is the format of a file by its name, packed or not; "" when its ending tells nothing.
func FormatOf(name string) string {
	name = strings.ToLower(name)
	for _, ending := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, ending)
	}
	return map[string]string{".csv": "csv", ".tsv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson"}[path.Ext(name)]
}

// ImportFile has a file of the import directory imported in the background; it goes on by itself after a
// restart. resume names an audience whose import of the same file was interrupted for another reason.
func (s *Service) ImportFile(ctx context.Context, sc evidence.Scope, id incident.ID, name, base, resumed string) (Audience, error) {
	if err := access.Require(sc, access.Work); err != nil {
		return Audience{}, err
	}
	f, size, err := s.openFile(name)
	if err != nil {
		return Audience{}, err
	}
	if err := f.Close(); err != nil {
		return Audience{}, fmt.Errorf("close file: %w", err)
	}
	format := FormatOf(name)
	if format == "" {
		return Audience{}, incident.NewFault(incident.Unsupported, "the file's name must end in .csv, .ndjson or .jsonl, with .gz or .zst when it is packed")
	}
	var a Audience
	err = s.store.InTx(ctx, sc, func(tx Tx) (err error) {
		if resumed != "" {
			a, err = resume(ctx, tx, id, Source{Format: format, Resume: resumed, Base: base, Size: size})
		} else {
			a, err = begin(ctx, tx, Audience{Incident: id, Name: path.Base(name), Format: format, Size: size}, base)
		}
		if err != nil {
			return err
		}
		a.File, a.Waiting = name, true
		return tx.UpdateAudience(ctx, a)
	})
	if err != nil {
		return Audience{}, err
	}
	s.wake()
	return a, nil
}

// ImportFiles lists the files at the top of the import directory that can be imported. known is false when no
// directory is configured.
func (s *Service) ImportFiles(sc evidence.Scope) (names []string, known bool, err error) {
	if err := access.Require(sc, access.Work); err != nil || s.importDir == "" {
		return nil, false, err
	}
	root, err := os.OpenRoot(s.importDir)
	if err != nil {
		return nil, true, fmt.Errorf("open import directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing is written
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, true, fmt.Errorf("read import directory: %w", err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && FormatOf(e.Name()) != "" {
			names = append(names, e.Name())
		}
	}
	return names, true, nil
}

// openFile opens a plain file of the import directory; no name leads out of it.
func (s *Service) openFile(name string) (*os.File, int64, error) {
	if s.importDir == "" {
		return nil, 0, incident.NewFault(incident.Unsupported, "no directory to import from is configured (import_dir)")
	}
	root, err := os.OpenRoot(s.importDir)
	if err != nil {
		return nil, 0, fmt.Errorf("open import directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing is written
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, incident.NewFault(incident.NotFound, "the import directory has no such file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, 0, incident.NewFault(incident.NotFound, "the file in the import directory cannot be read")
	}
	return f, info.Size(), nil
}

// wake has waiting files looked for at once.
func (s *Service) wake() {
	select {
	case s.files <- struct{}{}:
	default:
	}
}

// RunImports imports files of the import directory one after another until ctx ends. What it is at then
// waits for the next process.
func (s *Service) RunImports(ctx context.Context, sc evidence.Scope) error {
	tick := time.NewTicker(fileTick)
	defer tick.Stop()
	for {
		worked, err := s.importWaiting(ctx, sc)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if worked {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.files:
		case <-tick.C:
		}
	}
}

// importWaiting imports the first file that waits and that this process can read.
func (s *Service) importWaiting(ctx context.Context, sc evidence.Scope) (worked bool, err error) {
	var open []Audience
	err = s.store.View(ctx, sc, func(tx Tx) (err error) {
		open, err = tx.OpenAudiences(ctx)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look for waiting imports: %w", err)
	}
	for _, a := range open {
		if !a.Waiting {
			continue
		}
		worked, err := s.importOne(ctx, sc, a)
		if worked || err != nil {
			return worked, err
		}
	}
	return false, nil
}

func (s *Service) importOne(ctx context.Context, sc evidence.Scope, a Audience) (worked bool, err error) {
	f, size, err := s.openFile(a.File)
	var gone *incident.Fault
	if errors.As(err, &gone) || errors.Is(err, fs.ErrNotExist) {
		return false, nil // another process may have it
	}
	if err != nil {
		return false, err
	}
	defer f.Close() //nolint:errcheck // nothing is written
	im := &importer{store: s.store, scope: sc, runOf: s.runOf, tierBits: s.tierBits}
	take := func(ctx context.Context, tx Tx) (Audience, error) {
		a, err := tx.LockAudience(ctx, a.ID)
		if err == nil && !a.Waiting {
			err = errTaken
		}
		if err != nil {
			return a, err
		}
		return a, a.takeUp(ctx, tx, size)
	}
	closeInput, err := im.read(Source{Format: a.Format, Reader: f})
	if err != nil {
		return true, s.refuse(ctx, sc, a.ID, err)
	}
	defer closeInput()
	_, err = im.work(ctx, take)
	var told *incident.Fault
	if errors.As(err, &told) {
		err = nil // the audience says it
	}
	return true, err
}

// refuse gives up a file that cannot be read as what it should be.
func (s *Service) refuse(ctx context.Context, sc evidence.Scope, id string, cause error) error {
	var told *incident.Fault
	if !errors.As(cause, &told) {
		return cause
	}
	why := told.Message
	for _, p := range told.Problems {
		why += "; " + p.Pointer + ": " + p.Message
	}
	return s.store.InTx(ctx, sc, func(tx Tx) error {
		a, err := tx.LockAudience(ctx, id)
		if err != nil || !a.Waiting {
			return err
		}
		a.Waiting = false
		a.breakOff(why, tx.Now())
		return tx.UpdateAudience(ctx, a)
	})
}
