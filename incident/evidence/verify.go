package evidence

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Fault is one thing wrong with a pack: where and what.
type Fault struct {
	Entry string `json:"entry"` // file, or "ledger entry 17 (document.approved)"
	What  string `json:"what"`
}

func (f Fault) String() string { return f.Entry + ": " + f.What }

// Verified says what a pack proved.
type Verified struct {
	Manifest   Manifest `json:"manifest"`
	Entries    int64    `json:"ledger_entries"`
	Head       string   `json:"ledger_head"` // hash of the last entry
	Batches    int64    `json:"batches"`
	Events     int64    `json:"delivery_events"`
	Duplicates int64    `json:"possible_duplicates"`
	Summary    Summary  `json:"summary"`
	Faults     []Fault  `json:"faults"`
}

// OK reports whether nothing is wrong.
func (v *Verified) OK() bool { return len(v.Faults) == 0 }

// Verify checks a pack with nothing but the pack: every byte, every hash, the chain without gaps, every
// batch against its root in the ledger, every approval against the digest, every sum. It returns an error
// only when the reader fails; what is wrong with the pack stands in Faults.
func Verify(r io.ReaderAt, size int64) (*Verified, error) {
	v := &verifier{files: map[string]File{}, roots: map[batchKey]string{}, ranks: map[string][]uint8{}, messages: map[string][]byte{}}
	z, err := zip.NewReader(r, size)
	if err != nil {
		v.fault("container", "it is not a pack, or its directory is damaged")
		return &v.Verified, nil
	}
	v.readManifest(z)
	for _, f := range z.File {
		if err := v.readFile(f); err != nil {
			return nil, err
		}
	}
	v.missing(z)
	v.settle()
	if v.OK() { // a known fault explains a different container better than an offset does
		if err := v.compareContainer(z, r, size); err != nil {
			return nil, err
		}
	}
	return &v.Verified, nil
}

type batchKey struct {
	dispatch string
	batch    int64
}

type verifier struct {
	Verified
	files    map[string]File
	roots    map[batchKey]string // from the ledger
	digests  []Entry             // submitted and approved
	totals   map[string]string
	ranks    map[string][]uint8 // per dispatch and recipient: best stateRank seen, 0 for none
	messages map[string][]byte  // by the hash they are named by
}

func (v *verifier) fault(entry, format string, args ...any) {
	v.Faults = append(v.Faults, Fault{entry, fmt.Sprintf(format, args...)})
}

func (v *verifier) readManifest(z *zip.Reader) {
	var raw []byte
	if f, err := z.Open(ManifestFile); err == nil {
		raw, err = io.ReadAll(f)
		if err != nil {
			v.fault(ManifestFile, "it was altered")
		}
		f.Close()
	}
	sum := sha256.Sum256(raw)
	if z.Comment != "sha256:"+hex.EncodeToString(sum[:]) {
		v.fault(ManifestFile, "it was altered: its hash is not the one the container names")
	}
	if err := json.Unmarshal(raw, &v.Manifest); err != nil || v.Manifest.Format != PackFormat {
		v.fault(ManifestFile, "it is not a manifest of the format %s", PackFormat)
	}
	for _, f := range v.Manifest.Files {
		v.files[f.Name] = f
	}
}

