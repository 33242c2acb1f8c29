-- Whether one token was revoked is asked at each request and each introspection.
CREATE INDEX revocation_subject ON revocation (realm_id, kind, subject);
