package notify

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

var noon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

// memoryTx holds the deliveries and counters of one dispatch.
type memoryTx struct {
	Tx      // what is not written below is not used here
	now     time.Time
	d       Dispatch
	rows    map[int64]map[string]Delivery
	people  map[DeliveryState]int64
	byRow   map[CountKey]int64
	doubt   int64
	nos     map[string]int64
	batches []Batch
	ledger  []evidence.Draft
	events  []incident.Event
	lost    bool // the range belongs to another owner by now
}

func newMemoryTx(d Dispatch) *memoryTx {
	return &memoryTx{
		now: noon, d: d, rows: map[int64]map[string]Delivery{}, people: map[DeliveryState]int64{},
		byRow: map[CountKey]int64{}, nos: map[string]int64{},
	}
}

func (m *memoryTx) Now() time.Time                                            { return m.now }
func (m *memoryTx) AppendLedger(d evidence.Draft)                             { m.ledger = append(m.ledger, d) }
func (m *memoryTx) Emit(e incident.Event)                                     { m.events = append(m.events, e) }
func (m *memoryTx) DispatchByNo(context.Context, int64) (Dispatch, error)     { return m.d, nil }
func (m *memoryTx) UpdateDispatch(_ context.Context, d Dispatch) error        { m.d = d; return nil }
func (m *memoryTx) HoldRange(context.Context, Range, time.Time) (bool, error) { return !m.lost, nil }
func (m *memoryTx) FinishRange(context.Context, Range) (bool, error)          { return !m.lost, nil }

// InsertBatch keeps a batch. What a plain one alone records stands with the rows, as readers see it.
func (m *memoryTx) InsertBatch(_ context.Context, b Batch) error {
	m.batches = append(m.batches, b)
	if !b.Plain {
		return nil
	}
	events, err := evidence.EventsOf(b.Events, b.From, b.To)
	for _, e := range events {
		if _, there := m.rows[e.Seq][e.Channel]; !there {
			err = m.PutDeliveries(context.Background(), []Delivery{{
				Dispatch: b.Dispatch, Seq: e.Seq, Channel: e.Channel, State: Accepted, Class: Class(e.Class), Code: e.Code,
				Provider: e.Provider, ProviderID: e.ProviderID, Attempt: e.Attempt, At: e.At}})
		}
	}
	return err
}
func (m *memoryTx) NextNo(_ context.Context, _ int64, w string) (int64, error) {
	m.nos[w]++
	return m.nos[w], nil
}
func (m *memoryTx) LockIncident(context.Context, incident.ID) (incident.Incident, error) {
	return incident.Incident{}, nil
}

