package playbooks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/notify"
	"tocsin/templates"
)

// packPage is how many ledger entries or batches are held at once.
const packPage = 200

// WriteEvidence writes an incident's evidence pack: ledger, facts, duties, every document with its frozen
// messages, approvals and filings, and every batch of delivery events. No affected person is in it. One
// read transaction sees it all, so that sums and chain agree while work goes on.
func (s *Service) WriteEvidence(ctx context.Context, sc evidence.Scope, id incident.ID, w io.Writer) error {
	if err := access.Require(sc, access.Read); err != nil {
		return err
	}
	return s.store.View(ctx, sc, func(tx Tx) error {
		p := packing{ctx: ctx, tx: tx, id: id, pack: evidence.NewPacker(w, sc.Operator, string(id), tx.Now())}
		for _, part := range []func() error{p.readme, p.ledger, p.batches, p.known, p.documents, p.files, p.claims} {
			if err := part(); err != nil {
				return fmt.Errorf("write evidence: %w", err)
			}
		}
		return p.pack.Close()
	})
}

// packing carries one pack's writing through its parts.
type packing struct {
	ctx     context.Context
	tx      Tx
	id      incident.ID
	pack    *evidence.Packer
	summary evidence.Summary
	packed  []string // ids of files that are in it
}

const packReadme = `This pack proves what was known, decided, approved and sent in one incident.
Check it without access to the system:  tocsin evidence verify FILE

ledger.jsonl    every decision and outcome, each entry chained to the one before by SHA-256
batches.jsonl   delivery events; each batch's Merkle root stands in the ledger
messages/       the exact messages that were approved, named by their SHA-256
documents/      notices and reports with their approvals and filings
files/          filed texts and receipts kept as proof, by the ids in documents/ and files.json
decisions.json  exemptions, holds and other decisions with what they rest on, and authorities' letters
incident.json, duties.json, audiences.json, dispatches.json   what the ledger's ids stand for
summary.json    the claims that are checked against ledger, batches and messages
`

func (p *packing) readme() error {
	return p.pack.Add("README.txt", func(w io.Writer) error {
		_, err := io.WriteString(w, packReadme)
		return err
	})
}

func (p *packing) ledger() error {
	return p.pack.Add(evidence.LedgerFile, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		for after := int64(0); ; {
			entries, err := p.tx.Ledger(p.ctx, string(p.id), after, packPage)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if err := enc.Encode(e); err != nil {
					return err
				}
				after = e.Seq
			}
			if len(entries) < packPage {
				return nil
			}
		}
	})
}

