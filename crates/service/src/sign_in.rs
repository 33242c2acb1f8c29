//! Sign-in with a password: from an identifier to a session.
//!
//! Unknown, wrong, disabled: the same answer after the same work. The counters rise before the password is looked at. Hashing is outside of any
//! transaction: look up and count → hash → write the outcome.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that signs in")]

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::id::CredentialId;
use domain::password::Password;
use domain::permission::OWN_API;
use domain::realm::Realm;
use domain::secret::Secret;
use domain::session::AAL1;
use domain::throttle::{FIRST_WAIT_AT, Kind, Throttled};
use domain::user::{Identifier, Status};
use store::throttle::Refused;
use store::user::User;
use store::{Outcome, Read, StoreError, Upkeep, WriteTx, credential, throttle, user};
use thiserror::Error;

use crate::app::App;
use crate::directory;
use crate::hashing::{Against, Overloaded};
use crate::key::KeyError;
use crate::session::{self, Tokens, UnknownAudience, Unsigned};
use crate::throttle as throttle_key;

/// Somebody who wants to sign in.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Who they say they are.
    pub identifier: Identifier,
    /// What proves it; `None`: nothing that could be a password.
    pub password: Option<Password>,
    /// The API that the token is for.
    pub audience: Option<String>,
    /// What the device is called.
    pub device_label: Option<String>,
    /// A session cookie that came with it.
    pub present: Option<Secret>,
}

/// Somebody who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What the client gets.
    pub tokens: Tokens,
    /// The session cookie's value.
    pub secret: Secret,
    /// Who.
    pub user: User,
    /// Roles granted anywhere.
    pub roles: Vec<String>,
}

