-- Keys that sign, applications that ask, and mail that waits to be sent.
CREATE TABLE signing_key (
    realm_id     INTEGER   NOT NULL REFERENCES realm (id),
    id           BLOB  NOT NULL,
    kid          TEXT  NOT NULL,                 -- RFC 7638 thumbprint
    algorithm    TEXT  NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    public_jwk   TEXT  NOT NULL,
    private_key  BLOB,                          -- sealed PKCS#8; NULL once dropped
    created_at   INTEGER  NOT NULL,
    signs_from   INTEGER  NOT NULL,                 -- published before
    retires_at   INTEGER,                           -- signs no more from here
    dropped_at   INTEGER,                           -- no longer published
    PRIMARY KEY (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX signing_key_kid ON signing_key (realm_id, kid);

CREATE TABLE client (
    realm_id      INTEGER  NOT NULL,
    id            BLOB NOT NULL,                 -- also a principal
    client_id     TEXT NOT NULL,
    name          TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('public', 'confidential', 'service')),
    redirect_uris TEXT NOT NULL,                 -- JSON array
    apis          TEXT NOT NULL,                 -- JSON array of audiences
    require_pkce  INTEGER NOT NULL,
    enabled       INTEGER NOT NULL,
    version       INTEGER  NOT NULL,
    created_at    INTEGER NOT NULL,
    created_by    BLOB,
    ended_at      INTEGER,
    ended_by      BLOB,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, id) REFERENCES principal (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX client_client_id ON client (realm_id, client_id) WHERE ended_at IS NULL;

-- Secrets of clients and of APIs: two valid while rotating.
CREATE TABLE client_secret (
    realm_id     INTEGER   NOT NULL,
    id           BLOB  NOT NULL,
    principal_id BLOB  NOT NULL,
    secret_hash  BLOB NOT NULL,                 -- SHA-256 of 256 random bits
    created_at   INTEGER  NOT NULL,
    created_by   BLOB,
    expires_at   INTEGER,
    ended_at     INTEGER,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, principal_id) REFERENCES principal (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_secret_principal ON client_secret (realm_id, principal_id);

-- Mail, webhooks and pushes: written with the change that causes them, sent later.
CREATE TABLE outbox (
    realm_id   INTEGER   NOT NULL REFERENCES realm (id),
    id         BLOB  NOT NULL,
    kind       TEXT  NOT NULL CHECK (kind IN ('mail', 'nobody')),
    payload    BLOB NOT NULL,                   -- sealed: recipient, subject, text (links are secrets)
    attempts   INTEGER   NOT NULL,
    created_at INTEGER  NOT NULL,
    due_at     INTEGER  NOT NULL,
    sent_at    INTEGER,
    failed     TEXT,                             -- the last failure, without addresses
    PRIMARY KEY (realm_id, id)
) STRICT;
CREATE INDEX outbox_due ON outbox (realm_id, sent_at, due_at);
