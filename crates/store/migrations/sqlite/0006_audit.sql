-- What happened. Insert-only; order and proof stand in audit_leaf, people's data in audit_personal.
CREATE TABLE audit_event (
    realm_id   INTEGER   NOT NULL REFERENCES realm (id),
    id         BLOB  NOT NULL,                   -- v7
    at         INTEGER  NOT NULL,
    type       TEXT  NOT NULL,
    outcome    TEXT  NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    actor_id   BLOB,
    subject_id BLOB,
    position   INTEGER   NOT NULL,                   -- drawn inside the transaction: later for what began later
    canonical  BLOB NOT NULL,                   -- {"v":1,…}, at most 65,535 bytes: the leaf's entry
    PRIMARY KEY (realm_id, id)
) STRICT;
CREATE INDEX audit_event_at ON audit_event (realm_id, at, id);
CREATE INDEX audit_event_actor ON audit_event (realm_id, actor_id, at, id);
CREATE INDEX audit_event_subject ON audit_event (realm_id, subject_id, at, id);
CREATE INDEX audit_event_position ON audit_event (position);

-- Names, addresses, user agents, old and new values: erasing a row leaves its leaf verifiable.
CREATE TABLE audit_personal (
    realm_id   INTEGER   NOT NULL,
    event_id   BLOB  NOT NULL,
    subject_id BLOB  NOT NULL,                   -- a principal, or nil for a visitor
    salt       BLOB NOT NULL,
    personal   BLOB NOT NULL,
    PRIMARY KEY (realm_id, event_id, subject_id),
    FOREIGN KEY (realm_id, event_id) REFERENCES audit_event (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_personal_subject ON audit_personal (realm_id, subject_id);

CREATE TABLE audit_leaf (
    realm_id  INTEGER   NOT NULL REFERENCES realm (id),
    "index"   INTEGER   NOT NULL,                    -- consecutive from 0
    event_id  BLOB  NOT NULL,
    leaf_hash BLOB NOT NULL,                    -- SHA-256(0x00 ‖ canonical), RFC 9162 section 2.1.1
    PRIMARY KEY (realm_id, "index"),
    FOREIGN KEY (realm_id, event_id) REFERENCES audit_event (realm_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX audit_leaf_event ON audit_leaf (realm_id, event_id);

CREATE TABLE checkpoint (
    realm_id   INTEGER   NOT NULL REFERENCES realm (id),
    size       INTEGER   NOT NULL,
    root       BLOB NOT NULL,
    note       TEXT  NOT NULL,                   -- C2SP signed note
    created_at INTEGER  NOT NULL,
    PRIMARY KEY (realm_id, size)
) STRICT, WITHOUT ROWID;
