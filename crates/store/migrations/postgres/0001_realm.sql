-- Realms, and who can hold a grant or act in one.
-- The integer realm key stands first in every key and index; the slug stays outside.
CREATE TABLE realm (
    id               BIGINT  NOT NULL PRIMARY KEY,
    slug             TEXT COLLATE "C" NOT NULL UNIQUE,
    name             TEXT COLLATE "C" NOT NULL,
    issuer           TEXT COLLATE "C" NOT NULL UNIQUE,       -- written when the realm is made, never changed
    rp_id            TEXT COLLATE "C" NOT NULL,              -- WebAuthn relying party id, likewise
    profile          TEXT COLLATE "C",                       -- the applied profile's name
    profile_edition  BIGINT,
    attribute_schema TEXT COLLATE "C" NOT NULL,              -- JSON: which attributes a user may carry
    created_at       BIGINT NOT NULL               -- microseconds since 1970, UTC (all *_at and valid_*)
);

CREATE TABLE principal (
    realm_id   BIGINT  NOT NULL REFERENCES realm (id),
    id         UUID NOT NULL,                    -- v4 for users, v7 for the rest
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('user', 'client', 'api', 'group')),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (realm_id, id)
);

-- Small numbers that caches are keyed on, and marks of upkeep jobs.
CREATE TABLE counter (
    realm_id BIGINT  NOT NULL REFERENCES realm (id),
    name     TEXT COLLATE "C" NOT NULL,
    value    BIGINT  NOT NULL,
    PRIMARY KEY (realm_id, name)
);
