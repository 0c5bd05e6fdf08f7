package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// How far the clocks of a person and of this machine may differ.
const clockSkew = 5 * time.Minute

const maxProof = 16 << 20

// What a policy's Proof can ask of a written filing.
const (
	ProofReceipt = "receipt_number"
	ProofText    = "filed_text"
)

// RecordFiling records that a report was filed; it checks the policy's proof. Each step of a filing is a row
// of its own: the first written one moves the report to filed, and the authority's return moves it back. A
// report that is not approved yet goes only under a standing authorisation, and only its minimum.
func (s *Service) RecordFiling(ctx context.Context, sc evidence.Scope, f Filing, proof *incident.File) (Filing, error) {
	if err := byPerson(sc); err != nil {
		return Filing{}, err
	}
	_, err := s.alter(ctx, sc, f.Report, access.Work, func(c *change) error {
		ahead, err := c.mayFile(sc, f)
		if err != nil {
			return err
		}
		f.ID, f.By = evidence.NewID("fig"), sc.Actor.ID
		if f.Via == "" {
			f.Via = c.doc.Policy.Via
		}
		if f.Addressee == "" {
			f.Addressee = c.doc.Addressee
		}
		faults, err := c.checkFiling(ctx, f, proof)
		if err != nil {
			return err
		}
		if len(faults) > 0 {
			return incident.InvalidInput(faults)
		}
		if proof != nil {
			if f.File, err = c.keep(ctx, *proof); err != nil {
				return err
			}
		}
		if ahead {
			if err := s.freezeAhead(ctx, sc, c); err != nil {
				return err
			}
		}
		f.Standing, f.Digest = ahead, c.doc.Digest.All
		return c.file(ctx, f)
	})
	if err != nil {
		return Filing{}, err
	}
	return f, nil
}

// Filings lists the steps of a report's filing, in order.
func (s *Service) Filings(ctx context.Context, sc evidence.Scope, report string) ([]Filing, error) {
	d, err := s.Document(ctx, sc, report)
	return d.Filings, err
}

// standing names in the ledger what went out before it was approved.
const standing = "standing-authorisation"

func (c *change) file(ctx context.Context, f Filing) error {
	if err := c.tx.InsertFiling(ctx, f); err != nil {
		return fmt.Errorf("insert filing: %w", err)
	}
	if err := c.follow(ctx, f); err != nil {
		return err
	}
	refs := map[string]string{"state": string(f.State), "digest": f.Digest}
	if items := c.doc.openItems(); items != "" {
		refs["open"] = items
	}
	if f.Standing {
		refs["reason_code"] = standing
	}
	commit := map[string]string{"filed_at": f.FiledAt.UTC().Format(time.RFC3339), "addressee": f.Addressee}
	for name, text := range map[string]string{"receipt_number": f.Receipt, "contact": f.Contact} {
		if text != "" {
			commit[name] = text
		}
	}
	enter(c.tx, "report.filed", c.doc, refs, commit)
	if f.State == ReturnedBy {
		enter(c.tx, "document.returned", c.doc, nil, map[string]string{"reason": c.doc.ReturnReason})
	}
	return nil
}

// follow moves the report as its filing does.
func (c *change) follow(ctx context.Context, f Filing) error {
	var st step
	switch {
	case f.State == ReturnedBy:
		st, c.doc.ReturnReason = stepRefuse, f.Note
	case f.State == Written && c.doc.State == DocApproved:
		st = stepFile
	case f.State == Written && c.doc.State == DocSubmitted:
		st = stepAhead
	default:
		return nil
	}
	if err := c.doc.take(st); err != nil {
		return err
	}
	return save(ctx, c.tx, &c.doc)
}

// checkFiling lists what is wrong with a filing. Proof is owed with what is written and with its
// confirmation; a call comes before any number exists.
func (c *change) checkFiling(ctx context.Context, f Filing, proof *incident.File) ([]incident.Problem, error) {
	var out []incident.Problem
	fault := func(pointer, rule, message string) {
		out = append(out, incident.Problem{Pointer: pointer, Rule: rule, Message: message})
	}
	switch f.State {
	case Spoken, Written:
	case Confirmed, ReturnedBy:
		if c.doc.State != DocFiled {
			fault("/state", "order", "record the written filing first")
		}
	default:
		fault("/state", "enum", "a filing is spoken, written, confirmed or returned")
	}
	if f.FiledAt.IsZero() || f.FiledAt.After(c.tx.Now().Add(clockSkew)) {
		fault("/filed_at", "past", "say when it was filed; it cannot lie in the future")
	}
	for _, t := range []struct{ pointer, text string }{
		{"/via", f.Via}, {"/addressee", f.Addressee}, {"/contact", f.Contact}, {"/receipt_number", f.Receipt},
	} {
		if p := line(t.pointer, t.text, maxSubject); p != nil {
			out = append(out, *p)
		}
	}
	if p := plain("/note", f.Note, maxReason); p != nil {
		out = append(out, *p)
	}
	if f.State == Spoken && strings.TrimSpace(f.Contact) == "" {
		fault("/contact", "required", "say who answered the call")
	}
	if f.State == ReturnedBy && strings.TrimSpace(f.Note) == "" {
		fault("/note", "required", "say what the authority wants changed")
	}
	owed := f.State == Written || f.State == Confirmed
	if owed && slices.Contains(c.doc.Policy.Proof, ProofReceipt) && strings.TrimSpace(f.Receipt) == "" {
		fault("/receipt_number", "proof", "the receipt number of the authority is needed")
	}
	if f.State == Written && slices.Contains(c.doc.Policy.Proof, ProofText) && proof == nil && f.File == "" {
		fault("/file", "proof", "attach the exact text that was filed")
	}
	if proof != nil && (len(proof.Body) == 0 || len(proof.Body) > maxProof) {
		fault("/file", "length", "the file is empty or larger than 16 MiB")
	}
	if proof == nil && f.File != "" {
		kept, err := c.tx.File(ctx, f.File)
		if err != nil && !incident.IsFault(err, incident.NotFound) {
			return nil, fmt.Errorf("read file: %w", err)
		}
		if err != nil || kept.Incident != c.doc.Incident {
			fault("/file", "file", "this incident has no such file")
		}
	}
	return out, nil
}

// keep stores a proof beside the incident and returns its id.
func (c *change) keep(ctx context.Context, f incident.File) (string, error) {
	sum := sha256.Sum256(f.Body)
	f.ID, f.Incident, f.At = evidence.NewID("fil"), c.doc.Incident, c.tx.Now()
	f.SHA256, f.Size = hex.EncodeToString(sum[:]), int64(len(f.Body))
	if err := c.tx.InsertFile(ctx, f); err != nil {
		return "", fmt.Errorf("insert file: %w", err)
	}
	return f.ID, nil
}
