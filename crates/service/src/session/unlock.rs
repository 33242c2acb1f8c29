//! Resuming a locked session with the password alone (SES-05), also one of another person who works at the same device.
//!
//! The refresh cookie, or the session cookie of a page, names the browser's own session; the device cookie names any session that was begun on the
//! device. Whichever it is, the answer carries the cookies of that one session, and every other session of the browser and the device is locked in
//! the same transaction: what comes late with cookies of before is answered `session-locked`, never in somebody else's name.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that unlocks")]

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::id::{CredentialId, DeviceId, SessionId};
use domain::password::{Kind as PasswordKind, Password};
use domain::realm::Realm;
use domain::refresh::RefreshToken;
use domain::secret::Secret;
use domain::session::State;
use domain::throttle::{Kind, Throttled};
use domain::user::Identifier;
use store::session::Session;
use store::user::User;
use store::{
    Events, Outcome, Read, StoreError, Upkeep, WriteTx, credential, refresh, session as sessions, throttle, user,
};
use thiserror::Error;

use super::{FIRST_PARTY, Place, Secrets, Tokens, UnknownAudience, Unsigned, claims, leave, next_idle, owner, sign};
use crate::app::App;
use crate::failure::to_the_end;
use crate::hashing::{Against, Overloaded};
use crate::key::KeyError;
use crate::refresh::opened_key;
use crate::sign_in::{self, Counters, Visit};
use crate::{directory, password, policy, throttle as throttle_key};

mod named; // what the cookies of a browser mean
use named::{Carried, Named, carried, guard, named};
pub(super) use named::{admitted, usable};

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
        Some((session, proved)) if matches => {
            let right = Right { session, proved, counters, device: look.device };
            resume(app, realm, allowed, asked, right).await
        }
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

/// What was written.
struct Done {
    session: Session,
    secret: Option<Secret>,
    refresh: RefreshToken,
    unsigned: Unsigned,
    withheld: Vec<String>,
}

/// What a right password stands for.
#[derive(Clone, Copy)]
struct Right {
    session: SessionId,
    /// What it was compared with.
    proved: CredentialId,
    counters: Counters,
    /// The device, if the person is recognised there.
    device: Option<DeviceId>,
}

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
    Right { session: id, proved, counters, device }: Right,
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
    let often = throttle_key::key(app, tx.realm(), "resumed", person.id.to_string().as_bytes());
    if let Err(wait) = throttle::check_window(tx, Kind::Resumed, &often).await? {
        return Ok(throttle_key::refusal(wait, UnlockError::Throttled));
    }
    credential::used(tx, proved).await?;
    let Carried { presented, copied } = carried(app, tx, asked).await?;
    let copied = match copied {
        Some((Some(over), events)) if over == id => return Ok(Outcome::done(Err(UnlockError::Ended), events)),
        other => other.map(|(_, events)| events),
    };
    let left = leave(app, tx, Place { presented, device }, &person, Some(id)).await?;
    let (done, unlocked) = go_on(app, realm, tx, session, asked.audience.as_deref()).await?;
    if unlocked {
        throttle::count(tx, Kind::Resumed, &often).await?;
    }
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
    if session.deadlines.state(false, now) == State::Locked
        && let Some(locked) = sessions::lock(tx, id, now).await?
    {
        session.locked_at = Some(locked);
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