func (m *memoryTx) DeliveriesOf(_ context.Context, _, from, to int64) ([]Delivery, error) {
	var out []Delivery
	for seq := from; seq < to; seq++ {
		for _, c := range []string{"email", "sms", "push", NoChannel} {
			if d, ok := m.rows[seq][c]; ok {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

func (m *memoryTx) PutDeliveries(_ context.Context, rows []Delivery) error {
	for _, d := range rows {
		if m.rows[d.Seq] == nil {
			m.rows[d.Seq] = map[string]Delivery{}
		}
		m.rows[d.Seq][d.Channel] = d
	}
	return nil
}

func (m *memoryTx) AddCounts(_ context.Context, _ int64, people map[DeliveryState]int64, rows map[CountKey]int64, doubt int64) error {
	for k, n := range people {
		m.people[k] += n
	}
	for k, n := range rows {
		m.byRow[k] += n
	}
	m.doubt += doubt
	return nil
}

func (m *memoryTx) Counts(context.Context, int64) (map[DeliveryState]int64, map[CountKey]int64, int64, error) {
	return m.people, m.byRow, m.doubt, nil
}

// ahead is the order of meaning that a state may only move along, but for a window that must pass.
func ahead(from DeliveryState, d Delivery) bool {
	to := d.State
	return from == Accepted && to == Pending && d.Class == ClassRetryAt && d.NextAt != nil || to == from || from == Stopped && to >= Accepted || from != Stopped && to > from && (to != Stopped || from == Pending)
}

// check compares what the dispatch says with what its rows say, after any history.
func (m *memoryTx) check(t require.TestingT, before map[int64]map[string]Delivery) {
	rows, doubt := map[CountKey]int64{}, int64(0)
	people := map[DeliveryState]int64{}
	for seq, byChannel := range m.rows {
		p := person{seq: seq}
		for c, d := range byChannel {
			p.rows = append(p.rows, d)
			rows[CountKey{c, d.State}]++
			if d.Doubt {
				doubt++
			}
			if d.State == Failed && d.Class == ClassNoChannel {
				rows[CountKey{c, Untried}]++
			}
			if old, ok := before[seq][c]; ok {
				switch {
				case d.Address == old.Address:
					require.True(t, ahead(old.State, d), "%s after %s", d.State, old.State)
				case d.Address > old.Address:
					require.False(t, old.State == Read || old.State == Delivered && d.State != Read, "who was reached is sent to at no further address")
				default:
					require.Contains(t, []DeliveryState{Delivered, Read}, d.State, "only arrival at an earlier address counts")
				}
				require.False(t, old.Doubt && !d.Doubt, "a doubt was forgotten")
			}
			if d.NextAt != nil {
				require.Contains(t, []DeliveryState{Pending, InDoubt}, d.State, "only what is unsettled is due")
			}
		}
		if s := p.state(); s != Pending {
			people[s]++
		}
	}
	for k, n := range m.byRow {
		if k.State == Spent || k.State == Trapped { // what was, not what is
			require.GreaterOrEqual(t, n, int64(0))
			continue
		}
		require.Equal(t, rows[k], n, "rows %v", k)
	}
	for k, n := range m.people {
		require.Equal(t, people[k], n, "people %v", k)
	}
	require.Equal(t, doubt, m.doubt)
	pr, err := progress(context.Background(), m, m.d)
	require.NoError(t, err)
	c := pr.People
	require.Equal(t, c.Total, c.Pending+c.InDoubt+c.Accepted+c.Failed+c.Delivered+c.Read+c.Stopped)
	require.GreaterOrEqual(t, c.Pending, int64(0))
}

func (m *memoryTx) copyRows() map[int64]map[string]Delivery {
	out := map[int64]map[string]Delivery{}
	for seq, rows := range m.rows {
		out[seq] = map[string]Delivery{}
		for c, d := range rows {
			out[seq][c] = d
		}
	}
	return out
}

// TestAnyHistoryAddsUp throws outcomes and receipts in any order, late, repeated and contradicting, at a
// few people and holds the dispatch to its promises after each.
func TestAnyHistoryAddsUp(t *testing.T) {
	classes := []Class{
		ClassAccepted, ClassDelivered, ClassRead, ClassRetry, ClassRetryAt, ClassInDoubt, ClassRcptPerm,
		ClassRcptSoft, ClassStop, ClassBug, ClassNoChannel, "SOMETHING_NEW",
	}
	rapid.Check(t, func(t *rapid.T) {
		tx := newMemoryTx(Dispatch{No: 1, Total: 4, State: DispRunning, StartedAt: noon, Channels: []string{"email", "sms", "push"}})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := tx.copyRows()
			tx.now = tx.now.Add(time.Minute)
			tx.d.State = rapid.SampledFrom([]DispatchState{DispRunning, DispRunning, DispPaused, DispStopped}).Draw(t, "state")
			tx.lost = rapid.Bool().Draw(t, "lost")
			o := Outcome{
				Seq:     rapid.Int64Range(0, 3).Draw(t, "seq"),
				Channel: rapid.SampledFrom([]string{"email", "sms", "push"}).Draw(t, "channel"),
				Address: rapid.IntRange(0, 2).Draw(t, "address"),
				Attempt: rapid.IntRange(0, 14).Draw(t, "attempt"),
				Verdict: Verdict{Class: rapid.SampledFrom(classes).Draw(t, "class"), ProviderID: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "id"), RetryAt: tx.now.Add(time.Hour)},
				Asked:   rapid.Bool().Draw(t, "asked"),
				Ladder:  []string{"email", "email", "email", "sms", "sms", "push"},
			}
			var err error
			if o.Attempt == 0 {
				_, err = applyOutcomes(context.Background(), tx, tx.d, kindReceipts, []Outcome{o})
			} else {
				_, err = RecordOutcomes(context.Background(), tx, tx.d, Recording{Range: Range{No: 1}, Outcomes: []Outcome{o}})
			}
			require.NoError(t, err)
			tx.check(t, before)
			again := tx.copyRows()
			_, err = applyOutcomes(context.Background(), tx, tx.d, kindReceipts, []Outcome{{Seq: o.Seq, Channel: o.Channel, Address: o.Address, Verdict: Verdict{Class: ClassInDoubt}}})
			require.NoError(t, err)
			require.Equal(t, again, tx.copyRows(), "a receipt that says nothing changes nothing")
		}
		for _, b := range tx.batches {
			events, root, err := evidence.DecodeEvents(b.Events)
			require.NoError(t, err)
			require.Equal(t, b.Root, root)
			require.Len(t, events, b.Count)
		}
	})
}

func settled(t *testing.T, d Delivery, o Outcome) (Delivery, bool) {
	t.Helper()
	_, failed := d.settle(o, noon)
	return d, failed
}

func TestClassTable(t *testing.T) {
	later := noon.Add(3 * time.Hour)
	for _, c := range []struct {
		name   string
		row    Delivery
		o      Outcome
		want   DeliveryState
		failed bool
		wait   [2]time.Duration // bounds of NextAt after noon; zero: none
	}{
		{name: "accepted", o: Outcome{Attempt: 1, Verdict: Verdict{Class: ClassAccepted}}, want: Accepted},
		{name: "retry waits about four seconds", o: Outcome{Attempt: 1, Verdict: Verdict{Class: ClassRetry}}, want: Pending, wait: [2]time.Duration{3 * time.Second, 5 * time.Second}},
		{name: "retries end", row: Delivery{Attempt: 11}, o: Outcome{Attempt: 12, Verdict: Verdict{Class: ClassRetry}}, want: Failed, failed: true},
		{name: "a window that must pass", o: Outcome{Attempt: 1, Verdict: Verdict{Class: ClassRetryAt, RetryAt: later}}, want: Pending, wait: [2]time.Duration{3 * time.Hour, 3 * time.Hour}},
		{name: "in doubt is looked at soon", o: Outcome{Attempt: 1, Verdict: Verdict{Class: ClassInDoubt}}, want: InDoubt, wait: [2]time.Duration{doubtAfter, doubtAfter}},
		{name: "in doubt for good after some resends", row: Delivery{State: InDoubt, Attempt: 2}, o: Outcome{Attempt: 3, Verdict: Verdict{Class: ClassInDoubt}}, want: InDoubt},
		{name: "an asked provider that does not know yet is asked again", row: Delivery{State: InDoubt, Attempt: 3}, o: Outcome{Attempt: 4, Asked: true, Verdict: Verdict{Class: ClassInDoubt}}, want: InDoubt, wait: [2]time.Duration{24 * time.Second, 40 * time.Second}},
		{name: "dead address", o: Outcome{Attempt: 1, Verdict: Verdict{Class: ClassRcptPerm}}, want: Failed, failed: true},
		{name: "unreachable gets one later try", o: Outcome{Attempt: 1, Verdict: Verdict{Class: ClassRcptSoft}}, want: Pending, wait: [2]time.Duration{softAfter, softAfter}},
		{name: "and no more", row: Delivery{Attempt: 1, Class: ClassRcptSoft}, o: Outcome{Attempt: 2, Verdict: Verdict{Class: ClassRcptSoft}}, want: Failed, failed: true},
		{name: "a stopped provider costs nobody a try", row: Delivery{Attempt: 30}, o: Outcome{Attempt: 31, Verdict: Verdict{Class: ClassStop}}, want: Pending, wait: [2]time.Duration{holdAfter, holdAfter}},
		{name: "bounce after acceptance", row: Delivery{State: Accepted, Attempt: 1}, o: Outcome{Verdict: Verdict{Class: ClassRcptPerm}}, want: Failed, failed: true},
		{name: "phone off after acceptance", row: Delivery{State: Accepted, Attempt: 1}, o: Outcome{Verdict: Verdict{Class: ClassRcptSoft}}, want: Failed, failed: true},
		{name: "a window that must pass, after acceptance", row: Delivery{Channel: "sms", State: Accepted, Class: ClassAccepted, Attempt: 1, ProviderID: "a"}, o: Outcome{Verdict: Verdict{Class: ClassRetryAt, ProviderID: "a", RetryAt: later}}, want: Pending, wait: [2]time.Duration{3 * time.Hour, 3 * time.Hour}},
		{name: "that of an earlier try", row: Delivery{Channel: "sms", State: Accepted, Class: ClassAccepted, Attempt: 2, ProviderID: "b"}, o: Outcome{Verdict: Verdict{Class: ClassRetryAt, ProviderID: "a", RetryAt: later}}, want: Accepted},
		{name: "of which nobody knows which try", row: Delivery{State: Accepted, Class: ClassAccepted, Attempt: 1}, o: Outcome{Verdict: Verdict{Class: ClassRetryAt, RetryAt: later}}, want: Failed, failed: true},
		{name: "after the last try", row: Delivery{Channel: "sms", State: Accepted, Class: ClassAccepted, Attempt: maxAttempts, ProviderID: "a"}, o: Outcome{Verdict: Verdict{Class: ClassRetryAt, ProviderID: "a", RetryAt: later}}, want: Failed, failed: true},
		{name: "when the next channel is under way", row: Delivery{Channel: "sms", State: Accepted, Class: ClassNoWord, Attempt: 1, ProviderID: "a"}, o: Outcome{Verdict: Verdict{Class: ClassRetryAt, ProviderID: "a", RetryAt: later}}, want: Failed, failed: true},
		{name: "when it has arrived", row: Delivery{Channel: "sms", State: Delivered, Class: ClassDelivered, Attempt: 1, ProviderID: "a"}, o: Outcome{Verdict: Verdict{Class: ClassRetryAt, ProviderID: "a", RetryAt: later}}, want: Delivered},
		{name: "delivered beats failed", row: Delivery{State: Failed, Attempt: 1}, o: Outcome{Verdict: Verdict{Class: ClassDelivered}}, want: Delivered},
		{name: "failed never beats delivered", row: Delivery{State: Delivered, Attempt: 1}, o: Outcome{Verdict: Verdict{Class: ClassRcptPerm}}, want: Delivered},
		{name: "late acceptance never beats failed", row: Delivery{State: Failed, Attempt: 1}, o: Outcome{Attempt: 2, Verdict: Verdict{Class: ClassAccepted}}, want: Failed},
		{name: "word of an earlier try says nothing of the next", row: Delivery{Attempt: 1, Class: ClassRetry}, o: Outcome{Verdict: Verdict{Class: ClassRcptSoft}}, want: Pending},
		{name: "a receipt may be faster than our record", o: Outcome{Verdict: Verdict{Class: ClassDelivered}}, want: Delivered},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, failed := settled(t, c.row, c.o)
			require.Equal(t, c.want, got.State, got.State)
			require.Equal(t, c.failed, failed)
			if c.wait == [2]time.Duration{} {
				require.Nil(t, got.NextAt)
				return
			}
			require.NotNil(t, got.NextAt)
			wait := got.NextAt.Sub(noon)
			require.True(t, c.wait[0] <= wait && wait <= c.wait[1], wait)
		})
	}
}

