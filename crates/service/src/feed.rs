//! The revocation feed: what resource servers must refuse, told in an order that misses nothing (api.md, "For resource servers").
//!
//! A cursor is a low-water mark: below it nothing can appear any more (`store::revocation::low_water`). A transaction that is still on its way
//! stands above it, so whoever resumes there sees it once it is committed, and sees some of its neighbours twice. A long answer is cut into
//! pages; its last page leads back to the mark that its first one had found.

mod cursor;
mod follow;
mod hub;

use domain::allowed::{Allowed, Request};
use domain::id::RevocationId;
use domain::realm::RealmKey;
use domain::revocation::Fact;
use domain::time::Timestamp;
use store::StoreError;
use store::revocation::{self, Stored};
use thiserror::Error;
use tokio::time::Instant;
use uuid::Uuid;
use wire::revocation::{Revocation, RevocationPage};

use self::cursor::Cursor;
pub use self::follow::{Following, Told};
pub(crate) use self::hub::Hub;
pub use self::hub::Load;
use crate::app::App;
use crate::client::{self, ClientAuthError, Credentials, Demand};

/// Items of one page.
const PAGE: i64 = 1000;

/// Why the feed cannot be read.
#[derive(Debug, Error)]
pub enum FeedError {
    /// Not a cursor of this realm.
    #[error("the cursor is not one of this feed")]
    Cursor,
    /// This API has as many streams here as one may have.
    #[error("too many streams")]
    Full,
    /// Unknown or wrong credentials.
    #[error(transparent)]
    Client(#[from] ClientAuthError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One page of the feed for an API that proves its credentials.
///
/// # Errors
/// [`FeedError`].
pub async fn page(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    since: Option<&str>,
    request: Request,
) -> Result<RevocationPage, FeedError> {
    let allowed = proved(app, realm, credentials, request).await?;
    let since = parsed(realm, since)?;
    Ok(read(app, &allowed, since).await?.into_wire(realm))
}

/// The feed as it goes on, for an API that proves its credentials.
///
/// # Errors
/// [`FeedError`].
pub async fn follow(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    since: Option<&str>,
    request: Request,
) -> Result<Following, FeedError> {
    let began = monotonic();
    let allowed = proved(app, realm, credentials, request).await?;
    let since = parsed(realm, since)?;
    let api = allowed.actor().principal().ok_or(ClientAuthError::Credentials)?;
    let seat = hub::sit(app, api).ok_or(FeedError::Full)?;
    // First the subscription, then what there is: what comes between is told twice rather than never.
    Ok(Following::new(app.clone(), allowed, since, hub::subscribe(app, realm), (began, seat)))
}

/// How many streams this node feeds, and what it has told them.
#[must_use]
pub fn load(app: &App) -> Load {
    hub::load(app)
}

/// A clock that nobody sets, for how old a confirmation is.
fn monotonic() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the age of a confirmation is a duration; tests pause tokio's time")]
    Instant::now()
}

/// An API's own credentials: what was revoked is no client's business.
async fn proved(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    request: Request,
) -> Result<Allowed, ClientAuthError> {
    let proved = client::authenticate(app, realm, credentials, Demand::Secret, request).await?;
    if proved.audience().is_none() {
        return Err(ClientAuthError::Credentials);
    }
    Ok(proved.allowed)
}

fn parsed(realm: RealmKey, since: Option<&str>) -> Result<Cursor, FeedError> {
    since.map_or(Ok(Cursor::START), |text| Cursor::parse(realm, text).ok_or(FeedError::Cursor))
}

/// A part of the feed.
#[derive(Debug)]
pub(crate) struct Part {
    items: Vec<Stored>,
    next: Cursor,
    more: bool,
    /// The cursor was of another history: whoever presented it must begin anew.
    reset: bool,
}

impl Part {
    fn into_wire(self, realm: RealmKey) -> RevocationPage {
        let reset = self.reset.then_some(Revocation::Reset);
        let items = reset.into_iter().chain(self.items.into_iter().map(told)).collect();
        RevocationPage { items, next_cursor: self.next.text(realm), more: self.more }
    }
}

/// Reads what follows a cursor, in one snapshot.
pub(crate) async fn read(app: &App, allowed: &Allowed, since: Cursor) -> Result<Part, StoreError> {
    let epoch = app.store.feed_epoch().await?;
    app.store
        .read(allowed, app.now(), move |tx| {
            Box::pin(async move {
                let low = revocation::low_water(tx).await?;
                if since != Cursor::START && (since.epoch != epoch || since.low > low) {
                    return Ok(Part { items: Vec::new(), next: Cursor::START, more: true, reset: true });
                }
                let items = revocation::after(tx, since.at, PAGE).await?;
                // Nothing may be skipped that is still on its way: the mark is that of the first page of an answer.
                let low = if since.begins() { low } else { since.low };
                let last = items.last().filter(|_| i64::try_from(items.len()).is_ok_and(|count| count == PAGE));
                let next = match last {
                    Some(last) => Cursor { epoch, low, at: (last.position, last.id) },
                    None => Cursor::at_mark(epoch, low),
                };
                Ok(Part { more: last.is_some(), next, items, reset: false })
            })
        })
        .await
}

/// The mark of this moment.
pub(crate) async fn mark(app: &App, allowed: &Allowed) -> Result<Cursor, StoreError> {
    let epoch = app.store.feed_epoch().await?;
    let low = app.store.read(allowed, app.now(), |tx| Box::pin(revocation::low_water(tx))).await?;
    Ok(Cursor::at_mark(epoch, low))
}

fn told(stored: Stored) -> Revocation {
    let expires_at = stored.expires_at.seconds().saturating_add(1);
    match stored.fact {
        Fact::Session { id, not_before } => {
            Revocation::Session { sid: id.uuid(), not_before: not_before.map(Timestamp::seconds), expires_at }
        }
        Fact::Principal { id, not_before } => {
            Revocation::User { sub: id.uuid(), not_before: not_before.seconds(), expires_at }
        }
        Fact::Token { id, .. } => Revocation::Token { jti: id.uuid(), expires_at },
        Fact::Roles { version, names } => {
            let roles = names.into_iter().map(|name| name.as_str().to_owned()).collect();
            Revocation::Roles { roles_version: version, roles, expires_at }
        }
        Fact::Keys => Revocation::Keys { expires_at },
    }
}

/// Before every id.
const NO_ID: RevocationId = RevocationId::from_uuid(Uuid::nil());
