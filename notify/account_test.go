package notify_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/notify/receipt/inbox"
)

// anything lets a dispatch run on whatever fails.
var anything = notify.Course{Limit: notify.Limits{Failed: 1, Complaints: 1}}

// worked claims a range and answers its people; those for whom class gives "" are left.
func (w *world) worked(d notify.Dispatch, class func(seq int64) notify.Class) {
	w.t.Helper()
	w.do(system, func(tx notify.Tx) error {
		until := tx.Now().Add(time.Minute)
		r, ok, err := tx.ClaimRange(w.ctx, "worker", until)
		require.True(w.t, ok)
		rec := notify.Recording{Range: r, Until: until, Last: true}
		for seq := r.From; seq < r.To && err == nil; seq++ {
			if c := class(seq); c != "" {
				rec.Outcomes = append(rec.Outcomes, notify.Outcome{Seq: seq, Channel: "email", Provider: "relay", Attempt: 1, Verdict: notify.Verdict{Class: c, Code: "c"}, Ladder: []string{"email"}})
			} else {
				rec.Last = false
			}
		}
		_, err = notify.RecordOutcomes(w.ctx, tx, d, rec)
		return err
	})
}

// mixed is a history in which everything occurs.
func mixed(seq int64) notify.Class {
	switch {
	case seq%97 == 0:
		return notify.ClassRetry
	case seq%31 == 0:
		return notify.ClassRcptPerm
	case seq%53 == 0:
		return notify.ClassInDoubt
	}
	return notify.ClassAccepted
}

func TestABounceOnTheWireIsFoundAndProven(t *testing.T) {
	w := newWorld(t)
	d := w.released(40, anything)
	w.step(d, all(notify.ClassAccepted))
	key, err := w.db.OperatorKey(w.ctx, "acme")
	require.NoError(t, err)
	codec := notify.NewCodec(key)
	door, err := inbox.Listen(w.ctx, inbox.Options{
		Addr: "127.0.0.1:0", Domains: []string{"bounce.example.com"}, Codec: codec, Log: slog.New(slog.DiscardHandler),
		Apply: func(ctx context.Context, r []notify.Receipt) (int, error) {
			return w.service.ApplyReceipts(ctx, "acme", r)
		},
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(w.ctx)
	served := make(chan error, 1)
	go func() { served <- door.Run(ctx) }()
	defer func() { stop(); require.NoError(t, <-served) }()

	w.clock.Advance(time.Hour)
	path := "b+" + codec.OutID(d.No, 7, "email") + "@bounce.example.com"
	for range 2 { // it comes twice
		c, err := smtp.Dial(door.Addr())
		require.NoError(t, err)
		require.NoError(t, c.SendMail("", []string{path}, strings.NewReader("From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n\r\n550 5.1.1 no such user\r\n")))
		require.NoError(t, c.Close())
	}
	require.EqualValues(t, 1, w.progress(d).People.Failed)

	found, err := w.service.Find(w.ctx, audit, d.ID, notify.Who{PersonKey: "u-7"})
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, []any{int64(7), "u-7", "failed", []string{"email"}}, []any{found[0].Recipient, found[0].PersonKey, found[0].Standing, found[0].Channels})
	var story []string
	for _, e := range found[0].History {
		story = append(story, fmt.Sprintf("%s %s %s %s", e.Kind, e.State, e.Class, e.At.Format(time.TimeOnly)))
	}
	require.Equal(t, []string{"outcomes accepted ACCEPTED 03:00:00", "receipts failed RCPT_PERM 04:00:00"}, story)
	byAddress, err := w.service.Find(w.ctx, audit, d.ID, notify.Who{Address: "U7@example.com"})
	require.NoError(t, err)
	require.Equal(t, found, byAddress)
	code := strings.ToLower(codec.Code(d.No, 7))
	byCode, err := w.service.Find(w.ctx, audit, d.ID, notify.Who{Code: code})
	require.NoError(t, err)
	require.Equal(t, found, byCode)
	for _, none := range []string{codec.Code(d.No, d.Total), codec.Code(d.No+1, 7), code[1:]} {
		nobody, err := w.service.Find(w.ctx, audit, d.ID, notify.Who{Code: none})
		require.NoError(t, err)
		require.Empty(t, nobody, "a code of nobody in this dispatch")
	}
	w.fault(incident.Invalid, second(w.service.Find(w.ctx, audit, d.ID, notify.Who{Code: code, PersonKey: "u-7"})))

	p, err := w.service.Proof(w.ctx, an, d.ID, 7, "")
	require.NoError(t, err, "who may not read people may ask for a proof: it names nobody")
	kept, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(kept), "u-7")
	var read evidence.Proof
	require.NoError(t, json.Unmarshal(kept, &read))
	require.Empty(t, evidence.VerifyProof(read))
	require.Len(t, read.Events, 2)
	read.Events[1].Event.State = "delivered"
	require.NotEmpty(t, evidence.VerifyProof(read))
	w.fault(incident.NotFound, second(w.service.Proof(w.ctx, an, d.ID, 40, "")))
	w.fault(incident.Conflict, second(w.service.Proof(w.ctx, an, d.ID, 7, "sms")))
}