func TestTwoSendsOfOneAttemptAreListed(t *testing.T) {
	row := Delivery{State: Accepted, Class: ClassAccepted, Attempt: 1, ProviderID: "first"}
	same, _ := settled(t, row, Outcome{Attempt: 1, Verdict: Verdict{Class: ClassAccepted, ProviderID: "first"}})
	require.Equal(t, row, same, "read again from the journal")
	twice, _ := settled(t, row, Outcome{Attempt: 1, Verdict: Verdict{Class: ClassAccepted, ProviderID: "second"}})
	require.True(t, twice.Doubt)
	require.Equal(t, Accepted, twice.State)
	mail := Delivery{State: Accepted, Class: ClassAccepted, Attempt: 1} // a relay's word looks the same each time
	taken, _ := settled(t, mail, Outcome{Attempt: 1, Doubt: true, Verdict: Verdict{Class: ClassAccepted}})
	require.True(t, taken.Doubt, "sent by who took over from a dead owner, whose journal was faster")
}

func TestAReceiptBeforeTheAnswerLosesNoProvider(t *testing.T) {
	var d Delivery
	d.settle(Outcome{Channel: "sms", Verdict: Verdict{Class: ClassDelivered, ProviderID: "1^0"}}, noon)
	d.settle(Outcome{Channel: "sms", Provider: "aliyun", Attempt: 1, Verdict: Verdict{Class: ClassAccepted}}, noon)
	require.Equal(t, []any{Delivered, "aliyun", 1}, []any{d.State, d.Provider, d.Attempt})
}

