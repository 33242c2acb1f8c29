//! Single-use links and codes: set-up, invitation, activation, reset.

use domain::id::{PrincipalId, TokenId, UserId};
use domain::secret::SecretHash;
use domain::time::Timestamp;

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Make the first administrator (ACC-02).
    SetUp,
    /// Choose the first password.
    Invitation,
    /// The same, from a printed code.
    Activation,
    /// Choose a new password.
    Reset,
    /// Confirm an address; what it is stands in the payload.
    EmailChange,
}

impl Purpose {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetUp => "set_up",
            Self::Invitation => "invitation",
            Self::Activation => "activation",
            Self::Reset => "reset",
            Self::EmailChange => "email_change",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::SetUp, Self::Invitation, Self::Activation, Self::Reset, Self::EmailChange]
            .into_iter()
            .find(|p| p.as_str() == text)
    }
}

/// A link that can still be used.
#[derive(Clone, Copy, Debug)]
pub struct Usable {
    /// Its row.
    pub id: TokenId,
    /// What it is for.
    pub purpose: Purpose,
    /// For whom.
    pub user: Option<UserId>,
    /// Until when.
    pub expires_at: Timestamp,
    /// By whom; `None`: the command line or the server.
    pub created_by: Option<PrincipalId>,
}

/// Makes a link; those of the same purpose for the same person are void from now on.
///
/// # Errors
/// [`StoreError`].
pub async fn create(
    tx: &mut WriteTx<'_>,
    id: TokenId,
    hash: &SecretHash,
    purpose: Purpose,
    user: Option<UserId>,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let void = sql!(
        "UPDATE one_time_token SET voided_at = $4
          WHERE realm_id = $1 AND user_id IS NOT DISTINCT FROM $2 AND kind = $3 AND used_at IS NULL AND voided_at IS NULL"
    );
    tx.execute(void, params![realm, user, purpose.as_str(), now]).await?;
    let insert = sql!(
        "INSERT INTO one_time_token (realm_id, id, token_hash, kind, user_id, payload, failures, created_at, created_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, '{}', 0, $6, $7, $8)"
    );
    let values = params![realm, id, hash.bytes(), purpose.as_str(), user, now, by, expires_at];
    tx.execute(insert, values).await.map(|_| ())
}

/// The link with this hash, if it can still be used.
///
/// # Errors
/// [`StoreError`].
pub async fn usable(tx: &mut impl Read, hash: &SecretHash) -> Result<Option<Usable>, StoreError> {
    let sql = sql!(
        "SELECT id, kind, user_id, expires_at, created_by FROM one_time_token
          WHERE realm_id = $1 AND token_hash = $2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > $3"
    );
    let Some(row) = tx.one(sql, params![tx.realm(), hash.bytes(), tx.now()]).await? else { return Ok(None) };
    Ok(Some(Usable {
        id: row.get(0)?,
        purpose: row.parsed(1, Purpose::parse)?,
        user: row.get(2)?,
        expires_at: row.get(3)?,
        created_by: row.get(4)?,
    }))
}

/// Uses a link; `false`: somebody did, or it expired.
///
/// # Errors
/// [`StoreError`].
pub async fn consume(tx: &mut WriteTx<'_>, id: TokenId) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE one_time_token SET used_at = $3
          WHERE realm_id = $1 AND id = $2 AND used_at IS NULL AND voided_at IS NULL AND expires_at > $3"
    );
    let values = params![tx.realm(), id, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Voids all links of a person.
///
/// # Errors
/// [`StoreError`].
pub async fn void_all(tx: &mut WriteTx<'_>, user: UserId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE one_time_token SET voided_at = $3 WHERE realm_id = $1 AND user_id = $2 AND used_at IS NULL AND voided_at IS NULL"
    );
    let values = params![tx.realm(), user, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// Makes a link that confirms an address. Others stay: `void` what it replaces.
///
/// # Errors
/// [`StoreError`].
pub async fn create_confirmation(
    tx: &mut WriteTx<'_>,
    id: TokenId,
    hash: &SecretHash,
    (user, payload): (UserId, &str),
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO one_time_token (realm_id, id, token_hash, kind, user_id, payload, failures, created_at, created_by, expires_at)
         VALUES ($1, $2, $3, 'email_change', $4, $5, 0, $6, $7, $8)"
    );
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, hash.bytes(), user, payload, tx.now(), by, expires_at];
    tx.execute(sql, values).await.map(|_| ())
}

/// What a link's row says beside its purpose: JSON.
///
/// # Errors
/// [`StoreError`].
pub async fn payload(tx: &mut impl Read, id: TokenId) -> Result<Option<String>, StoreError> {
    let sql = sql!("SELECT payload FROM one_time_token WHERE realm_id = $1 AND id = $2");
    tx.one(sql, params![tx.realm(), id]).await?.map(|row| row.get(0)).transpose()
}

/// The open links of a person that confirm an address, with their payloads.
///
/// # Errors
/// [`StoreError`].
pub async fn confirmations(tx: &mut impl Read, user: UserId) -> Result<Vec<(TokenId, String)>, StoreError> {
    let sql = sql!(
        "SELECT id, payload FROM one_time_token WHERE realm_id = $1 AND user_id = $2 AND kind = 'email_change'
            AND used_at IS NULL AND voided_at IS NULL AND expires_at > $3 ORDER BY id"
    );
    let rows = tx.query(sql, params![tx.realm(), user, tx.now()]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// How many links that confirm an address were made for a person since an instant.
///
/// # Errors
/// [`StoreError`].
pub async fn confirmations_since(tx: &mut impl Read, user: UserId, since: Timestamp) -> Result<i64, StoreError> {
    let sql = sql!(
        "SELECT COUNT(*) FROM one_time_token WHERE realm_id = $1 AND user_id = $2 AND kind = 'email_change' AND created_at > $3"
    );
    let row = tx.one(sql, params![tx.realm(), user, since]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Voids one link.
///
/// # Errors
/// [`StoreError`].
pub async fn void(tx: &mut WriteTx<'_>, id: TokenId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE one_time_token SET voided_at = $3 WHERE realm_id = $1 AND id = $2 AND used_at IS NULL AND voided_at IS NULL"
    );
    let values = params![tx.realm(), id, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}
