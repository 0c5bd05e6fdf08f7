-- +goose Up
-- What the fan-out knows of a provider: shared by every worker of the operator.
CREATE TABLE provider (
    operator_id text NOT NULL,
    id          text NOT NULL,
    body        text NOT NULL, -- JSON of ids, enums and numbers
    PRIMARY KEY (operator_id, id)
);

-- How the release goes, as it was approved; JSON.
ALTER TABLE dispatch ADD COLUMN course text NOT NULL DEFAULT '{}';
-- The provider that a delivery went over.
ALTER TABLE delivery ADD COLUMN provider text NOT NULL DEFAULT '';
