//! APIs: resource servers with an audience, permissions and credentials.

use domain::id::{ApiId, PermissionId, PrincipalId, SecretId};
use domain::key::Algorithm;
use domain::permission::{Audience, PermissionName};
use domain::secret::SecretHash;
use domain::time::Timestamp;

use crate::db::{Read, Row, WriteTx, params, sql};
use crate::error::StoreError;

/// An API as stored.
#[derive(Clone, Debug)]
pub struct Api {
    /// Its id, also as a principal.
    pub id: ApiId,
    /// Its name in paths, roles and tokens.
    pub audience: Audience,
    /// Its name for people.
    pub name: String,
    /// How its tokens are signed.
    pub algorithm: Algorithm,
    /// How long they live at most.
    pub access_lifetime_seconds: i64,
    /// Whether it is our own, or a profile's.
    pub built_in: bool,
    /// Raised by each change.
    pub version: i64,
}

fn from_row(row: &Row) -> Result<Api, StoreError> {
    Ok(Api {
        id: row.get(0)?,
        audience: row.parsed(1, |a| Audience::parse(a).ok())?,
        name: row.get(2)?,
        algorithm: row.parsed(3, Algorithm::parse)?,
        access_lifetime_seconds: row.get(4)?,
        built_in: row.get(5)?,
        version: row.get(6)?,
    })
}

/// An API by audience.
///
/// # Errors
/// [`StoreError`].
pub async fn by_audience(tx: &mut impl Read, audience: &str) -> Result<Option<Api>, StoreError> {
    let sql = sql!(
        "SELECT id, audience, name, algorithm, access_lifetime_seconds, built_in, version FROM api
          WHERE realm_id = $1 AND audience = $2 AND ended_at IS NULL"
    );
    tx.one(sql, params![tx.realm(), audience]).await?.as_ref().map(from_row).transpose()
}

/// All APIs, by audience.
///
/// # Errors
/// [`StoreError`].
pub async fn all(tx: &mut impl Read) -> Result<Vec<Api>, StoreError> {
    let sql = sql!(
        "SELECT id, audience, name, algorithm, access_lifetime_seconds, built_in, version FROM api
          WHERE realm_id = $1 AND ended_at IS NULL ORDER BY audience"
    );
    tx.query(sql, params![tx.realm()]).await?.iter().map(from_row).collect()
}

/// Registers an API; `false`: the audience is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, api: &Api) -> Result<bool, StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    if by_audience(tx, api.audience.as_str()).await?.is_some() {
        return Ok(false);
    }
    let principal = sql!("INSERT INTO principal (realm_id, id, kind, created_at) VALUES ($1, $2, 'api', $3)");
    tx.execute(principal, params![realm, api.id, now]).await?;
    let sql = sql!(
        "INSERT INTO api (realm_id, id, audience, name, algorithm, access_lifetime_seconds, built_in, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)"
    );
    let lifetime = api.access_lifetime_seconds;
    let values =
        params![realm, api.id, api.audience.as_str(), &api.name, api.algorithm.as_str(), lifetime, api.built_in, now];
    tx.execute(sql, values).await.map(|rows| rows == 1)
}

/// Writes what may change of an API and raises its version; `false`: it is in another version, or ended.
///
/// # Errors
/// [`StoreError`].
pub async fn update(tx: &mut WriteTx<'_>, api: &Api) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE api SET name = $4, algorithm = $5, access_lifetime_seconds = $6, version = version + 1
          WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL"
    );
    let (algorithm, lifetime) = (api.algorithm.as_str(), api.access_lifetime_seconds);
    let values = params![tx.realm(), api.id, api.version, &api.name, algorithm, lifetime];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Ends an API with its permissions and secrets; `false`: it is in another version, or ended already.
