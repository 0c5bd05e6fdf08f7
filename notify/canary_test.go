package notify_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/templates"
)

// released is a notice on its way to n people, by e-mail, on a course.
func (w *world) released(n int, course notify.Course) notify.Dispatch {
	w.t.Helper()
	return w.releasedTo(w.people(n), course)
}

func (w *world) people(n int) notify.Audience {
	w.t.Helper()
	var lines strings.Builder
	for i := range n {
		fmt.Fprintf(&lines, "{\"person_key\":\"u-%d\",\"emails\":[\"u%d@example.com\"],\"jurisdiction\":\"CN\"}\n", i, i)
	}
	a, err := w.service.Import(w.ctx, rui, w.id, "people.ndjson", "ndjson", strings.NewReader(lines.String()), nil)
	require.NoError(w.t, err)
	require.EqualValues(w.t, n, a.Total)
	return a
}

func (w *world) releasedTo(a notify.Audience, course notify.Course) notify.Dispatch {
	w.t.Helper()
	d := w.edited(w.propose(individuals, notify.Policy{Quorum: 1, Requirements: requires(templates.Measures)}))
	v, err := w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Channels: []string{templates.Email, templates.Announcement}, Course: &course})
	require.NoError(w.t, err)
	v, err = w.service.Submit(w.ctx, rui, d.ID, v.Version, a.ID)
	require.NoError(w.t, err)
	_, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(w.t, err)
	p, err := w.service.Dispatch(w.ctx, rui, d.ID)
	require.NoError(w.t, err)
	return p.Dispatch
}

// step lets the dispatch go on once, and everybody of the ranges that are open be answered with a class.
func (w *world) step(d notify.Dispatch, class func(seq int64) notify.Class) (told int) {
	w.t.Helper()
	w.do(system, func(tx notify.Tx) error {
		_, err := notify.Advance(w.ctx, tx, d)
		return err
	})
	for {
		n := 0
		w.do(system, func(tx notify.Tx) error {
			until := tx.Now().Add(time.Minute)
			r, ok, err := tx.ClaimRange(w.ctx, "worker", until)
			if err != nil || !ok {
				return err
			}
			rec := notify.Recording{Range: r, Until: until, Last: true}
			for seq := r.From; seq < r.To; seq++ {
				rec.Outcomes = append(rec.Outcomes, notify.Outcome{Seq: seq, Channel: "email", Provider: "relay", Attempt: 1, Verdict: notify.Verdict{Class: class(seq)}})
			}
			n = len(rec.Outcomes)
			_, err = notify.RecordOutcomes(w.ctx, tx, d, rec)
			return err
		})
		if n == 0 {
			return told
		}
		told += n
	}
}

func (w *world) progress(d notify.Dispatch) notify.Progress {
	w.t.Helper()
	p, err := w.service.Progress(w.ctx, audit, d.ID)
	require.NoError(w.t, err)
	return p
}

func all(c notify.Class) func(int64) notify.Class { return func(int64) notify.Class { return c } }

// dead says that every nth address is dead.
func dead(n int64) func(int64) notify.Class {
	return func(seq int64) notify.Class {
		if seq%n == 0 {
			return notify.ClassRcptPerm
		}
		return notify.ClassAccepted
	}
}

func TestTheRestFollowsAFirstWaveThatWentWell(t *testing.T) {
	w := newWorld(t)
	d := w.released(1100, notify.Course{Canary: 250, Watch: notify.Duration(10 * time.Minute)})
	w.clock.Advance(10 * time.Second)
	require.Equal(t, 250, w.step(d, all(notify.ClassAccepted)))
	end := w.clock.Now().Add(10*time.Minute + 34*time.Second) // the watch, then 850 more at 25 a second
	require.Equal(t, end, *w.progress(d).ETA)
	require.Zero(t, w.step(d, all(notify.ClassAccepted)))
	p := w.progress(d)
	require.Equal(t, notify.PhaseWatching, p.Flow.Phase)
	require.EqualValues(t, 850, p.People.Pending)
	require.Equal(t, end, *p.ETA)

	w.clock.Advance(10*time.Minute - time.Second)
	require.Equal(t, end, *w.progress(d).ETA, "the wave's own pace, however long it is watched")
	require.Zero(t, w.step(d, all(notify.ClassAccepted)), "still watched")
	var can bool
	require.NoError(t, w.store.View(w.ctx, system, func(tx notify.Tx) error {
		now, err := tx.Dispatch(w.ctx, d.ID)
		require.NoError(t, err)
		can, err = notify.CanAdvance(w.ctx, tx, now)
		return err
	}))
	require.False(t, can, "and nobody tries to write meanwhile")

	w.clock.Advance(time.Second)
	require.Zero(t, w.step(d, all(notify.ClassAccepted)), "judged")
	require.Equal(t, 850, w.step(d, all(notify.ClassAccepted)))
	w.step(d, nil)
	p = w.progress(d)
	require.Equal(t, notify.DispDone, p.State)
	require.EqualValues(t, 1100, p.People.Accepted)
}

