//! How sessions end: by their owner from elsewhere, by an administrator, replaced, or all of them because something weighty changed.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::{DeviceId, SessionId, UserId};
use domain::permission::Permission;
use domain::session::{EndReason, State};
use store::session::Session;
use store::user::User;
use store::{Events, Guard, Outcome, StoreError, WriteTx, session, user};
use thiserror::Error;

use crate::app::App;
use crate::caller::SignedOut;

/// The event that a session ended.
pub(crate) fn ended(id: SessionId, user: UserId, name: &str, reason: EndReason) -> Event {
    Event::new(EventType::SessionEnded).user(user, name).because(reason.as_str()).with("session", id.to_string())
}

/// Ends all sessions of somebody, but one that stays; returns what is to be recorded.
pub(crate) async fn end_all(
    tx: &mut WriteTx<'_>,
    user: &User,
    but: Option<SessionId>,
    reason: EndReason,
) -> Result<Vec<Event>, StoreError> {
    let over = session::end_all(tx, user.id, but, reason).await?;
    Ok(over.into_iter().map(|id| ended(id, user.id, user.name(), reason)).collect())
}

/// Where somebody begins or resumes a session.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// What the browser's cookies named until now.
    pub(crate) presented: Vec<Session>,
    /// The device.
    pub(crate) device: Option<DeviceId>,
}

/// One person works at a device at a time. A sign-in (`kept` is `None`) ends the person's own session that was presented, and locks those of others;
/// whoever resumes a session keeps that one, and every other one is locked, their own too.
pub(crate) async fn leave(
    app: &App,
    tx: &mut WriteTx<'_>,
    place: Place,
    user: &User,
    kept: Option<SessionId>,
) -> Result<Vec<Event>, StoreError> {
    let mut before: Vec<(Session, bool)> = place.presented.into_iter().map(|session| (session, true)).collect();
    if let Some(device) = place.device {
        // Two who come at once come one after the other: the later one sees the earlier one's session.
        tx.exclusive(Guard::Device(device)).await?;
        let here = session::on_device(tx, device).await?;
        before.extend(here.into_iter().map(|one| (one.session, false)));
    }
    // Read anew: who waited for the guards may be late, and tokens were made meanwhile.
    let now = app.now();
    let mut events = Vec::new();
    for (old, presented) in before.into_iter().filter(|(old, _)| kept != Some(old.id)) {
        if old.deadlines.state(old.ended_at.is_some(), now) == State::Ended {
            continue;
        }
        if kept.is_none() && old.user == user.id {
            if presented && session::end(tx, old.id, EndReason::Replaced).await? {
                events.push(ended(old.id, user.id, user.name(), EndReason::Replaced));
            }
        } else if session::lock(tx, old.id, now).await?.is_some() {
            let name = user::find(tx, old.user).await?.map(|other| other.name().to_owned()).unwrap_or_default();
            let event = Event::new(EventType::SessionLocked).user(old.user, &name).because("switched");
            events.push(event.with("session", old.id.to_string()));
        }
    }
    Ok(events)
}

/// Why a session was not ended.
#[derive(Debug, Error)]
pub enum EndError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission.
    #[error("sessions:end is missing")]
    Forbidden(Forbidden),
    /// No such session within reach.
    #[error("there is no such session")]
    NotFound,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for EndError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for EndError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// Which sessions of a person end (SES-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All that are not over.
    All,
    /// All but this one.
    Others(SessionId),
}

/// Ends one of the caller's own sessions, or all but the present one.
///
/// # Errors
/// [`EndError`].
pub async fn end_own(app: &App, caller: &Caller, which: Which) -> Result<usize, EndError> {
    end_of(app, caller.oneself(), Some(caller), None, (caller.user(), which), EndReason::EndedByOwner).await
}

/// Ends sessions of somebody within reach; says how many. Of all there may be none.
///
/// # Errors
/// [`EndError`].
pub async fn end_other(app: &App, caller: &Caller, user: UserId, which: Which) -> Result<usize, EndError> {
    let allowed = caller.allow(Permission::SessionsEnd, Scope::Anywhere)?;
    let right = Some(Permission::SessionsEnd);
    end_of(app, allowed, Some(caller), right, (user, which), EndReason::EndedByAdministrator).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`EndError`].
pub async fn end_other_as_operator(
    app: &App,
    operator: Operator,
    user: UserId,
    which: Which,
) -> Result<usize, EndError> {
    end_of(app, operator.into(), None, None, (user, which), EndReason::EndedByAdministrator).await
}

async fn end_of(
    app: &App,
    allowed: Allowed,
    caller: Option<&Caller>,
    right: Option<Permission>,
    of: (UserId, Which),
    reason: EndReason,
) -> Result<usize, EndError> {
    let input = (app.clone(), caller.cloned(), right, of, reason);
    app.store
        .write(allowed, app.now(), input, |tx, (app, caller, right, (user, which), reason)| {
            Box::pin(async move {
                crate::grant::guard_both(tx, caller.as_ref(), *user).await?;
                let person = user::find(tx, *user).await?.ok_or(EndError::NotFound)?;
                if let Some(caller) = caller {
                    let caller = crate::caller::again(app, tx, caller).await??;
                    if let Some(right) = right {
                        let now = caller.allow(*right, Scope::Anywhere)?;
                        if !now.reach().covers(&person.unit) {
                            return Err(EndError::NotFound);
                        }
                    }
                }
                let mut events = match *which {
                    Which::One(id) => end_one(tx, &person, id, *reason).await?,
                    Which::All => end_all(tx, &person, None, *reason).await?,
                    Which::Others(but) => end_all(tx, &person, Some(but), *reason).await?,
                };
                let count = events.len();
                Ok(match events.pop() {
                    Some(last) => Outcome::done(count, Events::from(last).and_all(events)),
                    None => Outcome::nothing(0),
                })
            })
        })
        .await
}

async fn end_one(
    tx: &mut WriteTx<'_>,
    person: &User,
    id: SessionId,
    reason: EndReason,
) -> Result<Vec<Event>, EndError> {
    session::find(tx, id).await?.filter(|s| s.user == person.id).ok_or(EndError::NotFound)?;
    if !session::end(tx, id, reason).await? {
        return Err(EndError::NotFound);
    }
    Ok(vec![ended(id, person.id, person.name(), reason)])
}