///
/// # Errors
/// [`StoreError`].
pub async fn end(tx: &mut WriteTx<'_>, id: ApiId, version: i64) -> Result<bool, StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    let api =
        sql!("UPDATE api SET ended_at = $4 WHERE realm_id = $1 AND id = $2 AND version = $3 AND ended_at IS NULL");
    if tx.execute(api, params![realm, id, version, now]).await? == 0 {
        return Ok(false);
    }
    let permissions =
        sql!("UPDATE permission SET ended_at = $3 WHERE realm_id = $1 AND api_id = $2 AND ended_at IS NULL");
    tx.execute(permissions, params![realm, id, now]).await?;
    end_secrets(tx, id.into()).await?;
    Ok(true)
}

/// Ends all secrets of a principal.
///
/// # Errors
/// [`StoreError`].
pub async fn end_secrets(tx: &mut WriteTx<'_>, principal: PrincipalId) -> Result<(), StoreError> {
    let sql =
        sql!("UPDATE client_secret SET ended_at = $3 WHERE realm_id = $1 AND principal_id = $2 AND ended_at IS NULL");
    let values = params![tx.realm(), principal, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// Ends a permission; `false`: it was ended already.
///
/// # Errors
/// [`StoreError`].
pub async fn end_permission(tx: &mut WriteTx<'_>, id: PermissionId) -> Result<bool, StoreError> {
    let sql = sql!("UPDATE permission SET ended_at = $3 WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL");
    let values = params![tx.realm(), id, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// The permissions of an API, by name: id, name, description.
///
/// # Errors
/// [`StoreError`].
pub async fn permissions(tx: &mut impl Read, api: ApiId) -> Result<Vec<(PermissionId, String, String)>, StoreError> {
    let sql = sql!(
        "SELECT id, name, description FROM permission WHERE realm_id = $1 AND api_id = $2 AND ended_at IS NULL ORDER BY name"
    );
    let rows = tx.query(sql, params![tx.realm(), api]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// Adds a permission; `false`: the name is taken.
///
/// # Errors
/// [`StoreError`].
pub async fn add_permission(
    tx: &mut WriteTx<'_>,
    id: PermissionId,
    api: ApiId,
    name: &PermissionName,
    description: &str,
) -> Result<bool, StoreError> {
    let sql = sql!(
        "INSERT INTO permission (realm_id, id, api_id, name, description, created_at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT DO NOTHING"
    );
    let values = params![tx.realm(), id, api, name.as_str(), description, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Gives a principal a new secret; the one before stays valid until `others_end`, and none before that: two are valid while rotating.
///
/// # Errors
/// [`StoreError`].
pub async fn add_secret(
    tx: &mut WriteTx<'_>,
    id: SecretId,
    principal: PrincipalId,
    hash: &SecretHash,
    others_end: Timestamp,
) -> Result<(), StoreError> {
    let (realm, now, by) = (tx.realm(), tx.now(), tx.allowed().actor().principal());
    let end = sql!(
        "UPDATE client_secret SET expires_at = $3
          WHERE realm_id = $1 AND principal_id = $2 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"
    );
    tx.execute(end, params![realm, principal, others_end]).await?;
    let older = sql!(
        "UPDATE client_secret SET expires_at = $3
          WHERE realm_id = $1 AND principal_id = $2 AND ended_at IS NULL AND expires_at > $3
            AND created_at < (SELECT MAX(s.created_at) FROM client_secret s WHERE s.realm_id = $1 AND s.principal_id = $2 AND s.ended_at IS NULL)"
    );
    tx.execute(older, params![realm, principal, now]).await?;
    let add = sql!(
        "INSERT INTO client_secret (realm_id, id, principal_id, secret_hash, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)"
    );
    tx.execute(add, params![realm, id, principal, hash.bytes(), now, by]).await.map(|_| ())
}

/// The hashes of a principal's secrets that are valid now.
///
/// # Errors
/// [`StoreError`].
pub async fn secrets(tx: &mut impl Read, principal: PrincipalId) -> Result<Vec<SecretHash>, StoreError> {
    let sql = sql!(
        "SELECT secret_hash FROM client_secret
          WHERE realm_id = $1 AND principal_id = $2 AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"
    );
    let rows = tx.query(sql, params![tx.realm(), principal, tx.now()]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.extend(SecretHash::from_stored(&row.get::<Vec<u8>>(0)?));
    }
    Ok(found)
}
