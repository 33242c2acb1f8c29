//! Who could go on at a device: what its lock screen shows.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that shows a lock screen")]

use domain::allowed::{Allowed, Flow, Request};
use domain::id::SessionId;
use domain::realm::RealmKey;
use domain::secret::Secret;
use domain::session::State;
use domain::time::Timestamp;
use store::{Read, StoreError, device, session as sessions, user};

use super::unlock::{admitted, usable};
use crate::app::App;

/// A locked session, as those who sit before it may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switchable {
    /// Which.
    pub session: SessionId,
    /// What people call its person.
    pub name: String,
    /// Since when.
    pub locked_at: Timestamp,
}

/// The sessions of a device that can be resumed there, the last one locked first.
///
/// # Errors
/// [`StoreError`].
pub async fn switchable(
    app: &App,
    realm: RealmKey,
    cookie: &Secret,
    request: Request,
) -> Result<Vec<Switchable>, StoreError> {
    let allowed = Allowed::visitor(Flow::Authenticate, realm, request);
    let (parts, hash) = (app.clone(), cookie.hash());
    let here = app.store.read(&allowed, app.now(), move |tx| {
        Box::pin(async move {
            let Some(device) = device::find(tx, &hash).await? else { return Ok::<_, StoreError>(Vec::new()) };
            let mut here = Vec::new();
            for one in sessions::on_device(tx, device).await? {
                here.extend(admitted(&parts, tx, &one.session).await?.map(|session| (session, one.name)));
            }
            Ok(here)
        })
    });
    let now = app.now();
    let mut locked: Vec<Switchable> = here
        .await?
        .into_iter()
        .filter(|(session, _)| session.deadlines.state(false, now) == State::Locked)
        .map(|(session, name)| Switchable { session: session.id, name, locked_at: session.locked_since() })
        .collect();
    locked.sort_by_key(|one| std::cmp::Reverse(one.locked_at));
    Ok(locked)
}

/// The session of a page's cookie, if it is locked.
///
/// # Errors
/// [`StoreError`].
pub async fn locked(
    app: &App,
    realm: RealmKey,
    cookie: &Secret,
    request: Request,
) -> Result<Option<Switchable>, StoreError> {
    let allowed = Allowed::visitor(Flow::Authenticate, realm, request);
    let (parts, hash) = (app.clone(), cookie.hash());
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let found = sessions::by_secret(tx, &hash).await?;
                let Some(session) = usable(&parts, tx, found).await? else { return Ok(None) };
                if session.deadlines.state(false, tx.now()) != State::Locked {
                    return Ok(None);
                }
                let name = user::find(tx, session.user).await?.map(|person| person.name().to_owned());
                let (session, locked_at) = (session.id, session.locked_since());
                Ok(Some(Switchable { session, name: name.unwrap_or_default(), locked_at }))
            })
        })
        .await
}
