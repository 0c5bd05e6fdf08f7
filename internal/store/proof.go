package store

import (
	"context"

	"tocsin/incident/evidence"
	"tocsin/notify"
)

// BatchesOf pages by number through the batches that can hold events of a recipient.
func (t *Tx) BatchesOf(ctx context.Context, dispatchNo, seq, after int64, limit int) ([]notify.Batch, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, err
	}
	return all(ctx, t, "read a recipient's batches", scanBatch, `SELECT `+batchColumns+` FROM delivery_batch
		WHERE dispatch_no = $1 AND no IN (
			SELECT no FROM delivery_batch`+t.db.dialect.using("delivery_batch_span")+`
			WHERE dispatch_no = $1 AND from_seq <= $2 AND to_seq > $2 AND no > $3)
		ORDER BY no LIMIT $4`, dispatchNo, seq, after, limited(limit, 100, 1000))
}

// ChainHead is where a chain of the ledger ends.
func (t *Tx) ChainHead(ctx context.Context, chain string) (evidence.Head, error) {
	scan := func(s scanner) (h evidence.Head, err error) { return h, s.Scan(&h.Seq, &h.Hash) }
	h, ok, err := one(ctx, t, "read chain head", scan, `SELECT seq, hash FROM chain_head WHERE operator_id = $1 AND chain = $2`, t.op, chain)
	if err == nil && !ok {
		err = notFound("chain")
	}
	return h, err
}

// OpenStretches are the parts of the audience whose first range is not worked off, in order.
func (t *Tx) OpenStretches(ctx context.Context, dispatchNo int64) ([][2]int64, error) {
	if err := t.owns(ctx, "dispatch", dispatchNo); err != nil {
		return nil, err
	}
	scan := func(s scanner) (r [2]int64, err error) { return r, s.Scan(&r[0], &r[1]) }
	return all(ctx, t, "read open ranges", scan, `
		SELECT from_seq, to_seq FROM dispatch_range`+t.db.dialect.using("dispatch_range_open")+`
		WHERE dispatch_no = $1 AND NOT done AND NOT again ORDER BY no`, dispatchNo)
}
