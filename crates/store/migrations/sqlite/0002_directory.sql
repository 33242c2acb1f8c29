-- Where people belong, who they are, and what proves it.
CREATE TABLE unit (
    realm_id    INTEGER  NOT NULL REFERENCES realm (id),
    id          BLOB NOT NULL,                   -- v7
    parent_id   BLOB,                            -- NULL: the root
    slug        TEXT NOT NULL,                   -- '' for the root
    path        TEXT NOT NULL,                   -- '/', '/clinic-a/ward-3': slugs never change, so it never does
    name        TEXT NOT NULL,
    version     INTEGER  NOT NULL,
    valid_from  INTEGER NOT NULL,
    valid_until INTEGER,
    created_by  BLOB,                            -- NULL: the server itself
    ended_at    INTEGER,                            -- NULL: in force; the row is never deleted
    ended_by    BLOB,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, parent_id) REFERENCES unit (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX unit_path ON unit (realm_id, path) WHERE ended_at IS NULL;
CREATE INDEX unit_parent ON unit (realm_id, parent_id);

CREATE TABLE "user" (
    realm_id            INTEGER  NOT NULL,
    id                  BLOB NOT NULL,           -- v4: `sub` tells no date
    username            TEXT,                    -- normalised; NULL in a tombstone
    display_name        TEXT,
    display_name_key    TEXT,                    -- normalised, for prefix search
    given_name          TEXT,
    family_name         TEXT,
    family_name_key     TEXT,
    email               TEXT,
    email_key           TEXT,                    -- normalised; may be shared, so not unique
    email_verified_at   INTEGER,
    phone               TEXT,
    locale              TEXT,
    unit_id             BLOB NOT NULL,           -- home unit
    external_id         TEXT,
    attributes          TEXT NOT NULL,           -- JSON object by the realm's attribute_schema
    status              TEXT NOT NULL CHECK (status IN ('active', 'disabled', 'invited', 'deleted')),
    reset_required      INTEGER NOT NULL,           -- after a lockdown: only a password reset opens the account
    last_sign_in_at     INTEGER,
    password_changed_at INTEGER,
    tokens_not_before   INTEGER NOT NULL,           -- tokens issued before are refused
    created_at          INTEGER NOT NULL,
    created_by          BLOB,
    updated_at          INTEGER NOT NULL,
    updated_by          BLOB,
    version             INTEGER  NOT NULL,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, id) REFERENCES principal (realm_id, id),
    FOREIGN KEY (realm_id, unit_id) REFERENCES unit (realm_id, id)
) STRICT;
CREATE UNIQUE INDEX user_username ON "user" (realm_id, username);
CREATE INDEX user_display_name ON "user" (realm_id, display_name_key, id);
CREATE INDEX user_family_name ON "user" (realm_id, family_name_key, id);
CREATE INDEX user_email ON "user" (realm_id, email_key, id);
CREATE INDEX user_external_id ON "user" (realm_id, external_id, id);
CREATE INDEX user_unit ON "user" (realm_id, unit_id, id);

-- Where notices go, beside the e-mail of the user row.
CREATE TABLE address (
    realm_id    INTEGER  NOT NULL,
    id          BLOB NOT NULL,
    user_id     BLOB NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('email', 'phone')),
    value       TEXT,                            -- NULL once erased
    verified_at INTEGER,
    created_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX address_user ON address (realm_id, user_id, id);

-- Factors ever bound, current and ended (MFA-08).
CREATE TABLE credential (
    realm_id     INTEGER   NOT NULL,
    id           BLOB  NOT NULL,
    user_id      BLOB  NOT NULL,
    kind         TEXT  NOT NULL CHECK (kind IN ('password', 'totp', 'passkey', 'recovery_codes')),
    label        TEXT  NOT NULL,
    scheme       TEXT  NOT NULL,                 -- hash kind of a password; algorithm of another factor
    secret       BLOB,                          -- password: PHC string; others: sealed envelope; NULL once erased
    state        TEXT  NOT NULL,                 -- JSON: last TOTP step, signature counter, …
    created_at   INTEGER  NOT NULL,
    confirmed_at INTEGER,                           -- NULL: enrolment pending
    last_used_at INTEGER,
    ended_at     INTEGER,
    ended_by     BLOB,
    PRIMARY KEY (realm_id, id),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
) STRICT;
CREATE INDEX credential_user ON credential (realm_id, user_id, kind, ended_at);

-- Who a person is at another identity provider, keyed by issuer and subject (FED-01).
CREATE TABLE external_identity (
    realm_id   INTEGER  NOT NULL,
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    PRIMARY KEY (realm_id, issuer, subject),
    FOREIGN KEY (realm_id, user_id) REFERENCES "user" (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX external_identity_user ON external_identity (realm_id, user_id);
