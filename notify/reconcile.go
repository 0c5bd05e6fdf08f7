package notify

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// Reconciliation holds the audience of a dispatch against what became of it: everybody stands in exactly
// one state.
type Reconciliation struct {
	Dispatch   string                      `json:"dispatch"`
	State      DispatchState               `json:"state"`
	At         time.Time                   `json:"at"`
	People     Counts                      `json:"people"`
	Adds       bool                        `json:"adds_up"`    // the states add up to the audience
	ByChannel  map[string]map[string]int64 `json:"by_channel"` // channel → state → deliveries
	Duplicates int64                       `json:"possible_duplicates"`
	Recount    *Recount                    `json:"recount,omitempty"`
}

// Recount is the same once more, counted from the deliveries themselves and from the batches behind the ledger.
type Recount struct {
	People      Counts                      `json:"people"`
	ByChannel   map[string]map[string]int64 `json:"by_channel"`
	ByClass     []ClassCount                `json:"by_class"`
	Duplicates  int64                       `json:"possible_duplicates"`
	Batches     int64                       `json:"batches"`
	Events      int64                       `json:"delivery_events"`
	Differences []Difference                `json:"differences"` // what does not agree; none: everything does
}

// ClassCount is how many deliveries of a channel stand in a state with the last word of a class.
type ClassCount struct {
	Channel string `json:"channel"`
	State   string `json:"state"`
	Class   Class  `json:"class"`
	N       int64  `json:"deliveries"`
}

// Reconciliation reads the maintained counters.
func (s *Service) Reconciliation(ctx context.Context, sc evidence.Scope, id string) (Reconciliation, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return Reconciliation{}, err
	}
	var r Reconciliation
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, id)
		if err != nil {
			return err
		}
		r, err = reconcile(ctx, tx, d)
		return err
	})
	return r, err
}

func reconcile(ctx context.Context, tx Tx, d Dispatch) (Reconciliation, error) {
	p, err := progress(ctx, tx, d)
	return Reconciliation{
		Dispatch: d.ID, State: d.State, At: tx.Now(), People: p.People, Adds: p.People.Pending >= 0 && p.People.Stopped >= 0,
		ByChannel: p.ByChannel, Duplicates: p.Duplicates,
	}, err
}

// Recount counts everything again on one snapshot, in constant memory, and compares it with counters and
// ledger. tell, if any, hears how many recipients are done.
func (s *Service) Recount(ctx context.Context, sc evidence.Scope, id string, tell func(done, total int64)) (Reconciliation, error) {
	if err := access.Require(sc, access.Read); err != nil {
		return Reconciliation{}, err
	}
	var r Reconciliation
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, id)
		if err != nil {
			return err
		}
		if r, err = reconcile(ctx, tx, d); err != nil {
			return err
		}
		c := recounting{d: d, people: map[DeliveryState]int64{}, classes: map[ClassCount]int64{}}
		if err := c.deliveries(ctx, tx, tell); err != nil {
			return err
		}
		if err := c.ledger(ctx, tx); err != nil {
			return err
		}
		r.Recount = c.compare(r)
		return nil
	})
	return r, err
}

// recounting is what has been counted so far.
type recounting struct {
	d       Dispatch
	people  map[DeliveryState]int64
	classes map[ClassCount]int64
	doubt   int64
	batches int64
	events  int64
	wrong   []Difference
}

const (
	recountSpan    = 4000 // recipients read at once
	maxDifferences = 100  // that are named
)

func (c *recounting) differ(d Difference) {
	if len(c.wrong) < maxDifferences {
		c.wrong = append(c.wrong, d)
	}
}

func (c *recounting) deliveries(ctx context.Context, tx Tx, tell func(done, total int64)) error {
	for from := int64(0); from < c.d.Total; from += recountSpan {
		to := min(from+recountSpan, c.d.Total)
		rows, err := tx.DeliveriesOf(ctx, c.d.No, from, to)
		if err != nil {
			return err
		}
		for len(rows) > 0 {
			n := samePerson(rows)
			c.person(person{seq: rows[0].Seq, rows: rows[:n:n]})
			rows = rows[n:]
		}
		if tell != nil {
			tell(to, c.d.Total)
		}
	}
	return nil
}

// samePerson is how many rows at the beginning are about one person.
func samePerson(rows []Delivery) int {
	n := 1
	for n < len(rows) && rows[n].Seq == rows[0].Seq {
		n++
	}
	return n
}

func (c *recounting) person(p person) {
	c.people[p.state()]++
	for i := range p.rows {
		row := &p.rows[i]
		c.classes[ClassCount{Channel: row.Channel, State: shown(c.d.State, row.State).String(), Class: row.Class}]++
		if row.Doubt {
			c.doubt++
		}
	}
}