func TestEveryBatchHasItsEntry(t *testing.T) {
	w := newWorld(t)
	d := w.released(3000, anything)
	w.step(d, mixed)
	for i := range int64(60) { // many batches, several of one instant
		require.NoError(t, w.receipts(d, notify.ClassDelivered, i*50+1, i*50+20))
		if i%7 == 0 {
			w.clock.Advance(time.Second)
		}
	}
	for _, seq := range []int64{0, 1, 97, 31, 1999, 2000, 2951, 2999} {
		p, err := w.service.Proof(w.ctx, audit, d.ID, seq, "")
		require.NoError(t, err)
		require.Empty(t, evidence.VerifyProof(p), "recipient %d", seq)
	}
}

func TestReconciliation(t *testing.T) {
	w := newWorld(t)
	d := w.released(5000, anything)
	recount := func() notify.Reconciliation {
		var told []int64
		r, err := w.service.Recount(w.ctx, audit, d.ID, func(done, total int64) { told = append(told, done, total) })
		require.NoError(t, err)
		require.Equal(t, []int64{4000, 5000, 5000, 5000}, told)
		require.Equal(t, r.People, r.Recount.People)
		require.True(t, r.Adds)
		return r
	}
	require.EqualValues(t, 5000, recount().People.Pending)
	w.worked(d, mixed)
	w.worked(d, func(seq int64) notify.Class {
		if seq%2 == 0 {
			return ""
		}
		return mixed(seq)
	})
	require.NoError(t, w.receipts(d, notify.ClassDelivered, 0, 900))
	require.NoError(t, w.receipts(d, notify.ClassDelivered, 100, 130, "complaint"))
	require.NoError(t, w.receipts(d, notify.ClassRcptPerm, 800, 1100))
	r := recount()
	require.Empty(t, r.Recount.Differences)
	require.NotZero(t, r.Recount.Events)
	sum := int64(0)
	for _, k := range r.Recount.ByClass {
		sum += k.N
	}
	require.EqualValues(t, 3000, sum, "everybody who was answered for")
	_, err := w.service.Stop(w.ctx, rui, d.ID, "enough")
	require.NoError(t, err)
	r = recount()
	require.Empty(t, r.Recount.Differences)
	require.Zero(t, r.People.Pending)
	quick, err := w.service.Reconciliation(w.ctx, audit, d.ID)
	require.NoError(t, err)
	require.Equal(t, r.People, quick.People)

	w.do(system, func(tx notify.Tx) error {
		tx.AppendLedger(evidence.Draft{Chain: string(w.id), Kind: "delivery.batch", Refs: map[string]string{"dispatch": d.ID, "batch": "77", "root": "r", "count": "1"}})
		return tx.AddCounts(w.ctx, d.No, map[notify.DeliveryState]int64{notify.Accepted: 2}, map[notify.CountKey]int64{{Channel: "email", State: notify.Failed}: -1}, 5)
	})
	broken, err := w.service.Recount(w.ctx, audit, d.ID, nil)
	require.NoError(t, err)
	for _, want := range []string{"people, accepted: the counters say", "email, failed", "possible duplicates", "batch 77 is in the ledger and not kept"} {
		require.Contains(t, fmt.Sprint(broken.Recount.Differences), want)
	}
	w.do(system, func(tx notify.Tx) error {
		return tx.InsertBatch(w.ctx, notify.Batch{Dispatch: d.No, No: 78, Kind: "outcomes", Root: "r", Count: 1, Events: []byte{1}, At: tx.Now()})
	})
	broken, err = w.service.Recount(w.ctx, audit, d.ID, nil)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(broken.Recount.Differences), "batch 78 is damaged")
}

