-- Sign-ins in progress, sessions, and what keeps them alive.
CREATE TABLE device (
    realm_id     INTEGER   NOT NULL REFERENCES realm (id),
    id           BLOB  NOT NULL,
    secret_hash  BLOB NOT NULL,                 -- SHA-256 of the device cookie
    label        TEXT  NOT NULL,
    created_at   INTEGER  NOT NULL,
    last_seen_at INTEGER  NOT NULL,
    ended_at     INTEGER,
    PRIMARY KEY (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX device_secret ON device (realm_id, secret_hash);

-- Which accounts signed in on a device with the assurance they need (2.4).
CREATE TABLE device_principal (
    realm_id     INTEGER  NOT NULL,
    device_id    BLOB NOT NULL,
    principal_id BLOB NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    ended_at     INTEGER,
    PRIMARY KEY (realm_id, device_id, principal_id),
    FOREIGN KEY (realm_id, device_id) REFERENCES device (realm_id, id),
    FOREIGN KEY (realm_id, principal_id) REFERENCES principal (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_principal_principal ON device_principal (realm_id, principal_id);

CREATE TABLE session (
    realm_id       INTEGER   NOT NULL,
    id             BLOB  NOT NULL,
    user_id        BLOB  NOT NULL,
    device_id      BLOB,
    secret_hash    BLOB NOT NULL,               -- SHA-256 of the session cookie (SES-01)
    device_label   TEXT,
    address        TEXT,
    user_agent     TEXT,
    acr            TEXT  NOT NULL,
    amr            TEXT  NOT NULL,               -- space-separated, RFC 8176
    auth_at        INTEGER  NOT NULL,               -- the last authentication: `auth_time`
    idle_seconds   INTEGER   NOT NULL,               -- the effective policy at the last look
    created_at     INTEGER  NOT NULL,
    last_active_at INTEGER  NOT NULL,
    idle_at        INTEGER  NOT NULL,
    absolute_at    INTEGER  NOT NULL,               -- never moves
    renewed_at     INTEGER  NOT NULL,               -- last `session_renewed` event (at most hourly)
    locked_at      INTEGER,
    ended_at       INTEGER,
    ended_reason   TEXT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id),
    FOREIGN KEY (realm_id, device_id) REFERENCES device (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX session_secret ON session (realm_id, secret_hash);
CREATE INDEX session_of_user ON session (realm_id, user_id, ended_at, id);
CREATE INDEX session_absolute ON session (realm_id, ended_at, absolute_at);

-- One for each client of a session; offline_access families have no session.
CREATE TABLE refresh_family (
    realm_id     INTEGER   NOT NULL,
    id           BLOB  NOT NULL,
    session_id   BLOB,
    client_id    TEXT  NOT NULL,
    user_id      BLOB  NOT NULL,
    audience     TEXT  NOT NULL,                 -- of the access tokens it yields unless another is asked for
    scope        TEXT  NOT NULL,
    sender_key   TEXT,                           -- jkt or x5t the tokens are bound to
    family_key   BLOB NOT NULL,                 -- sealed 256-bit HMAC key
    generation   INTEGER   NOT NULL,
    rotated_at   INTEGER  NOT NULL,
    idle_at      INTEGER  NOT NULL,
    absolute_at  INTEGER  NOT NULL,                 -- never moves
    created_at   INTEGER  NOT NULL,
    ended_at     INTEGER,
    ended_reason TEXT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, session_id) REFERENCES session (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_family_session ON refresh_family (realm_id, session_id);
CREATE INDEX refresh_family_user ON refresh_family (realm_id, user_id, ended_at);

-- A sign-in between its first step and its session (single use, expires).
CREATE TABLE sign_in_transaction (
    realm_id     INTEGER   NOT NULL REFERENCES realm (id),
    id           BLOB  NOT NULL,
    secret_hash  BLOB NOT NULL,                 -- SHA-256 of the handle
    flow_hash    BLOB,                          -- SHA-256 of the flow cookie, once bound to a browser
    user_id      BLOB,
    step         TEXT  NOT NULL,
    state        TEXT  NOT NULL,                 -- JSON: what earlier steps established
    audience     TEXT  NOT NULL,
    device_label TEXT,
    failures     INTEGER   NOT NULL,
    created_at   INTEGER  NOT NULL,
    expires_at   INTEGER  NOT NULL,
    used_at      INTEGER,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX sign_in_transaction_secret ON sign_in_transaction (realm_id, secret_hash);
CREATE INDEX sign_in_transaction_expires ON sign_in_transaction (realm_id, expires_at);

CREATE TABLE one_time_token (
    realm_id   INTEGER   NOT NULL REFERENCES realm (id),
    id         BLOB  NOT NULL,
    token_hash BLOB NOT NULL,                   -- SHA-256; 112 bits and more need no slow hash (ASVS 6.5.2)
    kind       TEXT  NOT NULL CHECK (kind IN ('set_up', 'invitation', 'activation', 'reset', 'email_change')),
    user_id    BLOB,
    payload    TEXT  NOT NULL,                   -- JSON
    failures   INTEGER   NOT NULL,
    created_at INTEGER  NOT NULL,
    created_by BLOB,
    expires_at INTEGER  NOT NULL,
    used_at    INTEGER,
    voided_at  INTEGER,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX one_time_token_hash ON one_time_token (realm_id, token_hash);
CREATE INDEX one_time_token_user ON one_time_token (realm_id, user_id, kind);

-- Counters of failures, keyed by a keyed hash, whether or not the account exists (2.3 point 3).
CREATE TABLE throttle (
    realm_id      INTEGER   NOT NULL REFERENCES realm (id),
    kind          TEXT  NOT NULL,
    key           BLOB NOT NULL,
    count         INTEGER   NOT NULL,
    since         INTEGER  NOT NULL,                -- start of the window, or the first failure in a row
    blocked_until INTEGER  NOT NULL,
    refused       INTEGER   NOT NULL,                -- since the last excess_rate_limit_exceeded event
    reported_at   INTEGER  NOT NULL,
    expires_at    INTEGER  NOT NULL,
    PRIMARY KEY (realm_id, kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_expires ON throttle (realm_id, expires_at);

-- What is refused before it expires: sessions, principals, tokens (REV-03).
CREATE TABLE revocation (
    realm_id   INTEGER  NOT NULL REFERENCES realm (id),
    id         BLOB NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('session', 'user', 'token', 'roles', 'keys')),
    subject    TEXT NOT NULL,
    not_before INTEGER,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    position   INTEGER  NOT NULL,
    PRIMARY KEY (realm_id, id)
) STRICT;
CREATE INDEX revocation_position ON revocation (realm_id, position);
CREATE INDEX revocation_expires ON revocation (realm_id, expires_at);
