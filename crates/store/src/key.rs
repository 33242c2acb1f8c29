//! Signing keys: sealed private halves, public halves, schedules.

use domain::id::KeyId;
use domain::key::{Algorithm, Schedule};
use domain::time::Timestamp;

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// A key as stored.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its row.
    pub id: KeyId,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// JSON of the public JWK.
    pub public_jwk: String,
    /// Sealed PKCS#8; `None` once dropped.
    pub sealed_private: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it signs.
    pub schedule: Schedule,
}

/// The keys that are not dropped, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn all(tx: &mut impl Read) -> Result<Vec<Key>, StoreError> {
    let sql = sql!(
        "SELECT id, kid, algorithm, public_jwk, private_key, created_at, signs_from, retires_at FROM signing_key
          WHERE realm_id = $1 AND dropped_at IS NULL ORDER BY created_at, id"
    );
    let rows = tx.query(sql, params![tx.realm()]).await?;
    rows.iter()
        .map(|row| {
            Ok(Key {
                id: row.get(0)?,
                kid: row.get(1)?,
                algorithm: row.parsed(2, Algorithm::parse)?,
                public_jwk: row.get(3)?,
                sealed_private: row.get(4)?,
                created_at: row.get(5)?,
                schedule: Schedule { signs_from: row.get(6)?, retires_at: row.get(7)?, dropped: false },
            })
        })
        .collect()
}

/// Adds a key.
///
/// # Errors
/// [`StoreError`].
pub async fn add(tx: &mut WriteTx<'_>, key: &Key) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO signing_key (realm_id, id, kid, algorithm, public_jwk, private_key, created_at, signs_from, retires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    );
    let values = params![
        tx.realm(),
        key.id,
        &key.kid,
        key.algorithm.as_str(),
        &key.public_jwk,
        key.sealed_private.clone(),
        key.created_at,
        key.schedule.signs_from,
        key.schedule.retires_at,
    ];
    tx.execute(sql, values).await.map(|_| ())
}

/// Sets when a key signs no more; `false`: it was set already.
///
/// # Errors
/// [`StoreError`].
pub async fn retire(tx: &mut WriteTx<'_>, id: KeyId, at: Timestamp) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE signing_key SET retires_at = $3
          WHERE realm_id = $1 AND id = $2 AND dropped_at IS NULL AND (retires_at IS NULL OR retires_at > $3)"
    );
    let values = params![tx.realm(), id, at];
    Ok(tx.execute(sql, values).await? == 1)
}

/// Takes a key out of the key set at once and forgets its private half.
///
/// # Errors
/// [`StoreError`].
pub async fn drop_key(tx: &mut WriteTx<'_>, id: KeyId) -> Result<bool, StoreError> {
    let sql = sql!(
        "UPDATE signing_key SET dropped_at = $3, private_key = NULL WHERE realm_id = $1 AND id = $2 AND dropped_at IS NULL"
    );
    let values = params![tx.realm(), id, tx.now()];
    Ok(tx.execute(sql, values).await? == 1)
}