func TestLostClaimStillCounts(t *testing.T) {
	tx := newMemoryTx(Dispatch{No: 1, Total: 2, State: DispRunning, StartedAt: noon})
	tx.lost = true
	held, err := RecordOutcomes(context.Background(), tx, tx.d, Recording{Range: Range{No: 1}, Outcomes: []Outcome{
		{Seq: 0, Channel: "email", Attempt: 1, Verdict: Verdict{Class: ClassAccepted}}}})
	require.NoError(t, err)
	require.False(t, held)
	require.True(t, tx.rows[0]["email"].Doubt, "sent, and perhaps by the new owner too")
}

func TestNobodyLeftPausesTheDispatch(t *testing.T) {
	tx := newMemoryTx(Dispatch{ID: "dsp_1", No: 1, Total: 2, State: DispRunning, StartedAt: noon})
	_, err := RecordOutcomes(context.Background(), tx, tx.d, Recording{Range: Range{No: 1}, Halt: "stop", Outcomes: []Outcome{
		{Seq: 0, Channel: "sms", Attempt: 1, Verdict: Verdict{Class: ClassStop, Code: "isv.AMOUNT_NOT_ENOUGH"}}}})
	require.NoError(t, err)
	require.Zero(t, tx.rows[0]["sms"].Attempt, "it did not count")
	require.Equal(t, DispPaused, tx.d.State)
	require.Equal(t, "stop", tx.d.Reason)
	require.Equal(t, "dispatch.paused", tx.events[len(tx.events)-1].Kind)
}

