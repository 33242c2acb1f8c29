//! Recognised devices: one random cookie a device, to which every account that signed in there is bound (2.4).

use domain::id::{DeviceId, UserId};
use domain::secret::SecretHash;
use domain::time::{days, seconds};

use crate::db::{Read, WriteTx, params, sql};
use crate::error::StoreError;

/// A person is recognised on a device for so long after they last signed in there (2.4).
pub const RECOGNISED_DAYS: u64 = 180;

/// Sign-ins so close to each other leave one cookie: whichever answer a browser takes last, it has one that is good.
const AT_ONCE_SECONDS: u64 = 30;

/// The device with this cookie, or whose cookie this was before the last sign-in there, whose answer may have been lost.
///
/// # Errors
/// [`StoreError`].
pub async fn find(tx: &mut impl Read, hash: &SecretHash) -> Result<Option<DeviceId>, StoreError> {
    let sql = sql!(
        "SELECT id FROM device WHERE realm_id = $1 AND secret_hash = $2 AND ended_at IS NULL UNION ALL
         SELECT id FROM device WHERE realm_id = $1 AND previous_hash = $2 AND ended_at IS NULL"
    );
    tx.one(sql, params![tx.realm(), hash.bytes()]).await?.map(|row| row.get(0)).transpose()
}

/// Whether a person signed in on the device before, with the assurance that their account needs.
///
/// # Errors
/// [`StoreError`].
pub async fn knows(tx: &mut impl Read, device: DeviceId, user: UserId) -> Result<bool, StoreError> {
    let sql = sql!(
        "SELECT last_at FROM device_principal
          WHERE realm_id = $1 AND device_id = $2 AND principal_id = $3 AND ended_at IS NULL AND last_at > $4"
    );
    let since = tx.now().minus(days(RECOGNISED_DAYS));
    Ok(tx.one(sql, params![tx.realm(), device, user, since]).await?.is_some())
}

/// A device that was not known.
///
/// # Errors
/// [`StoreError`].
pub async fn create(tx: &mut WriteTx<'_>, id: DeviceId, hash: &SecretHash, label: &str) -> Result<(), StoreError> {
    let sql = sql!(
        "INSERT INTO device (realm_id, id, secret_hash, label, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $5)"
    );
    let values = params![tx.realm(), id, hash.bytes(), label, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// What a sign-in means for the cookie that it presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The device has the new one.
    New,
    /// A sign-in of this moment gave it another, and the presented one stays good beside that.
    JustNow,
    /// It is the one before: whoever presents it did not get the answer to the last sign-in there, or copied it before. They are at another device.
    Before,
}

/// Gives the device another cookie, if the presented one is its own.
///
/// # Errors
/// [`StoreError`].
pub async fn rotate(
    tx: &mut WriteTx<'_>,
    id: DeviceId,
    presented: &SecretHash,
    new: &SecretHash,
) -> Result<Rotated, StoreError> {
    let sql = sql!(
        "UPDATE device SET previous_hash = $3, secret_hash = $4, rotated_at = $5
          WHERE realm_id = $1 AND id = $2 AND ended_at IS NULL AND secret_hash = $3"
    );
    let (realm, now) = (tx.realm(), tx.now());
    if tx.execute(sql, params![realm, id, presented.bytes(), new.bytes(), now]).await? == 1 {
        return Ok(Rotated::New);
    }
    let sql = sql!("SELECT id FROM device WHERE realm_id = $1 AND id = $2 AND previous_hash = $3 AND rotated_at > $4");
    let since = now.minus(seconds(AT_ONCE_SECONDS));
    let just_now = tx.one(sql, params![realm, id, presented.bytes(), since]).await?.is_some();
    Ok(if just_now { Rotated::JustNow } else { Rotated::Before })
}

/// The answer to the last sign-in arrived, for this is the cookie that it set: the one before is of no more use.
///
/// # Errors
/// [`StoreError`].
pub async fn arrived(tx: &mut WriteTx<'_>, hash: &SecretHash) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE device SET previous_hash = NULL
          WHERE realm_id = $1 AND secret_hash = $2 AND previous_hash IS NOT NULL AND rotated_at <= $3"
    );
    let since = tx.now().minus(seconds(AT_ONCE_SECONDS));
    let values = params![tx.realm(), hash.bytes(), since];
    tx.execute(sql, values).await.map(|_| ())
}

/// Remembers that a person signed in on the device.
///
/// # Errors
/// [`StoreError`].
pub async fn signed_in(tx: &mut WriteTx<'_>, device: DeviceId, user: UserId) -> Result<(), StoreError> {
    let (realm, now) = (tx.realm(), tx.now());
    let seen = sql!("UPDATE device SET last_seen_at = $3 WHERE realm_id = $1 AND id = $2");
    tx.execute(seen, params![realm, device, now]).await?;
    let bind = sql!(
        "INSERT INTO device_principal (realm_id, device_id, principal_id, first_at, last_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (realm_id, device_id, principal_id) DO UPDATE SET last_at = $4, ended_at = NULL"
    );
    tx.execute(bind, params![realm, device, user, now]).await.map(|_| ())
}

/// Nobody recognises the person any more: whoever has a cookie of theirs may be somebody else.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(tx: &mut WriteTx<'_>, user: UserId) -> Result<(), StoreError> {
    let sql = sql!(
        "UPDATE device_principal SET ended_at = $3 WHERE realm_id = $1 AND principal_id = $2 AND ended_at IS NULL"
    );
    let values = params![tx.realm(), user, tx.now()];
    tx.execute(sql, values).await.map(|_| ())
}

/// The devices on which a person is recognised.
///
/// # Errors
/// [`StoreError`].
pub async fn of_user(tx: &mut impl Read, user: UserId) -> Result<Vec<DeviceId>, StoreError> {
    let sql = sql!(
        "SELECT device_id FROM device_principal WHERE realm_id = $1 AND principal_id = $2 AND ended_at IS NULL ORDER BY device_id"
    );
    tx.query(sql, params![tx.realm(), user]).await?.iter().map(|row| row.get(0)).collect()
}
