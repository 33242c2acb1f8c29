//! Revocations: written by the transaction that revokes, read by followers in an order that misses nothing.

use domain::id::{PrincipalId, RevocationId, TokenId};
use domain::revocation::{Fact, MOST_NAMES};
use domain::role::RoleName;
use domain::time::Timestamp;

use crate::db::{Read, ReadTx, Row, Value, WriteTx, params, sql};
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
    let mut told = Vec::with_capacity(facts.len());
    for fact in facts {
        let fact = match fact {
            Fact::Principal { id, not_before } => {
                Fact::Principal { id: *id, not_before: raised(tx, *id, *not_before).await? }
            }
            other => other.clone(),
        };
        let (kind, subject, not_before, version) = columns(&fact);
        let id = RevocationId::new(&*entropy, now);
        told.push(params![realm, id, kind, subject, not_before, version, fact.expires_at(now), now]);
    }
    let statements = tx.feed_statements(told);
    tx.pipeline(statements).await.map(|_| ())
}

/// Raises the instant from which on a principal's tokens must be; never to where it is already, because a token that was made since the last change
/// says that very instant, and a change in the same second must refuse it.
async fn raised(tx: &mut WriteTx<'_>, id: PrincipalId, not_before: Timestamp) -> Result<Timestamp, StoreError> {
    let sql = sql!(
        "UPDATE principal SET access_not_before = CASE WHEN access_not_before < $3 THEN $3 ELSE access_not_before + 1000000 END
          WHERE realm_id = $1 AND id = $2 RETURNING access_not_before"
    );
    let rows = tx.returning(sql, params![tx.realm(), id, not_before]).await?;
    rows.first().map_or(Ok(not_before), |row| row.get(0))
}

fn columns(fact: &Fact) -> (&'static str, String, Value, Value) {
    let none = || Value::from(None::<i64>);
    match fact {
        Fact::Session { id, not_before } => ("session", id.to_string(), Value::from(*not_before), none()),
        Fact::Principal { id, not_before } => ("user", id.to_string(), Value::from(*not_before), none()),
        Fact::Token { id, .. } => ("token", id.to_string(), none(), none()),
        Fact::Roles { version, names } => {
            let names: Vec<&str> = names.iter().map(RoleName::as_str).collect();
            let names = if names.len() > MOST_NAMES { String::new() } else { names.join(" ") };
            ("roles", names, none(), Value::from(*version))
        }
        Fact::Keys => ("keys", String::new(), none(), none()),
    }
}

/// A fact as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where in the feed.
    pub position: i64,
    /// Its id.
    pub id: RevocationId,
    /// What is refused.
    pub fact: Fact,
    /// Until when it must be kept in mind.
    pub expires_at: Timestamp,
}

/// The position below which nothing can appear any more, as this snapshot knows it.
///
/// # Errors
/// [`StoreError`].
pub async fn low_water(tx: &mut ReadTx<'_>) -> Result<i64, StoreError> {
    tx.feed_low_water().await
}

/// What stands after a place in the feed and still matters, in its order; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn after(
    tx: &mut impl Read,
    (position, id): (i64, RevocationId),
    limit: i64,
) -> Result<Vec<Stored>, StoreError> {
    let sql = sql!(
        "SELECT position, id, kind, subject, not_before, version, expires_at FROM revocation
          WHERE realm_id = $1 AND (position, id) > ($2, $3) AND expires_at > $4 ORDER BY position, id LIMIT $5"
    );
    let rows = tx.query(sql, params![tx.realm(), position, id, tx.now(), limit]).await?;
    rows.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Stored, StoreError> {
    let expires_at: Timestamp = row.get(6)?;
    let fact = match row.get::<String>(2)?.as_str() {
        "session" => Fact::Session { id: row.parsed(3, |id| id.parse().ok())?, not_before: row.get(4)? },
        "user" => Fact::Principal { id: row.parsed(3, |id| id.parse().ok())?, not_before: row.get(4)? },
        "token" => Fact::Token { id: row.parsed(3, |id| id.parse().ok())?, expires_at },
        "keys" => Fact::Keys,
        "roles" => {
            let names =
                row.parsed(3, |names| names.split_ascii_whitespace().map(|n| RoleName::parse(n).ok()).collect())?;
            Fact::Roles { version: row.get(5)?, names }
        }
        // Written by a newer version, or by nobody: who follows must not be told that there was nothing.
        _ => row.parsed(2, |_| None)?,
    };
    Ok(Stored { position: row.get(0)?, id: row.get(1)?, fact, expires_at })
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
