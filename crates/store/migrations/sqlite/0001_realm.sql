-- Realms, and who can hold a grant or act in one.
-- The integer realm key stands first in every key and index; the slug stays outside.
CREATE TABLE realm (
    id               INTEGER  NOT NULL PRIMARY KEY,
    slug             TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    issuer           TEXT NOT NULL UNIQUE,       -- written when the realm is made, never changed
    rp_id            TEXT NOT NULL,              -- WebAuthn relying party id, likewise
    profile          TEXT,                       -- the applied profile's name
    profile_edition  INTEGER,
    attribute_schema TEXT NOT NULL,              -- JSON: which attributes a user may carry
    created_at       INTEGER NOT NULL               -- microseconds since 1970, UTC (all *_at and valid_*)
) STRICT;

CREATE TABLE principal (
    realm_id   INTEGER  NOT NULL REFERENCES realm (id),
    id         BLOB NOT NULL,                    -- v4 for users, v7 for the rest
    kind       TEXT NOT NULL CHECK (kind IN ('user', 'client', 'api', 'group')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (realm_id, id)
) STRICT, WITHOUT ROWID;

-- Small numbers that caches are keyed on, and marks of upkeep jobs.
CREATE TABLE counter (
    realm_id INTEGER  NOT NULL REFERENCES realm (id),
    name     TEXT NOT NULL,
    value    INTEGER  NOT NULL,
    PRIMARY KEY (realm_id, name)
) STRICT, WITHOUT ROWID;
