package evidence

import (
	"archive/zip"
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

// PackFormat names the layout of a pack, for readers of other versions.
const PackFormat = "tocsin-evidence/1"

// The files of a pack that the verifier knows. Every other file is covered by its hash in the manifest.
const (
	LedgerFile   = "ledger.jsonl"  // one Entry a line, in order
	BatchesFile  = "batches.jsonl" // one PackedBatch a line
	SummaryFile  = "summary.json"  // Summary
	MessagesDir  = "messages/"     // canonical JSON of each frozen message, named <sha256>.json
	ManifestFile = "manifest.json" // Manifest, the last file; its hash is the container's comment
)

// Manifest lists every other file of the pack.
type Manifest struct {
	Format   string    `json:"format"`
	Operator string    `json:"operator"`
	Incident string    `json:"incident"`
	MadeAt   time.Time `json:"made_at"`
	Files    []File    `json:"files"`
}

// File is one file of a pack.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// PackedBatch is a batch of delivery events as the pack carries it.
type PackedBatch struct {
	Dispatch string `json:"dispatch"`
	Batch    int64  `json:"batch"`
	Kind     string `json:"kind"`
	Root     string `json:"root"`
	Events   string `json:"events"` // base64 of EncodeEvents
}

// NewPackedBatch puts kept events into the pack's form.
func NewPackedBatch(dispatch string, batch int64, kind, root string, kept []byte) PackedBatch {
	return PackedBatch{dispatch, batch, kind, root, base64.StdEncoding.EncodeToString(kept)}
}

// Summary holds the claims that the verifier checks against ledger and batches.
type Summary struct {
	Documents  []PackedDocument `json:"documents"`
	Dispatches []PackedDispatch `json:"dispatches"`
}

// PackedDocument says which messages a document's digest covers and who approved it.
type PackedDocument struct {
	ID        string   `json:"id"`
	State     string   `json:"state"`
	Digest    string   `json:"digest"`    // what was approved
	Renderer  string   `json:"renderer"`  // the digest's parts: renderer version,
	Messages  []string `json:"messages"`  // hashes of frozen messages in order of (channel, locale),
	Audience  string   `json:"audience"`  // root of the audience's snapshot,
	Plan      string   `json:"plan"`      // and hash of the channel plan
	Approvals []string `json:"approvals"` // user ids
}

// PackedDispatch says how a dispatch ended, in people.
type PackedDispatch struct {
	ID     string           `json:"id"`
	Total  int64            `json:"total"`
	States map[string]int64 `json:"states"` // they add up to Total
}

// Packer writes a pack: an uncompressed zip whose bytes follow from its contents alone, so that the
// verifier can find a change anywhere in it.
type Packer struct {
	zip      *zip.Writer
	manifest Manifest
}

// NewPacker starts a pack.
func NewPacker(w io.Writer, operator, incident string, at time.Time) *Packer {
	return &Packer{zip: zip.NewWriter(w), manifest: Manifest{Format: PackFormat, Operator: operator, Incident: incident, MadeAt: at.UTC(), Files: []File{}}}
}

// Add writes one file. Its bytes are streamed from write.
func (p *Packer) Add(name string, write func(io.Writer) error) error {
	f, err := p.write(name, write)
	if err != nil {
		return err
	}
	p.manifest.Files = append(p.manifest.Files, f)
	return nil
}

// AddJSON writes one file of indented JSON.
func (p *Packer) AddJSON(name string, v any) error {
	return p.Add(name, func(w io.Writer) error { return writeJSON(w, v) })
}

// Close writes the manifest and ends the pack; it does not close the underlying writer.
func (p *Packer) Close() error {
	f, err := p.write(ManifestFile, func(w io.Writer) error { return writeJSON(w, p.manifest) })
	if err != nil {
		return err
	}
	if err := p.zip.SetComment("sha256:" + f.SHA256); err != nil {
		return fmt.Errorf("seal pack: %w", err)
	}
	return p.zip.Close()
}

func (p *Packer) write(name string, write func(io.Writer) error) (File, error) {
	w, err := p.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return File{}, fmt.Errorf("add %s: %w", name, err)
	}
	m := &measure{h: sha256.New()}
	b := bufio.NewWriter(io.MultiWriter(w, m))
	if err := errors.Join(write(b), b.Flush()); err != nil {
		return File{}, fmt.Errorf("add %s: %w", name, err)
	}
	return m.file(name), nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// measure counts and hashes what passes.
type measure struct {
	h hash.Hash
	n int64
}

func (m *measure) Write(b []byte) (int, error) {
	m.n += int64(len(b))
	return m.h.Write(b)
}

func (m *measure) file(name string) File {
	return File{Name: name, SHA256: hex.EncodeToString(m.h.Sum(nil)), Size: m.n}
}
