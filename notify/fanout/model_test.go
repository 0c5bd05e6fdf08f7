package fanout_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/notify"
	"tocsin/notify/fanout"
)

// world is a dispatch among providers that do what they like. It knows what really happened: which message
// each provider has taken.
type world struct {
	*house
	rt       *rapid.T
	seed     int64
	n        int64 // of decisions
	calm     bool  // providers answer well from now on
	workers  [2]*fanout.Stepper
	dirs     [2]string
	busy     int // turns under way, one within the other
	taken    map[took]int
	messages map[string]int // seq/channel/address → messages taken by anybody
	seen     map[string]notify.Delivery
	people   []notify.Recipient
	story    map[string][]string // what happened to each, for whoever reads a failure
}

func (w *world) tell(seq int64, channel, format string, args ...any) {
	key := fmt.Sprintf("%d/%s", seq, channel)
	w.story[key] = append(w.story[key], fmt.Sprintf(format, args...))
}

type took struct {
	provider string
	place
}

// place is one of a person's addresses.
type place struct {
	seq     int64
	channel string
	address int
}

func (p place) String() string { return fmt.Sprintf("%d/%s/%d", p.seq, p.channel, p.address) }

// at is where a message goes, by the id it goes under.
func (w *world) at(o notify.Outgoing) place {
	_, seq, channel, address, ok := w.codec.ParseOutID(o.OutID)
	require.True(w.t, ok)
	person := w.people[seq]
	require.Equal(w.t, o.Address, notify.Addresses(&person, channel, []string{"email", "sms"})[address])
	return place{seq, channel, address}
}

// decide is a number below n that depends on nothing but the seed and how many were drawn before.
func (w *world) decide(n uint64) uint64 {
	w.n++
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d", w.seed, w.n)
	return h.Sum64() >> 7 % n
}

// turn lets one worker work off a range, and buries it when it dies.
func (w *world) turn(i int) {
	s := w.workers[i]
	if s == nil {
		return // it is the one that stalls
	}
	w.busy++
	w.workers[i] = nil
	defer func() {
		w.busy--
		w.workers[i] = s
		r := recover()
		if r == nil {
			return
		}
		if r != any(errDied) {
			panic(r)
		}
		s.Crash()
		if w.decide(3) == 0 {
			w.dirs[i] = w.t.TempDir() // on another machine
		}
		w.workers[i] = w.start(w.dirs[i])
	}()
	if _, err := s.Turn(w.ctx); err != nil {
		require.ErrorContains(w.t, err, "sender is broken")
	}
}

// start takes a worker on. It looks at its claim only between two sub-batches.
func (w *world) start(dir string) *fanout.Stepper {
	s := w.stepper(dir)
	s.SetPart(7)
	s.SetBeat(time.Hour)
	s.SetSleep(w.pass)
	return s
}

// pass is a worker's wait for its turn at a provider. Some die in it, and some wake up too late.
func (w *world) pass(d time.Duration) {
	w.clock.Advance(d)
	switch d := w.decide(40); {
	case w.calm:
	case d == 0:
		panic(errDied)
	case d == 1 && w.busy == 1:
		w.clock.Advance(2 * time.Minute)
		w.turn(1 - int(w.decide(2)))
	}
}

// receipt is later word about something a provider has taken, or forged.
func (w *world) receipt() {
	p := place{int64(w.decide(uint64(w.d.Total))), []string{"email", "sms"}[w.decide(2)], int(w.decide(4) / 3)}
	r := notify.Receipt{OutID: w.codec.OutIDAt(w.d.No, p.seq, p.channel, p.address), Provider: "relay"}
	r.Class = []notify.Class{notify.ClassDelivered, notify.ClassRead, notify.ClassRcptPerm, notify.ClassRcptSoft, notify.ClassAccepted, notify.ClassInDoubt, notify.ClassNoWord}[w.decide(7)]
	if w.messages[p.String()] == 0 {
		r.OutID = r.OutID[:len(r.OutID)-2] + "11" // of no alphabet of ours
	}
	for range 1 + w.decide(2) {
		_, err := w.svc.ApplyReceipts(w.ctx, "acme", []notify.Receipt{r, {OutID: w.codec.OutID(w.d.No, 1<<20, p.channel), Class: notify.ClassDelivered}})
		require.NoError(w.t, err)
	}
}

// best is what became of a person, by what each of the deliveries says.
func best(rows []notify.Delivery) notify.DeliveryState {
	for _, s := range []notify.DeliveryState{notify.Read, notify.Delivered, notify.Accepted, notify.InDoubt, notify.Pending, notify.Failed} {
		for _, d := range rows {
			if d.State == s || s == notify.Pending && d.State == notify.Stopped && !d.Superseded { // shown so after a stop
				return s
			}
		}
	}
	return notify.Pending
}