func TestAFirstWaveThatWentBadlyWaitsForAPerson(t *testing.T) {
	w := newWorld(t)
	d := w.released(1100, notify.Course{Canary: 250, Watch: notify.Duration(10 * time.Minute), Limit: notify.Limits{Failed: 0.5}})
	require.Equal(t, 250, w.step(d, dead(3)))
	require.Zero(t, w.step(d, nil))
	// Those who were out of reach for a while fail only during the watch.
	require.NoError(t, w.receipts(d, notify.ClassRcptPerm, 1, 120))
	p := w.progress(d)
	require.Equal(t, []any{notify.DispPaused, "bounces"}, []any{p.State, p.Reason})
	require.EqualValues(t, 850, p.People.Pending, "nobody of the rest was told")

	_, err := w.service.Resume(w.ctx, rui, d.ID)
	require.NoError(t, err)
	w.clock.Advance(10 * time.Minute)
	w.step(d, nil)
	require.Equal(t, 850, w.step(d, dead(3)), "a person has seen it: what comes now counts anew")
	require.Equal(t, notify.DispRunning, w.progress(d).State)
}

func (w *world) receipts(d notify.Dispatch, class notify.Class, from, to int64, code ...string) error {
	key, err := w.db.OperatorKey(w.ctx, "acme")
	codec := notify.NewCodec(key)
	var all []notify.Receipt
	for seq := from; seq < to; seq++ {
		all = append(all, notify.Receipt{Provider: "relay", OutID: codec.OutID(d.No, seq, "email"), Class: class, Code: strings.Join(code, ""), At: w.clock.Now()})
	}
	_, applied := w.service.ApplyReceipts(w.ctx, "acme", all)
	return errors.Join(err, applied)
}

func TestADispatchStopsItself(t *testing.T) {
	t.Run("of failures, once enough were tried", func(t *testing.T) {
		w := newWorld(t)
		d := w.released(4000, notify.Course{Limit: notify.Limits{After: 1000}})
		require.Equal(t, 2000, w.step(d, dead(5)), "one range, and no second")
		p := w.progress(d)
		require.Equal(t, []any{notify.DispPaused, "bounces"}, []any{p.State, p.Reason})
		require.EqualValues(t, []int64{400, 1600, 2000}, []int64{p.People.Failed, p.People.Accepted, p.People.Pending})
		require.Contains(t, w.ledger(0), "dispatch.paused")
	})
	t.Run("of a tenth exactly it does not", func(t *testing.T) {
		w := newWorld(t)
		d := w.released(2000, notify.Course{})
		require.Equal(t, 2000, w.step(d, dead(10)))
	})
	t.Run("of complaints, each counted once", func(t *testing.T) {
		w := newWorld(t)
		d := w.released(2000, notify.Course{})
		require.Equal(t, 2000, w.step(d, all(notify.ClassAccepted)))
		require.NoError(t, w.receipts(d, notify.ClassDelivered, 0, 2000))
		for range 3 {
			require.NoError(t, w.receipts(d, notify.ClassDelivered, 0, 6, "complaint"))
		}
		p := w.progress(d)
		require.Equal(t, []any{notify.DispRunning, int64(6)}, []any{p.State, p.Complaints["email"]}, "0.3 %% is allowed")
		require.EqualValues(t, 2000, p.People.Delivered)
		require.NoError(t, w.receipts(d, notify.ClassRead, 0, 3))
		require.EqualValues(t, 6, w.progress(d).Complaints["email"], "read all the same")
		require.NoError(t, w.receipts(d, notify.ClassDelivered, 0, 3))
		require.EqualValues(t, map[string]int64{"delivered": 2000}, p.ByChannel["email"])
		require.NoError(t, w.receipts(d, notify.ClassDelivered, 6, 7, "complaint"))
		p = w.progress(d)
		require.Equal(t, []any{notify.DispPaused, "complaints"}, []any{p.State, p.Reason})
		require.Equal(t, []any{"complaints", "", w.clock.Now()}, []any{p.Flow.Halted, p.Flow.HeldBy, *p.Flow.HeldAt})
		complained := notify.Complained
		who, err := w.service.Deliveries(w.ctx, audit, d.ID, &complained, false, 1, 3)
		require.NoError(t, err)
		require.Equal(t, []int64{2, 3, 4}, []int64{who[0].Seq, who[1].Seq, who[2].Seq}, "listed by name, page by page")
		require.Equal(t, notify.Read, who[0].State)
	})
}

