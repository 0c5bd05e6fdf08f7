-- +goose Up
CREATE TABLE decision (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX decision_incident ON decision (operator_id, incident_id, id);

CREATE TABLE letter (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    incident_id text   NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    FOREIGN KEY (operator_id, incident_id) REFERENCES incident (operator_id, id)
);
CREATE INDEX letter_incident ON letter (operator_id, incident_id, id);

-- The rule set that every open incident was last held against.
CREATE TABLE rules_seen (
    operator_id text NOT NULL PRIMARY KEY,
    version     text NOT NULL
);
