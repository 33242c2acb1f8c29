//! Small numbers: what caches are keyed on, marks of jobs.

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// The edition of roles, permissions and inheritance: `roles_version`.
pub const ROLES: &str = "roles";
/// The edition of signing keys.
pub const KEYS: &str = "keys";

/// The value of a counter; 0 if it was never raised.
///
/// # Errors
/// [`StoreError`].
pub async fn value(tx: &mut impl Read, name: &str) -> Result<i64, StoreError> {
    let row =
        tx.one(sql!("SELECT value FROM counter WHERE realm_id = $1 AND name = $2"), params![tx.realm(), name]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// Raises a counter by one.
///
/// # Errors
/// [`StoreError`].
pub async fn raise(tx: &mut WriteTx<'_>, name: &str) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO counter (realm_id, name, value) VALUES ($1, $2, 1)
         ON CONFLICT (realm_id, name) DO UPDATE SET value = counter.value + 1"
    );
    tx.execute(sql, params![tx.realm(), name]).await.map(|_| ())
}
