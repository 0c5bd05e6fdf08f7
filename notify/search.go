package notify

import (
	"context"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
	"tocsin/internal/access"
)

// maxFound is how many people a search shows; many can share an address.
const maxFound = 50

// Told is all that a dispatch did for one recipient.
type Told struct {
	Recipient  int64       `json:"recipient"`
	PersonKey  string      `json:"person_key,omitempty"`
	Role       string      `json:"role,omitempty"`     // in whose place the person is told: guardian, next-of-kin
	Channels   []string    `json:"channels"`           // the person's ladder, in order
	Standing   string      `json:"standing"`           // state over all channels
	Doubt      bool        `json:"possible_duplicate"` // a message may have come more than once
	Deliveries []Delivery  `json:"-"`
	History    []ToldEvent `json:"history"` // every outcome and receipt, as the ledger holds them
}

// ToldEvent is one outcome or receipt, in the order they were recorded.
type ToldEvent struct {
	evidence.DeliveryEvent
	Kind  string `json:"kind"` // outcomes, receipts
	Batch int64  `json:"batch"`
}

// Who says whom a search is for: one of the three.
type Who struct {
	PersonKey string
	Address   string // exact, of any channel
	Code      string // the check code in the person's notice
}

func (w Who) problems() []incident.Problem {
	given := 0
	for _, by := range []string{w.PersonKey, w.Address, w.Code} {
		if by != "" {
			given++
		}
	}
	if given == 1 {
		return nil
	}
	return []incident.Problem{{Pointer: "", Rule: "one-of", Message: "give person_key, address or code, one of them"}}
}

// Find shows what a person got: the person, and whoever is told in the person's place.
func (s *Service) Find(ctx context.Context, sc evidence.Scope, dispatch string, who Who) ([]Told, error) {
	if err := access.Require(sc, access.ReadPeople); err != nil {
		return nil, err
	}
	if p := who.problems(); p != nil {
		return nil, incident.InvalidInput(p)
	}
	out := []Told{}
	err := s.store.View(ctx, sc, func(tx Tx) error {
		d, err := tx.Dispatch(ctx, dispatch)
		if err != nil {
			return err
		}
		seqs, err := s.seqs(ctx, tx, d, who)
		if err != nil {
			return err
		}
		for _, seq := range seqs[:min(len(seqs), maxFound)] {
			t, err := toldTo(ctx, tx, d, seq)
			if err != nil {
				return err
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

func toldTo(ctx context.Context, tx Tx, d Dispatch, seq int64) (Told, error) {
	t := Told{Recipient: seq, Channels: []string{}, History: []ToldEvent{}}
	people, err := keyed(ctx, tx, d, seq, seq+1)
	if err != nil {
		return t, err
	}
	for i := range people {
		if r := &people[i]; r.Seq == seq {
			t.PersonKey, t.Role, t.Channels = r.PersonKey, r.Role, append(t.Channels, Ladder(r, d.Channels)...)
		}
	}
	if t.Deliveries, err = tx.DeliveriesOf(ctx, d.No, seq, seq+1); err != nil {
		return t, err
	}
	t.Standing = shown(d.State, (&person{seq: seq, rows: t.Deliveries}).state()).String()
	for i := range t.Deliveries {
		row := &t.Deliveries[i]
		row.State, t.Doubt = shown(d.State, row.State), t.Doubt || row.Doubt
	}
	err = batchesOf(ctx, tx, d, seq, func(b Batch) error {
		events, err := evidence.EventsOf(b.Events, seq, seq+1)
		for _, e := range events {
			t.History = append(t.History, ToldEvent{e, b.Kind, b.No})
		}
		return err
	})
	return t, err
}

// seqs are the numbers of those whom a search is for. A code holds its own.
func (s *Service) seqs(ctx context.Context, tx Tx, d Dispatch, who Who) ([]int64, error) {
	if who.Code == "" {
		return find(ctx, tx, d, who.PersonKey, who.Address)
	}
	if no, seq, ok := s.codec.ParseCode(who.Code); ok && no == d.No && seq < d.Total {
		return []int64{seq}, nil
	}
	return nil, nil
}

// find looks a person up by blind index; an address may be of any channel.
func find(ctx context.Context, tx Tx, d Dispatch, personKey, address string) ([]int64, error) {
	key, err := tx.Key(ctx, d.Incident)
	if err != nil {
		return nil, err
	}
	var seqs []int64
	for _, index := range SearchIndex(key, personKey, address) {
		found, err := tx.RecipientSeqs(ctx, d.AudienceNo, index)
		if err != nil {
			return nil, err
		}
		seqs = append(seqs, found...)
	}
	slices.Sort(seqs)
	return slices.Compact(seqs), nil
}
