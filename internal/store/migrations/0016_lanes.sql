-- +goose Up
-- The one channel a range is about, 0 for all; and of people whom another range has left to it a bit for each from
-- from_seq on who is in it, none for all.
ALTER TABLE dispatch_range ADD COLUMN channel smallint NOT NULL DEFAULT 0;
ALTER TABLE dispatch_range ADD COLUMN members bytea;
DROP INDEX dispatch_range_open;
CREATE INDEX dispatch_range_open ON dispatch_range (dispatch_no, channel, again, no) WHERE NOT done;
-- What is in hand: few, among many that wait.
CREATE INDEX dispatch_range_held ON dispatch_range (dispatch_no, channel) WHERE owner <> '';
-- How many of the open ranges are about one channel.
ALTER TABLE dispatch ADD COLUMN open_lanes bigint NOT NULL DEFAULT 0;

-- The one channel that all events of a batch are about, 0 when there are several: channels go at rates of their own.
ALTER TABLE delivery_batch ADD COLUMN channel smallint NOT NULL DEFAULT 0;
CREATE INDEX delivery_batch_rate ON delivery_batch (dispatch_no, channel, no, count, at) WHERE kind = 'outcomes';
