-- What there is to be permitted, which roles carry it, who holds them, where and until when.
-- Facts have a time: rows are ended, never overwritten or deleted.
CREATE TABLE api (
    realm_id                BIGINT  NOT NULL,
    id                      UUID NOT NULL,       -- also a principal
    audience                TEXT COLLATE "C" NOT NULL,       -- the name in paths and roles; Bailiwick's own is 'bailiwick'
    name                    TEXT COLLATE "C" NOT NULL,
    algorithm               TEXT COLLATE "C" NOT NULL CHECK (algorithm IN ('RS256', 'ES256', 'EdDSA')),
    access_lifetime_seconds BIGINT  NOT NULL,
    built_in                BOOLEAN NOT NULL,
    version                 BIGINT  NOT NULL,
    created_at              BIGINT NOT NULL,
    ended_at                BIGINT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, id) REFERENCES principal (realm_id, id)
);
CREATE UNIQUE INDEX api_audience ON api (realm_id, audience) WHERE ended_at IS NULL;

CREATE TABLE permission (
    realm_id    BIGINT  NOT NULL,
    id          UUID NOT NULL,
    api_id      UUID NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,                   -- resource:action[:own]
    description TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, api_id) REFERENCES api (realm_id, id)
);
CREATE UNIQUE INDEX permission_name ON permission (realm_id, api_id, name) WHERE ended_at IS NULL;

CREATE TABLE role (
    realm_id     BIGINT  NOT NULL REFERENCES realm (id),
    id           UUID NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    display_name TEXT COLLATE "C" NOT NULL,
    description  TEXT COLLATE "C" NOT NULL,
    sensitive    BOOLEAN NOT NULL,
    built_in     BOOLEAN NOT NULL,
    version      BIGINT  NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   UUID,
    ended_at     BIGINT,
    ended_by     UUID,
    PRIMARY KEY (realm_id, id)
);
CREATE UNIQUE INDEX role_name ON role (realm_id, name) WHERE ended_at IS NULL;

CREATE TABLE role_permission (
    realm_id      BIGINT  NOT NULL,
    role_id       UUID NOT NULL,
    permission_id UUID NOT NULL,
    valid_from    BIGINT NOT NULL,
    valid_until   BIGINT,
    created_by    UUID,
    ended_at      BIGINT,
    ended_by      UUID,
    PRIMARY KEY (realm_id, role_id, permission_id, valid_from),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, permission_id) REFERENCES permission (realm_id, id)
);

CREATE TABLE role_inheritance (
    realm_id    BIGINT  NOT NULL,
    role_id     UUID NOT NULL,                   -- the senior role, which inherits
    inherits_id UUID NOT NULL,                   -- the junior role, whose permissions it gets
    valid_from  BIGINT NOT NULL,
    valid_until BIGINT,
    created_by  UUID,
    ended_at    BIGINT,
    ended_by    UUID,
    PRIMARY KEY (realm_id, role_id, inherits_id, valid_from),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, inherits_id) REFERENCES role (realm_id, id)
);

CREATE TABLE role_assignable (
    realm_id    BIGINT  NOT NULL,
    role_id     UUID NOT NULL,                   -- the role that is given
    by_role_id  UUID NOT NULL,                   -- the role whose holders may give it
    valid_from  BIGINT NOT NULL,
    valid_until BIGINT,
    created_by  UUID,
    ended_at    BIGINT,
    ended_by    UUID,
    PRIMARY KEY (realm_id, role_id, by_role_id, valid_from),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, by_role_id) REFERENCES role (realm_id, id)
);

-- Who holds which role, where, from when until when, by whose decision.
CREATE TABLE role_grant (
    realm_id     BIGINT  NOT NULL,
    id           UUID NOT NULL,                  -- v7
    principal_id UUID NOT NULL,
    role_id      UUID NOT NULL,
    unit_id      UUID NOT NULL,
    valid_from   BIGINT NOT NULL,
    valid_until  BIGINT,                           -- NULL: until revoked
    granted_by   UUID,                           -- NULL: the command line or the server
    granted_at   BIGINT NOT NULL,
    reason       TEXT COLLATE "C" NOT NULL,
    ended_at     BIGINT,                           -- NULL: in force; the row is never deleted
    ended_by     UUID,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, principal_id) REFERENCES principal (realm_id, id),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id),
    FOREIGN KEY (realm_id, unit_id) REFERENCES unit (realm_id, id),
    CHECK (valid_until IS NULL OR valid_until > valid_from)
);
CREATE INDEX role_grant_principal ON role_grant (realm_id, principal_id, id);
CREATE INDEX role_grant_role ON role_grant (realm_id, role_id, principal_id);

-- Assurance policy of the realm (role_id NULL) and of roles; every edition is kept (HIP-17).
CREATE TABLE policy (
    realm_id    BIGINT  NOT NULL REFERENCES realm (id),
    id          UUID NOT NULL,
    role_id     UUID,
    document    TEXT COLLATE "C" NOT NULL,                   -- JSON, api.md `policy`
    version     BIGINT  NOT NULL,
    valid_from  BIGINT NOT NULL,
    valid_until BIGINT,
    created_by  UUID,
    ended_at    BIGINT,
    ended_by    UUID,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, role_id) REFERENCES role (realm_id, id)
);
CREATE INDEX policy_role ON policy (realm_id, role_id, ended_at);
