package notify

import (
	"context"
	"slices"
	"time"
)

// person is one recipient within a dispatch: the deliveries on each channel tried so far.
type person struct {
	seq     int64
	rows    []Delivery
	touched []string   // channels whose row changed
	spent   []CountKey // of addresses given up for the next one: their row counts them no more
	opened  int
}

// loadDeliveries reads what is known of everybody the outcomes are about, in few queries. Outcomes are in
// the order of seq.
func loadDeliveries(ctx context.Context, tx Tx, d Dispatch, outcomes []Outcome) ([]Delivery, error) {
	var rows []Delivery
	for i := 0; i < len(outcomes); {
		from := outcomes[i].Seq
		for i++; i < len(outcomes) && outcomes[i].Seq < outcomes[i-1].Seq+stretch; i++ {
		}
		found, err := tx.DeliveriesOf(ctx, d.No, from, outcomes[i-1].Seq+1)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	return rows, nil
}

// worth orders states by what they say of a person: word that a message arrived wins, wherever it arrived;
// who may have got one is not lost, and who can still be sent to is not either. Only when every channel has
// failed has the person.
var worth = [...]int{Stopped: 0, Failed: 1, Pending: 2, Sending: 2, InDoubt: 3, Accepted: 4, Delivered: 5, Read: 6}

// state is what became of the person.
func (p *person) state() DeliveryState {
	best := Pending
	for i := range p.rows {
		if s := p.rows[i].State; i == 0 || worth[s] > worth[best] {
			best = s
		}
	}
	if best == Stopped {
		return Pending
	}
	return best
}

// apply settles one outcome, goes on to the next address or channel after a failure or a wait in vain, or beside a
// later try, and calls off what waits when the message has arrived.
func (p *person) apply(o Outcome, d Dispatch, now time.Time) (Delivery, bool) {
	row := p.row(d, o.Channel)
	fresh := row.Attempt == 0 && row.At.IsZero()
	changed, failed := row.settle(o, now)
	if !changed {
		if fresh {
			p.rows = p.rows[:len(p.rows)-1] // made for nothing
			return Delivery{}, false
		}
		return *row, false
	}
	p.touch(o.Channel)
	if o.Attempt == 0 && row.State == Pending {
		p.opened++
	}
	if row.State == Accepted && row.Class == ClassAccepted && o.Attempt > 0 {
		if next := o.nextRung(&d); next != "" && !p.has(next) {
			row.NextAt = ptr(now.Add(time.Duration(d.Course.Waits[o.Channel])))
		}
	}
	settled := *row
	if o.Address > row.Address { // it was sent before word came that one before had reached the person
		settled = Delivery{Dispatch: d.No, Seq: p.seq, Channel: o.Channel, Address: o.Address}
		settled.settle(o, now)
	}
	switch {
	case (failed || o.Verdict.Class == ClassNoWord || settled.outOfReach()) && d.State != DispStopped:
		p.climb(o, d, now)
	case settled.State >= Delivered:
		p.callOff(o.Channel, now)
	}
	return settled, true
}

func ptr[T any](v T) *T { return &v }

func (p *person) row(d Dispatch, channel string) *Delivery {
	for i := range p.rows {
		if p.rows[i].Channel == channel {
			return &p.rows[i]
		}
	}
	p.rows = append(p.rows, Delivery{Dispatch: d.No, Seq: p.seq, Channel: channel})
	return &p.rows[len(p.rows)-1]
}

// outOfReach says that a delivery waits for its one later try: the next channel does not wait for it.
func (d *Delivery) outOfReach() bool {
	return d.Class == ClassRcptSoft && d.State <= InDoubt && d.NextAt != nil
}

// climb goes on with the next rung of the person's ladder, due at once, unless another channel is under way or has
// already arrived: with the next address of a channel, else with the next channel. An address that was left while
// another channel was under way is not forgotten.
func (p *person) climb(o Outcome, d Dispatch, now time.Time) {
	for i := range p.rows {
		if other := &p.rows[i]; other.Channel != o.Channel && other.underWay() {
			p.supersede()
			return
		}
	}
	address := 0
	for i, next := range o.Ladder {
		if address++; i == 0 || next != o.Ladder[i-1] {
			address = 0
		}
		at := slices.IndexFunc(p.rows, func(d Delivery) bool { return d.Channel == next })
		switch {
		case at < 0:
			p.rows = append(p.rows, Delivery{Dispatch: d.No, Seq: p.seq, Channel: next, At: now, NextAt: &now})
		case p.rows[at].dead() && p.rows[at].Address < address:
			p.spent = append(p.spent, CountKey{next, Spent})
			if p.rows[at].trapped() {
				p.spent = append(p.spent, CountKey{next, Trapped})
			}
			p.rows[at].turn(address, now)
		default:
			continue
		}
		p.supersede()
		p.touch(next)
		p.opened++
		return
	}
}

// supersede notes that the person has moved on from the channels that failed.
func (p *person) supersede() {
	for i := range p.rows {
		if d := &p.rows[i]; d.State == Failed && !d.Superseded {
			d.Superseded = true
			p.touch(d.Channel)
		}
	}
}

// underWay says that a delivery may still reach the person, or has: no other channel is needed for now.
func (d *Delivery) underWay() bool {
	switch d.State {
	case Failed, Stopped:
		return false
	case Accepted:
		return d.Class != ClassNoWord
	}
	return true
}

// callOff stops what still waits on other channels: the message has arrived. Nobody waits for word of what was
// accepted any more, and what is in doubt stays so.
func (p *person) callOff(arrived string, now time.Time) {
	for i := range p.rows {
		row := &p.rows[i]
		switch {
		case row.Channel == arrived:
		case row.State == Pending && row.move(Stopped):
			row.Superseded, row.At = true, now
			p.touch(row.Channel)
		case row.State <= Accepted && (row.NextAt != nil || row.RangeNo > 0):
			row.NextAt, row.RangeNo = nil, 0
			p.touch(row.Channel)
		}
	}
}

func (p *person) has(channel string) bool {
	return slices.ContainsFunc(p.rows, func(d Delivery) bool { return d.Channel == channel })
}

func (p *person) touch(channel string) {
	if !slices.Contains(p.touched, channel) {
		p.touched = append(p.touched, channel)
	}
}

// dirty appends the rows to write.
func (p *person) dirty(out []Delivery) []Delivery {
	for i := range p.rows {
		if slices.Contains(p.touched, p.rows[i].Channel) {
			out = append(out, p.rows[i])
		}
	}
	return out
}
