//! Factors: here the password, current and past. Rows are ended, never overwritten, but for a raised hash of the same password.

use std::collections::BTreeMap;

use domain::id::{CredentialId, UserId};
use domain::password::Kind;
use domain::time::Timestamp;

use crate::counter;
use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// The password of a person.
#[derive(Clone)]
pub struct Password {
    /// Its row.
    pub id: CredentialId,
    /// The PHC string.
    pub hash: String,
    /// When it was chosen.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Password({})", self.id)
    }
}

/// The password in force.
///
/// # Errors
/// [`StoreError`].
pub async fn password(tx: &mut impl Read, user: UserId) -> Result<Option<Password>, StoreError> {
    let sql = sql!(
        "SELECT id, secret, created_at FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'password' AND ended_at IS NULL ORDER BY id DESC LIMIT 1"
    );
    let Some(row) = tx.one(sql, params![tx.realm(), user]).await? else { return Ok(None) };
    let id: CredentialId = row.get(0)?;
    let hash = String::from_utf8(row.get::<Vec<u8>>(1)?).map_err(|_| StoreError::Corrupt {
        table: "credential",
        column: "secret".to_owned(),
        id: id.to_string(),
    })?;
    Ok(Some(Password { id, hash, created_at: row.get(2)? }))
}

/// The hashes of a person's latest passwords, the newest first, that in force included (PW-16).
///
/// # Errors
/// [`StoreError`].
pub async fn latest(tx: &mut impl Read, user: UserId, most: u32) -> Result<Vec<String>, StoreError> {
    let sql = sql!(
        "SELECT secret FROM credential WHERE realm_id = $1 AND user_id = $2 AND kind = 'password' ORDER BY id DESC LIMIT $3"
    );
    let rows = tx.query(sql, params![tx.realm(), user, i64::from(most)]).await?;
    rows.iter().map(|row| Ok(String::from_utf8_lossy(&row.get::<Vec<u8>>(0)?).into_owned())).collect()
}

/// Sets a new password and ends the one before.
///
/// # Errors
/// [`StoreError`].
pub async fn set_password(tx: &mut WriteTx<'_>, id: CredentialId, user: UserId, hash: &str) -> Result<(), StoreError> {
    let mut counts = end(tx, user).await?;
    let insert = sql!(
        "INSERT INTO credential (realm_id, id, user_id, kind, label, scheme, secret, state, created_at, confirmed_at)
         VALUES ($1, $2, $3, 'password', '', $4, $5, '{}', $6, $6)"
    );
    tx.execute(insert, params![tx.realm(), id, user, scheme(hash), hash.as_bytes(), tx.now()]).await?;
    *counts.entry(counter_of(hash)).or_default() += 1;
    counter::add(tx, counts).await
}

/// Ends the password in force; whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn end_password(tx: &mut WriteTx<'_>, user: UserId) -> Result<bool, StoreError> {
    let counts = end(tx, user).await?;
    let ended = !counts.is_empty();
    counter::add(tx, counts).await?;
    Ok(ended)
}

/// Ends the password in force, and says what that changes in the realm's mix: what the row held when it was ended, whoever raised it meanwhile.
async fn end(tx: &mut WriteTx<'_>, user: UserId) -> Result<BTreeMap<String, i64>, StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let sql = sql!(
        "UPDATE credential SET ended_at = $3, ended_by = $4
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'password' AND ended_at IS NULL RETURNING secret"
    );
    let mut counts = BTreeMap::new();
    for row in tx.returning(sql, params![realm, user, now, by]).await? {
        *counts.entry(counter_of(&String::from_utf8_lossy(&row.get::<Vec<u8>>(0)?))).or_default() -= 1;
    }
    Ok(counts)
}

/// The kinds of the realm's password hashes with how many there are of each, in the order of their labels
/// (`domain::password::kind::Kind`; `unknown`: cannot be used).
///
/// # Errors
/// [`StoreError`].
pub async fn mix(tx: &mut impl Read) -> Result<Vec<(String, i64)>, StoreError> {
    let mut mix = counter::beginning_with(tx, counter::PASSWORD).await?;
    mix.retain(|(_, count)| *count > 0);
    Ok(mix)
}

/// The counter of a hash's kind.
fn counter_of(hash: &str) -> String {
    let label = Kind::of(hash).map_or_else(|| "unknown".to_owned(), |kind| kind.to_string());
    format!("{}{label}", counter::PASSWORD)
}

fn scheme(hash: &str) -> &'static str {
    Kind::of(hash).map_or("unknown", Kind::scheme)
}

/// Remembers that a factor was used.
///
/// # Errors
/// [`StoreError`].
pub async fn used(tx: &mut WriteTx<'_>, id: CredentialId) -> Result<(), StoreError> {
    let values = params![tx.realm(), id, tx.now()];
    tx.execute(sql!("UPDATE credential SET last_used_at = $3 WHERE realm_id = $1 AND id = $2"), values)
        .await
        .map(|_| ())
}

/// Replaces the hash of the same password by one with the current parameters (PW-14); `false` if the password was ended, or raised, meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn raise(tx: &mut WriteTx<'_>, id: CredentialId, hash: &str) -> Result<bool, StoreError> {
    let find = sql!(
        "SELECT secret FROM credential WHERE realm_id = $1 AND id = $2 AND kind = 'password' AND ended_at IS NULL"
    );
    let Some(row) = tx.one(find, params![tx.realm(), id]).await? else { return Ok(false) };
    let before: Vec<u8> = row.get(0)?;
    let mut counts = BTreeMap::from([(counter_of(&String::from_utf8_lossy(&before)), -1)]);
    // Only what was read: the mix counts what the row held.
    let sql = sql!(
        "UPDATE credential SET secret = $4, scheme = $5
          WHERE realm_id = $1 AND id = $2 AND secret = $3 AND ended_at IS NULL"
    );
    if tx.execute(sql, params![tx.realm(), id, before, hash.as_bytes(), scheme(hash)]).await? == 0 {
        return Ok(false);
    }
    *counts.entry(counter_of(hash)).or_default() += 1;
    counter::add(tx, counts).await?;
    Ok(true)
}
