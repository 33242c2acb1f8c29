//! What the cookies of a browser mean: the session that is to go on, and those that are to be left.

use domain::id::{SessionId, UserId};
use domain::refresh::{Presented, judge};
use domain::secret::Secret;
use domain::session::State;
use domain::user::Status;
use store::session::Session;
use store::user::User;
use store::{Events, Read, StoreError, WriteTx, device, refresh, session as sessions, user};

use super::{Key, Unlock};
use crate::app::App;
use crate::caller::guard_people;
use crate::refresh::{authentic, copied};
use crate::session::FIRST_PARTY;
use crate::{directory, policy};

/// What a key names.
pub(super) enum Named {
    One(Box<Session>),
    /// Nothing on this device: answered as a wrong password is.
    Nobody,
    /// A cookie of a session that is over, or of none.
    Ended,
    /// A refresh token that proves a copy.
    Copied(Events),
}

pub(super) async fn named(app: &App, tx: &mut WriteTx<'_>, asked: &Unlock) -> Result<Named, StoreError> {
    let own = match &asked.key {
        Key::Refresh => {
            let Some(token) = &asked.refresh else { return Ok(Named::Ended) };
            let Some((stored, _)) = authentic(app, tx, token).await? else { return Ok(Named::Ended) };
            match (judge(&stored.family, token, tx.now()), stored.session) {
                (Presented::Replayed, _) => {
                    return Ok(Named::Copied(copied(app, tx, &stored, token.family()).await?));
                }
                (Presented::Ended, _) | (_, None) => None,
                (Presented::Advance | Presented::WithinWindow | Presented::Locked, Some(id)) => {
                    sessions::find(tx, id).await?
                }
            }
        }
        Key::Page(secret) => sessions::by_secret(tx, &secret.hash()).await?,
        Key::Device(id) => {
            let found = of_device(app, tx, asked.visit.device.as_ref(), *id).await?;
            return Ok(usable(app, tx, found).await?.map_or(Named::Nobody, |session| Named::One(Box::new(session))));
        }
    };
    Ok(usable(app, tx, own).await?.map_or(Named::Ended, |session| Named::One(Box::new(session))))
}

/// A session of this device that is locked, or was until a moment ago: two who unlock at once are both answered.
async fn of_device(
    app: &App,
    tx: &mut impl Read,
    cookie: Option<&Secret>,
    id: SessionId,
) -> Result<Option<Session>, StoreError> {
    let Some(secret) = cookie else { return Ok(None) };
    let Some(device) = device::find(tx, &secret.hash()).await? else { return Ok(None) };
    let here = sessions::on_device(tx, device).await?;
    let Some(found) = here.into_iter().map(|one| one.session).find(|session| session.id == id) else {
        return Ok(None);
    };
    let Some(found) = admitted(app, tx, &found).await? else { return Ok(None) };
    let family = refresh::current(tx, id, FIRST_PARTY).await?;
    let just_now = family.is_some_and(|(_, family)| family.in_window(tx.now()));
    let locked = found.deadlines.state(false, tx.now()) == State::Locked;
    Ok(Some(found).filter(|_| locked || just_now))
}

/// A session that may go on: neither over, nor of somebody who may not, nor older than the end of all their sessions.
pub(in crate::session) async fn usable(
    app: &App,
    tx: &mut impl Read,
    session: Option<Session>,
) -> Result<Option<Session>, StoreError> {
    let Some(session) = session else { return Ok(None) };
    let Some(session) = admitted(app, tx, &session).await? else { return Ok(None) };
    let person = user::find(tx, session.user).await?.filter(|person| person.status == Status::Active);
    let state = session.deadlines.state(session.ended_at.is_some(), tx.now());
    let may = |person: User| state != State::Ended && session.auth_at >= person.tokens_not_before;
    Ok(person.is_some_and(may).then_some(session))
}

/// A session as the policy of this moment has it; `None`: its person may not come from here.
pub(in crate::session) async fn admitted(
    app: &App,
    tx: &mut impl Read,
    session: &Session,
) -> Result<Option<Session>, StoreError> {
    let policy = directory::holding(app, tx, session.user.into(), &session.acr).await?.policy;
    let here = policy.admits(tx.allowed().request().address);
    Ok(here.then(|| policy::judged(session, &policy)))
}

/// The guards of whose session it is and of whom the refresh token names, who may be somebody else.
pub(super) async fn guard(app: &App, tx: &mut WriteTx<'_>, asked: &Unlock, user: UserId) -> Result<(), StoreError> {
    let other = match &asked.refresh {
        Some(token) => authentic(app, tx, token).await?.map(|(stored, _)| stored.user),
        None => None,
    };
    guard_people(tx, [user].into_iter().chain(other)).await
}

/// What the cookies of a browser named until now.
pub(super) struct Carried {
    /// Sessions that are to be left.
    pub(super) presented: Vec<Session>,
    /// The refresh token proved a copy: the session that ended for it, and what is to be recorded.
    pub(super) copied: Option<(Option<SessionId>, Events)>,
}

/// An old refresh token locks nobody's session: it does what it does at a refresh.
pub(super) async fn carried(app: &App, tx: &mut WriteTx<'_>, asked: &Unlock) -> Result<Carried, StoreError> {
    let mut presented = Vec::new();
    if let Some(secret) = &asked.visit.session {
        presented.extend(sessions::by_secret(tx, &secret.hash()).await?);
    }
    let mut copy = None;
    if let Some(token) = &asked.refresh
        && let Some((stored, _)) = authentic(app, tx, token).await?
    {
        if judge(&stored.family, token, tx.now()) == Presented::Replayed {
            copy = Some((stored.session, copied(app, tx, &stored, token.family()).await?));
        } else if let Some(before) = stored.session {
            presented.extend(sessions::find(tx, before).await?);
        }
    }
    Ok(Carried { presented, copied: copy })
}
