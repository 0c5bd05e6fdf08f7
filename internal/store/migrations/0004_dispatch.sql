-- +goose Up
-- A drill exists only where the simulator stands in for every provider, and a dispatch has the mode of
-- its incident: both are the database's word, not ours.
CREATE TABLE dispatch (
    operator_id text    NOT NULL,
    id          text    NOT NULL,
    no          bigint  NOT NULL UNIQUE,
    incident_id text    NOT NULL,
    mode        text    NOT NULL,
    simulated   boolean NOT NULL,
    notice_id   text    NOT NULL,
    version     bigint  NOT NULL,
    digest      text    NOT NULL,
    audience_id text    NOT NULL,
    audience_no bigint  NOT NULL,
    channels    text    NOT NULL,
    state       text    NOT NULL,
    total       bigint  NOT NULL,
    started_at  bigint  NOT NULL,
    started_by  text    NOT NULL,
    ended_at    bigint,
    served_no   bigint  NOT NULL DEFAULT 0, -- when a range of it was last given out: least goes first
    open_ranges bigint  NOT NULL DEFAULT 0,
    body        bytea   NOT NULL, -- reason
    PRIMARY KEY (operator_id, id),
    CONSTRAINT drill_reaches_simulator_only CHECK (mode <> 'drill' OR simulated),
    FOREIGN KEY (operator_id, incident_id, mode) REFERENCES incident (operator_id, id, mode),
    FOREIGN KEY (operator_id, notice_id) REFERENCES document (operator_id, id)
);
CREATE INDEX dispatch_incident ON dispatch (operator_id, incident_id, id);
CREATE INDEX dispatch_state ON dispatch (operator_id, state, served_no, no);

-- The tables below belong to the operator of their dispatch.
CREATE TABLE dispatch_number (
    dispatch_no bigint NOT NULL,
    what        text   NOT NULL,
    last        bigint NOT NULL,
    PRIMARY KEY (dispatch_no, what)
) /* WITHOUT ROWID */;

CREATE TABLE dispatch_range (
    dispatch_no bigint  NOT NULL,
    no          bigint  NOT NULL,
    again       boolean NOT NULL,
    from_seq    bigint  NOT NULL,
    to_seq      bigint  NOT NULL,
    owner       text    NOT NULL,
    epoch       bigint  NOT NULL,
    until       bigint  NOT NULL, -- 0: free
    done        boolean NOT NULL,
    PRIMARY KEY (dispatch_no, no)
) /* WITHOUT ROWID */;
CREATE INDEX dispatch_range_open ON dispatch_range (dispatch_no, no) WHERE NOT done;

-- One row per recipient and channel. Every index below is partial: a delivery that went well is in none.
CREATE TABLE delivery (
    dispatch_no bigint   NOT NULL,
    seq         bigint   NOT NULL,
    channel     smallint NOT NULL,
    state       smallint NOT NULL,
    class       smallint NOT NULL,
    attempt     smallint NOT NULL,
    superseded  boolean  NOT NULL,
    doubt       boolean  NOT NULL,
    range_no    bigint   NOT NULL,
    at          bigint   NOT NULL,
    next_at     bigint,
    code        text     NOT NULL,
    provider_id text     NOT NULL,
    PRIMARY KEY (dispatch_no, seq, channel)
) /* WITHOUT ROWID */;
CREATE INDEX delivery_due ON delivery (dispatch_no, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX delivery_again ON delivery (dispatch_no, range_no) WHERE range_no > 0;
CREATE INDEX delivery_doubt ON delivery (dispatch_no, seq) WHERE doubt;
CREATE INDEX delivery_odd ON delivery (dispatch_no, state, seq) WHERE state = 2 OR state = 4 OR state = 7;

-- Maintained counters. Channel 0 counts people; channel 0 with state -1 counts possible duplicates.
CREATE TABLE dispatch_count (
    dispatch_no bigint   NOT NULL,
    channel     smallint NOT NULL,
    state       smallint NOT NULL,
    n           bigint   NOT NULL,
    PRIMARY KEY (dispatch_no, channel, state)
) /* WITHOUT ROWID */;

CREATE TABLE delivery_batch (
    dispatch_no bigint NOT NULL,
    no          bigint NOT NULL,
    kind        text   NOT NULL,
    root        text   NOT NULL,
    count       bigint NOT NULL,
    events      bytea  NOT NULL,
    at          bigint NOT NULL,
    PRIMARY KEY (dispatch_no, no)
);
