//! Where notices go, beside the e-mail of the person's own row.

use domain::id::{AddressId, UserId};
use domain::time::Timestamp;
use domain::user::Email;

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// An address as stored.
#[derive(Clone, Debug)]
pub struct Address {
    /// Its id.
    pub id: AddressId,
    /// The e-mail address.
    pub value: String,
    /// When it was confirmed; until then no notice goes there.
    pub verified_at: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
}

fn from_row(row: &Row) -> Result<Address, StoreError> {
    Ok(Address { id: row.get(0)?, value: row.get(1)?, verified_at: row.get(2)?, created_at: row.get(3)? })
}

/// The addresses of a person, in the order in which they were added.
///
/// # Errors
/// [`StoreError`].
pub async fn of_user(tx: &mut impl Read, user: UserId) -> Result<Vec<Address>, StoreError> {
    let sql = sql!(
        "SELECT id, value, verified_at, created_at FROM address
          WHERE realm_id = $1 AND user_id = $2 AND kind = 'email' AND ended_at IS NULL AND value IS NOT NULL ORDER BY id"
    );
    tx.query(sql, params![tx.realm(), user]).await?.iter().map(from_row).collect()
}

/// Adds an address that is not confirmed yet.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, id: AddressId, user: UserId, value: &Email) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO address (realm_id, id, user_id, kind, value, created_at) VALUES ($1, $2, $3, 'email', $4, $5)"
    );
    let values = params![tx.realm(), id, user, value.as_str(), tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// Marks an address as confirmed; `false`: it was, or it is gone.
///
/// # Errors
/// [`StoreError`].
pub async fn confirm(tx: &mut WriteTx<'_>, user: UserId, id: AddressId) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE address SET verified_at = $4
          WHERE realm_id = $1 AND id = $2 AND user_id = $3 AND verified_at IS NULL AND ended_at IS NULL"
    );
    let values = params![tx.realm(), id, user, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Ends an address and forgets it; `false`: it is gone already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, user: UserId, id: AddressId) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE address SET value = NULL, ended_at = $4 WHERE realm_id = $1 AND id = $2 AND user_id = $3 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), id, user, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}