func TestArrivalCallsOffTheNextChannel(t *testing.T) {
	tx := newMemoryTx(Dispatch{No: 1, Total: 1, State: DispRunning, StartedAt: noon})
	apply := func(o Outcome) {
		_, err := applyOutcomes(context.Background(), tx, tx.d, kindReceipts, []Outcome{o})
		require.NoError(t, err)
	}
	apply(Outcome{Channel: "email", Attempt: 1, Verdict: Verdict{Class: ClassAccepted}})
	apply(Outcome{Channel: "email", Verdict: Verdict{Class: ClassRcptSoft}, Ladder: []string{"email", "sms"}})
	require.True(t, tx.rows[0]["email"].Superseded)
	require.Equal(t, noon, *tx.rows[0]["sms"].NextAt)
	apply(Outcome{Channel: "email", Verdict: Verdict{Class: ClassDelivered}})
	require.Equal(t, Stopped, tx.rows[0]["sms"].State)
	require.Equal(t, map[DeliveryState]int64{Accepted: 0, Failed: 0, Delivered: 1}, withZeros(tx.people))
}

func withZeros(m map[DeliveryState]int64) map[DeliveryState]int64 {
	return map[DeliveryState]int64{Accepted: m[Accepted], Failed: m[Failed], Delivered: m[Delivered]}
}

func TestCodesOfProvidersCarryNoText(t *testing.T) {
	require.Equal(t, "5.1.1", ShortCode("5.1.1 user 13900000000"))
	require.Empty(t, ShortCode("黑名单"))
	require.Len(t, ShortCode("a-very-long-thing-that-goes-on-and-on-and-on"), maxCode)
}

func TestLadder(t *testing.T) {
	p := Recipient{Emails: []string{"a@example.com"}, Phones: []string{"+8613900000000"}, Channels: []string{"push", "sms"}, Burnt: []string{"email"}}
	require.Equal(t, []string{"sms"}, Ladder(&p, []string{"announcement", "email", "sms"}), "no app, mailbox burnt")
	p.Burnt = nil
	require.Equal(t, []string{"sms", "email"}, Ladder(&p, []string{"email", "sms"}), "own order first, then the plan's")
}
