//! Factors: here the password, current and past. Rows are ended, never overwritten, but for a raised hash of the same password.

use domain::id::{CredentialId, UserId};
use domain::time::Timestamp;

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// The password of a person.
#[derive(Clone)]
pub struct Password {
    /// Its row.
    pub id: CredentialId,
    /// The PHC string.
    pub hash: String,
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
        "SELECT id, secret FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'password' AND ended_at IS NULL ORDER BY id DESC LIMIT 1"
    );
    let Some(row) = tx.one(sql, params![tx.realm(), user]).await? else { return Ok(None) };
    let id: CredentialId = row.get(0)?;
    let hash = String::from_utf8(row.get::<Vec<u8>>(1)?).map_err(|_| StoreError::Corrupt {
        table: "credential",
        column: "secret".to_owned(),
        id: id.to_string(),
    })?;
    Ok(Some(Password { id, hash }))
}

/// Sets a new password and ends the one before.
///
/// # Errors
/// [`StoreError`].
pub async fn set_password(tx: &mut WriteTx<'_>, id: CredentialId, user: UserId, hash: &str) -> Result<(), StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let end = sql!(
        "UPDATE credential SET ended_at = $3, ended_by = $4
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'password' AND ended_at IS NULL"
    );
    tx.execute(end, params![realm, user, now, by]).await?;
    let scheme = hash.split('$').nth(1).unwrap_or("unknown").to_owned();
    let insert = sql!(
        "INSERT INTO credential (realm_id, id, user_id, kind, label, scheme, secret, state, created_at, confirmed_at)
         VALUES ($1, $2, $3, 'password', '', $4, $5, '{}', $6, $6)"
    );
    tx.execute(insert, params![realm, id, user, scheme, hash.as_bytes(), now]).await.map(|_| ())
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

/// A factor as its owner sees it.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its row.
    pub id: CredentialId,
    /// `password`, `totp`, …
    pub kind: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Last used.
    pub last_used_at: Option<Timestamp>,
}

/// The factors in force.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut impl Read, user: UserId) -> Result<Vec<Factor>, StoreError> {
    let sql = sql!(
        "SELECT id, kind, created_at, last_used_at FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL AND confirmed_at IS NOT NULL ORDER BY id"
    );
    let rows = tx.query(sql, params![tx.realm(), user]).await?;
    let factor = |row: &crate::db::Row| {
        Ok(Factor { id: row.get(0)?, kind: row.get(1)?, created_at: row.get(2)?, last_used_at: row.get(3)? })
    };
    rows.iter().map(factor).collect()
}

/// Replaces the hash of the same password by one with the current parameters (PW-14).
///
/// # Errors
/// [`StoreError`].
pub async fn raise(tx: &mut WriteTx<'_>, id: CredentialId, hash: &str) -> Result<bool, StoreError> {
    let scheme = hash.split('$').nth(1).unwrap_or("unknown").to_owned();
    let sql =
        sql!("UPDATE credential SET secret = $3, scheme = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    let values = params![tx.realm(), id, hash.as_bytes(), scheme];
    Ok(tx.execute(sql, values).await? == 1)
}