// check holds the dispatch to its promises.
func (w *world) check(t *rapid.T) {
	p := w.progress()
	people, rows, doubts := map[notify.DeliveryState]int64{}, map[string]map[string]int64{}, int64(0)
	reached := w.deliveries()
	for seq := range w.d.Total {
		people[best(reached[seq])]++
		for _, d := range reached[seq] {
			if rows[d.Channel] == nil {
				rows[d.Channel] = map[string]int64{}
			}
			rows[d.Channel][d.State.String()]++
			if d.Doubt {
				doubts++
			}
			key := fmt.Sprintf("%d/%s", seq, d.Channel)
			old, known := w.seen[key]
			w.seen[key] = d
			require.False(t, known && !forward(old, d), "%s: %+v after %+v: %v", key, d, old, w.story[key])
			require.False(t, old.Doubt && !d.Doubt, "%s: a doubt was forgotten", key)
			for address := range 2 {
				n := w.messages[place{seq, d.Channel, address}.String()]
				require.True(t, d.Doubt || n <= 1, "%s: told %d times, and nobody knows: %v; %+v", key, n, w.story[key], d)
				require.True(t, d.State != notify.Accepted || d.Doubt || d.Address != address || n > 0, "%s: accepted by nobody", key)
				require.True(t, address <= d.Address || n == 0 || d.State >= notify.Delivered && d.State != notify.Stopped, "%s: an address ahead of its turn: %+v", key, d)
			}
		}
		w.climbed(t, reached[seq])
	}
	c := p.People
	require.Equal(t, people[notify.Pending], c.Pending+c.Stopped, "who waits")
	require.Equal(t, []int64{people[notify.InDoubt], people[notify.Accepted], people[notify.Failed], people[notify.Delivered], people[notify.Read]},
		[]int64{c.InDoubt, c.Accepted, c.Failed, c.Delivered, c.Read})
	require.Equal(t, rows, p.ByChannel)
	require.Equal(t, doubts, p.Duplicates)
}

// forward says that a delivery has not gone back: to a further address only while the person was not reached, to
// an earlier one because it reached the person after all.
func forward(old, d notify.Delivery) bool {
	from, to := old.State, d.State
	reached := func(s notify.DeliveryState) bool { return s == notify.Delivered || s == notify.Read }
	switch {
	case d.Address > old.Address:
		return !reached(from) || to == notify.Read
	case d.Address < old.Address:
		return reached(to)
	}
	return from == to || from == notify.Stopped && to >= notify.Accepted || from == notify.Pending || from == notify.InDoubt && to == notify.Stopped || from != notify.Stopped && to != notify.Stopped && from < to
}

// climbed checks that nobody was sent to on a channel before the one ahead of it was done with, or out of reach.
func (w *world) climbed(t *rapid.T, rows []notify.Delivery) {
	if len(rows) < 2 {
		return
	}
	first := rows[0]
	if len(w.people[first.Seq].Channels) > 0 { // short messages before mail
		first = rows[1]
	}
	story := strings.Join(w.story[fmt.Sprintf("%d/%s", first.Seq, first.Channel)], "\n")
	require.True(t, first.Superseded || first.Address > 0 || first.Class == notify.ClassNoWord || first.State >= notify.Failed || strings.Contains(story, string(notify.ClassRcptSoft)),
		"%+v: %v", rows, w.story)
}

// proof checks that the batches verify, stand in the ledger, and end where the deliveries stand.
func (w *world) proof(t *rapid.T) {
	roots := map[string]bool{}
	last := map[string]evidence.DeliveryEvent{}
	require.NoError(t, w.store.View(w.ctx, person, func(tx notify.Tx) error {
		entries, err := tx.Ledger(w.ctx, string(w.d.Incident), 0, 10000)
		for _, e := range entries {
			roots[e.Refs["root"]] = true
		}
		require.NoError(t, err)
		batches, err := tx.Batches(w.ctx, w.d.No, 0, 1000)
		for _, b := range batches {
			events, root, err := evidence.DecodeEvents(b.Events)
			require.NoError(t, err)
			require.Equal(t, b.Root, root)
			require.True(t, roots[root])
			for _, e := range events {
				last[fmt.Sprintf("%d/%s/%d", e.Seq, e.Channel, max(0, e.Address-1))] = e
			}
		}
		return err
	}))
	for _, rows := range w.deliveries() {
		for _, d := range rows {
			e, ok := last[fmt.Sprintf("%d/%s/%d", d.Seq, d.Channel, d.Address)]
			require.True(t, ok || d.State <= notify.Sending || d.State == notify.Stopped, "no evidence of %+v", d)
			if ok && d.State != notify.Stopped {
				require.Equal(t, []any{e.State, e.Doubt, e.Provider}, []any{d.State.String(), d.Doubt, d.Provider}, "%v", d)
			}
		}
	}
}

// fewer has rapid make fewer checks than its default, unless a number was asked for.
func fewer(t *testing.T, n string) {
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() == checks.DefValue {
		require.NoError(t, checks.Value.Set(n))
		t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
	}
}

