package notify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// The kinds of batch.
const (
	kindOutcomes = "outcomes"
	kindReceipts = "receipts"
)

// Recording is one sub-batch of outcomes of a claimed range.
type Recording struct {
	Range    Range     // its No 0: read from a send journal after a crash, under no claim
	Until    time.Time // the claim is held until then
	Last     bool      // every member of the range has its outcome now
	Outcomes []Outcome // at most 500
}

// RecordOutcomes writes a sub-batch in the caller's transaction: rows, counters, the batch with its
// Merkle root, its ledger entry, and the end of the range. held is false when the claim was lost; what
// was sent is recorded all the same, each one as a possible duplicate, because a send that happened
// must not vanish. A verdict that stops a provider pauses the dispatch.
func RecordOutcomes(ctx context.Context, tx Tx, dispatch Dispatch, rec Recording) (held bool, err error) {
	d, err := lockDispatch(ctx, tx, dispatch)
	if err != nil {
		return false, err
	}
	if rec.Range.No == 0 {
		err = addLadders(ctx, tx, d, rec.Outcomes)
	} else if held, err = keepRange(ctx, tx, d, rec); err == nil && !held && d.State == DispRunning {
		rec.Outcomes = doubted(rec.Outcomes)
	}
	if err != nil {
		return false, err
	}
	if _, err = applyOutcomes(ctx, tx, d, kindOutcomes, rec.Outcomes); err != nil {
		return false, err
	}
	for _, o := range rec.Outcomes {
		if c := o.Verdict.Class; c == ClassStop || c == ClassBug {
			return held, halt(ctx, tx, d, reasonOf(c))
		}
	}
	return held, nil
}

func doubted(outcomes []Outcome) []Outcome {
	outcomes = slices.Clone(outcomes)
	for i := range outcomes {
		outcomes[i].Doubt = true
	}
	return outcomes
}

func keepRange(ctx context.Context, tx Tx, d Dispatch, rec Recording) (bool, error) {
	if rec.Last {
		return tx.FinishRange(ctx, rec.Range)
	}
	return tx.HoldRange(ctx, rec.Range, rec.Until)
}

// lockDispatch reads a dispatch afresh, held with its incident until the end of the transaction.
func lockDispatch(ctx context.Context, tx Tx, d Dispatch) (Dispatch, error) {
	if _, err := tx.LockIncident(ctx, d.Incident); err != nil {
		return Dispatch{}, err
	}
	return tx.DispatchByNo(ctx, d.No)
}

// recorded is what a batch changed.
type recorded struct {
	events int
	opened int // rows opened on a next channel
}

// applyOutcomes applies outcomes to the people they are about and writes what changed.
func applyOutcomes(ctx context.Context, tx Tx, d Dispatch, kind string, outcomes []Outcome) (recorded, error) {
	var sum recorded
	people, err := loadPeople(ctx, tx, d, outcomes)
	if err != nil {
		return sum, err
	}
	moved := newTally()
	for _, p := range people {
		moved.add(p, -1)
	}
	events := make([]evidence.DeliveryEvent, 0, len(outcomes))
	for _, o := range outcomes {
		p := people[o.Seq]
		if row, changed := p.apply(o, d, tx.Now()); changed {
			events = append(events, event(row, tx.Now()))
		}
	}
	if len(events) == 0 {
		return sum, nil
	}
	var rows []Delivery
	for _, p := range people {
		moved.add(p, 1)
		sum.opened += p.opened
		rows = append(rows, p.dirty()...)
	}
	slices.SortFunc(rows, func(a, b Delivery) int { return int(a.Seq - b.Seq) })
	if err := tx.PutDeliveries(ctx, rows); err != nil {
		return sum, err
	}
	maps.DeleteFunc(moved.people, func(_ DeliveryState, n int64) bool { return n == 0 })
	maps.DeleteFunc(moved.rows, func(_ CountKey, n int64) bool { return n == 0 })
	if err := tx.AddCounts(ctx, d.No, moved.people, moved.rows, moved.doubt); err != nil {
		return sum, err
	}
	sum.events = len(events)
	if err := writeBatch(ctx, tx, d, kind, events); err != nil {
		return sum, err
	}
	return sum, holdLimits(ctx, tx, d)
}

