//! Second factors: authenticator applications and recovery codes. Rows are ended, never deleted, so that it stays known what was ever bound
//! (MFA-08); only an enrolment that nobody confirmed is removed. The password is `store::credential`'s.

use domain::id::{CredentialId, UserId};
use domain::time::Timestamp;
use domain::totp;

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// A factor as people see it: also the password.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its row.
    pub id: CredentialId,
    /// `password`, `totp`, `passkey`, `recovery_codes`.
    pub kind: String,
    /// What its owner calls it.
    pub label: String,
    /// JSON: what its kind remembers.
    pub state: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Last used.
    pub last_used_at: Option<Timestamp>,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

fn from_row(row: &Row) -> Result<Factor, StoreError> {
    Ok(Factor {
        id: row.get(0)?,
        kind: row.get(1)?,
        label: row.get(2)?,
        state: row.get(3)?,
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
        ended_at: row.get(6)?,
    })
}

/// The factors in force, in the order in which they were bound.
///
/// # Errors
/// [`StoreError`].
pub async fn of_user(tx: &mut impl Read, user: UserId) -> Result<Vec<Factor>, StoreError> {
    let sql = sql!(
        "SELECT id, kind, label, state, created_at, last_used_at, ended_at FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND ended_at IS NULL AND confirmed_at IS NOT NULL ORDER BY id"
    );
    tx.query(sql, params![tx.realm(), user]).await?.iter().map(from_row).collect()
}

/// All that were ever bound, newest first; at most 200.
///
/// # Errors
/// [`StoreError`].
pub async fn history(tx: &mut impl Read, user: UserId) -> Result<Vec<Factor>, StoreError> {
    let sql = sql!(
        "SELECT id, kind, label, state, created_at, last_used_at, ended_at FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL ORDER BY id DESC LIMIT 200"
    );
    tx.query(sql, params![tx.realm(), user]).await?.iter().map(from_row).collect()
}

/// What is sealed, with the state that a guarded update relies on.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// Its row.
    pub id: CredentialId,
    /// What its owner calls it.
    pub label: String,
    /// The envelope.
    pub secret: Vec<u8>,
    /// JSON: what its kind remembers.
    pub state: String,
}

fn sealed(row: &Row) -> Result<Sealed, StoreError> {
    Ok(Sealed { id: row.get(0)?, label: row.get(1)?, secret: row.get(2)?, state: row.get(3)? })
}

/// Confirmed applications of a person.
///
/// # Errors
/// [`StoreError`].
pub async fn totps(tx: &mut impl Read, user: UserId) -> Result<Vec<Sealed>, StoreError> {
    let sql = sql!(
        "SELECT id, label, secret, state FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'totp' AND ended_at IS NULL AND confirmed_at IS NOT NULL ORDER BY id"
    );
    tx.query(sql, params![tx.realm(), user]).await?.iter().map(sealed).collect()
}

/// An application that is being bound and not confirmed yet.
///
/// # Errors
/// [`StoreError`].
pub async fn pending(tx: &mut impl Read, user: UserId, id: CredentialId) -> Result<Option<Sealed>, StoreError> {
    let sql = sql!(
        "SELECT id, label, secret, state FROM credential
          WHERE realm_id = $1 AND id = $2 AND user_id = $3 AND kind = 'totp' AND ended_at IS NULL AND confirmed_at IS NULL"
    );
    tx.one(sql, params![tx.realm(), id, user]).await?.as_ref().map(sealed).transpose()
}

/// Begins to bind an application; what the person began before and did not confirm is dropped.
///
/// # Errors
/// [`StoreError`].
pub async fn begin_totp(
    tx: &mut WriteTx<'_>,
    id: CredentialId,
    user: UserId,
    label: &str,
    secret: &[u8],
) -> Result<(), StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    let drop = sql!(
        "DELETE FROM credential WHERE realm_id = $1 AND user_id = $2 AND kind = 'totp' AND ended_at IS NULL AND confirmed_at IS NULL"
    );
    tx.execute(drop, params![realm, user]).await?;
    let insert = sql!(
        "INSERT INTO credential (realm_id, id, user_id, kind, label, scheme, secret, state, created_at)
         VALUES ($1, $2, $3, 'totp', $4, $5, $6, '{}', $7)"
    );
    tx.execute(insert, params![realm, id, user, label, totp::SCHEME, secret, now]).await.map(|_| ())
}

