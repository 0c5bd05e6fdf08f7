-- +goose Up
CREATE TABLE app_user (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    login       bytea  NOT NULL, -- blind index under the operator's key
    created_at  bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    UNIQUE (operator_id, login)
);

CREATE TABLE user_session (
    operator_id text   NOT NULL,
    token_hash  bytea  NOT NULL,
    user_id     text   NOT NULL,
    created_at  bigint NOT NULL,
    seen_at     bigint NOT NULL,
    expires_at  bigint NOT NULL,
    PRIMARY KEY (operator_id, token_hash),
    FOREIGN KEY (operator_id, user_id) REFERENCES app_user (operator_id, id)
);

CREATE TABLE api_token (
    operator_id text   NOT NULL,
    id          text   NOT NULL,
    token_hash  bytea  NOT NULL,
    kind        text   NOT NULL,
    user_id     text   NOT NULL,
    roles       text   NOT NULL,
    created_at  bigint NOT NULL,
    expires_at  bigint,
    revoked_at  bigint,
    name_sealed bytea  NOT NULL,
    PRIMARY KEY (operator_id, id),
    UNIQUE (operator_id, token_hash)
);

-- Templates, playbooks, rule sets and profiles as they were where they were used.
CREATE TABLE artefact (
    operator_id text   NOT NULL,
    kind        text   NOT NULL,
    hash        text   NOT NULL,
    name        text   NOT NULL,
    at          bigint NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (operator_id, kind, hash)
);
