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
