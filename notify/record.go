package notify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
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
	Range    Range              // its No 0: read from a send journal after a crash, under no claim
	Until    time.Time          // the claim is held until then
	Last     bool               // every member of the range has its outcome now, or is in Left
	Halt     string             // why the dispatch must pause, an enum: somebody is left whom no provider takes now
	Outcomes []Outcome          // at most 2,000; put into the order of seq
	Left     map[string][]int64 // with the last one: who has none and is left to a lane, by channel, in order
}

// RecordOutcomes writes a sub-batch in the caller's transaction: rows, counters, the batch with its
// Merkle root, its ledger entry, and the end of the range. held is false when the claim was lost; what
// was sent is recorded all the same, each one as a possible duplicate, because a send that happened
// must not vanish.
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
	if rec.Halt != "" && d.State == DispRunning {
		if err := halt(ctx, tx, d, rec.Halt); err != nil {
			return false, err
		}
		d.State, d.Reason = DispPaused, rec.Halt
	}
	_, err = applyOutcomes(ctx, tx, d, kindOutcomes, rec.Outcomes)
	return held && err == nil, err
}

// doubted marks what was sent under a claim that was lost. What provably was not is no duplicate.
func doubted(outcomes []Outcome) []Outcome {
	outcomes = slices.Clone(outcomes)
	for i := range outcomes {
		outcomes[i].Doubt = outcomes[i].Doubt || !outcomes[i].putBack()
	}
	return outcomes
}

func keepRange(ctx context.Context, tx Tx, d Dispatch, rec Recording) (bool, error) {
	if !rec.Last {
		return tx.HoldRange(ctx, rec.Range, rec.Until)
	}
	held, err := tx.FinishRange(ctx, rec.Range)
	if err != nil || !held || len(rec.Left) == 0 {
		return held, err
	}
	return true, leave(ctx, tx, d, rec)
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
	opened int // rows to be sent that nobody waited for: at a next address, on a next channel, or once more
}

// PlainSpan is how far apart the recipients of one plain batch may be, so that whoever looks a recipient up
// knows how far back its batch may begin.
const PlainSpan = 4096

// batches are kept, because each takes as much memory as the outcomes of a sub-batch.
var batches = sync.Pool{New: func() any { return new(evidence.EventBatch) }}

// writing is what a batch of outcomes or receipts comes to.
type writing struct {
	d     Dispatch
	now   time.Time
	plain bool // ordinary outcomes need no row
	bare  int64
	taken struct { // ordinary outcomes that moved does not count yet
		channel string
		n       int64
	}
	events *evidence.EventBatch
	about  string // the channel of all events so far; "": several
	rows   []Delivery
	moved  tally
	opened int
}

// applyOutcomes applies outcomes to the people they are about and writes what changed.
func applyOutcomes(ctx context.Context, tx Tx, d Dispatch, kind string, outcomes []Outcome) (recorded, error) {
	if len(outcomes) == 0 {
		return recorded{}, nil
	}
	bySeq := func(a, b Outcome) int { return cmp.Compare(a.Seq, b.Seq) }
	if !slices.IsSortedFunc(outcomes, bySeq) {
		slices.SortStableFunc(outcomes, bySeq)
	}
	known, err := loadDeliveries(ctx, tx, d, outcomes)
	if err != nil {
		return recorded{}, err
	}
	from, to := outcomes[0].Seq, outcomes[len(outcomes)-1].Seq+1
	w := writing{
		d: d, now: tx.Now(), plain: kind == kindOutcomes && to-from < PlainSpan, moved: newTally(),
		events: batches.Get().(*evidence.EventBatch),
	}
	defer batches.Put(w.events)
	w.events.Reset()
	for len(outcomes) > 0 {
		n := 1
		for n < len(outcomes) && outcomes[n].Seq == outcomes[0].Seq {
			n++
		}
		known = w.person(known, outcomes[:n])
		outcomes = outcomes[n:]
	}
	w.take("")
	sum := recorded{w.events.Len(), w.opened}
	if sum.events == 0 {
		return sum, nil
	}
	if err := tx.PutDeliveries(ctx, w.rows); err != nil {
		return sum, err
	}
	w.moved.people[Accepted] += w.bare
	maps.DeleteFunc(w.moved.people, func(_ DeliveryState, n int64) bool { return n == 0 })
	maps.DeleteFunc(w.moved.rows, func(_ CountKey, n int64) bool { return n == 0 })
	if err := tx.AddCounts(ctx, d.No, w.moved.people, w.moved.rows, w.moved.doubt); err != nil {
		return sum, err
	}
	b := Batch{Dispatch: d.No, Kind: kind, Channel: w.about, Plain: w.bare > 0, From: from, To: to}
	if err := writeBatch(ctx, tx, d, b, w.events); err != nil || len(w.rows) == 0 {
		return sum, err // what went well breaks no limit
	}
	warnOfTraps(tx, d, w.moved.rows)
	return sum, follow(ctx, tx, d, w.moved.people[Failed])
}

