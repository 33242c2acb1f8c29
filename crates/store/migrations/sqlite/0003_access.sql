-- What there is to be permitted, which roles carry it, who holds them, where and until when.
-- Facts have a time: rows are ended, never overwritten or deleted.
CREATE TABLE api (
    realm_id                INTEGER  NOT NULL,
    id                      BLOB NOT NULL,       -- also a principal
    audience                TEXT NOT NULL,       -- the name in paths and roles; Bailiwick's own is 'bailiwick'
    name                    TEXT NOT NULL,
    algorithm               TEXT NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    access_lifetime_seconds INTEGER  NOT NULL,
    built_in                INTEGER NOT NULL,
    version                 INTEGER  NOT NULL,
    created_at              INTEGER NOT NULL,
    ended_at                INTEGER,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, id) REFERENCES principal (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX api_audience ON api (realm_id, audience) WHERE ended_at IS NULL;

CREATE TABLE permission (
    realm_id    INTEGER  NOT NULL,
    id          BLOB NOT NULL,
    api_id      BLOB NOT NULL,
    name        TEXT NOT NULL,                   -- resource:action[:own]
    description TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, api_id) REFERENCES api (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX permission_name ON permission (realm_id, api_id, name) WHERE ended_at IS NULL;

CREATE TABLE role (
    realm_id     INTEGER  NOT NULL REFERENCES realm (id),
    id           BLOB NOT NULL,
    name         TEXT NOT NULL,
    display_name TEXT NOT NULL,
    description  TEXT NOT NULL,
    sensitive    INTEGER NOT NULL,
    built_in     INTEGER NOT NULL,
    version      INTEGER  NOT NULL,
    created_at   INTEGER NOT NULL,
    created_by   BLOB,
    ended_at     INTEGER,
    ended_by     BLOB,
    PRIMARY KEY (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX role_name ON role (realm_id, name) WHERE ended_at IS NULL;

CREATE TABLE role_permission (
    realm_id      INTEGER  NOT NULL,
    role_id       BLOB NOT NULL,
    permission_id BLOB NOT NULL,
    valid_from    INTEGER NOT NULL,
    valid_until   INTEGER,
    created_by    BLOB,
    ended_at      INTEGER,
    ended_by      BLOB,
    PRIMARY KEY (realm_id, role_id, permission_id, valid_from),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, permission_id) REFERENCES permission (realm_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_inheritance (
    realm_id    INTEGER  NOT NULL,
    role_id     BLOB NOT NULL,                   -- the senior role, which inherits
    inherits_id BLOB NOT NULL,                   -- the junior role, whose permissions it gets
    valid_from  INTEGER NOT NULL,
    valid_until INTEGER,
    created_by  BLOB,
    ended_at    INTEGER,
    ended_by    BLOB,
    PRIMARY KEY (realm_id, role_id, inherits_id, valid_from),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, inherits_id) REFERENCES role (realm_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE role_assignable (
    realm_id    INTEGER  NOT NULL,
    role_id     BLOB NOT NULL,                   -- the role that is given
    by_role_id  BLOB NOT NULL,                   -- the role whose holders may give it
    valid_from  INTEGER NOT NULL,
    valid_until INTEGER,
    created_by  BLOB,
    ended_at    INTEGER,
    ended_by    BLOB,
    PRIMARY KEY (realm_id, role_id, by_role_id, valid_from),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, by_role_id) REFERENCES role (realm_id, id)
) STRICT, WITHOUT ROWID;

-- Who holds which role, where, from when until when, by whose decision.
CREATE TABLE role_grant (
    realm_id     INTEGER  NOT NULL,
    id           BLOB NOT NULL,                  -- v7
    principal_id BLOB NOT NULL,
    role_id      BLOB NOT NULL,
    unit_id      BLOB NOT NULL,
    valid_from   INTEGER NOT NULL,
    valid_until  INTEGER,                           -- NULL: until revoked
    granted_by   BLOB,                           -- NULL: the command line or the server
    granted_at   INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    ended_at     INTEGER,                           -- NULL: in force; the row is never deleted
    ended_by     BLOB,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, principal_id) REFERENCES principal (realm_id, id),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, unit_id) REFERENCES unit (realm_id, id),
    CHECK (valid_until IS NULL OR valid_until > valid_from)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_grant_principal ON role_grant (realm_id, principal_id, id);
CREATE INDEX role_grant_role ON role_grant (realm_id, role_id, principal_id);

-- Assurance policy of the realm (role_id NULL) and of roles; every edition is kept (HIP-17).
CREATE TABLE policy (
    realm_id    INTEGER  NOT NULL REFERENCES realm (id),
    id          BLOB NOT NULL,
    role_id     BLOB,
    document    TEXT NOT NULL,                   -- JSON, api.md `policy`
    version     INTEGER  NOT NULL,
    valid_from  INTEGER NOT NULL,
    valid_until INTEGER,
    created_by  BLOB,
    ended_at    INTEGER,
    ended_by    BLOB,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id)
) STRICT;
CREATE INDEX policy_role ON policy (realm_id, role_id, ended_at);
