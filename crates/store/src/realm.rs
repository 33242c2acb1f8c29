//! Realms: the rows that everything else hangs on.

use domain::attribute::AttributeSchema;
use domain::realm::{Realm, RealmKey, RealmSlug};

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

fn from_row(row: &Row) -> Result<Realm, StoreError> {
    Ok(Realm {
        key: row.get(0)?,
        slug: row.parsed(1, RealmSlug::parse)?,
        name: row.get(2)?,
        issuer: row.get(3)?,
        rp_id: row.get(4)?,
        profile: row.get(5)?,
    })
}

/// All realms, in the order in which they were made.
///
/// # Errors
/// [`StoreError`].
pub async fn all(tx: &mut impl Read) -> Result<Vec<Realm>, StoreError> {
    let rows =
        tx.query(sql!("SELECT id, slug, name, issuer, rp_id, profile FROM realm ORDER BY id"), params![]).await?;
    rows.iter().map(from_row).collect()
}

/// The transaction's own realm.
///
/// # Errors
/// [`StoreError`].
pub async fn own(tx: &mut impl Read) -> Result<Option<Realm>, StoreError> {
    let sql = sql!("SELECT id, slug, name, issuer, rp_id, profile FROM realm WHERE id = $1");
    tx.one(sql, params![tx.realm()]).await?.as_ref().map(from_row).transpose()
}

/// A realm that is to be made.
#[derive(Clone, Debug)]
pub struct NewRealm {
    /// Its name in paths.
    pub slug: RealmSlug,
    /// Its name for people.
    pub name: String,
    /// `iss` of its tokens.
    pub issuer: String,
    /// WebAuthn relying party id.
    pub rp_id: String,
}

/// Makes a realm under the next key; `None`: the slug or the issuer is taken. Needs [`Guard::Setup`](crate::Guard::Setup).
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, new: &NewRealm) -> Result<Option<RealmKey>, StoreError> {
    let sql = sql!(
        "INSERT INTO realm (id, slug, name, issuer, rp_id, attribute_schema, created_at)
         SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), '{}', CAST($5 AS BIGINT)
           FROM realm WHERE TRUE
         ON CONFLICT DO NOTHING RETURNING id"
    );
    let now = tx.now();
    let values = params![new.slug.as_str(), &new.name, &new.issuer, &new.rp_id, now];
    tx.returning(sql, values).await?.first().map(|row| row.get(0)).transpose()
}

/// The profile that was applied last, and its edition.
///
/// # Errors
/// [`StoreError`].
pub async fn profile(tx: &mut impl Read) -> Result<Option<(String, u32)>, StoreError> {
    let sql = sql!("SELECT profile, profile_edition FROM realm WHERE id = $1 AND profile IS NOT NULL");
    let row = tx.one(sql, params![tx.realm()]).await?;
    let edition = |row: &Row| Ok::<_, StoreError>(row.get::<Option<i64>>(1)?.unwrap_or(0));
    row.map(|row| Ok((row.get(0)?, u32::try_from(edition(&row)?).unwrap_or(0)))).transpose()
}

/// Remembers the profile that was applied.
///
/// # Errors
/// [`StoreError`].
pub async fn set_profile(tx: &mut WriteTx<'_>, name: &str, edition: u32) -> Result<(), StoreError> {
    let values = params![tx.realm(), name, edition];
    tx.execute(sql!("UPDATE realm SET profile = $2, profile_edition = $3 WHERE id = $1"), values).await.map(|_| ())
}

/// Which attributes a person of this realm may carry.
///
/// # Errors
/// [`StoreError`].
pub async fn attribute_schema(tx: &mut impl Read) -> Result<AttributeSchema, StoreError> {
    let sql = sql!("SELECT attribute_schema FROM realm WHERE id = $1");
    match tx.one(sql, params![tx.realm()]).await? {
        Some(row) => row.parsed(0, |text| serde_json::from_str(text).ok()),
        None => Ok(AttributeSchema::default()),
    }
}

/// Writes which attributes a person of this realm may carry.
///
/// # Errors
/// [`StoreError`].
pub async fn set_attribute_schema(tx: &mut WriteTx<'_>, schema: &AttributeSchema) -> Result<(), StoreError> {
    let json = serde_json::to_string(schema).map_err(|error| StoreError::Driver(error.to_string()))?;
    let values = params![tx.realm(), &json];
    tx.execute(sql!("UPDATE realm SET attribute_schema = $2 WHERE id = $1"), values).await.map(|_| ())
}
