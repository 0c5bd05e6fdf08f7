-- +goose Up
-- Written for PostgreSQL; for SQLite the two marked words are put in (migrate.go). Times are UTC
-- microseconds, JSON is text, and every column called body or name_sealed is sealed.

-- Wrapped data keys stand apart: to forget one row is to shred everything sealed under it.
CREATE TABLE data_key (
    operator_id text   NOT NULL,
    owner       text   NOT NULL, -- incident id or operator id
    wrapped     bytea  NOT NULL,
    PRIMARY KEY (operator_id, owner)
);

CREATE TABLE incident (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    mode        text   NOT NULL CHECK (mode IN ('live', 'drill', 'imported')),
    state       text   NOT NULL,
    severity    text   NOT NULL,
    revision    bigint NOT NULL,
    grade       text   NOT NULL,
    next_at     bigint,
    next_rule   text   NOT NULL,
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    UNIQUE (operator_id, id, mode) -- what dispatches refer to, so that mode is one and the same
);

CREATE TABLE identity (
    operator_id text   NOT NULL,
    identity    bytea  NOT NULL, -- blind index under the operator's key
    incident_id text   NOT NULL,
    PRIMARY KEY (operator_id, identity)
);

CREATE TABLE fact (
    operator_id text   NOT NULL,
    incident_id text   NOT NULL,
    no          bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, incident_id, no),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);

CREATE TABLE kept_answer (
    operator_id text   NOT NULL,
    key         bytea  NOT NULL, -- blind index of route and Idempotency-Key
    at          bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, key)
);

CREATE TABLE evidence_file (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    at          bigint NOT NULL,
    body        bytea  NOT NULL, -- name, type, size, hash
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX evidence_file_incident ON evidence_file (operator_id, incident_id, id);

CREATE TABLE file_chunk (
    operator_id text   NOT NULL,
    file_id     text   NOT NULL,
    no          bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, file_id, no),
    FOREIGN KEY (operator_id, file_id) REFERENCES evidence_file (operator_id, id)
);

-- The head row is what serialises the writers of one chain.
CREATE TABLE chain_head (
    operator_id text   NOT NULL,
    chain       text   NOT NULL,
    seq         bigint NOT NULL,
    at          bigint NOT NULL,
    hash        text   NOT NULL,
    PRIMARY KEY (operator_id, chain)
);

CREATE TABLE ledger (
    operator_id text   NOT NULL,
    chain       text   NOT NULL,
    seq         bigint NOT NULL,
    at          bigint NOT NULL,
    kind        text   NOT NULL,
    actor_kind  text   NOT NULL,
    actor_id    text   NOT NULL,
    refs        text   NOT NULL,
    commits     text   NOT NULL,
    prev        text   NOT NULL,
    hash        text   NOT NULL,
    PRIMARY KEY (operator_id, chain, seq)
);

-- no is the order of writing; seq is given after commit, dense and without a hole for a late writer.
CREATE TABLE outbox (
    no          bigserial PRIMARY KEY,
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    seq         bigint,
    kind        text   NOT NULL,
    incident_id text   NOT NULL,
    refs        text   NOT NULL,
    at          bigint NOT NULL
);
CREATE INDEX outbox_new ON outbox (no) WHERE seq IS NULL;
CREATE UNIQUE INDEX outbox_seq ON outbox (operator_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX outbox_order ON outbox (seq) WHERE seq IS NOT NULL;

CREATE TABLE relay_cursor (
    name text   NOT NULL PRIMARY KEY,
    seq  bigint NOT NULL
);

-- Numbers given out by the whole store: event, audience, dispatch.
CREATE TABLE number (
    name text   NOT NULL PRIMARY KEY,
    last bigint NOT NULL
);
INSERT INTO number (name, last) VALUES ('event', 0), ('audience', 0), ('dispatch', 0);
