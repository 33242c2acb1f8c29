-- The cookie of a device changes at each sign-in there (`rotated_at`). The one before (`previous_hash`, SHA-256) is answered until the next one, because
-- the answer may have been lost. Whoever copied it from a shared workstation has nothing after two sign-ins of others.
ALTER TABLE device ADD COLUMN previous_hash BLOB; -- SHA-256 of the cookie before
ALTER TABLE device ADD COLUMN rotated_at INTEGER NOT NULL DEFAULT 0; -- when the cookie changed last
CREATE UNIQUE INDEX device_previous ON device (realm_id, previous_hash);
