//! What expires: sessions at their absolute deadline, counters, in small chunks.
#![expect(clippy::disallowed_methods, reason = "this file names the job that removes what expired, and start and stop")]

use domain::allowed::{Allowed, Job};
use domain::event::{Event, EventType};
use domain::realm::RealmKey;
use domain::time::hours;
use store::{Events, Outcome, Read, StoreError, Upkeep, factor, revocation, session, sign_in, throttle, user};

use crate::app::App;

/// Rows of one transaction.
const CHUNK: i64 = 50;

/// Ends what expired in a realm; returns whether there may be more.
///
/// # Errors
/// [`StoreError`].
pub async fn expire(app: &App, realm: RealmKey) -> Result<bool, StoreError> {
    app.store
        .write(Allowed::job(Job::Expire, realm), app.now(), (), |tx, ()| {
            Box::pin(async move {
                let counters = throttle::expire(tx, CHUNK).await?;
                let over = session::expire(tx, CHUNK).await?;
                let begun = sign_in::expire(tx, CHUNK).await?;
                let hour_ago = tx.now().minus(hours(1));
                let pending = factor::expire_pending(tx, hour_ago, CHUNK).await?;
                let revoked = revocation::expire(tx, CHUNK).await?;
                let most = [counters, over.len() as u64, begun, pending, revoked].into_iter().max().unwrap_or(0);
                let more = most >= CHUNK.unsigned_abs();
                let mut events = Vec::with_capacity(over.len());
                for (id, user) in over {
                    let name = user::find(tx, user).await?.map(|user| user.name().to_owned()).unwrap_or_default();
                    events
                        .push(Event::new(EventType::SessionExpired).user(user, &name).with("session", id.to_string()));
                }
                let mut events = events.into_iter();
                Ok(match events.next() {
                    Some(first) => Outcome::done(more, Events::from(first).and_all(events)),
                    None => Outcome::upkeep(more, Upkeep::Expiry),
                })
            })
        })
        .await
}

/// Records that the server started or stopped.
///
/// # Errors
/// [`StoreError`].
pub async fn server(app: &App, kind: EventType) -> Result<(), StoreError> {
    app.store
        .write(Allowed::job(Job::Start, RealmKey::MAIN), app.now(), kind, |_, kind| {
            Box::pin(async move { Ok(Outcome::done((), Event::new(*kind).with("version", env!("CARGO_PKG_VERSION")))) })
        })
        .await
}
