package notify

import (
	"context"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
	"tocsin/internal/seal"
	"tocsin/templates"
)

// Tx is what notify needs from a store transaction.
type Tx interface {
	access.Tx
	templates.Tx

	// Key is the incident's data key, for leaves and blind indexes.
	Key(ctx context.Context, id incident.ID) (*seal.Key, error)

	InsertDocument(ctx context.Context, d Document) error
	UpdateDocument(ctx context.Context, d Document) error // the row whose version is d.Version-1, else Fault Stale
	Document(ctx context.Context, id string) (Document, error)
	DocumentAt(ctx context.Context, run, step, item string) (*Document, error)           // nil: none
	Documents(ctx context.Context, id incident.ID) ([]Document, error)                   // in order of creation
	Queue(ctx context.Context, state DocumentState, p incident.Page) ([]Document, error) // by deadline, over incidents
	InsertApproval(ctx context.Context, a Approval) error
	Approvals(ctx context.Context, document string) ([]Approval, error)
	VoidApprovals(ctx context.Context, document string, at time.Time, by string) (int, error)
	InsertMessages(ctx context.Context, m []FrozenMessage) error
	Messages(ctx context.Context, document string, version int) ([]FrozenMessage, error)
	InsertFiling(ctx context.Context, f Filing) error
	Filings(ctx context.Context, report string) ([]Filing, error)

	InsertAudience(ctx context.Context, a Audience) (no int64, err error)
	UpdateAudience(ctx context.Context, a Audience) error
	Audience(ctx context.Context, id string) (Audience, error)
	Audiences(ctx context.Context, id incident.ID) ([]Audience, error)
	// LockAudience reads an audience and keeps others from changing it until the end of the transaction.
	LockAudience(ctx context.Context, id string) (Audience, error)
	// InsertPages keeps pages of recipients; one that is there is replaced.
	InsertPages(ctx context.Context, a Audience, pages []RecipientPage) error
	// Pages appends to pages those that hold any from ≤ seq < to, in order. The bodies behind its length are written over.
	Pages(ctx context.Context, pages []RecipientPage, audienceNo, from, to int64) ([]RecipientPage, error)
	// OpenAudiences are the operator's that are neither ready nor given up.
	OpenAudiences(ctx context.Context) ([]Audience, error)
	InsertChunks(ctx context.Context, a Audience, chunks []IndexChunk) error
	DropRun(ctx context.Context, a Audience, run int64) error
	IndexRuns(ctx context.Context, audienceNo int64) ([]int64, error)
	RunChunks(ctx context.Context, audienceNo, run int64, after []byte, limit int) ([]IndexChunk, error) // in order
	IndexChunks(ctx context.Context, audienceNo int64, index []byte) ([][]byte, error)                   // bodies of those that can hold the index
	RecipientSeqs(ctx context.Context, audienceNo int64, index []byte) ([]int64, error)
	InsertRejects(ctx context.Context, a Audience, r []Reject) error
	Rejects(ctx context.Context, audienceNo, afterLine int64, limit int) ([]Reject, error)

	InsertDispatch(ctx context.Context, d Dispatch) (no int64, err error) // refuses a drill outside the simulator
	UpdateDispatch(ctx context.Context, d Dispatch) error
	Dispatch(ctx context.Context, id string) (Dispatch, error)
	DispatchByNo(ctx context.Context, no int64) (Dispatch, error)
	Dispatches(ctx context.Context, id incident.ID) ([]Dispatch, error)
	RunningDispatches(ctx context.Context) ([]Dispatch, error) // running and paused, of every incident of the operator
	// RecentDispatches are the running and paused ones and those that ended since, the newest first.
	RecentDispatches(ctx context.Context, since time.Time) ([]Dispatch, error)

	InsertRanges(ctx context.Context, r []Range) error
	// ClaimRange gives one open, unowned or expired range of a running dispatch to owner, fair between
	// dispatches (least recently served first) and between the lanes of one, with its epoch raised; ok is false
	// when there is none. A range that its last owner did not give back is in doubt from then on.
	ClaimRange(ctx context.Context, owner string, until time.Time) (r Range, ok bool, err error)
	// HoldRange extends a claim; ok is false when it is lost (other epoch) or its dispatch does not run.
	HoldRange(ctx context.Context, r Range, until time.Time) (ok bool, err error)
	// FinishRange marks a range done if the epoch still holds; RecordOutcomes runs in the same transaction.
	FinishRange(ctx context.Context, r Range) (ok bool, err error)
	ReleaseRange(ctx context.Context, r Range) error
	// ReleaseOwner frees what a dead owner held; unless sure that all it sent is recorded, in doubt.
	ReleaseOwner(ctx context.Context, owner string, sure bool) (int, error)
	// OtherOwners is how many owners besides one hold ranges now.
	OtherOwners(ctx context.Context, owner string) (int, error)
	// OpenRanges is how many of a dispatch's ranges are not done, and how many of these are lanes.
	OpenRanges(ctx context.Context, dispatchNo int64) (all, lanes int64, err error)

	PutDeliveries(ctx context.Context, d []Delivery) error // upsert by (dispatch, seq, channel)
	// DeliveriesOf reads every delivery of the recipients from ≤ seq < to, rows and what plain batches record.
	DeliveriesOf(ctx context.Context, dispatchNo, from, to int64) ([]Delivery, error)
	DeliveriesIn(ctx context.Context, r Range) ([]Delivery, error) // rows that carry the range's No
	Deliveries(ctx context.Context, dispatchNo int64, state *DeliveryState, afterSeq int64, limit int) ([]Delivery, error)
	Duplicates(ctx context.Context, dispatchNo int64, afterSeq int64, limit int) ([]Delivery, error) // Doubt rows
	Complaints(ctx context.Context, dispatchNo int64, afterSeq int64, limit int) ([]Delivery, error) // of code complaint
	// DueDeliveries are pending rows with next_at ≤ now and no open range, of running dispatches, grouped by dispatch.
	DueDeliveries(ctx context.Context, now time.Time, limit int) ([]Delivery, error)
	// DueDoubts are rows of a stopped dispatch in doubt on a channel that may be asked about by now.
	DueDoubts(ctx context.Context, dispatchNo int64, channel string, now time.Time, limit int) ([]Delivery, error)
	NextDue(ctx context.Context, dispatchNo int64) (*time.Time, error) // earliest next_at; nil: none
	LastDue(ctx context.Context, dispatchNo int64) (*time.Time, error) // latest next_at; nil: none
	AddCounts(ctx context.Context, dispatchNo int64, people map[DeliveryState]int64, rows map[CountKey]int64, doubt int64) error
	Counts(ctx context.Context, dispatchNo int64) (people map[DeliveryState]int64, rows map[CountKey]int64, doubt int64, err error)
	NextNo(ctx context.Context, dispatchNo int64, what string) (int64, error) // next range or batch number
	InsertBatch(ctx context.Context, b Batch) error
	// RecentOutcomes adds up the batches of outcomes on one channel, or of those on several (""), since an instant,
	// the newest 240 at most; from is when the oldest one counted was written.
	RecentOutcomes(ctx context.Context, dispatchNo int64, channel string, since time.Time) (n int64, from time.Time, err error)
	Batches(ctx context.Context, dispatchNo, after int64, limit int) ([]Batch, error)

	providerStore
	proofStore

	PutAnnouncement(ctx context.Context, a Announcement) error
	Announcements(ctx context.Context) ([]Announcement, error) // live, newest first, messages included
}

// Store opens transactions. Bulk is for fan-out and imports: it waits behind interactive work.
type Store interface {
	InTx(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
	View(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
	Bulk(ctx context.Context, s evidence.Scope, fn func(Tx) error) error
}
