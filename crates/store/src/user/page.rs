//! What a page of people shows of each, read for all of them at once.

use std::collections::BTreeMap;

use domain::access::Held;
use domain::id::{RoleId, UserId};
use domain::realm::RealmKey;
use domain::time::Timestamp;

use super::{SELECT, User, from_row};
use crate::access::grant::held;
use crate::db::{Composed, Read, Statement};
use crate::error::StoreError;

/// ` IN (NULL, $n, …)`, padded to a power of two, so that few different statements are prepared.
fn among(mut statement: Composed, ids: &[UserId]) -> Composed {
    statement = statement.add(" IN (NULL");
    let padded = if ids.is_empty() { 0 } else { ids.len().next_power_of_two() };
    let last = ids.last().into_iter().copied().cycle();
    for id in ids.iter().copied().chain(last).take(padded) {
        statement = statement.add(", ").bind(id);
    }
    statement.add(")")
}

/// People by id, in the order of the ids; only for ids that came from a search within reach.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(tx: &mut impl Read, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
    let statement = by_ids_statement(tx.realm(), ids);
    let rows = tx.query(statement.sql, statement.params).await?;
    let mut found: BTreeMap<UserId, User> =
        rows.iter().map(|row| from_row(row).map(|user| (user.id, user))).collect::<Result<_, _>>()?;
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// The statement of [`by_ids`], for the test of all composed statements.
#[must_use]
pub fn by_ids_statement(realm: RealmKey, ids: &[UserId]) -> Statement {
    among(Composed::new(SELECT).bind(realm).add(" AND u.id"), ids).done()
}

/// The roles that each of these people holds now.
///
/// # Errors
/// [`StoreError`].
pub async fn roles_of(tx: &mut impl Read, ids: &[UserId]) -> Result<Vec<(UserId, RoleId)>, StoreError> {
    let statement = roles_statement(tx.realm(), tx.now(), ids);
    let rows = tx.query(statement.sql, statement.params).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The statement of [`roles_of`], for the test of all composed statements.
#[must_use]
pub fn roles_statement(realm: RealmKey, now: Timestamp, ids: &[UserId]) -> Statement {
    let start = "SELECT DISTINCT g.principal_id, g.role_id FROM role_grant g WHERE g.realm_id = ";
    among(Composed::new(start).bind(realm).add(" AND g.principal_id"), ids)
        .add(" AND g.ended_at IS NULL AND g.valid_from <= ")
        .bind(now)
        .add(" AND (g.valid_until IS NULL OR g.valid_until > ")
        .bind(now)
        .add(")")
        .done()
}

/// The grants in force of each of these people, in the order in which they were given.
///
/// # Errors
/// [`StoreError`].
pub async fn held_of(tx: &mut impl Read, ids: &[UserId]) -> Result<Vec<(UserId, Held)>, StoreError> {
    let statement = held_statement(tx.realm(), tx.now(), ids);
    let rows = tx.query(statement.sql, statement.params).await?;
    rows.iter().map(|row| Ok((row.get(4)?, held(row)?))).collect()
}

/// The statement of [`held_of`], for the test of all composed statements.
#[must_use]
pub fn held_statement(realm: RealmKey, now: Timestamp, ids: &[UserId]) -> Statement {
    let start = "SELECT g.id, g.role_id, n.path, g.valid_until, g.principal_id FROM role_grant g
        JOIN unit n ON n.realm_id = g.realm_id AND n.id = g.unit_id WHERE g.realm_id = ";
    among(Composed::new(start).bind(realm).add(" AND g.principal_id"), ids)
        .add(" AND g.ended_at IS NULL AND g.valid_from <= ")
        .bind(now)
        .add(" AND (g.valid_until IS NULL OR g.valid_until > ")
        .bind(now)
        .add(") ORDER BY g.id")
        .done()
}

/// The kinds of second factors that each of these people has.
///
/// # Errors
/// [`StoreError`].
pub async fn mfa_of(tx: &mut impl Read, ids: &[UserId]) -> Result<Vec<(UserId, String)>, StoreError> {
    let statement = mfa_statement(tx.realm(), ids);
    let rows = tx.query(statement.sql, statement.params).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The statement of [`mfa_of`], for the test of all composed statements.
#[must_use]
pub fn mfa_statement(realm: RealmKey, ids: &[UserId]) -> Statement {
    let start = "SELECT DISTINCT c.user_id, c.kind FROM credential c WHERE c.realm_id = ";
    among(Composed::new(start).bind(realm).add(" AND c.user_id"), ids)
        .add(" AND c.kind IN ('totp', 'passkey') AND c.ended_at IS NULL AND c.confirmed_at IS NOT NULL")
        .done()
}
