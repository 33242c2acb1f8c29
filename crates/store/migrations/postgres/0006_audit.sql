-- What happened. Insert-only; order and proof stand in audit_leaf, people's data in audit_personal.
CREATE TABLE audit_event (
    realm_id   BIGINT   NOT NULL REFERENCES realm (id),
    id         UUID  NOT NULL,                   -- v7
    at         BIGINT  NOT NULL,
    type       TEXT COLLATE "C"  NOT NULL,
    outcome    TEXT COLLATE "C"  NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    actor_id   UUID,
    subject_id UUID,
    position   BIGINT   NOT NULL,                   -- drawn inside the transaction: later for what began later
    canonical  BYTEA NOT NULL,                   -- {"v":1,…}, at most 65,535 bytes: the leaf's entry
    PRIMARY KEY (realm_id, id)
);
CREATE INDEX audit_event_at ON audit_event (realm_id, at, id);
CREATE INDEX audit_event_actor ON audit_event (realm_id, actor_id, at, id);
CREATE INDEX audit_event_subject ON audit_event (realm_id, subject_id, at, id);
CREATE INDEX audit_event_position ON audit_event (position);

-- Names, addresses, user agents, old and new values: erasing a row leaves its leaf verifiable.
CREATE TABLE audit_personal (
    realm_id   BIGINT   NOT NULL,
    event_id   UUID  NOT NULL,
    subject_id UUID  NOT NULL,                   -- a principal, or nil for a visitor
    salt       BYTEA NOT NULL,
    personal   BYTEA NOT NULL,
    PRIMARY KEY (realm_id, event_id, subject_id),
    FOREIGN KEY (realm_id, event_id) REFERENCES audit_event (realm_id, id)
);
CREATE INDEX audit_personal_subject ON audit_personal (realm_id, subject_id);

CREATE TABLE audit_leaf (
    realm_id  BIGINT   NOT NULL REFERENCES realm (id),
    "index"   BIGINT   NOT NULL,                    -- consecutive from 0
    event_id  UUID  NOT NULL,
    leaf_hash BYTEA NOT NULL,                    -- SHA-256(0x00 ‖ canonical), RFC 9162 section 2.1.1
    PRIMARY KEY (realm_id, "index"),
    FOREIGN KEY (realm_id, event_id) REFERENCES audit_event (realm_id, id)
);
CREATE UNIQUE INDEX audit_leaf_event ON audit_leaf (realm_id, event_id);

CREATE TABLE checkpoint (
    realm_id   BIGINT   NOT NULL REFERENCES realm (id),
    size       BIGINT   NOT NULL,
    root       BYTEA NOT NULL,
    note       TEXT COLLATE "C"  NOT NULL,                   -- C2SP signed note
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (realm_id, size)
);

-- Drawn inside each transaction, so that an event acknowledged before another began has the lower one.
CREATE SEQUENCE audit_position;