func (p *packing) batches() error {
	dispatches, err := p.tx.Dispatches(p.ctx, p.id)
	if err != nil {
		return err
	}
	return p.pack.Add(evidence.BatchesFile, func(w io.Writer) error {
		for _, d := range dispatches {
			if err := p.batchesOf(d, json.NewEncoder(w)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *packing) batchesOf(d notify.Dispatch, enc *json.Encoder) error {
	for after := int64(0); ; {
		batches, err := p.tx.Batches(p.ctx, d.No, after, packPage)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := enc.Encode(evidence.NewPackedBatch(d.ID, b.No, b.Kind, b.Root, b.Events)); err != nil {
				return err
			}
			after = b.No
		}
		if len(batches) < packPage {
			return nil
		}
	}
}

// known writes the incident, what was known of it, and the register of its duties.
func (p *packing) known() error {
	i, snapshot, err := incident.Load(p.ctx, p.tx, p.id)
	if err != nil {
		return err
	}
	facts, err := p.tx.Facts(p.ctx, p.id)
	if err != nil {
		return err
	}
	err = p.pack.AddJSON("incident.json", map[string]any{"incident": i, "facts": snapshot.Object(), "history": facts, "disagreements": snapshot.Disagreements})
	if err != nil {
		return err
	}
	derivation, err := p.tx.Derivation(p.ctx, p.id)
	if err != nil {
		return err
	}
	duties, err := p.tx.Duties(p.ctx, p.id)
	if err != nil {
		return err
	}
	tasks, err := p.tx.Tasks(p.ctx, p.id)
	if err != nil {
		return err
	}
	if err := p.pack.AddJSON("duties.json", map[string]any{"derivation": derivation, "duties": duties, "tasks": tasks}); err != nil {
		return err
	}
	return p.decided()
}

// decided writes what was decided about duties and what authorities wrote, with the files of both.
func (p *packing) decided() error {
	decisions, err := p.tx.Decisions(p.ctx, p.id)
	if err != nil {
		return err
	}
	letters, err := p.tx.Letters(p.ctx, p.id)
	if err != nil {
		return err
	}
	if err := p.pack.AddJSON("decisions.json", map[string]any{"decisions": decisions, "letters": letters}); err != nil {
		return err
	}
	for _, d := range decisions {
		for _, proof := range d.Evidence {
			if err := p.file(proof.File); err != nil {
				return err
			}
		}
	}
	for _, l := range letters {
		for _, proof := range []*Proof{l.File, l.AnswerFile} {
			if proof == nil {
				continue
			}
			if err := p.file(proof.File); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *packing) documents() error {
	docs, err := p.tx.Documents(p.ctx, p.id)
	if err != nil {
		return err
	}
	written := map[string]bool{}
	for _, d := range docs {
		claim, err := p.document(d, written)
		if err != nil {
			return fmt.Errorf("document %s: %w", d.ID, err)
		}
		p.summary.Documents = append(p.summary.Documents, claim)
	}
	return nil
}

func (p *packing) document(d notify.Document, written map[string]bool) (evidence.PackedDocument, error) {
	claim := evidence.PackedDocument{ID: d.ID, State: string(d.State), Digest: d.Digest.All, Renderer: templates.RendererVersion,
		Messages: []string{}, Audience: d.Digest.Audience, Plan: d.Digest.Plan, Approvals: []string{}}
	approvals, err := p.tx.Approvals(p.ctx, d.ID)
	if err != nil {
		return claim, err
	}
	for _, a := range approvals {
		if a.VoidedAt == nil && a.Digest == d.Digest.All {
			claim.Approvals = append(claim.Approvals, a.User)
		}
	}
	filings, err := p.tx.Filings(p.ctx, d.ID)
	if err != nil {
		return claim, err
	}
	if err := p.pack.AddJSON("documents/"+d.ID+".json", map[string]any{"document": d, "approvals": approvals, "filings": filings}); err != nil {
		return claim, err
	}
	for _, f := range filings {
		if err := p.proof(f); err != nil {
			return claim, err
		}
	}
	if d.Frozen == 0 {
		return claim, nil
	}
	messages, err := p.tx.Messages(p.ctx, d.ID, d.Frozen)
	if err != nil {
		return claim, err
	}
	slices.SortStableFunc(messages, func(a, b notify.FrozenMessage) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Locale, b.Locale))
	})
	for _, m := range messages {
		claim.Messages = append(claim.Messages, m.Hash)
		if written[m.Hash] {
			continue
		}
		written[m.Hash] = true
		if err := p.pack.Add(evidence.MessagesDir+m.Hash+".json", func(w io.Writer) error { return writeMessage(w, m) }); err != nil {
			return claim, err
		}
	}
	return claim, nil
}

// proof writes the bytes kept with a filing: the text filed, or the authority's receipt.
func (p *packing) proof(f notify.Filing) error {
	return p.file(f.File)
}

// file writes the bytes of a file once.
func (p *packing) file(id string) error {
	if id == "" || slices.Contains(p.packed, id) {
		return nil
	}
	p.packed = append(p.packed, id)
	file, err := p.tx.File(p.ctx, id)
	if err != nil {
		return err
	}
	return p.pack.Add("files/"+file.ID, func(w io.Writer) error {
		_, err := w.Write(file.Body)
		return err
	})
}

// writeMessage writes the canonical bytes whose SHA-256 is the message's hash.
func writeMessage(w io.Writer, m notify.FrozenMessage) error {
	b, err := json.Marshal(m.Message)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// files writes what was kept as proof. Original inputs stay inside: they may hold affected people's data.
func (p *packing) files() error {
	all, err := p.tx.Files(p.ctx, p.id)
	if err != nil {
		return err
	}
	if err := p.pack.AddJSON("files.json", all); err != nil {
		return err
	}
	audiences, err := p.tx.Audiences(p.ctx, p.id)
	if err != nil {
		return err
	}
	return p.pack.AddJSON("audiences.json", audiences)
}

// claims writes the sums that the verifier holds against the delivery events.
func (p *packing) claims() error {
	dispatches, err := p.tx.Dispatches(p.ctx, p.id)
	if err != nil {
		return err
	}
	for _, d := range dispatches {
		people, _, _, err := p.tx.Counts(p.ctx, d.No)
		if err != nil {
			return err
		}
		claim := evidence.PackedDispatch{ID: d.ID, Total: d.Total, States: map[string]int64{}}
		rest := d.Total
		for state, n := range people {
			claim.States[state.String()] += n
			rest -= n
		}
		remainder := notify.Pending
		if d.State == notify.DispStopped {
			remainder = notify.Stopped
		}
		claim.States[remainder.String()] += rest
		p.summary.Dispatches = append(p.summary.Dispatches, claim)
	}
	if err := p.pack.AddJSON("dispatches.json", dispatches); err != nil {
		return err
	}
	return p.pack.AddJSON(evidence.SummaryFile, p.summary)
}
