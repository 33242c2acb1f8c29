//! What the device cookie means at a sign-in: who is recognised there, and which cookie the device has from then on (decision 29).

use domain::id::{DeviceId, UserId};
use domain::secret::Secret;
use store::device::{self, Rotated};
use store::{Read, StoreError, WriteTx};

/// The device of the cookie, if this person signed in there before: what others do elsewhere does not concern it (2.4, F2).
pub(crate) async fn recognised(
    tx: &mut WriteTx<'_>,
    cookie: Option<&Secret>,
    person: Option<UserId>,
) -> Result<Option<DeviceId>, StoreError> {
    let Some(secret) = cookie else { return Ok(None) };
    device::arrived(tx, &secret.hash()).await?;
    let Some(id) = device::find(tx, &secret.hash()).await? else { return Ok(None) };
    // Asked for nobody too, so that both branches take the same work.
    let nobody = UserId::from_uuid(uuid::Uuid::nil());
    Ok(device::knows(tx, id, person.unwrap_or(nobody)).await?.then_some(id))
}

/// The device of the cookie, or a new one, and its cookie from now on; the person is recognised there.
pub(super) async fn known(
    tx: &mut WriteTx<'_>,
    cookie: Option<&Secret>,
    user: UserId,
    label: Option<&str>,
) -> Result<(DeviceId, Secret), StoreError> {
    let new = Secret::new(&*tx.entropy());
    let (id, secret) = match kept(tx, cookie, &new).await? {
        Some(kept) => kept,
        None => {
            let id = DeviceId::new(&*tx.entropy(), tx.now());
            device::create(tx, id, &new.hash(), label.unwrap_or_default()).await?;
            (id, new)
        }
    };
    device::signed_in(tx, id, user).await?;
    Ok((id, secret))
}

/// The device that the cookie still names. Others who work there can read its cookie, so it changes: a copy is worth nothing for long.
async fn kept(
    tx: &mut WriteTx<'_>,
    cookie: Option<&Secret>,
    new: &Secret,
) -> Result<Option<(DeviceId, Secret)>, StoreError> {
    let Some(presented) = cookie else { return Ok(None) };
    let Some(id) = device::find(tx, &presented.hash()).await? else { return Ok(None) };
    Ok(match device::rotate(tx, id, &presented.hash(), &new.hash()).await? {
        Rotated::New => Some((id, new.clone())),
        Rotated::JustNow => Some((id, presented.clone())),
        Rotated::Before => None,
    })
}
