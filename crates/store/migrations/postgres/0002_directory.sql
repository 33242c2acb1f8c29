-- Where people belong, who they are, and what proves it.
CREATE TABLE unit (
    realm_id    BIGINT  NOT NULL REFERENCES realm (id),
    id          UUID NOT NULL,                   -- v7
    parent_id   UUID,                            -- NULL: the root
    slug        TEXT COLLATE "C" NOT NULL,                   -- '' for the root
    path        TEXT COLLATE "C" NOT NULL,                   -- '/', '/clinic-a/ward-3': slugs never change, so it never does
    name        TEXT COLLATE "C" NOT NULL,
    version     BIGINT  NOT NULL,
    valid_from  BIGINT NOT NULL,
    valid_until BIGINT,
    created_by  UUID,                            -- NULL: the server itself
    ended_at    BIGINT,                            -- NULL: in force; the row is never deleted
    ended_by    UUID,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, parent_id) REFERENCES unit (realm_id, id)
);
CREATE UNIQUE INDEX unit_path ON unit (realm_id, path) WHERE ended_at IS NULL;
CREATE INDEX unit_parent ON unit (realm_id, parent_id);

CREATE TABLE "user" (
    realm_id            BIGINT  NOT NULL,
    id                  UUID NOT NULL,           -- v4: `sub` tells no date
    username            TEXT COLLATE "C",                    -- normalised; NULL in a tombstone
    display_name        TEXT COLLATE "C",
    display_name_key    TEXT COLLATE "C",                    -- normalised, for prefix search
    given_name          TEXT COLLATE "C",
    family_name         TEXT COLLATE "C",
    family_name_key     TEXT COLLATE "C",
    email               TEXT COLLATE "C",
    email_key           TEXT COLLATE "C",                    -- normalised; may be shared, so not unique
    email_verified_at   BIGINT,
    phone               TEXT COLLATE "C",
    locale              TEXT COLLATE "C",
    unit_id             UUID NOT NULL,           -- home unit
    external_id         TEXT COLLATE "C",
    attributes          TEXT COLLATE "C" NOT NULL,           -- JSON object by the realm's attribute_schema
    status              TEXT COLLATE "C" NOT NULL CHECK (status IN ('active', 'disabled', 'invited', 'deleted')),
    reset_required      BOOLEAN NOT NULL,           -- after a lockdown: only a password reset opens the account
    last_sign_in_at     BIGINT,
    password_changed_at BIGINT,
    tokens_not_before   BIGINT NOT NULL,           -- tokens issued before are refused
    created_at          BIGINT NOT NULL,
    created_by          UUID,
    updated_at          BIGINT NOT NULL,
    updated_by          UUID,
    version             BIGINT  NOT NULL,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, id) REFERENCES principal (realm_id, id),
    FOREIGN KEY (realm_id, unit_id) REFERENCES unit (realm_id, id)
);
CREATE UNIQUE INDEX user_username ON "user" (realm_id, username);
CREATE INDEX user_display_name ON "user" (realm_id, display_name_key, id);
CREATE INDEX user_family_name ON "user" (realm_id, family_name_key, id);
CREATE INDEX user_email ON "user" (realm_id, email_key, id);
CREATE INDEX user_external_id ON "user" (realm_id, external_id, id);
CREATE INDEX user_unit ON "user" (realm_id, unit_id, id);

-- Where notices go, beside the e-mail of the user row.
CREATE TABLE address (
    realm_id    BIGINT  NOT NULL,
    id          UUID NOT NULL,
    user_id     UUID NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL CHECK (kind IN ('email', 'phone')),
    value       TEXT COLLATE "C",                            -- NULL once erased
    verified_at BIGINT,
    created_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
);
CREATE INDEX address_user ON address (realm_id, user_id, id);

-- Factors ever bound, current and ended (MFA-08).
CREATE TABLE credential (
    realm_id     BIGINT   NOT NULL,
    id           UUID  NOT NULL,
    user_id      UUID  NOT NULL,
    kind         TEXT COLLATE "C"  NOT NULL CHECK (kind IN ('password', 'totp', 'passkey', 'recovery_codes')),
    label        TEXT COLLATE "C"  NOT NULL,
    scheme       TEXT COLLATE "C"  NOT NULL,                 -- hash kind of a password; algorithm of another factor
    secret       BYTEA,                          -- password: PHC string; others: sealed envelope; NULL once erased
    state        TEXT COLLATE "C"  NOT NULL,                 -- JSON: last TOTP step, signature counter, …
    created_at   BIGINT  NOT NULL,
    confirmed_at BIGINT,                           -- NULL: enrolment pending
    last_used_at BIGINT,
    ended_at     BIGINT,
    ended_by     UUID,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
);
CREATE INDEX credential_user ON credential (realm_id, user_id, kind, ended_at);

-- Who a person is at another identity provider, keyed by issuer and subject (FED-01).
CREATE TABLE external_identity (
    realm_id   BIGINT  NOT NULL,
    issuer     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    user_id    UUID NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at   BIGINT,
    PRIMARY KEY (realm_id, issuer, subject),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
);
CREATE INDEX external_identity_user ON external_identity (realm_id, user_id);