// ledger walks the batches beside their entries in the ledger. Both are in the same order.
func (c *recounting) ledger(ctx context.Context, tx Tx) error {
	next := c.roots(ctx, tx)
	for after := int64(0); ; {
		batches, err := tx.Batches(ctx, c.d.No, after, batchesAtOnce)
		if err != nil {
			return err
		}
		for _, b := range batches {
			refs, err := next()
			if err != nil {
				return err
			}
			c.batch(b, refs)
			after = b.No
		}
		if len(batches) < batchesAtOnce {
			break
		}
	}
	refs, err := next()
	if err == nil && refs != nil {
		c.differ(Difference{Kind: "batch-not-kept", Batch: refs["batch"]})
	}
	return err
}

func (c *recounting) batch(b Batch, refs map[string]string) {
	c.batches++
	events, root, err := evidence.DecodeEvents(b.Events)
	c.events += int64(len(events))
	no := strconv.FormatInt(b.No, 10)
	switch {
	case err != nil:
		c.differ(Difference{Kind: "batch-damaged", Batch: no})
	case root != b.Root || len(events) != b.Count:
		c.differ(Difference{Kind: "batch-root", Batch: no})
	case refs == nil || refs["batch"] != no:
		c.differ(Difference{Kind: "batch-no-entry", Batch: no})
	case refs["root"] != b.Root:
		c.differ(Difference{Kind: "batch-elsewhere", Batch: no})
	}
}

// roots reads the dispatch's batch entries one by one; nil at the end.
func (c *recounting) roots(ctx context.Context, tx Tx) (next func() (map[string]string, error)) {
	var page []evidence.Entry
	after, ended := int64(0), false
	return func() (map[string]string, error) {
		for {
			for len(page) > 0 {
				e := page[0]
				page = page[1:]
				if e.Kind == kindBatch && e.Refs["dispatch"] == c.d.ID {
					return e.Refs, nil
				}
			}
			if ended {
				return nil, nil
			}
			var err error
			if page, err = tx.Ledger(ctx, string(c.d.Incident), after, ledgerPage); err != nil {
				return nil, err
			}
			if ended = len(page) == 0; !ended {
				after = page[len(page)-1].Seq
			}
		}
	}
}

// compare holds what was counted against the counters.
func (c *recounting) compare(r Reconciliation) *Recount {
	p := Progress{Dispatch: c.d, People: countsOf(c.d, c.people), ByChannel: map[string]map[string]int64{}}
	out := &Recount{People: p.People, ByChannel: p.ByChannel, Duplicates: c.doubt, Batches: c.batches, Events: c.events}
	for k, n := range c.classes {
		k.N = n
		out.ByClass = append(out.ByClass, k)
		if p.ByChannel[k.Channel] == nil {
			p.ByChannel[k.Channel] = map[string]int64{}
		}
		p.ByChannel[k.Channel][k.State] += n
	}
	slices.SortFunc(out.ByClass, func(a, b ClassCount) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.State, b.State), cmp.Compare(a.Class, b.Class))
	})
	c.compared(r.People, out.People)
	for _, channel := range slices.Sorted(keysOf(r.ByChannel, out.ByChannel)) {
		for _, state := range deliveryStates {
			if kept, found := r.ByChannel[channel][state], out.ByChannel[channel][state]; kept != found {
				c.differ(Difference{Kind: "deliveries", Channel: channel, State: state, Kept: kept, Found: found})
			}
		}
	}
	if r.Duplicates != c.doubt {
		c.differ(Difference{Kind: "doubt", Kept: r.Duplicates, Found: c.doubt})
	}
	out.Differences = append([]Difference{}, c.wrong...)
	return out
}

// keysOf are the keys of several maps, each once.
func keysOf[V any](maps ...map[string]V) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, m := range maps {
			for k := range m {
				if !seen[k] && !yield(k) {
					return
				}
				seen[k] = true
			}
		}
	}
}

// countsOf puts people by state into words. Who is in none waits, so that the states add up to the audience.
func countsOf(d Dispatch, people map[DeliveryState]int64) Counts {
	c := Counts{
		Total: d.Total, InDoubt: people[InDoubt], Accepted: people[Accepted],
		Failed: people[Failed], Delivered: people[Delivered], Read: people[Read],
	}
	waiting := &c.Pending
	if d.State == DispStopped {
		waiting = &c.Stopped
	}
	*waiting = d.Total - c.InDoubt - c.Accepted - c.Failed - c.Delivered - c.Read
	return c
}
