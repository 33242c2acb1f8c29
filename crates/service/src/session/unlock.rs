//! Resuming a locked session with the password alone (SES-05), and changing who works at a device.
//!
//! The refresh cookie, or the session cookie of a page, names the browser's own session; the device cookie names any session that was begun on the
//! device. Whichever it is, the answer carries the cookies of that one session, and every other session of the browser and the device is locked in
//! the same transaction: what comes late with cookies of before is answered `session-locked`, never in somebody else's name.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that unlocks")]

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::id::{CredentialId, DeviceId, SessionId, UserId};
use domain::password::{Kind as PasswordKind, Password};
use domain::realm::{Realm, RealmKey};
use domain::refresh::{Presented, RefreshToken, judge};
use domain::secret::Secret;
use domain::session::{GRACE_SECONDS, State};
use domain::throttle::{Kind, Throttled};
use domain::time::{Timestamp, seconds};
use domain::user::{Identifier, Status};
use store::session::Session;
use store::user::User;
use store::{
    Events, Guard, Outcome, Read, StoreError, Upkeep, WriteTx, credential, device, refresh, session as sessions,
    throttle, user,
};
use thiserror::Error;

use super::{FIRST_PARTY, Place, Secrets, Tokens, UnknownAudience, Unsigned, claims, leave, next_idle, owner, sign};
use crate::app::App;
use crate::failure::to_the_end;
use crate::hashing::{Against, Overloaded};
use crate::key::KeyError;
use crate::refresh::{authentic, copied, opened_key};
use crate::sign_in::{self, Counters, Visit};
use crate::{directory, password, policy, throttle as throttle_key};

/// What names the session.
#[derive(Clone, Debug)]
pub enum Key {
    /// The refresh cookie: the browser's own.
    Refresh,
    /// The session cookie of a page: the browser's own.
    Page(Secret),
    /// The device cookie: a session that was begun on the device.
    Device(SessionId),
}

/// Somebody who wants to go on with a session.
#[derive(Clone, Debug)]
pub struct Unlock {
    /// Which session.
    pub key: Key,
    /// What proves it; `None`: nothing that could be a password.
    pub password: Option<Password>,
    /// The API that the token is for, if not the one of sign-in.
    pub audience: Option<String>,
    /// The refresh cookie.
    pub refresh: Option<RefreshToken>,
    /// The other cookies that came with it.
    pub visit: Visit,
}