/// Why nobody was signed in.
#[derive(Debug, Error)]
pub enum SignInError {
    /// Unknown, wrong, disabled: one answer.
    #[error("identifier or password is wrong")]
    InvalidCredentials,
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

/// The keys of the counters of one attempt, as keyed hashes.
#[derive(Clone, Copy, Debug)]
struct Keys {
    identifier: [u8; 32],
    address: [u8; 32],
}

/// Signs in with a password. It runs to its end whoever hangs up: a counted try always has its outcome.
///
/// # Errors
/// [`SignInError`].
pub async fn with_password(
    app: &App,
    realm: &Arc<Realm>,
    attempt: SignIn,
    request: Request,
) -> Result<SignedIn, SignInError> {
    let (app, realm) = (app.clone(), realm.clone());
    let whole = tokio::spawn(async move { run(&app, &realm, attempt, request).await });
    whole.await.unwrap_or_else(|_| Err(StoreError::Unavailable("a sign-in broke off".to_owned()).into()))
}

async fn run(app: &App, realm: &Arc<Realm>, attempt: SignIn, request: Request) -> Result<SignedIn, SignInError> {
    // Refused at the door, before anything is counted: a right password is never held against its owner.
    let turn = app.hashing.admit()?;
    let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
    let keys = keys(app, realm, &attempt.identifier, allowed.request());
    let (found, failures) = look_up(app, &allowed, &attempt, keys).await?;
    let stored = found.as_ref().and_then(|(_, password)| password.as_ref()).map(|p| p.hash.clone());
    let against = stored.map_or_else(|| Against::Nobody(app.hashing.kind()), Against::Stored);
    // What cannot be a password costs the same as a wrong one.
    let nothing = || Password::typed("").map_err(|_| SignInError::InvalidCredentials);
    let (typed, possible) = match attempt.password.clone() {
        Some(password) => (password, true),
        None => (nothing()?, false),
    };
    let again = typed.clone();
    let matches = app.hashing.verify_in(turn, typed, against).await? && possible;
    match found {
        Some((user, Some(password))) if matches && user.status == Status::Active => {
            let outdated = app.hashing.is_outdated(&password.hash).then_some((password.id, again));
            let done = succeed(app, realm, allowed, attempt, user, password.id, keys).await;
            done.inspect(|_| raise_hash(app, realm, outdated))
        }
        found => {
            let reason = match &found {
                None => "unknown_identifier",
                Some((user, _)) if matches && user.status != Status::Active => "not_active",
                Some(_) => "wrong_password",
            };
            fail(app, allowed, found.map(|(user, _)| user), reason, keys, failures).await?;
            Err(SignInError::InvalidCredentials)
        }
    }
}

fn keys(app: &App, realm: &Realm, identifier: &Identifier, request: &Request) -> Keys {
    Keys {
        identifier: throttle_key::key(app, realm.key, "identifier", identifier.key().as_bytes()),
        address: throttle_key::address(app, realm.key, "address", request),
    }
}

type Found = Option<(User, Option<credential::Password>)>;

/// Counts the try and finds who is meant. Both in one transaction, whether or not there is anybody.
async fn look_up(app: &App, allowed: &Allowed, attempt: &SignIn, keys: Keys) -> Result<(Found, i64), SignInError> {
    let input = (app.clone(), attempt.identifier.clone(), attempt.audience.clone(), keys);
    let outcome = app
        .store
        .write(allowed.clone(), app.now(), input, |tx, (app, identifier, audience, keys)| {
            Box::pin(async move {
                // Audiences are no secret: a mistyped one is told before anything is counted.
                let known = directory::current(app, tx).await?;
                if audience.as_ref().is_some_and(|audience| !known.apis.contains_key(audience)) {
                    return Err(SignInError::from(UnknownAudience));
                }
                let failures = match admit(tx, keys).await? {
                    Ok(failures) => failures,
                    Err(refused) => return Ok(throttle_key::refusal(refused, |throttled| throttled)),
                };
                let found = match user::by_identifier(tx, identifier).await? {
                    Some(user) => {
                        let password = credential::password(tx, user.id).await?;
                        Some((user, password))
                    }
                    None => {
                        // The same statement for nobody, so that both branches take the same work.
                        credential::password(tx, domain::id::UserId::from_uuid(uuid::Uuid::nil())).await?;
                        None
                    }
                };
                Ok(Outcome::upkeep(Ok((found, failures)), Upkeep::Throttle))
            })
        })
        .await?;
    outcome.map_err(SignInError::Throttled)
}

async fn admit(tx: &mut WriteTx<'_>, keys: &Keys) -> Result<Result<i64, Refused>, StoreError> {
    for kind in [Kind::AddressMinute, Kind::AddressHour] {
        if let Err(refused) = throttle::check_window(tx, kind, &keys.address).await? {
            return Ok(Err(refused));
        }
    }
    throttle::count_try(tx, &keys.identifier).await
}

/// Writes that it did not work. The same rows for unknown and wrong.
async fn fail(
    app: &App,
    allowed: Allowed,
    user: Option<User>,
    reason: &'static str,
    keys: Keys,
    failures: i64,
) -> Result<(), StoreError> {
    app.store
        .write(allowed, app.now(), (user, reason, keys, failures), |tx, (user, reason, keys, failures)| {
            Box::pin(async move {
                for kind in [Kind::AddressMinute, Kind::AddressHour] {
                    throttle::count_failure(tx, kind, &keys.address).await?;
                }
                let about = |event: Event| match user {
                    Some(user) => event.user(user.id, user.name()),
                    // People type passwords here: kept only as a keyed hash.
                    None => event.with("identifier_hash", domain::event::hex(&keys.identifier[..16])),
                };
                let failed = about(Event::new(EventType::AuthnLoginFail).failed(reason));
                let mut events = store::Events::from(failed);
                if *failures >= FIRST_WAIT_AT {
                    let wait = domain::throttle::wait_after(*failures).as_secs();
                    events = events.and(about(Event::new(EventType::AuthnLoginLock)).with("wait_seconds", wait));
                }
                Ok(Outcome::done((), events))
            })
        })
        .await
}

async fn succeed(
    app: &App,
    realm: &Arc<Realm>,
    allowed: Allowed,
    attempt: SignIn,
    user: User,
    password: CredentialId,
    keys: Keys,
) -> Result<SignedIn, SignInError> {
    let input = (app.clone(), realm.clone(), attempt, user, password, keys);
    let (begun, unsigned, withheld, user, roles) = app
        .store
        .write(allowed, app.now(), input, |tx, (app, realm, attempt, user, password, keys)| {
            Box::pin(async move {
                // The state that the hash was compared under may be gone by now. The update takes the row first: whatever ends sessions
                // (disabling, a new password, sign-out everywhere) changes that row before it looks for them, so one order always wins.
                let still = user::signed_in(tx, user.id).await?;
                let current = credential::password(tx, user.id).await?.is_some_and(|p| p.id == *password);
                let fresh = user::find(tx, user.id).await?;
                let Some(user) = fresh.filter(|_| still && current) else {
                    return Err(SignInError::InvalidCredentials);
                };
                let audience = attempt.audience.as_deref().unwrap_or(OWN_API);
                let holding = directory::holding(app, tx, user.id.into(), AAL1).await?;
                if !holding.directory.apis.contains_key(audience) {
                    return Err(UnknownAudience.into());
                }
                let replaced = session::replace(tx, attempt.present.as_ref(), &user).await?;
                let begun = session::begin(app, tx, &user, &holding, audience, attempt.device_label.as_deref()).await?;
                throttle::clear(tx, Kind::Identifier, &keys.identifier).await?;
                credential::used(tx, *password).await?;
                let unsigned = session::claims(app, realm, &holding, &begun.session, audience, tx.now())?;
                let actor = session::owner(&user, &begun.session);
                let signed_in =
                    Event::new(EventType::AuthnLoginSuccess).user(user.id, user.name()).with("method", "pwd");
                let created = Event::new(EventType::SessionCreated)
                    .user(user.id, user.name())
                    .with("session", begun.session.id.to_string())
                    .with("device_label", begun.session.device_label.clone());
                let events = [created].into_iter().chain(replaced).map(|event| event.acted_by(actor.clone()));
                let events = store::Events::from(signed_in.acted_by(actor.clone())).and_all(events.collect::<Vec<_>>());
                let roles = holding.access.granted_roles();
                let answer: (session::Begun, Unsigned, Vec<String>, User, Vec<String>) =
                    (begun, unsigned, holding.withheld, user, roles);
                Ok(Outcome::done(answer, events))
            })
        })
        .await?;
    let access_token = session::sign(app, realm.key, &unsigned).await?;
    let tokens = Tokens {
        access_token,
        expires_in: unsigned.claims.exp - unsigned.claims.iat,
        session: begun.session.id,
        refresh: begun.refresh,
        absolute_at: begun.session.deadlines.absolute_at,
        withheld,
    };
    Ok(SignedIn { tokens, secret: begun.secret, user, roles })
}

/// Raises the hash to the current parameters, after the answer is decided and off its path (PW-14).
fn raise_hash(app: &App, realm: &Realm, outdated: Option<(CredentialId, Password)>) {
    let Some((id, password)) = outdated else { return };
    let (app, allowed) = (app.clone(), Allowed::visitor(Flow::SignIn, realm.key, Request::default()));
    tokio::spawn(async move {
        let Ok(hash) = app.hashing.hash(password, &*app.entropy).await else { return };
        let raised = app
            .store
            .write(allowed, app.now(), (id, hash), |tx, (id, hash)| {
                Box::pin(async move {
                    credential::raise(tx, *id, hash).await?;
                    Ok::<_, StoreError>(Outcome::upkeep((), Upkeep::Rehash))
                })
            })
            .await;
        if let Err(error) = raised {
            tracing::warn!(%error, "a password hash was not raised; the next sign-in tries again");
        }
    });
}
