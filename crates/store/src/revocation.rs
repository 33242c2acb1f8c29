//! Revocations: written by the transaction that revokes, read by followers in an order that misses nothing.

use domain::id::{RevocationId, TokenId};
use domain::revocation::{Fact, MOST_NAMES};

use crate::db::{Read, Statement, Value, WriteTx, params, sql};
use crate::error::StoreError;

/// Says that something is refused from now on. A principal's tokens are issued from `not_before` on afterwards.
///
/// # Errors
/// [`StoreError`].
pub async fn announce(tx: &mut WriteTx<'_>, facts: &[Fact]) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let (realm, now, entropy) = (tx.realm(), tx.now(), tx.entropy());
    let position = tx.feed_position().await?;
    let mut statements = Vec::with_capacity(facts.len() + 1);
    for fact in facts {
        let (kind, subject, not_before, version) = columns(fact);
        let sql = sql!(
            "INSERT INTO revocation (realm_id, position, id, kind, subject, not_before, version, expires_at, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        );
        let id = RevocationId::new(&*entropy, now);
        let expires_at = fact.expires_at(now);
        let params = params![realm, position, id, kind, subject, not_before, version, expires_at, now];
        statements.push(Statement { sql, params });
        if let Fact::Principal { id, not_before } = fact {
            let sql = sql!(
                "UPDATE principal SET access_not_before = $3 WHERE realm_id = $1 AND id = $2 AND access_not_before < $3"
            );
            statements.push(Statement { sql, params: params![realm, *id, *not_before] });
        }
    }
    tx.pipeline(statements).await?;
    tx.tell_followers().await
}

fn columns(fact: &Fact) -> (&'static str, String, Value, Value) {
    let none = || Value::from(None::<i64>);
    match fact {
        Fact::Session { id, not_before } => ("session", id.to_string(), Value::from(*not_before), none()),
        Fact::Principal { id, not_before } => ("user", id.to_string(), Value::from(*not_before), none()),
        Fact::Token { id, .. } => ("token", id.to_string(), none(), none()),
        Fact::Roles { version, names } => {
            let names: Vec<&str> = names.iter().map(domain::role::RoleName::as_str).collect();
            let names = if names.len() > MOST_NAMES { String::new() } else { names.join(" ") };
            ("roles", names, none(), Value::from(*version))
        }
        Fact::Keys => ("keys", String::new(), none(), none()),
    }
}

/// Whether one token was revoked (REV-03). It is forgotten when the token would have expired by itself.
///
/// # Errors
/// [`StoreError`].
pub async fn is_revoked(tx: &mut impl Read, token: TokenId) -> Result<bool, StoreError> {
    let sql = sql!("SELECT id FROM revocation WHERE realm_id = $1 AND kind = 'token' AND subject = $2 LIMIT 1");
    Ok(tx.one(sql, params![tx.realm(), token.to_string()]).await?.is_some())
}

/// Removes what no token can be concerned by any more; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn expire(tx: &mut WriteTx<'_>, limit: i64) -> Result<u64, StoreError> {
    let sql = sql!(
        "DELETE FROM revocation WHERE realm_id = $1 AND (position, id) IN
            (SELECT position, id FROM revocation WHERE realm_id = $1 AND expires_at <= $2 ORDER BY expires_at LIMIT $3)"
    );
    tx.execute(sql, params![tx.realm(), tx.now(), limit]).await
}
