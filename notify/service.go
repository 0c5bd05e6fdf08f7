package notify

import (
	"context"
	"io"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/seal"
	"tocsin/templates"
)

// Propose makes a step's document, once per (run, step, item). When facts have moved on it redrafts a
// document that no person has touched, and marks one that people have touched stale if it prints what
// changed. The policy is always replaced. It emits "document.drafted" or "document.stale".
func Propose(ctx context.Context, tx Tx, n NewDocument) (Document, error) { panic("unwritten") }

// Service holds the use cases of documents, audiences and dispatches.
type Service struct{}

// New makes the service. key is the operator's, for check codes and outgoing ids.
func New(store Store, catalog *templates.Catalog, key *seal.Key) *Service { panic("unwritten") }

// DocumentView is a document with what a reader of it needs at once.
type DocumentView struct {
	Document
	Gaps       []templates.Gap
	Approvals  []Approval // living ones of this version
	Needed     int        // approvals still missing
	CanApprove bool       // the scope's person may approve now
	WhyNot     string     // message id of why not: author, not-approver, not-in-team, already, state
	Filings    []Filing
	Voided     []Change // what changed since an approval was voided
}

// Documents lists an incident's notices and reports.
func (s *Service) Documents(ctx context.Context, sc evidence.Scope, id incident.ID) ([]DocumentView, error) {
	panic("unwritten")
}

// Document reads one.
func (s *Service) Document(ctx context.Context, sc evidence.Scope, id string) (DocumentView, error) {
	panic("unwritten")
}

// Queue lists documents waiting for approval, the nearest deadline first.
func (s *Service) Queue(ctx context.Context, sc evidence.Scope, p incident.Page) ([]DocumentView, error) {
	panic("unwritten")
}

// Edit changes a document that is not yet out; it voids approvals and returns a submitted or approved
// document to draft. ifMatch is the version the editor saw.
func (s *Service) Edit(ctx context.Context, sc evidence.Scope, id string, ifMatch int, e Edit) (DocumentView, error) {
	panic("unwritten")
}

// Submit freezes messages, audience and plan and asks for approval. An incomplete document is refused with
// a problem per gap. audience "" takes the incident's newest ready one when a channel needs it.
func (s *Service) Submit(ctx context.Context, sc evidence.Scope, id string, ifMatch int, audience string) (DocumentView, error) {
	panic("unwritten")
}

// Approve adds the person's approval of exactly digest (Digest.All).
func (s *Service) Approve(ctx context.Context, sc evidence.Scope, id, digest, note string) (DocumentView, error) {
	panic("unwritten")
}

// Return sends a submitted or approved document back with a reason.
func (s *Service) Return(ctx context.Context, sc evidence.Scope, id, reason string) (DocumentView, error) {
	panic("unwritten")
}

// Withdraw takes a document out for good, with a reason.
func (s *Service) Withdraw(ctx context.Context, sc evidence.Scope, id, reason string) (DocumentView, error) {
	panic("unwritten")
}

// Preview compiles the document as it stands for one locale and channel.
func (s *Service) Preview(ctx context.Context, sc evidence.Scope, id, locale, channel string) (templates.Message, error) {
	panic("unwritten")
}

// Export renders a report as html or json.
func (s *Service) Export(ctx context.Context, sc evidence.Scope, id, locale, format string) (body []byte, contentType string, err error) {
	panic("unwritten")
}

// RecordFiling records that an approved report was filed; it checks the policy's proof.
func (s *Service) RecordFiling(ctx context.Context, sc evidence.Scope, f Filing, proof *incident.File) (Filing, error) {
	panic("unwritten")
}

// Import streams recipients into a new audience and returns it ready (or failed). progress, when not nil,
// is called after each committed batch. Memory is constant.
func (s *Service) Import(ctx context.Context, sc evidence.Scope, id incident.ID, name, format string, r io.Reader, progress func(Audience)) (Audience, error) {
	panic("unwritten")
}

// Audience, Audiences and Rejects read imports.
func (s *Service) Audience(ctx context.Context, sc evidence.Scope, id string) (Audience, error) {
	panic("unwritten")
}

// Audiences lists an incident's audiences, newest first.
func (s *Service) Audiences(ctx context.Context, sc evidence.Scope, id incident.ID) ([]Audience, error) {
	panic("unwritten")
}

// Rejects pages through the lines an import refused.
func (s *Service) Rejects(ctx context.Context, sc evidence.Scope, id string, afterLine int64, limit int) ([]Reject, error) {
	panic("unwritten")
}

// Dispatch releases an approved notice: publishes its announcement, cuts the audience into ranges.
func (s *Service) Dispatch(ctx context.Context, sc evidence.Scope, notice string) (Progress, error) {
	panic("unwritten")
}

// Progress of one dispatch.
func (s *Service) Progress(ctx context.Context, sc evidence.Scope, id string) (Progress, error) {
	panic("unwritten")
}

// Dispatches of an incident.
func (s *Service) Dispatches(ctx context.Context, sc evidence.Scope, id incident.ID) ([]Progress, error) {
	panic("unwritten")
}

// Pause, Resume and Stop move a dispatch; stop is for good.
func (s *Service) Pause(ctx context.Context, sc evidence.Scope, id, reason string) (Progress, error) {
	panic("unwritten")
}

// Resume lets a paused dispatch run on.
func (s *Service) Resume(ctx context.Context, sc evidence.Scope, id string) (Progress, error) {
	panic("unwritten")
}

// Stop ends a dispatch; who was not yet sent to is stopped, and listed.
func (s *Service) Stop(ctx context.Context, sc evidence.Scope, id, reason string) (Progress, error) {
	panic("unwritten")
}

// Deliveries pages through a dispatch by recipient sequence; duplicates lists those once in doubt.
func (s *Service) Deliveries(ctx context.Context, sc evidence.Scope, id string, state *DeliveryState, duplicates bool, afterSeq int64, limit int) ([]Delivery, error) {
	panic("unwritten")
}

// Search finds what one person got, by person_key or exact address.
func (s *Service) Search(ctx context.Context, sc evidence.Scope, dispatch, personKey, address string) ([]Delivery, error) {
	panic("unwritten")
}

// Genuine answers the check page: whether code belongs to a notice of ours. The answer is the same for
// every valid code of a notice and takes the same time for every invalid one.
func (s *Service) Genuine(ctx context.Context, operator, code string) (*Announcement, bool, error) {
	panic("unwritten")
}

// Announcements are the live public notices.
func (s *Service) Announcements(ctx context.Context, operator string) ([]Announcement, error) {
	panic("unwritten")
}

// ApplyReceipts moves deliveries by receipts whose OutID is ours; others change nothing. It returns how
// many were applied. Late, repeated and out-of-order receipts never move a state back.
func (s *Service) ApplyReceipts(ctx context.Context, operator string, r []Receipt) (int, error) {
	panic("unwritten")
}
