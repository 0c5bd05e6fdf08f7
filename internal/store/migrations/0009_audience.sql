-- +goose Up
-- Recipients are sealed in pages of neighbouring sequences.
CREATE TABLE recipient_page (
    audience_no bigint NOT NULL,
    from_seq    bigint NOT NULL,
    n           bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (audience_no, from_seq)
);

-- Blind indexes of people in sorted runs, each cut into chunks: written in order, never one by one.
CREATE TABLE recipient_run (
    audience_no bigint NOT NULL,
    run         bigint NOT NULL,
    first       bytea  NOT NULL, -- entry
    body        bytea  NOT NULL, -- entries of 16 bytes
    PRIMARY KEY (audience_no, run, first)
);

-- The runs that an audience has.
CREATE TABLE audience_run (
    audience_no bigint NOT NULL,
    run         bigint NOT NULL,
    PRIMARY KEY (audience_no, run)
) /* WITHOUT ROWID */;

-- Imports that have not ended, to be gone on with or given up. Of old rows nobody knows.
ALTER TABLE audience ADD COLUMN unfinished boolean NOT NULL DEFAULT true;
CREATE INDEX audience_unfinished ON audience (operator_id, id) WHERE unfinished;

-- The character of the line at which the faulty value begins; 0: not known.
ALTER TABLE reject ADD COLUMN at bigint NOT NULL DEFAULT 0;

DROP TABLE recipient_index;
DROP TABLE recipient;