// TestDeliveriesAmongFickleProviders is the model test of deliveries: workers that die, stall and lose their
// claims, providers that answer anything or stop or are given few messages a second, receipts late, repeated and forged, and people who pause,
// resume and stop, in any order.
func TestDeliveriesAmongFickleProviders(t *testing.T) {
	fewer(t, "15")
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			house: newHouse(t, mailboxes(1)), rt: rt, seed: rapid.Int64().Draw(rt, "seed"), taken: map[took]int{}, messages: map[string]int{}, seen: map[string]notify.Delivery{}, story: map[string][]string{},
		}
		w.begin(rt)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			w.step(rapid.IntRange(0, 11).Draw(rt, "step"))
			w.check(rt)
		}
		w.end(rt)
	})
}

func (w *world) begin(t *rapid.T) {
	people := mailboxes(int(w.decide(20)) + 10)
	people[3].Phones, people[4].Channels = nil, []string{"sms"}
	for i := range people {
		if i > 4 && w.decide(3) == 0 { // short messages before mail
			people[i].Channels = []string{"sms"}
		}
		if w.decide(2) == 0 {
			people[i].Emails = append(people[i].Emails, fmt.Sprintf("u%d@example.org", i))
		}
		if w.decide(3) == 0 && len(people[i].Phones) > 0 {
			people[i].Phones = append(people[i].Phones, fmt.Sprintf("+86138000%05d", i))
		}
	}
	w.people = people
	course := notify.Course{Limit: notify.Limits{Failed: 1, Complaints: 1}}
	if w.decide(2) == 0 {
		course.Waits = map[string]notify.Duration{"email": notify.Duration(10 * time.Minute)}
	}
	_, err := w.svc.Stop(w.ctx, person, w.d.ID, "only to have a house")
	require.NoError(t, err)
	w.release(people, course)
	var rates [4]float64
	for i := range rates {
		rates[i] = []float64{0, 0, 1, 30}[w.decide(4)]
	}
	w.options = func(dir string) fanout.Options {
		o := w.plainOptions(dir)
		o.Providers = nil
		for _, p := range []struct{ id, channel string }{{"relay", "email"}, {"relay-2", "email"}} {
			o.Providers = append(o.Providers, notify.Provider{ID: p.id, Channel: &fickle{w: w, id: p.id, name: p.channel}})
		}
		for _, id := range []string{"aliyun", "tencent"} {
			o.Providers = append(o.Providers, notify.Provider{ID: id, Channel: curious{&fickle{w: w, id: id, name: "sms"}}})
		}
		for i := range o.Providers {
			o.Providers[i].Rate = rates[i]
		}
		return o
	}
	for i := range w.workers {
		w.dirs[i] = filepath.Join(w.t.TempDir())
		w.workers[i] = w.start(w.dirs[i])
	}
	w.resumeAll()
}

func (w *world) resumeAll() {
	for id, p := range w.providers() {
		if p.Paused {
			_, err := w.svc.ResumeProvider(w.ctx, person, id)
			require.NoError(w.t, err)
		}
	}
	if w.progress().State == notify.DispPaused {
		_, err := w.svc.Resume(w.ctx, person, w.d.ID)
		require.NoError(w.t, err)
	}
}

func (w *world) step(n int) {
	switch n {
	case 0, 1, 2, 3:
		w.turn(n % 2)
	case 4, 5, 6:
		w.receipt()
	case 7:
		w.clock.Advance(time.Duration(w.decide(1200)) * time.Second)
	case 8:
		_, err := w.svc.PauseProvider(w.ctx, person, []string{"relay", "relay-2", "aliyun", "tencent"}[w.decide(4)], "")
		require.NoError(w.t, err)
	case 9:
		w.resumeAll()
	case 10:
		_, err := w.svc.Pause(w.ctx, person, w.d.ID, "a look")
		require.True(w.t, err == nil || incident.IsFault(err, incident.Conflict))
	case 11:
		if w.decide(4) == 0 {
			_, err := w.svc.Stop(w.ctx, person, w.d.ID, "enough")
			require.True(w.t, err == nil || incident.IsFault(err, incident.Conflict))
		}
	}
	require.NoError(w.t, w.workers[0].Tend(w.ctx))
}

// end lets providers come to their senses: whoever is left is told, unless the dispatch was stopped.
func (w *world) end(t *rapid.T) {
	w.calm = true
	for range 400 {
		p := w.progress()
		if p.State == notify.DispStopped || p.State == notify.DispDone {
			break
		}
		w.resumeAll()
		require.NoError(w.t, w.workers[0].Tend(w.ctx))
		w.turn(0)
		w.turn(1)
		w.clock.Advance(time.Minute)
	}
	w.check(t)
	w.proof(t)
	if p := w.progress(); p.State != notify.DispStopped {
		require.Equal(t, notify.DispDone, p.State)
		require.Zero(t, p.People.Pending, "nobody is skipped")
		for seq, rows := range w.deliveries() {
			for _, d := range rows {
				all := notify.Addresses(&w.people[seq], d.Channel, []string{"email", "sms"})
				given := d.Class == notify.ClassRcptPerm || d.Class == notify.ClassRcptSoft
				require.False(t, best(rows) == notify.Failed && given && d.Address+1 < len(all), "an address is left: %+v", rows)
			}
		}
	}
	for _, s := range w.workers {
		require.NoError(t, s.Close())
	}
}