// readFile hashes one file and hands its bytes on to who understands them.
func (v *verifier) readFile(f *zip.File) error {
	if f.Name == ManifestFile {
		return nil
	}
	want, listed := v.files[f.Name]
	if !listed {
		v.fault(f.Name, "it is in the pack but not in the manifest")
		return nil
	}
	rc, err := f.Open()
	if err != nil {
		v.fault(f.Name, "it does not open: the container is damaged here")
		return nil
	}
	defer rc.Close()
	m := &measure{h: sha256.New()}
	body := io.TeeReader(rc, m)
	before := len(v.Faults)
	switch {
	case f.Name == LedgerFile:
		err = v.readLedger(body)
	case f.Name == BatchesFile:
		err = v.readBatches(body)
	case f.Name == SummaryFile:
		err = v.readSummary(body)
	case strings.HasPrefix(f.Name, MessagesDir):
		hash := strings.TrimSuffix(strings.TrimPrefix(f.Name, MessagesDir), ".json")
		v.messages[hash], err = io.ReadAll(io.LimitReader(body, maxMessage))
	}
	_, rest := io.Copy(io.Discard, body)
	if err = errors.Join(err, rest); ioFailed(err) {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if got := m.file(f.Name); got != want && len(v.Faults) == before {
		v.fault(f.Name, "it was altered: its hash is not the one in the manifest")
	}
	return nil
}

// ioFailed tells a file that cannot be read from a pack that is damaged.
func ioFailed(err error) bool {
	var pathErr *fs.PathError
	return errors.As(err, &pathErr)
}

// lines calls fn for each line; a line that is no JSON is a fault of its own.
func lines(r io.Reader, fn func(n int64, line []byte)) error {
	br := bufio.NewReaderSize(r, 1<<20)
	for n := int64(1); ; n++ {
		line, err := br.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			fn(n, line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (v *verifier) readLedger(r io.Reader) error {
	v.totals = map[string]string{}
	prev := ""
	return lines(r, func(n int64, line []byte) {
		var e Entry
		name := fmt.Sprintf("ledger entry %d", n)
		if err := json.Unmarshal(line, &e); err != nil {
			v.fault(name, "it is not readable")
			prev = ""
			return
		}
		name += " (" + e.Kind + ")"
		switch {
		case e.Digest() != e.Hash:
			v.fault(name, "it was altered: its hash does not match its content")
		case e.Seq != n:
			v.fault(name, "its sequence is %d: an entry was removed, added or moved before it", e.Seq)
		case n > 1 && prev != "" && e.Prev != prev, n == 1 && e.Prev != "":
			v.fault(name, "it does not follow the entry before it")
		case e.Chain != v.Manifest.Incident:
			v.fault(name, "it belongs to another chain")
		}
		prev, v.Head, v.Entries = e.Hash, e.Hash, n
		v.note(e)
	})
}

// note remembers what other files are held against.
func (v *verifier) note(e Entry) {
	switch e.Kind {
	case "delivery.batch":
		no, _ := strconv.ParseInt(e.Refs["batch"], 10, 64)
		v.roots[batchKey{e.Refs["dispatch"], no}] = e.Refs["root"]
	case "document.approved":
		v.digests = append(v.digests, e)
	case "dispatch.started":
		v.totals[e.Refs["dispatch"]] = e.Refs["count"]
	}
}

func (v *verifier) readBatches(r io.Reader) error {
	return lines(r, func(n int64, line []byte) {
		var b PackedBatch
		name := fmt.Sprintf("batch on line %d", n)
		if err := json.Unmarshal(line, &b); err != nil {
			v.fault(name, "it is not readable")
			return
		}
		name = fmt.Sprintf("batch %d of %s", b.Batch, b.Dispatch)
		kept, err := base64.StdEncoding.DecodeString(b.Events)
		if err != nil {
			v.fault(name, "its events are not readable")
			return
		}
		events, root, err := DecodeEvents(kept)
		key := batchKey{b.Dispatch, b.Batch}
		switch inLedger, known := v.roots[key]; {
		case err != nil:
			v.fault(name, "its events are damaged")
			return
		case !known:
			v.fault(name, "the ledger has no entry for it")
		case root != inLedger || root != b.Root:
			v.fault(name, "it was altered: its events do not give the root in the ledger")
		}
		delete(v.roots, key)
		v.Batches++
		v.Events += int64(len(events))
		v.follow(b.Dispatch, events)
	})
}

// stateRank orders delivery states; a person stands at the best that any channel reached.
var stateRank = map[string]uint8{"pending": 1, "sending": 1, "in_doubt": 2, "failed": 3, "accepted": 4, "delivered": 5, "read": 6}

func (v *verifier) follow(dispatch string, events []DeliveryEvent) {
	total, _ := strconv.ParseInt(v.totals[dispatch], 10, 64)
	ranks := v.ranks[dispatch]
	for _, e := range events {
		if e.Doubt {
			v.Duplicates++
		}
		if e.Seq < 0 || e.Seq >= total {
			v.fault(dispatch, "it has a delivery event of recipient %d, but %d recipients", e.Seq, total)
			continue
		}
		for int64(len(ranks)) <= e.Seq {
			ranks = append(ranks, 0)
		}
		ranks[e.Seq] = max(ranks[e.Seq], stateRank[e.State])
	}
	v.ranks[dispatch] = ranks
}

func (v *verifier) readSummary(r io.Reader) error {
	if err := json.NewDecoder(r).Decode(&v.Summary); err != nil {
		v.fault(SummaryFile, "it is not readable")
	}
	return nil
}

func (v *verifier) missing(z *zip.Reader) {
	there := map[string]bool{}
	for _, f := range z.File {
		there[f.Name] = true
	}
	for _, f := range v.Manifest.Files {
		if !there[f.Name] {
			v.fault(f.Name, "it is in the manifest but not in the pack")
		}
	}
}
