package evidence

import (
	"archive/zip"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// VerifyProof checks a proof with nothing but the proof and names what is wrong.
func VerifyProof(p Proof) (faults []Fault) {
	fault := func(where, format string, args ...any) {
		faults = append(faults, Fault{where, fmt.Sprintf(format, args...)})
	}
	if p.Format != ProofFormat {
		fault("format", "it is not a proof of the format %s", ProofFormat)
		return faults
	}
	if len(p.Events) == 0 {
		fault("events", "it proves nothing: there is no event in it")
	}
	before := int64(0)
	for i := range p.Events {
		e := &p.Events[i]
		where := fmt.Sprintf("event %d", i+1)
		for _, what := range e.wrong(p) {
			fault(where, "%s", what)
		}
		if e.Entry.Seq < before {
			fault(where, "it does not stand in the order of the ledger")
		}
		before = e.Entry.Seq
		if e.Entry.Seq > p.Head.Seq || e.Entry.Seq == p.Head.Seq && e.Entry.Hash != p.Head.Hash {
			fault(where, "its ledger entry is not before the head of the ledger")
		}
	}
	return faults
}

// wrong is everything that does not hold of one event.
func (e *ProvenEvent) wrong(p Proof) (faults []string) {
	leaf, err := hex.DecodeString(e.Leaf)
	if err != nil {
		return []string{"its leaf is not readable"}
	}
	told, err := decodeLeaf(leaf)
	switch {
	case err != nil:
		faults = append(faults, "its leaf is damaged")
	case !bytes.Equal(e.Event.appendLeaf(nil), leaf):
		faults = append(faults, "it was altered: it does not say what its leaf says")
	case told.Seq != p.Recipient:
		faults = append(faults, fmt.Sprintf("it is about recipient %d, not %d", told.Seq, p.Recipient))
	case p.Channel != "" && told.Channel != p.Channel:
		faults = append(faults, "it is about another channel")
	}
	if err := VerifyEvent(e.Root, leaf, e.Index, e.Size, e.Path); err != nil {
		faults = append(faults, "it is not in its batch: "+err.Error())
	}
	entry := e.Entry
	switch {
	case entry.Digest() != entry.Hash:
		faults = append(faults, "its ledger entry was altered: its hash does not match its content")
	case entry.Kind != batchKind || entry.Chain != p.Incident || entry.Refs["dispatch"] != p.Dispatch:
		faults = append(faults, "its ledger entry is about something else")
	case entry.Refs["root"] != e.Root || entry.Refs["count"] != strconv.FormatInt(e.Size, 10):
		faults = append(faults, "its ledger entry holds the root of another batch")
	}
	return faults
}

// HoldAgainst checks that a proof's ledger entries are those of the incident's evidence pack, which itself
// must be sound. It returns an error only when the reader fails.
func HoldAgainst(p Proof, pack io.ReaderAt, size int64) ([]Fault, error) {
	v, err := Verify(pack, size)
	if err != nil {
		return nil, err
	}
	if !v.OK() {
		return append(v.Faults, Fault{"pack", "it is not what was exported, so it proves nothing"}), nil
	}
	z, err := zip.NewReader(pack, size)
	if err != nil {
		return nil, fmt.Errorf("read pack: %w", err)
	}
	f, err := z.Open(LedgerFile)
	if err != nil {
		return nil, fmt.Errorf("read pack: %w", err)
	}
	defer f.Close()
	hashes := map[int64]string{}
	for i := range p.Events {
		hashes[p.Events[i].Entry.Seq] = ""
	}
	err = lines(f, func(_ int64, line []byte) {
		var e Entry
		if json.Unmarshal(bytes.TrimSpace(line), &e) == nil {
			if _, wanted := hashes[e.Seq]; wanted {
				hashes[e.Seq] = e.Hash
			}
		}
	})
	var faults []Fault
	for i := range p.Events {
		if e := &p.Events[i].Entry; hashes[e.Seq] != e.Hash {
			faults = append(faults, Fault{fmt.Sprintf("event %d", i+1), fmt.Sprintf("the pack's ledger has no such entry %d", e.Seq)})
		}
	}
	return faults, err
}

// batchKind is the kind of the ledger entries that hold the roots of batches.
const batchKind = "delivery.batch"
