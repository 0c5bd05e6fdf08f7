-- +goose Up
-- The batches that can hold a recipient's events, found without reading them. Those of before their
-- recipients were noted can hold anybody's.
CREATE INDEX delivery_batch_span ON delivery_batch (dispatch_no, from_seq, to_seq, no);
UPDATE delivery_batch SET to_seq = 4611686018427387904 WHERE to_seq = 0;

-- Who waits to be tried again: few, among many that went well.
CREATE INDEX delivery_waiting ON delivery (dispatch_no, seq) WHERE state = 0;
