-- +goose Up
-- The record of an ordinary outcome is its batch: a plain batch has events of recipients
-- from_seq <= seq < to_seq that no row of delivery repeats. A row, where there is one, is the newer word.
ALTER TABLE delivery_batch ADD COLUMN plain boolean NOT NULL DEFAULT false;
ALTER TABLE delivery_batch ADD COLUMN from_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE delivery_batch ADD COLUMN to_seq bigint NOT NULL DEFAULT 0;
CREATE INDEX delivery_batch_plain ON delivery_batch (dispatch_no, from_seq, to_seq) WHERE plain;

-- What a worker measures, apart from what people and verdicts decide.
ALTER TABLE provider ADD COLUMN measured double precision NOT NULL DEFAULT 0;
