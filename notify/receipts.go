package notify

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"tocsin/incident"
	"tocsin/incident/evidence"
)

// receiptBatch is how many receipts one transaction takes: each may write two rows.
const receiptBatch = 500

// ApplyReceipts moves deliveries by receipts whose OutID is ours; others change nothing. It returns how
// many were applied. A STOP or BUG in one pauses its provider. Late, repeated and out-of-order receipts never move a state back.
func (s *Service) ApplyReceipts(ctx context.Context, operator string, r []Receipt) (int, error) {
	early, err := s.named(ctx, operator, r)
	if err != nil {
		return 0, err
	}
	var applied int
	for no, outcomes := range s.authentic(r) {
		slices.SortStableFunc(outcomes, func(a, b Outcome) int { return cmp.Compare(a.Seq, b.Seq) })
		for part := range slices.Chunk(outcomes, receiptBatch) {
			n, err := s.applyReceipts(ctx, operator, no, part)
			applied += n
			if err != nil {
				return applied, err
			}
		}
	}
	if early {
		return applied, ErrEarly
	}
	return applied, nil
}

// authentic turns receipts that name one of our deliveries into outcomes, by dispatch number.
func (s *Service) authentic(receipts []Receipt) map[int64][]Outcome {
	out := map[int64][]Outcome{}
	for _, r := range receipts {
		no, seq, channel, address, ok := s.codec.ParseOutID(r.OutID)
		if !ok {
			continue
		}
		if r.Class == ClassNoWord {
			continue // ours to find
		}
		out[no] = append(out[no], Outcome{
			Seq: seq, Channel: channel, Address: address, Provider: r.Provider, Verdict: Verdict{Class: r.Class, Code: r.Code, ProviderID: r.ProviderID, RetryAt: r.RetryAt},
		})
	}
	return out
}

func (s *Service) applyReceipts(ctx context.Context, operator string, no int64, part []Outcome) (int, error) {
	var done recorded
	err := s.store.Bulk(ctx, evidence.System(operator), func(tx Tx) error {
		d, err := tx.DispatchByNo(ctx, no)
		if incident.IsFault(err, incident.NotFound) {
			return nil // another operator's, or of a store since replaced
		}
		if err != nil {
			return err
		}
		if d, err = lockDispatch(ctx, tx, d); err != nil {
			return err
		}
		ours := slices.DeleteFunc(slices.Clone(part), func(o Outcome) bool {
			return o.Seq >= d.Total || !slices.Contains(d.Channels, o.Channel)
		})
		if err := addLadders(ctx, tx, d, ours); err != nil {
			return err
		}
		if done, err = s.applyWords(ctx, tx, d, ours); err != nil || done.opened == 0 {
			return err
		}
		return reopen(ctx, tx, d)
	})
	if err != nil {
		return 0, err
	}
	return done.events, nil
}

// applyWords applies receipts. Those that say that their provider takes nothing more go by themselves, so that one
// which comes again does not pause a provider that has been taken into use since.
func (s *Service) applyWords(ctx context.Context, tx Tx, d Dispatch, all []Outcome) (recorded, error) {
	stops, words := map[string][]Outcome{}, []Outcome(nil)
	for _, o := range all {
		if (o.Verdict.Class == ClassStop || o.Verdict.Class == ClassBug) && slices.ContainsFunc(s.ways, func(w Way) bool { return w.ID == o.Provider && w.Channel == o.Channel }) {
			stops[o.Provider] = append(stops[o.Provider], o)
			continue
		}
		words = append(words, o)
	}
	sum, err := applyOutcomes(ctx, tx, d, kindReceipts, words)
	for _, id := range slices.Sorted(maps.Keys(stops)) {
		if err != nil {
			break
		}
		var done recorded
		if done, err = applyOutcomes(ctx, tx, d, kindReceipts, stops[id]); err != nil {
			break
		}
		sum.events, sum.opened = sum.events+done.events, sum.opened+done.opened
		if done.events > 0 {
			now, o := tx.Now(), stops[id][0]
			err = StopProvider(ctx, tx, d, ProviderState{ID: id, Channel: o.Channel, Paused: true, Class: o.Verdict.Class, Code: o.Verdict.Code, Since: &now})
		}
	}
	return sum, err
}

// addLadders opens the recipients whose next address or channel may have to be chosen: after a failure, or when
// word of arrival does not come.
func addLadders(ctx context.Context, tx Tx, d Dispatch, outcomes []Outcome) error {
	at := map[int64][]int{}
	var seqs []int64
	for i, o := range outcomes {
		if _, good := reached[o.Verdict.Class]; !good || o.Attempt > 0 && d.Course.Waits[o.Channel] > 0 {
			at[o.Seq] = append(at[o.Seq], i)
			seqs = append(seqs, o.Seq)
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	key, err := tx.Key(ctx, d.Incident)
	if err != nil {
		return err
	}
	people, err := RecipientsAt(ctx, tx, key, d.AudienceNo, seqs)
	if err != nil && !errors.Is(err, ErrUnreadable) {
		return err // whom nobody can read cannot be sent anything more, but the word still counts
	}
	for k := range people {
		ladder := Rungs(&people[k], d.Channels)
		for _, i := range at[people[k].Seq] {
			outcomes[i].Ladder = ladder
		}
	}
	return nil
}

// reopen lets a dispatch that was done run on: a late receipt sent somebody to the next address or channel, or has the message
// sent again.
func reopen(ctx context.Context, tx Tx, d Dispatch) error {
	if d.State != DispDone {
		return nil
	}
	d.State, d.EndedAt = DispRunning, nil
	if err := tx.UpdateDispatch(ctx, d); err != nil {
		return err
	}
	announceState(tx, d, "dispatch.resumed", "", map[string]string{"reason_code": "bounce"})
	return nil
}
