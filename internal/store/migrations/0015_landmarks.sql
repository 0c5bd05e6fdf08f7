-- +goose Up
-- What a person reads of a ledger: the entries besides batches of deliveries, of which a large dispatch has thousands.
CREATE INDEX ledger_landmark ON ledger (operator_id, chain, seq) WHERE kind <> 'delivery.batch';
