package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"tocsin/incident/evidence"
)

// maxProof bounds the proof of one recipient in memory.
const maxProof = 16 << 20

// readProof tells a proof, which is JSON, from a pack, which is a zip.
func readProof(f *os.File) (p evidence.Proof, ok bool) {
	first := make([]byte, 1)
	if _, err := f.ReadAt(first, 0); err != nil || first[0] != '{' {
		return p, false
	}
	if json.NewDecoder(io.LimitReader(io.NewSectionReader(f, 0, maxProof), maxProof)).Decode(&p) != nil {
		p = evidence.Proof{} // which verifies as no proof
	}
	return p, true
}

// proof verifies one proof, on its own and against a pack.
func (c evidenceVerifyCmd) proof(p evidence.Proof, std streams) error {
	faults := evidence.VerifyProof(p)
	if c.Pack != "" && len(faults) == 0 {
		f, err := os.Open(c.Pack)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if faults, err = evidence.HoldAgainst(p, f, info.Size()); err != nil {
			return err
		}
	}
	if c.JSON {
		if err := writeJSON(std.out, map[string]any{"proof": p, "faults": append([]evidence.Fault{}, faults...)}); err != nil {
			return err
		}
	} else {
		c.printProof(p, faults, std.out)
	}
	if len(faults) > 0 {
		return errTold
	}
	return nil
}

func (c evidenceVerifyCmd) printProof(p evidence.Proof, faults []evidence.Fault, w io.Writer) {
	for _, f := range faults {
		fmt.Fprintln(w, "WRONG ", f)
	}
	if len(faults) > 0 {
		fmt.Fprintf(w, "%d faults: this proves nothing\n", len(faults))
		return
	}
	for _, e := range p.Events {
		ev := e.Event
		fmt.Fprintf(w, "%s  %-6s %-10s %s %s (address %d, attempt %d, ledger entry %d)\n",
			ev.At.Format("2006-01-02T15:04:05Z07:00"), ev.Channel, ev.State, ev.Class, ev.Code, max(1, ev.Address), ev.Attempt, e.Entry.Seq)
	}
	fmt.Fprintf(w, "verified: %d events of recipient %d of %s, incident %s of %s, ledger head %d %s\n",
		len(p.Events), p.Recipient, p.Dispatch, p.Incident, p.Operator, p.Head.Seq, p.Head.Hash)
	if c.Pack == "" {
		fmt.Fprintln(w, "the ledger entries were not held against a pack: --pack")
	}
}
