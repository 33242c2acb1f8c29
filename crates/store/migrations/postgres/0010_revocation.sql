-- What is refused before it expires, in the order in which followers read it. Nothing was written here before.
DROP TABLE revocation;
CREATE TABLE revocation (
    realm_id   BIGINT NOT NULL REFERENCES realm (id),
    position   BIGINT NOT NULL,                      -- PostgreSQL: the transaction's number; SQLite: a counter
    id         UUID NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('session', 'user', 'token', 'roles', 'keys')),
    subject    TEXT COLLATE "C" NOT NULL,                         -- sid, sub or jti; names of roles, separated by spaces
    not_before BIGINT,                                -- tokens issued earlier
    version    BIGINT,                                -- of the roles: tokens of an earlier edition
    expires_at BIGINT NOT NULL,                      -- every token that it concerns has expired by itself
    created_at BIGINT NOT NULL,
    PRIMARY KEY (realm_id, position, id)
);
CREATE INDEX revocation_expires ON revocation (realm_id, expires_at);
-- Access tokens of a principal that were issued before are refused; the session may go on.
ALTER TABLE principal ADD COLUMN access_not_before BIGINT NOT NULL DEFAULT 0;