func TestACourseIsApprovedWithTheNotice(t *testing.T) {
	w := newWorld(t)
	d := w.edited(w.propose(individuals, notify.Policy{Quorum: 1, AtOnce: "PIPL 57", Requirements: requires(templates.Measures)}))
	require.Equal(t, &notify.Quiet{From: "22:00", To: "08:00", Channels: []string{"sms"}, Override: "PIPL 57"}, d.Course.Quiet)
	f := w.fault(incident.Invalid, second(w.service.Edit(w.ctx, rui, d.ID, d.Version, notify.Edit{Course: &notify.Course{
		Canary: 100, Watch: -1, Waits: map[string]notify.Duration{"announcement": 1, "fax": notify.Duration(time.Hour)}, Rates: map[string]float64{"sms": -1},
		Limit: notify.Limits{Failed: 2}, Quiet: &notify.Quiet{From: "25:00", To: "8:00", Channels: []string{"sms", "sms"}, Override: "a\nb"},
	}})))
	var at []string
	for _, p := range f.Problems {
		at = append(at, strings.TrimPrefix(p.Pointer, "/course")+" "+p.Rule)
	}
	require.Equal(t, []string{"/canary multiple", "/watch range", "/waits/announcement channel", "/waits/announcement range", "/waits/fax channel",
		"/rates/sms range", "/limit/failed range", "/quiet/from time", "/quiet/to time", "/quiet/channels/1 unique", "/quiet/override one-line"}, at)

	w.audience()
	v, err := w.service.Submit(w.ctx, rui, d.ID, d.Version, "")
	require.NoError(t, err)
	before := v.Digest
	v, err = w.service.Edit(w.ctx, rui, d.ID, v.Version, notify.Edit{Course: &notify.Course{Canary: 250}})
	require.NoError(t, err)
	require.Equal(t, notify.DocDraft, v.State, "another course is another plan")
	v, err = w.service.Submit(w.ctx, rui, d.ID, v.Version, "")
	require.NoError(t, err)
	require.NotEqual(t, before.Plan, v.Digest.Plan)
	require.Equal(t, before.Messages, v.Digest.Messages)
	_, err = w.service.Approve(w.ctx, an, d.ID, v.Digest.All, "")
	require.NoError(t, err)
	p, err := w.service.Dispatch(w.ctx, rui, d.ID)
	require.NoError(t, err)
	require.NoError(t, w.store.View(w.ctx, evidence.System("acme"), func(tx notify.Tx) error {
		kept, err := tx.Dispatch(w.ctx, p.ID)
		require.Equal(t, 250, kept.Course.Canary)
		_, checked := notify.ApprovedMessages(w.ctx, tx, kept)
		require.NoError(t, checked)
		kept.Course.Canary = 0
		_, checked = notify.ApprovedMessages(w.ctx, tx, kept)
		require.ErrorIs(t, checked, notify.ErrChanged, "a course that nobody approved sends nothing")
		return err
	}))
}
