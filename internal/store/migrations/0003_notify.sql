-- +goose Up
CREATE TABLE document (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    run_id      text   NOT NULL, -- empty: made by hand
    step        text   NOT NULL,
    item        text   NOT NULL,
    state       text   NOT NULL,
    version     bigint NOT NULL,
    due_at      bigint NOT NULL, -- the policy's deadline; none sorts last
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX document_incident ON document (operator_id, incident_id, id);
CREATE INDEX document_queue ON document (operator_id, state, due_at, id);
CREATE UNIQUE INDEX document_step ON document (operator_id, run_id, step, item) WHERE run_id <> '';

CREATE TABLE approval (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    document_id text   NOT NULL,
    version     bigint NOT NULL,
    user_id     text   NOT NULL,
    digest      text   NOT NULL,
    at          bigint NOT NULL,
    voided_at   bigint,
    voided_by   text   NOT NULL,
    body        bytea  NOT NULL, -- note
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, document_id) REFERENCES document (operator_id, id)
);
CREATE INDEX approval_document ON approval (operator_id, document_id, id);

CREATE TABLE frozen_message (
    operator_id text   NOT NULL,
    document_id text   NOT NULL,
    version     bigint NOT NULL,
    channel     text   NOT NULL,
    locale      text   NOT NULL,
    hash        text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, document_id, version, channel, locale),
    FOREIGN KEY (operator_id, document_id) REFERENCES document (operator_id, id)
);

CREATE TABLE filing (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    report_id   text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, report_id) REFERENCES document (operator_id, id)
);
CREATE INDEX filing_report ON filing (operator_id, report_id, id);

-- no is the short key of an audience's rows; the tables below it belong to the operator of their audience.
CREATE TABLE audience (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    no          bigint NOT NULL UNIQUE,
    incident_id text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX audience_incident ON audience (operator_id, incident_id, id);

CREATE TABLE recipient (
    audience_no bigint NOT NULL,
    seq         bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (audience_no, seq)
) /* WITHOUT ROWID */;

-- Blind indexes of people. One of each person's is the identity that no other may have.
CREATE TABLE recipient_index (
    audience_no bigint  NOT NULL,
    value       bytea   NOT NULL,
    seq         bigint  NOT NULL,
    identity    boolean NOT NULL,
    PRIMARY KEY (audience_no, value, seq)
) /* WITHOUT ROWID */;

CREATE TABLE reject (
    audience_no bigint NOT NULL,
    line        bigint NOT NULL,
    no          bigint NOT NULL, -- several faults may stand in one line
    pointer     text   NOT NULL,
    rule        text   NOT NULL,
    message     text   NOT NULL,
    PRIMARY KEY (audience_no, line, no)
) /* WITHOUT ROWID */;

CREATE TABLE announcement (
    operator_id text   NOT NULL,
    id          text   NOT NULL, -- of the notice
    incident_id text   NOT NULL,
    live_at     bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, id) REFERENCES document (operator_id, id)
);
CREATE INDEX announcement_live ON announcement (operator_id, live_at);
