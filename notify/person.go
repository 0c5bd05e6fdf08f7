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
	touched []string // channels whose row changed
	opened  int
}

// loadPeople reads the rows of everybody the outcomes are about, in few queries.
func loadPeople(ctx context.Context, tx Tx, d Dispatch, outcomes []Outcome) (map[int64]*person, error) {
	people := make(map[int64]*person, len(outcomes))
	seqs := make([]int64, 0, len(outcomes))
	for _, o := range outcomes {
		if people[o.Seq] == nil {
			people[o.Seq] = &person{seq: o.Seq}
			seqs = append(seqs, o.Seq)
		}
	}
	slices.Sort(seqs)
	for _, w := range windows(seqs) {
		rows, err := tx.DeliveriesOf(ctx, d.No, w[0], w[1])
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if p := people[row.Seq]; p != nil {
				p.rows = append(p.rows, row)
			}
		}
	}
	return people, nil
}

// state is what became of the person: word that a message arrived wins, wherever it arrived; else the
// channel tried last decides. Nobody without a row is ever anything but pending.
func (p *person) state() DeliveryState {
	best := Pending
	for i := range p.rows {
		s := p.rows[i].State
		if s >= Delivered && s < Stopped || !p.rows[i].Superseded {
			if s != Stopped && s > best {
				best = s
			}
		}
	}
	return best
}

// apply settles one outcome, opens the next channel after a failure and calls off what waits when the
// message has arrived.
func (p *person) apply(o Outcome, d Dispatch, now time.Time) (Delivery, bool) {
	row := p.row(d, o.Channel)
	changed, failed := row.settle(o, now)
	if !changed {
		if row.Attempt == 0 && row.At.IsZero() {
			p.rows = p.rows[:len(p.rows)-1] // made for nothing
			return Delivery{}, false
		}
		return *row, false
	}
	p.touch(o.Channel)
	settled := *row
	switch {
	case failed && d.State != DispStopped:
		p.climb(o, d, now)
	case settled.State >= Delivered:
		p.callOff(o.Channel, now)
	}
	return settled, true
}

func (p *person) row(d Dispatch, channel string) *Delivery {
	for i := range p.rows {
		if p.rows[i].Channel == channel {
			return &p.rows[i]
		}
	}
	p.rows = append(p.rows, Delivery{Dispatch: d.No, Seq: p.seq, Channel: channel})
	return &p.rows[len(p.rows)-1]
}

// climb opens the next channel of the person's ladder, due at once, unless another one is under way or
// has already arrived.
func (p *person) climb(o Outcome, d Dispatch, now time.Time) {
	for i := range p.rows {
		other := &p.rows[i]
		if other.Channel != o.Channel && (!other.Superseded || other.State == Delivered || other.State == Read) {
			return
		}
	}
	for _, next := range o.Ladder {
		if p.has(next) {
			continue
		}
		for i := range p.rows {
			p.rows[i].Superseded = true
		}
		p.rows = append(p.rows, Delivery{Dispatch: d.No, Seq: p.seq, Channel: next, At: now, NextAt: &now})
		p.touch(next)
		p.opened++
		return
	}
}

// callOff stops what still waits on other channels: the message has arrived.
func (p *person) callOff(arrived string, now time.Time) {
	for i := range p.rows {
		if row := &p.rows[i]; row.Channel != arrived && row.State == Pending && row.move(Stopped) {
			row.Superseded, row.At = true, now
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

// dirty are the rows to write.
func (p *person) dirty() []Delivery {
	var out []Delivery
	for i := range p.rows {
		if slices.Contains(p.touched, p.rows[i].Channel) {
			out = append(out, p.rows[i])
		}
	}
	return out
}