/// Binds an application whose code was right; `false`: it is not pending any more.
///
/// # Errors
/// [`StoreError`].
pub async fn confirm(tx: &mut WriteTx<'_>, id: CredentialId, label: &str, state: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE credential SET confirmed_at = $3, last_used_at = $3, label = $4, state = $5
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL AND confirmed_at IS NULL"
    );
    let values = params![tx.realm(), id, tx.now(), label, state];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Remembers that a code was used; `false`: another request used one meanwhile (TOTP-02).
///
/// # Errors
/// [`StoreError`].
pub async fn used(tx: &mut WriteTx<'_>, id: CredentialId, before: &str, after: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE credential SET last_used_at = $3, state = $5
          WHERE realm_id = $1 AND id = $2 AND state = $4 AND ended_at IS NULL AND confirmed_at IS NOT NULL"
    );
    let values = params![tx.realm(), id, tx.now(), before, after];
    Ok(tx.execute(sql, values).await? == 1)
}

/// The recovery codes of a person.
///
/// # Errors
/// [`StoreError`].
pub async fn recovery_codes(tx: &mut impl Read, user: UserId) -> Result<Option<Sealed>, StoreError> {
    let sql = sql!(
        "SELECT id, label, secret, state FROM credential
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'recovery_codes' AND ended_at IS NULL ORDER BY id DESC LIMIT 1"
    );
    tx.one(sql, params![tx.realm(), user]).await?.as_ref().map(sealed).transpose()
}

/// Gives a person a new set; the one before is ended.
///
/// # Errors
/// [`StoreError`].
pub async fn set_recovery_codes(
    tx: &mut WriteTx<'_>,
    id: CredentialId,
    user: UserId,
    secret: &[u8],
) -> Result<(), StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let end = sql!(
        "UPDATE credential SET ended_at = $3, ended_by = $4, secret = NULL
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'recovery_codes' AND ended_at IS NULL"
    );
    tx.execute(end, params![realm, user, now, by]).await?;
    let insert = sql!(
        "INSERT INTO credential (realm_id, id, user_id, kind, label, scheme, secret, state, created_at, confirmed_at)
         VALUES ($1, $2, $3, 'recovery_codes', '', 'argon2id', $4, '{}', $5, $5)"
    );
    tx.execute(insert, params![realm, id, user, secret, now]).await.map(|_| ())
}

/// Puts another code in the place of one that was used; `false`: the set changed meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn replace_recovery_code(
    tx: &mut WriteTx<'_>,
    id: CredentialId,
    before: &[u8],
    after: &[u8],
) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE credential SET secret = $4, last_used_at = $5 WHERE realm_id = $1 AND id = $2 AND secret = $3 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), id, before, after, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a factor another name; `false`: there is no such factor.
///
/// # Errors
/// [`StoreError`].
pub async fn rename(tx: &mut WriteTx<'_>, user: UserId, id: CredentialId, label: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE credential SET label = $4
          WHERE realm_id = $1 AND id = $2 AND user_id = $3 AND kind IN ('totp', 'passkey') AND ended_at IS NULL AND confirmed_at IS NOT NULL"
    );
    let values = params![tx.realm(), id, user, label];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Ends a second factor; `false`: there is no such factor. Its secret goes, its row stays.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, user: UserId, id: CredentialId) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE credential SET ended_at = $4, ended_by = $5, secret = NULL
          WHERE realm_id = $1 AND id = $2 AND user_id = $3 AND kind <> 'password' AND ended_at IS NULL AND confirmed_at IS NOT NULL"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, user, tx.now(), by];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Notes on the password in force that it must be changed at the next sign-in; `false`: there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn require_change(tx: &mut WriteTx<'_>, user: UserId, state: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE credential SET state = $3
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'password' AND ended_at IS NULL AND confirmed_at IS NOT NULL"
    );
    let values = params![tx.realm(), user, state];
    Ok(tx.execute(sql, values).await? >= 1)
}

/// Removes enrolments that nobody confirmed before an instant; at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn expire_pending(tx: &mut WriteTx<'_>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    let sql = sql!(
        "DELETE FROM credential WHERE realm_id = $1 AND id IN
            (SELECT id FROM credential WHERE realm_id = $1 AND confirmed_at IS NULL AND created_at <= $2 LIMIT $3)"
    );
    let values = params![tx.realm(), before, limit];
    tx.execute(sql, values).await
}
