package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"tocsin/incident/evidence"
)

type evidenceCmd struct {
	Verify evidenceVerifyCmd `cmd:"" help:"Check a pack, or the proof of one recipient, with nothing but the file; names what is wrong."`
}

type evidenceVerifyCmd struct {
	File string `arg:"" type:"existingfile" help:"The pack, or the proof."`
	Pack string `type:"existingfile" help:"The incident's pack: a proof must agree with its ledger."`
	JSON bool   `help:"Print everything that was checked as JSON."`
}

// Help is the example that --help shows.
func (evidenceVerifyCmd) Help() string {
	return `Example: tocsin evidence verify inc_0193….zip
         tocsin evidence verify proof.json --pack inc_0193….zip
Exit code 1 and one line per fault when anything was changed. A proof alone shows that the events are in the
ledger entries it holds; with the pack, that these are the incident's.`
}

// Run verifies one pack or one proof.
func (c evidenceVerifyCmd) Run(std streams) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	if p, ok := readProof(f); ok {
		return c.proof(p, std)
	}
	v, err := verify(f)
	if err != nil {
		return err
	}
	if c.JSON {
		if err := writeJSON(std.out, v); err != nil {
			return err
		}
	} else {
		printVerified(std, v)
	}
	if !v.OK() {
		return errTold
	}
	return nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// verify checks the whole of an open pack.
func verify(f *os.File) (*evidence.Verified, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return evidence.Verify(f, info.Size())
}

func printVerified(std streams, v *evidence.Verified) {
	for _, f := range v.Faults {
		fmt.Fprintln(std.out, "WRONG ", f)
	}
	if !v.OK() {
		fmt.Fprintf(std.out, "%d faults: this pack is not what was exported\n", len(v.Faults))
		return
	}
	fmt.Fprintf(std.out, "verified: incident %s of %s, %d ledger entries, %d delivery events in %d batches, %d possible duplicates\nledger head %s\n",
		v.Manifest.Incident, v.Manifest.Operator, v.Entries, v.Events, v.Batches, v.Duplicates, v.Head)
}
