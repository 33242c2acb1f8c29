-- Keys that sign, applications that ask, and mail that waits to be sent.
CREATE TABLE signing_key (
    realm_id     BIGINT   NOT NULL REFERENCES realm (id),
    id           UUID  NOT NULL,
    kid          TEXT COLLATE "C"  NOT NULL,                 -- RFC 7638 thumbprint
    algorithm    TEXT COLLATE "C"  NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    public_jwk   TEXT COLLATE "C"  NOT NULL,
    private_key  BYTEA,                          -- sealed PKCS#8; NULL once dropped
    created_at   BIGINT  NOT NULL,
    signs_from   BIGINT  NOT NULL,                 -- published before
    retires_at   BIGINT,                           -- signs no more from here
    dropped_at   BIGINT,                           -- no longer published
    PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX signing_key_kid ON signing_key (realm_id, kid);

CREATE TABLE client (
    realm_id      BIGINT  NOT NULL,
    id            UUID NOT NULL,                 -- also a principal
    client_id     TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    kind          TEXT COLLATE "C" NOT NULL CHECK (kind IN ('public', 'confidential', 'service')),
    redirect_uris TEXT COLLATE "C" NOT NULL,                 -- JSON array
    apis          TEXT COLLATE "C" NOT NULL,                 -- JSON array of audiences
    require_pkce  BOOLEAN NOT NULL,
    enabled       BOOLEAN NOT NULL,
    version       BIGINT  NOT NULL,
    created_at    BIGINT NOT NULL,
    created_by    UUID,
    ended_at      BIGINT,
    ended_by      UUID,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, id) REFERENCES principal (realm_id, id)
);
CREATE UNIQUE INDEX client_client_id ON client (realm_id, client_id) WHERE ended_at IS NULL;

-- Secrets of clients and of APIs: two valid while rotating.
CREATE TABLE client_secret (
    realm_id     BIGINT   NOT NULL,
    id           UUID  NOT NULL,
    principal_id UUID  NOT NULL,
    secret_hash  BYTEA NOT NULL,                 -- SHA-256 of 256 random bits
    created_at   BIGINT  NOT NULL,
    created_by   UUID,
    expires_at   BIGINT,
    ended_at     BIGINT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, principal_id) REFERENCES principal (realm_id, id)
);
CREATE INDEX client_secret_principal ON client_secret (realm_id, principal_id);

-- Mail, webhooks and pushes: written with the change that causes them, sent later.
CREATE TABLE outbox (
    realm_id   BIGINT   NOT NULL REFERENCES realm (id),
    id         UUID  NOT NULL,
    kind       TEXT COLLATE "C"  NOT NULL CHECK (kind IN ('mail', 'nobody')),
    payload    BYTEA NOT NULL,                   -- sealed: recipient, subject, text (links are secrets)
    attempts   BIGINT   NOT NULL,
    created_at BIGINT  NOT NULL,
    due_at     BIGINT  NOT NULL,
    sent_at    BIGINT,
    failed     TEXT COLLATE "C",                             -- the last failure, without addresses
    PRIMARY KEY (realm_id, id)
);
CREATE INDEX outbox_due ON outbox (realm_id, sent_at, due_at);
