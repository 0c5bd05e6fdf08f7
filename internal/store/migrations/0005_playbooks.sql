-- +goose Up
CREATE TABLE profile (
    operator_id text   NOT NULL,
    version     bigint NOT NULL,
    hash        text   NOT NULL,
    at          bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, version)
);

CREATE TABLE derivation (
    operator_id text   NOT NULL,
    id          text   NOT NULL, -- of the incident
    incident_id text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);

CREATE TABLE duty (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX duty_incident ON duty (operator_id, incident_id, id);

CREATE TABLE run (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    playbook    text   NOT NULL,
    revision    bigint NOT NULL,
    hash        text   NOT NULL,
    state       text   NOT NULL,
    started_at  bigint NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX run_incident ON run (operator_id, incident_id, id);

CREATE TABLE step (
    operator_id text   NOT NULL,
    run_id      text   NOT NULL,
    id          text   NOT NULL,
    item        text   NOT NULL,
    state       text   NOT NULL,
    document_id text   NOT NULL,
    task_id     text   NOT NULL,
    due_at      bigint,
    updated_at  bigint NOT NULL,
    body        bytea  NOT NULL, -- reason
    PRIMARY KEY (operator_id, run_id, id, item),
    FOREIGN KEY (operator_id, run_id) REFERENCES run (operator_id, id)
);

CREATE TABLE task (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    state       text   NOT NULL,
    due_at      bigint NOT NULL, -- none sorts last
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX task_incident ON task (operator_id, incident_id, id);
CREATE INDEX task_open ON task (operator_id, due_at, id) WHERE state = 'open';

CREATE TABLE timer (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    kind        text   NOT NULL,
    due_at      bigint NOT NULL,
    PRIMARY KEY (operator_id, id)
);
CREATE INDEX timer_due ON timer (operator_id, due_at, id);
