package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

// InsertBatch keeps the events behind a root of the ledger.
func (t *Tx) InsertBatch(ctx context.Context, b notify.Batch) error {
	if err := t.owns(ctx, "dispatch", b.Dispatch); err != nil {
		return err
	}
	channel, err := code[string]{&b.Channel, channelNames}.number()
	if err != nil {
		return fmt.Errorf("insert batch: channel: %w", err)
	}
	_, err = t.exec(ctx, "insert batch", `INSERT INTO delivery_batch (`+batchColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		b.Dispatch, b.No, b.Kind, channel, b.Root, b.Count, b.Events, at(&b.At), b.Plain, b.From, b.To)
	return err
}

const batchColumns = `dispatch_no, no, kind, channel, root, count, events, at, plain, from_seq, to_seq`

func scanBatch(s scanner) (b notify.Batch, err error) {
	return b, s.Scan(&b.Dispatch, &b.No, &b.Kind, code[string]{&b.Channel, channelNames}, &b.Root, &b.Count, &b.Events, at(&b.At),
		&b.Plain, &b.From, &b.To)
}

// Batches pages through a dispatch's batches by number.
func (t *Tx) Batches(ctx context.Context, dispatchNo, after int64, limit int) ([]notify.Batch, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, err
	}
	return all(ctx, t, "read batches", scanBatch, `SELECT `+batchColumns+` FROM delivery_batch
		WHERE dispatch_no = $1 AND no > $2 ORDER BY no LIMIT $3`, dispatchNo, after, limited(limit, 100, 1000))
}

// DeliveriesOf reads every delivery of the recipients from ≤ seq < to: rows, and what plain batches alone
// record.
func (t *Tx) DeliveriesOf(ctx context.Context, dispatchNo, from, to int64) ([]notify.Delivery, error) {
	rows, err := t.deliveries(ctx, dispatchNo, "", `seq >= $2 AND seq < $3 ORDER BY seq, channel`, from, to)
	if err != nil {
		return nil, err
	}
	kept, err := all(ctx, t, "read plain batches", value[[]byte], `
		SELECT events FROM delivery_batch`+t.db.dialect.using("delivery_batch_plain")+`
		WHERE dispatch_no = $1 AND plain AND from_seq > $2 AND from_seq < $3 AND to_seq > $4`,
		dispatchNo, from-notify.PlainSpan, to, from)
	if err != nil || len(kept) == 0 {
		return rows, err
	}
	there := make(map[place]bool, len(rows))
	for i := range rows {
		there[place{rows[i].Seq, rows[i].Channel}] = true
	}
	for _, events := range kept {
		if rows, err = addPlain(rows, dispatchNo, events, from, to, there); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(rows, func(a, b notify.Delivery) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(channelNo(a.Channel), channelNo(b.Channel)))
	})
	return rows, nil
}

// place is where a delivery stands in its dispatch.
type place struct {
	seq     int64
	channel string
}

func channelNo(name string) int { return slices.Index(channelNames, name) }

// addPlain adds the deliveries of a plain batch that no row speaks of.
func addPlain(rows []notify.Delivery, dispatchNo int64, kept []byte, from, to int64, there map[place]bool) ([]notify.Delivery, error) {
	events, err := evidence.EventsOf(kept, from, to)
	if err != nil {
		return nil, fmt.Errorf("read plain batch: %w", err)
	}
	for i := range events {
		e := &events[i]
		if there[place{e.Seq, e.Channel}] {
			continue
		}
		rows = append(rows, notify.Delivery{
			Dispatch: dispatchNo, Seq: e.Seq, Channel: e.Channel, State: notify.Accepted, Class: notify.Class(e.Class), Code: e.Code,
			Provider: e.Provider, ProviderID: e.ProviderID, Attempt: e.Attempt, At: e.At,
		})
	}
	return rows, nil
}

// Deliveries pages through a dispatch by recipient; all rows of a page's recipients are whole only up to
// the limit, so a caller goes on after the last seq it has seen in full. Every state but accepted is a row.
func (t *Tx) Deliveries(ctx context.Context, dispatchNo int64, state *notify.DeliveryState, afterSeq int64, limit int) ([]notify.Delivery, error) {
	limit = limited(limit, 100, 10000)
	if state == nil || *state == notify.Accepted {
		return t.walk(ctx, dispatchNo, state, afterSeq+1, limit)
	}
	// Written out, because a partial index is used only for a state that the statement names.
	where := fmt.Sprintf(`state = %d AND seq > $2 ORDER BY seq, channel LIMIT $3`, int(*state))
	index := ""
	switch *state {
	case notify.InDoubt, notify.Failed, notify.Stopped:
		index = "delivery_odd"
	case notify.Pending:
		index = "delivery_waiting"
	}
	return t.deliveries(ctx, dispatchNo, index, where, afterSeq, limit)
}

// walk reads deliveries stretch by stretch, leaping over recipients nobody has sent to yet.
func (t *Tx) walk(ctx context.Context, dispatchNo int64, state *notify.DeliveryState, from int64, limit int) ([]notify.Delivery, error) {
	var out []notify.Delivery
	for len(out) < limit {
		next, ok, err := t.nextDelivery(ctx, dispatchNo, from)
		if err != nil || !ok {
			return out, err
		}
		from = max(from, next)
		rows, err := t.DeliveriesOf(ctx, dispatchNo, from, from+notify.PlainSpan/4)
		if err != nil {
			return nil, err
		}
		for _, d := range rows {
			if state == nil || d.State == *state {
				out = append(out, d)
			}
		}
		from += notify.PlainSpan / 4
	}
	return out[:limit], nil
}

// nextDelivery is the first recipient from seq on who may have a delivery.
func (t *Tx) nextDelivery(ctx context.Context, dispatchNo, seq int64) (next int64, ok bool, err error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return 0, false, err
	}
	found, err := all(ctx, t, "find next delivery", value[int64], `
		SELECT seq FROM (SELECT seq FROM delivery WHERE dispatch_no = $1 AND seq >= $2 ORDER BY seq LIMIT 1) AS rows
		UNION ALL
		SELECT from_seq FROM (SELECT from_seq FROM delivery_batch`+t.db.dialect.using("delivery_batch_plain")+`
			WHERE dispatch_no = $1 AND plain AND from_seq > $3 AND to_seq > $2 ORDER BY from_seq LIMIT 1) AS batches`,
		dispatchNo, seq, seq-notify.PlainSpan)
	if err != nil || len(found) == 0 {
		return 0, false, err
	}
	return slices.Min(found), true, nil
}
