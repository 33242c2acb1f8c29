-- Sign-ins in progress, sessions, and what keeps them alive.
CREATE TABLE device (
    realm_id     BIGINT   NOT NULL REFERENCES realm (id),
    id           UUID  NOT NULL,
    secret_hash  BYTEA NOT NULL,                 -- SHA-256 of the device cookie
    label        TEXT COLLATE "C"  NOT NULL,
    created_at   BIGINT  NOT NULL,
    last_seen_at BIGINT  NOT NULL,
    ended_at     BIGINT,
    PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX device_secret ON device (realm_id, secret_hash);

-- Which accounts signed in on a device with the assurance they need (2.4).
CREATE TABLE device_principal (
    realm_id     BIGINT  NOT NULL,
    device_id    UUID NOT NULL,
    principal_id UUID NOT NULL,
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    ended_at     BIGINT,
    PRIMARY KEY (realm_id, device_id, principal_id),
    FOREIGN KEY (realm_id, device_id) REFERENCES device (realm_id, id),
    FOREIGN KEY (realm_id, principal_id) REFERENCES principal (realm_id, id)
);
CREATE INDEX device_principal_principal ON device_principal (realm_id, principal_id);

CREATE TABLE session (
    realm_id       BIGINT   NOT NULL,
    id             UUID  NOT NULL,
    user_id        UUID  NOT NULL,
    device_id      UUID,
    secret_hash    BYTEA NOT NULL,               -- SHA-256 of the session cookie (SES-01)
    device_label   TEXT COLLATE "C",
    address        TEXT COLLATE "C",
    user_agent     TEXT COLLATE "C",
    acr            TEXT COLLATE "C"  NOT NULL,
    amr            TEXT COLLATE "C"  NOT NULL,               -- space-separated, RFC 8176
    auth_at        BIGINT  NOT NULL,               -- the last authentication: `auth_time`
    idle_seconds   BIGINT   NOT NULL,               -- the effective policy at the last look
    created_at     BIGINT  NOT NULL,
    last_active_at BIGINT  NOT NULL,
    idle_at        BIGINT  NOT NULL,
    absolute_at    BIGINT  NOT NULL,               -- never moves
    renewed_at     BIGINT  NOT NULL,               -- last `session_renewed` event (at most hourly)
    locked_at      BIGINT,
    ended_at       BIGINT,
    ended_reason   TEXT COLLATE "C",
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id),
    FOREIGN KEY (realm_id, device_id) REFERENCES device (realm_id, id)
);
CREATE UNIQUE INDEX session_secret ON session (realm_id, secret_hash);
CREATE INDEX session_of_user ON session (realm_id, user_id, ended_at, id);
CREATE INDEX session_absolute ON session (realm_id, ended_at, absolute_at);

-- One for each client of a session; offline_access families have no session.
CREATE TABLE refresh_family (
    realm_id     BIGINT   NOT NULL,
    id           UUID  NOT NULL,
    session_id   UUID,
    client_id    TEXT COLLATE "C"  NOT NULL,
    user_id      UUID  NOT NULL,
    audience     TEXT COLLATE "C"  NOT NULL,                 -- of the access tokens it yields unless another is asked for
    scope        TEXT COLLATE "C"  NOT NULL,
    sender_key   TEXT COLLATE "C",                           -- jkt or x5t the tokens are bound to
    family_key   BYTEA NOT NULL,                 -- sealed 256-bit HMAC key
    generation   BIGINT   NOT NULL,
    rotated_at   BIGINT  NOT NULL,
    idle_at      BIGINT  NOT NULL,
    absolute_at  BIGINT  NOT NULL,                 -- never moves
    created_at   BIGINT  NOT NULL,
    ended_at     BIGINT,
    ended_reason TEXT COLLATE "C",
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, session_id) REFERENCES session (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
);
CREATE INDEX refresh_family_session ON refresh_family (realm_id, session_id);
CREATE INDEX refresh_family_user ON refresh_family (realm_id, user_id, ended_at);

-- A sign-in between its first step and its session (single use, expires).
CREATE TABLE sign_in_transaction (
    realm_id     BIGINT   NOT NULL REFERENCES realm (id),
    id           UUID  NOT NULL,
    secret_hash  BYTEA NOT NULL,                 -- SHA-256 of the handle
    flow_hash    BYTEA,                          -- SHA-256 of the flow cookie, once bound to a browser
    user_id      UUID,
    step         TEXT COLLATE "C"  NOT NULL,
    state        TEXT COLLATE "C"  NOT NULL,                 -- JSON: what earlier steps established
    audience     TEXT COLLATE "C"  NOT NULL,
    device_label TEXT COLLATE "C",
    failures     BIGINT   NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    used_at      BIGINT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
);
CREATE UNIQUE INDEX sign_in_transaction_secret ON sign_in_transaction (realm_id, secret_hash);
CREATE INDEX sign_in_transaction_expires ON sign_in_transaction (realm_id, expires_at);

CREATE TABLE one_time_token (
    realm_id   BIGINT   NOT NULL REFERENCES realm (id),
    id         UUID  NOT NULL,
    token_hash BYTEA NOT NULL,                   -- SHA-256; 112 bits and more need no slow hash (ASVS 6.5.2)
    kind       TEXT COLLATE "C"  NOT NULL CHECK (kind IN ('set_up', 'invitation', 'activation', 'reset', 'email_change')),
    user_id    UUID,
    payload    TEXT COLLATE "C"  NOT NULL,                   -- JSON
    failures   BIGINT   NOT NULL,
    created_at BIGINT  NOT NULL,
    created_by UUID,
    expires_at BIGINT  NOT NULL,
    used_at    BIGINT,
    voided_at  BIGINT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
);
CREATE UNIQUE INDEX one_time_token_hash ON one_time_token (realm_id, token_hash);
CREATE INDEX one_time_token_user ON one_time_token (realm_id, user_id, kind);

-- Counters of failures, keyed by a keyed hash, whether or not the account exists (2.3 point 3).
CREATE TABLE throttle (
    realm_id      BIGINT   NOT NULL REFERENCES realm (id),
    kind          TEXT COLLATE "C"  NOT NULL,
    key           BYTEA NOT NULL,
    count         BIGINT   NOT NULL,
    since         BIGINT  NOT NULL,                -- start of the window, or the first failure in a row
    blocked_until BIGINT  NOT NULL,
    refused       BIGINT   NOT NULL,                -- since the last excess_rate_limit_exceeded event
    reported_at   BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    PRIMARY KEY (realm_id, kind, key)
);
CREATE INDEX throttle_expires ON throttle (realm_id, expires_at);

-- What is refused before it expires: sessions, principals, tokens (REV-03).
CREATE TABLE revocation (
    realm_id   BIGINT  NOT NULL REFERENCES realm (id),
    id         UUID NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('session', 'user', 'token', 'roles', 'keys')),
    subject    TEXT COLLATE "C" NOT NULL,
    not_before BIGINT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    position   BIGINT  NOT NULL,
    PRIMARY KEY (realm_id, id)
);
CREATE INDEX revocation_position ON revocation (realm_id, position);
CREATE INDEX revocation_expires ON revocation (realm_id, expires_at);