/// Why no session was resumed.
#[derive(Debug, Error)]
pub enum UnlockError {
    /// The password is wrong; or the device has no such session: one answer.
    #[error("the password is wrong")]
    InvalidCredentials,
    /// What names the browser's own session names none that could go on.
    #[error("the session is over")]
    Ended,
    /// Inside a wait; not looked at.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// No such API.
    #[error(transparent)]
    Audience(#[from] UnknownAudience),
    /// Too many passwords are being checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// A signing key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A session that goes on.
#[derive(Debug)]
pub struct Unlocked {
    /// A new access token and the current refresh cookie.
    pub tokens: Tokens,
    /// The new session cookie; `None`: another request unlocked it just now, and brought one.
    pub secrets: Option<Secrets>,
}

/// Resumes a locked session. It runs to its end whoever hangs up: a counted try always has its outcome.
///
/// # Errors
/// [`UnlockError`].
pub async fn unlock(app: &App, realm: &Arc<Realm>, asked: Unlock, request: Request) -> Result<Unlocked, UnlockError> {
    let (app, realm) = (app.clone(), realm.clone());
    to_the_end(async move { run(&app, &realm, asked, request).await }).await
}

async fn run(app: &App, realm: &Arc<Realm>, asked: Unlock, request: Request) -> Result<Unlocked, UnlockError> {
    let turn = app.hashing.admit()?;
    let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
    let look = look_up(app, &allowed, &asked).await?;
    let stored = look.found.as_ref().and_then(|found| found.password.as_ref()).map(|password| password.hash.clone());
    let against = stored.map_or(Against::Nobody(look.stand_in), Against::Stored);
    // What cannot be a password costs the same as a wrong one.
    let nothing = || Password::typed("").map_err(|_| UnlockError::InvalidCredentials);
    let (typed, possible) = match asked.password.clone() {
        Some(password) => (password, true),
        None => (nothing()?, false),
    };
    let matches = app.hashing.verify_in(turn, typed, against).await? && possible;
    let (person, counters) = (look.found.as_ref().map(|found| found.person.clone()), look.counters);
    match look.found.and_then(|found| Some((found.session, found.password?.id))) {
        Some(right) if matches => resume(app, realm, allowed, asked, (right, counters, look.device)).await,
        _ => {
            let reason = if person.is_some() { "wrong_unlock" } else { "unknown_session" };
            let failed = (person, reason, look.failures);
            sign_in::fail(app, allowed, failed, counters, look.device.is_some()).await?;
            Err(UnlockError::InvalidCredentials)
        }
    }
}

/// A session that could be resumed, and what would prove it.
struct Found {
    session: SessionId,
    person: User,
    password: Option<credential::Password>,
}

/// What is known before the password is looked at.
struct Look {
    found: Option<Found>,
    stand_in: PasswordKind,
    failures: i64,
    counters: Counters,
    /// The device, if the person is recognised there.
    device: Option<DeviceId>,
}

/// Counts the try and finds who is meant, with the counters of sign-in (LOCK-06).
async fn look_up(app: &App, allowed: &Allowed, asked: &Unlock) -> Result<Look, UnlockError> {
    let input = (app.clone(), asked.clone());
    let write = app.store.write(allowed.clone(), app.now(), input, |tx, (app, asked)| {
        Box::pin(async move {
            let known = directory::current(app, tx).await?;
            if asked.audience.as_ref().is_some_and(|audience| !known.apis.contains_key(audience)) {
                return Err(UnlockError::from(UnknownAudience));
            }
            let session = match named(app, tx, asked).await? {
                Named::One(session) => Some(*session),
                Named::Nobody => None,
                Named::Ended => return Ok(Outcome::nothing(Err(UnlockError::Ended))),
                Named::Copied(events) => return Ok(Outcome::done(Err(UnlockError::Ended), events)),
            };
            let person = match &session {
                Some(session) => user::find(tx, session.user).await?,
                None => None,
            };
            let cookie = asked.visit.device.as_ref();
            let device = sign_in::recognised(tx, cookie, person.as_ref().map(|person| person.id)).await?;
            // What names nobody is counted by what was sent.
            let identifier = match (&person, &asked.key) {
                (Some(person), _) => person.username.clone().unwrap_or_default(),
                (None, Key::Device(id)) => id.to_string(),
                (None, _) => String::new(),
            };
            let identifier = Identifier::new(&identifier);
            let counters = sign_in::counters(app, tx, &identifier, device);
            let failures = match sign_in::admit(tx, counters, device.is_some()).await? {
                Ok(failures) => failures,
                Err(refused) => return Ok(throttle_key::refusal(refused, UnlockError::Throttled)),
            };
            let stand_in = password::stand_in(app, tx, identifier.key()).await?;
            let found = match session.zip(person) {
                Some((session, person)) => {
                    let password = credential::password(tx, person.id).await?;
                    Some(Found { session: session.id, person, password })
                }
                None => None,
            };
            Ok(Outcome::upkeep(Ok(Look { found, stand_in, failures, counters, device }), Upkeep::Throttle))
        })
    });
    write.await?
}

/// What a key names.
enum Named {
    One(Box<Session>),
    /// Nothing on this device: answered as a wrong password is.
    Nobody,
    /// A cookie of a session that is over, or of none.
    Ended,
    /// A refresh token that proves a copy.
    Copied(Events),
}

async fn named(app: &App, tx: &mut WriteTx<'_>, asked: &Unlock) -> Result<Named, StoreError> {
    let own = match &asked.key {
        Key::Refresh => {
            let Some(token) = &asked.refresh else { return Ok(Named::Ended) };
            let Some((stored, _)) = authentic(app, tx, token).await? else { return Ok(Named::Ended) };
            match (judge(&stored.family, token, tx.now()), stored.session) {
                (Presented::Replayed, _) => {
                    return Ok(Named::Copied(copied(tx, &stored, token.family()).await?));
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
    let just_now = family.is_some_and(|(_, rotated_at)| tx.now() < rotated_at.plus(seconds(GRACE_SECONDS)));
    let locked = found.deadlines.state(false, tx.now()) == State::Locked;
    Ok(Some(found).filter(|_| locked || just_now))
}

/// A session that may go on: neither over, nor of somebody who may not, nor older than the end of all their sessions.
async fn usable(app: &App, tx: &mut impl Read, session: Option<Session>) -> Result<Option<Session>, StoreError> {
    let Some(session) = session else { return Ok(None) };
    let Some(session) = admitted(app, tx, &session).await? else { return Ok(None) };
    let person = user::find(tx, session.user).await?.filter(|person| person.status == Status::Active);
    let state = session.deadlines.state(session.ended_at.is_some(), tx.now());
    let may = |person: User| state != State::Ended && session.auth_at >= person.tokens_not_before;
    Ok(person.is_some_and(may).then_some(session))
}

/// A session as the policy of this moment has it; `None`: its person may not come from here.
async fn admitted(app: &App, tx: &mut impl Read, session: &Session) -> Result<Option<Session>, StoreError> {
    let policy = directory::holding(app, tx, session.user.into(), &session.acr).await?.policy;
    let here = policy.admits(tx.allowed().request().address);
    Ok(here.then(|| policy::judged(session, &policy)))
}

/// What was written.
struct Done {
    session: Session,
    secret: Option<Secret>,
    refresh: RefreshToken,
    unsigned: Unsigned,
    withheld: Vec<String>,
}

type Right = ((SessionId, CredentialId), Counters, Option<DeviceId>);

async fn resume(
    app: &App,
    realm: &Arc<Realm>,
    allowed: Allowed,
    asked: Unlock,
    right: Right,
) -> Result<Unlocked, UnlockError> {
    let input = (app.clone(), realm.clone(), asked, right);
    let done = app
        .store
        .write(allowed, app.now(), input, |tx, (app, realm, asked, right)| {
            Box::pin(write(app, realm, tx, asked, *right))
        })
        .await??;
    let (session, absolute_at) = (done.session.id, done.session.deadlines.absolute_at);
    let refresh = done.refresh;
    let secrets = done.secret.map(|secret| Secrets { session, secret, refresh: refresh.clone(), absolute_at });
    let tokens = Tokens {
        access_token: sign(app, realm.key, &done.unsigned).await?,
        expires_in: done.unsigned.expires_in,
        session,
        refresh,
        absolute_at,
        withheld: done.withheld,
    };
    Ok(Unlocked { tokens, secrets })
}

/// The password was right. What it was compared with must still be in force, and so must all that the session stands on.
async fn write(
    app: &App,
    realm: &Realm,
    tx: &mut WriteTx<'_>,
    asked: &Unlock,
    ((id, proved), counters, device): Right,
) -> Result<Outcome<Result<Done, UnlockError>>, UnlockError> {
    let Some(seen) = sessions::find(tx, id).await? else { return Ok(Outcome::nothing(Err(UnlockError::Ended))) };
    guard(app, tx, asked, seen.user).await?;
    throttle::clear(tx, Kind::Identifier, &counters.identifier).await?;
    let refused = |error| Ok(Outcome::upkeep(Err(error), Upkeep::Throttle));
    let own = sessions::find(tx, id).await?;
    let Some(session) = usable(app, tx, own).await? else { return refused(UnlockError::Ended) };
    let Some(person) = user::find(tx, session.user).await? else { return refused(UnlockError::Ended) };
    let demands = sign_in::account(app, tx, &person).await?.account;
    if demands.password != Some(proved) {
        return refused(UnlockError::InvalidCredentials);
    }
    // Others may know the password: it is changed at a sign-in, which this is not (PW-05).
    if demands.must_change.is_some() {
        return refused(UnlockError::Ended);
    }
    credential::used(tx, proved).await?;
    let Carried { presented, copied } = carried(app, tx, asked).await?;
    let copied = match copied {
        Some((Some(over), events)) if over == id => return Ok(Outcome::done(Err(UnlockError::Ended), events)),
        other => other.map(|(_, events)| events),
    };
    let left = leave(app, tx, Place { presented, device }, &person, Some(id)).await?;
    let (done, unlocked) = go_on(app, realm, tx, session, asked.audience.as_deref()).await?;
    let actor = owner(&person, &done.session);
    let unlocked = unlocked.then(|| {
        let event = Event::new(EventType::SessionUnlocked).user(person.id, person.name());
        event.with("session", id.to_string()).with("method", "password")
    });
    let mut events = unlocked.into_iter().chain(left).map(|event| event.acted_by(actor.clone()));
    let first = copied.or_else(|| events.next().map(Events::from));
    Ok(match first {
        Some(first) => Outcome::done(Ok(done), first.and_all(events)),
        None => Outcome::upkeep(Ok(done), Upkeep::SessionActivity),
    })
}

/// The guards of whose session it is and of whom the refresh token names, who may be somebody else; in the order of their ids, as everywhere.
async fn guard(app: &App, tx: &mut WriteTx<'_>, asked: &Unlock, user: UserId) -> Result<(), StoreError> {
    let mut people = vec![user];
    if let Some(token) = &asked.refresh {
        people.extend(authentic(app, tx, token).await?.map(|(stored, _)| stored.user));
    }
    people.sort_unstable();
    for one in people {
        tx.exclusive(Guard::Principal(one.into())).await?;
    }
    Ok(())
}

/// What the cookies of a browser named until now.
struct Carried {
    /// Sessions that are to be left.
    presented: Vec<Session>,
    /// The refresh token proved a copy: the session that ended for it, and what is to be recorded.
    copied: Option<(Option<SessionId>, Events)>,
}

/// An old refresh token locks nobody's session: it does what it does at a refresh.
async fn carried(app: &App, tx: &mut WriteTx<'_>, asked: &Unlock) -> Result<Carried, StoreError> {
    let mut presented = Vec::new();
    if let Some(secret) = &asked.visit.session {
        presented.extend(sessions::by_secret(tx, &secret.hash()).await?);
    }
    let mut copy = None;
    if let Some(token) = &asked.refresh
        && let Some((stored, _)) = authentic(app, tx, token).await?
    {
        if judge(&stored.family, token, tx.now()) == Presented::Replayed {
            copy = Some((stored.session, copied(tx, &stored, token.family()).await?));
        } else if let Some(before) = stored.session {
            presented.extend(sessions::find(tx, before).await?);
        }
    }
    Ok(Carried { presented, copied: copy })
}

/// Unlocks: a new session cookie, the family advances, idle starts again, nothing moves the absolute deadline. Where another request did just now,
/// its refresh token is answered: were the family moved again, the browser could be left with one that counts as a copy.
async fn go_on(
    app: &App,
    realm: &Realm,
    tx: &mut WriteTx<'_>,
    mut session: Session,
    audience: Option<&str>,
) -> Result<(Done, bool), UnlockError> {
    let (id, now) = (session.id, tx.now());
    let holding = directory::holding(app, tx, session.user.into(), &session.acr).await?;
    let idle_seconds = policy::judged(&session, &holding.policy).idle_seconds;
    session.idle_seconds = idle_seconds;
    let idle_at = next_idle(&session, now);
    let secret = Secret::new(&*tx.entropy());
    let to = sessions::Unlocked { secret: secret.hash(), idle_seconds, idle_at };
    // Locked by a policy that was tightened since, of which nothing is stored: it is locked for good first, or there were nothing to unlock, and
    // the cookies of before would go on.
    if session.deadlines.state(false, now) == State::Locked && sessions::lock(tx, id, now).await? {
        session.locked_at = Some(now);
    }
    let unlocked = sessions::unlock(tx, id, &to).await?;
    let family = if unlocked {
        (session.locked_at, session.auth_at) = (Some(session.locked_since()), now);
        refresh::renew(tx, id, FIRST_PARTY, idle_at).await?
    } else {
        sessions::acted(tx, id, idle_at).await?;
        refresh::current(tx, id, FIRST_PARTY).await?.map(|(family, _)| family)
    };
    let family = family.ok_or(UnlockError::Ended)?;
    (session.last_active_at, session.deadlines.idle_at) = (now, idle_at);
    let key = opened_key(app, tx.realm(), family.id, &family.sealed_key)?;
    let refresh = RefreshToken::make(family.id, family.generation, &key);
    let unsigned = claims(app, realm, &holding, &session, audience.unwrap_or(&family.audience), now)?;
    let secret = unlocked.then_some(secret);
    Ok((Done { session, secret, refresh, unsigned, withheld: holding.withheld }, unlocked))
}

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
