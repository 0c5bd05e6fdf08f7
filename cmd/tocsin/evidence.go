package main

import (
	"encoding/json"
	"fmt"
	"os"

	"tocsin/incident/evidence"
)

type evidenceCmd struct {
	Verify evidenceVerifyCmd `cmd:"" help:"Check a pack with nothing but the pack; names what is wrong."`
}

type evidenceVerifyCmd struct {
	File string `arg:"" type:"existingfile" help:"The pack."`
	JSON bool   `help:"Print everything that was checked as JSON."`
}

// Help is the example that --help shows.
func (evidenceVerifyCmd) Help() string {
	return "Example: tocsin evidence verify inc_0193….zip\nExit code 1 and one line per fault when anything was changed."
}

// Run verifies one pack.
func (c evidenceVerifyCmd) Run(io streams) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	v, err := verify(f)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(io.out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return err
		}
	} else {
		printVerified(io, v)
	}
	if !v.OK() {
		return errTold
	}
	return nil
}

// verify checks the whole of an open pack.
func verify(f *os.File) (*evidence.Verified, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return evidence.Verify(f, info.Size())
}

func printVerified(io streams, v *evidence.Verified) {
	for _, f := range v.Faults {
		fmt.Fprintln(io.out, "WRONG ", f)
	}
	if !v.OK() {
		fmt.Fprintf(io.out, "%d faults: this pack is not what was exported\n", len(v.Faults))
		return
	}
	fmt.Fprintf(io.out, "verified: incident %s of %s, %d ledger entries, %d delivery events in %d batches, %d possible duplicates\nledger head %s\n",
		v.Manifest.Incident, v.Manifest.Operator, v.Entries, v.Events, v.Batches, v.Duplicates, v.Head)
}
