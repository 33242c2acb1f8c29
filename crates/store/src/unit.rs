//! Units: the organisation's places.

use domain::access::Reach;
use domain::id::UnitId;
use domain::realm::RealmKey;
use domain::unit::UnitPath;

use crate::db::{Composed, Read, Row, Statement, WriteTx, params, sql};
use crate::error::StoreError;

/// A unit as stored.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its path; never changes.
    pub path: UnitPath,
    /// Its name for people.
    pub name: String,
    /// Raised by each change.
    pub version: i64,
}

fn from_row(row: &Row) -> Result<Unit, StoreError> {
    Ok(Unit {
        id: row.get(0)?,
        path: row.parsed(1, |p| UnitPath::parse(p).ok())?,
        name: row.get(2)?,
        version: row.get(3)?,
    })
}

/// The unit at a path, in force.
///
/// # Errors
/// [`StoreError`].
pub async fn by_path(tx: &mut impl Read, path: &UnitPath) -> Result<Option<Unit>, StoreError> {
    let sql = sql!("SELECT id, path, name, version FROM unit WHERE realm_id = $1 AND path = $2 AND ended_at IS NULL");
    tx.one(sql, params![tx.realm(), path.as_str()]).await?.as_ref().map(from_row).transpose()
}

/// All units in force within reach, by path, after `after`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut impl Read, after: &str, limit: i64) -> Result<Vec<Unit>, StoreError> {
    let statement = list_statement(tx.realm(), tx.allowed().reach(), after, limit);
    tx.query(statement.sql, statement.params).await?.iter().map(from_row).collect()
}

/// The statement of [`list`], for the test that enumerates every combination.
#[must_use]
pub fn list_statement(realm: RealmKey, reach: &Reach, after: &str, limit: i64) -> Statement {
    Composed::new("SELECT id, path, name, version FROM unit WHERE realm_id = ")
        .bind(realm)
        .add(" AND ended_at IS NULL AND path > ")
        .bind(after)
        .within("path", reach)
        .add(" ORDER BY path LIMIT ")
        .bind(limit)
        .done()
}

/// A unit in force within reach.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, id: UnitId) -> Result<Option<Unit>, StoreError> {
    let statement = find_statement(tx.realm(), tx.allowed().reach(), id);
    tx.one(statement.sql, statement.params).await?.as_ref().map(from_row).transpose()
}

/// The statement of [`find`], for the test of all composed statements.
#[must_use]
pub fn find_statement(realm: RealmKey, reach: &Reach, id: UnitId) -> Statement {
    Composed::new("SELECT id, path, name, version FROM unit WHERE realm_id = ")
        .bind(realm)
        .and("id = ", Some(id))
        .add(" AND ended_at IS NULL")
        .within("path", reach)
        .done()
}

/// Gives a unit another name for people, and raises its version; `false`: it is in another version, or ended.
///
/// # Errors
/// [`StoreError`].
pub async fn rename(tx: &mut WriteTx<'_>, id: UnitId, version: i64, name: &str) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE unit SET name = $4, version = version + 1
          WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), id, version, name];
    Ok(tx.execute(sql, values).await? == 1)
}

/// What keeps a unit from being ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// Units below it.
    Units,
    /// People whose home it is.
    People,
    /// Roles held in it, now or later.
    Grants,
}

/// Whether something is in a unit. Needs [`Guard::RoleGraph`](crate::Guard::RoleGraph), which whoever puts something there takes too.
///
/// # Errors
/// [`StoreError`].
pub async fn in_use(tx: &mut WriteTx<'_>, id: UnitId) -> Result<Option<InUse>, StoreError> {
    let below = sql!("SELECT id FROM unit WHERE realm_id = $1 AND parent_id = $2 AND ended_at IS NULL LIMIT 1");
    if tx.one(below, params![tx.realm(), id]).await?.is_some() {
        return Ok(Some(InUse::Units));
    }
    let people = sql!("SELECT id FROM \"user\" WHERE realm_id = $1 AND unit_id = $2 AND status <> 'deleted' LIMIT 1");
    if tx.one(people, params![tx.realm(), id]).await?.is_some() {
        return Ok(Some(InUse::People));
    }
    Ok(crate::access::grant::any_in_unit(tx, id).await?.then_some(InUse::Grants))
}

/// Ends a unit; `false`: it was ended already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: UnitId) -> Result<bool, StoreError> {
    let sql = sql!("UPDATE unit SET ended_at = $3, ended_by = $4 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, tx.now(), by];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Makes a unit; `None`: the path is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn create(
    tx: &mut WriteTx<'_>,
    id: UnitId,
    parent: Option<UnitId>,
    path: &UnitPath,
    name: &str,
) -> Result<Option<UnitId>, StoreError> {
    let by = tx.allowed().actor().principal();
    let values = params![tx.realm(), id, parent, path.slug(), path.as_str(), name, tx.now(), by];
    let sql = sql!(
        "INSERT INTO unit (realm_id, id, parent_id, slug, path, name, version, valid_from, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8) ON CONFLICT DO NOTHING RETURNING id"
    );
    tx.returning(sql, values).await?.first().map(|row| row.get(0)).transpose()
}
