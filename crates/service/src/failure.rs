//! A proof that failed: the same words in the log wherever somebody fails to prove who they are, and work that must have its outcome.

use domain::event::{Event, EventType, hex};
use domain::throttle::{FIRST_WAIT_AT, wait_after};
use store::user::User;
use store::{Events, StoreError};

/// Who failed.
pub(crate) enum Who<'a> {
    /// Somebody known.
    Person(&'a User),
    /// Nobody. People type passwords where a name belongs: kept only as a keyed hash.
    Nobody(&'a [u8; 32]),
}

/// What the log says: the failure, and from the fifth in a row on the wait that it began or lengthened.
pub(crate) fn events(who: &Who<'_>, reason: &'static str, failures: i64) -> Events {
    let about = |event: Event| match who {
        Who::Person(user) => event.user(user.id, user.name()),
        Who::Nobody(identifier) => event.with("identifier_hash", hex(&identifier[..16])),
    };
    let failed = Events::from(about(Event::new(EventType::AuthnLoginFail).failed(reason)));
    if failures < FIRST_WAIT_AT {
        return failed;
    }
    failed.and(about(Event::new(EventType::AuthnLoginLock)).with("wait_seconds", wait_after(failures).as_secs()))
}

/// Runs work that must have its outcome to its end, also for somebody who hangs up: a counted try is never left without one.
pub(crate) async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let broken = || Err(StoreError::Unavailable("the work broke off".to_owned()).into());
    tokio::spawn(work).await.unwrap_or_else(|_| broken())
}
