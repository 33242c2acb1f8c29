-- Lists of people by state, in the order of their names; sessions by address.
CREATE INDEX user_status ON "user" (realm_id, status, display_name_key, id);
CREATE INDEX session_address ON session (realm_id, address, id);
