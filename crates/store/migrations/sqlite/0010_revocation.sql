-- What is refused before it expires, in the order in which followers read it. Nothing was written here before.
DROP TABLE revocation;
CREATE TABLE revocation (
    realm_id   INTEGER NOT NULL REFERENCES realm (id),
    position   INTEGER NOT NULL,                      -- PostgreSQL: the transaction's number; SQLite: a counter
    id         BLOB NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('session', 'user', 'token', 'roles', 'keys')),
    subject    TEXT NOT NULL,                         -- sid, sub or jti; names of roles, separated by spaces
    not_before INTEGER,                                -- tokens issued earlier
    version    INTEGER,                                -- of the roles: tokens of an earlier edition
    expires_at INTEGER NOT NULL,                      -- every token that it concerns has expired by itself
    created_at INTEGER NOT NULL,
    PRIMARY KEY (realm_id, position, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX revocation_expires ON revocation (realm_id, expires_at);
-- Access tokens of a principal that were issued before are refused; the session may go on.
ALTER TABLE principal ADD COLUMN access_not_before INTEGER NOT NULL DEFAULT 0;