// event is the leaf of a delivery as it now stands.
func event(d Delivery, at time.Time) evidence.DeliveryEvent {
	return evidence.DeliveryEvent{
		Seq: d.Seq, Channel: d.Channel, Attempt: d.Attempt, State: d.State.String(),
		Class: string(d.Class), Code: d.Code, Doubt: d.Doubt, At: at,
	}
}

func writeBatch(ctx context.Context, tx Tx, d Dispatch, kind string, events []evidence.DeliveryEvent) error {
	no, err := tx.NextNo(ctx, d.No, "batch")
	if err != nil {
		return err
	}
	kept, root := evidence.EncodeEvents(events)
	b := Batch{Dispatch: d.No, No: no, Kind: kind, Root: root, Count: len(events), Events: kept, At: tx.Now()}
	if err := tx.InsertBatch(ctx, b); err != nil {
		return err
	}
	tx.AppendLedger(evidence.Draft{Chain: string(d.Incident), Kind: "delivery.batch", Refs: map[string]string{
		"dispatch": d.ID, "batch": strconv.FormatInt(no, 10), "kind": kind, "root": root, "count": strconv.Itoa(len(events)),
	}})
	return nil
}

// tally is the difference that a batch makes to the maintained counters.
type tally struct {
	people map[DeliveryState]int64
	rows   map[CountKey]int64
	doubt  int64
}

func newTally() *tally {
	return &tally{people: map[DeliveryState]int64{}, rows: map[CountKey]int64{}}
}

func (t *tally) add(p *person, n int64) {
	if s := p.state(); s != Pending { // who waits is the rest of the audience
		t.people[s] += n
	}
	for i := range p.rows {
		t.rows[CountKey{p.rows[i].Channel, p.rows[i].State}] += n
		if p.rows[i].Doubt {
			t.doubt += n
		}
		if p.rows[i].Code == complaint {
			t.rows[CountKey{p.rows[i].Channel, Complained}] += n
		}
	}
}

// halt pauses a running dispatch for a reason found by the machine, and says so.
func halt(ctx context.Context, tx Tx, d Dispatch, reason string) error {
	if d.State != DispRunning {
		return nil
	}
	d.State, d.Reason = DispPaused, reason
	if err := tx.UpdateDispatch(ctx, d); err != nil {
		return err
	}
	announceState(tx, d, "dispatch.paused", "", map[string]string{"reason_code": reason})
	return nil
}

// HaltDispatch pauses a running dispatch that cannot go on until a person has looked.
func HaltDispatch(ctx context.Context, tx Tx, d Dispatch, reason string) error {
	d, err := lockDispatch(ctx, tx, d)
	if err != nil {
		return fmt.Errorf("halt dispatch: %w", err)
	}
	return halt(ctx, tx, d, reason)
}

func reasonOf(c Class) string {
	if c == ClassBug {
		return "bug"
	}
	return "stop"
}

// announceState puts a change of a dispatch's state into ledger and outbox. A person's words are only
// committed to, by hash; refs are ids, enums and counts.
func announceState(tx Tx, d Dispatch, kind, words string, refs map[string]string) {
	refs["dispatch"], refs["document"], refs["state"] = d.ID, d.Notice, string(d.State)
	draft := evidence.Draft{Chain: string(d.Incident), Kind: kind, Refs: refs}
	if words != "" {
		draft.Commit = map[string]string{"reason": words}
	}
	tx.AppendLedger(draft)
	tx.Emit(incident.Event{Kind: kind, Incident: d.Incident, Refs: refs})
}
