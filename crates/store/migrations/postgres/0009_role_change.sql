-- Roles and units that are in use are not ended: what is granted in a unit is found without a look at every grant.
CREATE INDEX role_grant_unit ON role_grant (realm_id, unit_id) WHERE ended_at IS NULL;