func TestExport(t *testing.T) {
	w := newWorld(t)
	d := w.released(4100, anything)
	w.worked(d, mixed)
	export := func(sc evidence.Scope, format string) string {
		var b bytes.Buffer
		require.NoError(t, w.service.ExportDeliveries(w.ctx, sc, d.ID, format, &b))
		require.NotContains(t, b.String(), "@example.com")
		return b.String()
	}
	rows, err := csv.NewReader(strings.NewReader(export(audit, "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 4101)
	require.Equal(t, notify.ExportColumns, rows[0])
	require.Equal(t, []string{"5", "u-5", "", "accepted", "email", "accepted", "ACCEPTED", "c", "relay"}, rows[6][:9])
	require.Equal(t, []string{"4099", "u-4099", "", "pending", "", "pending", ""}, rows[4100][:7])

	lines := strings.Split(strings.TrimSpace(export(an, "ndjson")), "\n")
	require.Len(t, lines, 4100)
	for i, line := range lines {
		var r notify.ExportRow
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		require.Empty(t, r.PersonKey, "only for who may read people")
		require.Equal(t, rows[i+1][3:6], []string{r.Standing, r.Channel, r.State})
	}
	w.fault(incident.Invalid, w.service.ExportDeliveries(w.ctx, audit, d.ID, "xlsx", &bytes.Buffer{}))
}

// TestListsOfThoseWhoWait compares the lists, page by page, with a look at everybody.
func TestListsOfThoseWhoWait(t *testing.T) {
	for name, course := range map[string]notify.Course{
		"everybody is cut":   anything,
		"a first wave alone": {Canary: 750, Limit: anything.Limit},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d := w.released(4500, course)
			w.worked(d, func(seq int64) notify.Class {
				if seq >= 600 && seq < 1400 {
					return ""
				}
				if seq%11 == 0 { // more of them than stand on a page
					return notify.ClassRetry
				}
				return mixed(seq)
			})
			require.NoError(t, w.receipts(d, notify.ClassDelivered, 100, 300))
			w.compareLists(d)
			_, err := w.service.Stop(w.ctx, rui, d.ID, "enough")
			require.NoError(t, err)
			w.compareLists(d)
		})
	}
}

func (w *world) compareLists(d notify.Dispatch) {
	w.t.Helper()
	stopped := w.progress(d).State == notify.DispStopped
	want := map[string][]int64{}
	require.NoError(w.t, w.store.View(w.ctx, audit, func(tx notify.Tx) error {
		rows, err := tx.DeliveriesOf(w.ctx, d.No, 0, d.Total)
		require.NoError(w.t, err)
		first := map[int64]notify.DeliveryState{}
		for _, row := range slices.Backward(rows) {
			first[row.Seq] = row.State
		}
		waits := map[bool]string{false: "pending", true: "stopped"}[stopped]
		for seq := range d.Total {
			switch state, tried := first[seq]; {
			case !tried || state == notify.Pending:
				want[waits] = append(want[waits], seq)
			case state == notify.Failed:
				want["unreachable"] = append(want["unreachable"], seq)
			}
		}
		return nil
	}))
	for _, limit := range []int{40, 500} {
		for _, list := range []string{"pending", "stopped", "unreachable"} {
			require.Equal(w.t, want[list], w.pages(d, list, limit), "%s, %d at a time", list, limit)
		}
	}
}

// pages reads a list to its end.
func (w *world) pages(d notify.Dispatch, list string, limit int) (seqs []int64) {
	for after := int64(-1); ; {
		var page []notify.Delivery
		var err error
		if list == "unreachable" {
			page, err = w.service.Unreachable(w.ctx, audit, d.ID, after, limit)
		} else {
			state := map[string]notify.DeliveryState{"pending": notify.Pending, "stopped": notify.Stopped}[list]
			page, err = w.service.Deliveries(w.ctx, audit, d.ID, &state, false, after, limit)
		}
		require.NoError(w.t, err)
		if len(page) == 0 {
			return slices.Compact(seqs)
		}
		for _, row := range page {
			seqs, after = append(seqs, row.Seq), row.Seq
		}
	}
}
