//! Small numbers: what caches are keyed on, marks of jobs.

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// The edition of roles, permissions and inheritance: `roles_version`.
pub const ROLES: &str = "roles";
/// How many passwords of one kind there are: followed by the kind's label.
pub const PASSWORD: &str = "password:";
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

/// Raises a counter by one; returns its value.
///
/// # Errors
/// [`StoreError`].
pub async fn raise(tx: &mut WriteTx<'_>, name: &str) -> Result<i64, StoreError> {
    let sql = sql!(
        "INSERT INTO counter (realm_id, name, value) VALUES ($1, $2, 1)
         ON CONFLICT (realm_id, name) DO UPDATE SET value = counter.value + 1 RETURNING value"
    );
    let rows = tx.returning(sql, params![tx.realm(), name]).await?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

/// Adds to several counters, each by its own amount: in the order of their names, so that two transactions never wait for each other.
///
/// # Errors
/// [`StoreError`].
pub async fn add(tx: &mut WriteTx<'_>, changes: std::collections::BTreeMap<String, i64>) -> Result<(), StoreError> {
    for (name, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
        let sql = sql!(
            "INSERT INTO counter (realm_id, name, value) VALUES ($1, $2, $3)
             ON CONFLICT (realm_id, name) DO UPDATE SET value = counter.value + $3"
        );
        tx.execute(sql, params![tx.realm(), name, change]).await?;
    }
    Ok(())
}

/// The counters whose names begin with `prefix`, without it, in the order of their names.
///
/// # Errors
/// [`StoreError`].
pub async fn beginning_with(tx: &mut impl Read, prefix: &str) -> Result<Vec<(String, i64)>, StoreError> {
    // The first text that is above all of them: names are ASCII, compared as bytes.
    let end = format!("{prefix}\u{7f}");
    let sql = sql!("SELECT name, value FROM counter WHERE realm_id = $1 AND name >= $2 AND name < $3 ORDER BY name");
    let rows = tx.query(sql, params![tx.realm(), prefix, end]).await?;
    let one = |row: &crate::db::Row| Ok((row.get::<String>(0)?.split_off(prefix.len()), row.get(1)?));
    rows.iter().map(one).collect()
}
