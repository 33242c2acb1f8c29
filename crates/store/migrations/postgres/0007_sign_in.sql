-- A sign-in begun over JSON is taken over by a browser through a single-use handle, and found by its flow cookie from then on.
ALTER TABLE sign_in_transaction ADD COLUMN continue_hash BYTEA; -- SHA-256 of the handle in `continue_url`; NULL once used
CREATE UNIQUE INDEX sign_in_transaction_flow ON sign_in_transaction (realm_id, flow_hash) WHERE flow_hash IS NOT NULL;
CREATE UNIQUE INDEX sign_in_transaction_continue ON sign_in_transaction (realm_id, continue_hash) WHERE continue_hash IS NOT NULL;
CREATE INDEX sign_in_transaction_user ON sign_in_transaction (realm_id, user_id, used_at);
-- Enrolments that nobody confirmed are removed by age.
CREATE INDEX credential_pending ON credential (realm_id, created_at) WHERE confirmed_at IS NULL;