// person applies all outcomes of one person to what is known, in the order of seq, and returns what is known
// of those behind.
func (w *writing) person(known []Delivery, outcomes []Outcome) (rest []Delivery) {
	seq := outcomes[0].Seq
	for len(known) > 0 && known[0].Seq < seq {
		known = known[1:]
	}
	n := 0
	for n < len(known) && known[n].Seq == seq {
		n++
	}
	if o := &outcomes[0]; w.plain && n == 0 && len(outcomes) == 1 && o.ordinary(&w.d) {
		row := Delivery{Seq: seq, Channel: o.Channel, State: Accepted, Attempt: 1}
		row.note(o, w.now)
		w.add(&row)
		if w.taken.channel != o.Channel {
			w.take(o.Channel)
		}
		w.taken.n++
		return known
	}
	p := person{seq: seq, rows: known[:n:n]}
	w.moved.add(&p, -1)
	for _, o := range outcomes {
		if row, changed := p.apply(o, w.d, w.now); changed {
			w.add(&row)
		}
	}
	w.moved.add(&p, 1)
	for _, key := range p.spent {
		w.moved.rows[key]++
	}
	w.opened += p.opened
	w.rows = p.dirty(w.rows)
	return known[n:]
}

// take counts the ordinary outcomes so far, and goes on with those of a channel.
func (w *writing) take(channel string) {
	if w.taken.n > 0 {
		w.moved.rows[CountKey{w.taken.channel, Accepted}] += w.taken.n
		w.bare += w.taken.n
	}
	w.taken.channel, w.taken.n = channel, 0
}

// add enters a delivery as it now stands.
func (w *writing) add(d *Delivery) {
	if w.events.Len() == 0 {
		w.about = d.Channel
	} else if w.about != d.Channel {
		w.about = ""
	}
	w.events.Add(&evidence.DeliveryEvent{
		Seq: d.Seq, Channel: d.Channel, Address: Nth(d.Address), Attempt: d.Attempt, State: d.State.String(), Class: string(d.Class), Code: d.Code,
		Provider: d.Provider, ProviderID: d.ProviderID, Doubt: d.Doubt, At: w.now,
	})
}

// Nth is a delivery's address as people and evidence count it, from 2 on; 0 is the first.
func Nth(address int) int {
	if address == 0 {
		return 0
	}
	return address + 1
}

func writeBatch(ctx context.Context, tx Tx, d Dispatch, b Batch, events *evidence.EventBatch) (err error) {
	if b.No, err = tx.NextNo(ctx, d.No, "batch"); err != nil {
		return err
	}
	b.Count, b.At = events.Len(), tx.Now()
	b.Events, b.Root = events.Encode()
	if err := tx.InsertBatch(ctx, b); err != nil {
		return err
	}
	tx.AppendLedger(evidence.Draft{Chain: string(d.Incident), Kind: "delivery.batch", Refs: map[string]string{
		"dispatch": d.ID, "batch": strconv.FormatInt(b.No, 10), "kind": b.Kind, "root": b.Root, "count": strconv.Itoa(b.Count),
	}})
	return nil
}

// tally is the difference that a batch makes to the maintained counters.
type tally struct {
	people map[DeliveryState]int64
	rows   map[CountKey]int64
	doubt  int64
}

func newTally() tally {
	return tally{people: map[DeliveryState]int64{}, rows: map[CountKey]int64{}}
}

func (t *tally) add(p *person, n int64) {
	if s := p.state(); s != Pending { // who waits is the rest of the audience
		t.people[s] += n
	}
	for i := range p.rows {
		row := &p.rows[i]
		t.rows[CountKey{row.Channel, row.State}] += n
		if row.Doubt {
			t.doubt += n
		}
		if row.Code == complaint {
			t.rows[CountKey{row.Channel, Complained}] += n
		}
		if row.trapped() {
			t.rows[CountKey{row.Channel, Trapped}] += n
		}
		if row.State == Failed && row.Class == ClassNoChannel {
			t.rows[CountKey{row.Channel, Untried}] += n
		}
	}
}

// halt pauses a running dispatch for a reason found by the machine, and says so.
func halt(ctx context.Context, tx Tx, d Dispatch, reason string) error {
	if d.State != DispRunning {
		return nil
	}
	d.hold(tx, DispPaused, reason, "")
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
