//! The first step: identifier and password.
//!
//! Unknown, wrong, disabled: the same answer after the same work. The counters rise before the password is looked at. Hashing is outside of any
//! transaction: look up and count → hash → write the outcome.

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::id::{CredentialId, DeviceId, UserId};
use domain::password::{Kind as PasswordKind, Password};
use domain::realm::Realm;
use domain::session::AAL1;
use domain::sign_in::Established;
use domain::throttle::Kind;
use domain::user::{Identifier, Status};
use store::throttle::Refused;
use store::user::User;
use store::{Outcome, Read, StoreError, Upkeep, WriteTx, credential, throttle, user};

use super::device::recognised;
use super::walk::{self, Arrived};
use super::{Answer, SignIn, SignInError};
use crate::app::App;
use crate::failure::{self, Who, to_the_end};
use crate::hashing::Against;
use crate::session::UnknownAudience;
use crate::throttle as throttle_key;
use crate::{directory, password};

/// The counters of one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    pub(crate) identifier: [u8; 32],
    address: [u8; 32],
}

/// Signs in with a password. It runs to its end whoever hangs up: a counted try always has its outcome.
///
/// # Errors
/// [`SignInError`].
pub async fn start(app: &App, realm: &Arc<Realm>, attempt: SignIn, request: Request) -> Result<Answer, SignInError> {
    let (app, realm) = (app.clone(), realm.clone());
    to_the_end(async move { run(&app, &realm, attempt, request).await }).await
}

async fn run(app: &App, realm: &Arc<Realm>, attempt: SignIn, request: Request) -> Result<Answer, SignInError> {
    // Refused at the door, before anything is counted: a right password is never held against its owner.
    let turn = app.hashing.admit()?;
    let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
    let look = look_up(app, &allowed, &attempt).await?;
    let stored = look.found.as_ref().and_then(|(_, password)| password.as_ref()).map(|p| p.hash.clone());
    let against = stored.map_or(Against::Nobody(look.stand_in), Against::Stored);
    // What cannot be a password costs the same as a wrong one.
    let nothing = || Password::typed("").map_err(|_| SignInError::InvalidCredentials);
    let (typed, possible) = match attempt.password.clone() {
        Some(password) => (password, true),
        None => (nothing()?, false),
    };
    let again = typed.clone();
    let matches = app.hashing.verify_in(turn, typed, against).await? && possible;
    match look.found {
        Some((user, Some(password))) if matches && user.status == Status::Active && !look.outside => {
            let outdated = app.hashing.is_outdated(&password.hash).then_some((password.id, again));
            let done = proved(app, realm, allowed, attempt, (user, password.id), look.counters).await;
            done.inspect(|_| raise_hash(app, realm, outdated))
        }
        found => {
            let reason = match &found {
                None => "unknown_identifier",
                Some((user, _)) if matches && user.status != Status::Active => "not_active",
                Some(_) if matches && look.outside => "outside_network",
                Some(_) => "wrong_password",
            };
            let failed = (found.map(|(user, _)| user), reason, look.failures);
            fail(app, allowed, failed, look.counters, look.recognised).await?;
            Err(SignInError::InvalidCredentials)
        }
    }
}

type Found = Option<(User, Option<credential::Password>)>;

/// What is known before the password is looked at.
struct Look {
    found: Found,
    /// The kind of hash whose work stands in for a password that is not there.
    stand_in: PasswordKind,
    failures: i64,
    counters: Counters,
    recognised: bool,
    /// Whether the policy of whoever was found admits nobody from there.
    outside: bool,
}

/// Counts the try and finds who is meant. All in one transaction, whether or not there is anybody.
async fn look_up(app: &App, allowed: &Allowed, attempt: &SignIn) -> Result<Look, SignInError> {
    let input = (app.clone(), attempt.identifier.clone(), attempt.audience.clone(), attempt.visit.device.clone());
    let outcome = app
        .store
        .write(allowed.clone(), app.now(), input, |tx, (app, identifier, audience, device)| {
            Box::pin(async move {
                // Audiences are no secret: a mistyped one is told before anything is counted.
                let known = directory::current(app, tx).await?;
                if audience.as_ref().is_some_and(|audience| !known.apis.contains_key(audience)) {
                    return Err(SignInError::from(UnknownAudience));
                }
                // Inside a wait nobody is looked for: the answer takes the same work for everybody. Only a device's own allowance needs to know whose.
                let early = match device {
                    Some(_) => Some(find(tx, identifier).await?),
                    None => None,
                };
                let person = early.as_ref().and_then(|found| found.as_ref()).map(|(user, _)| user.id);
                let device = recognised(tx, device.as_ref(), person).await?;
                let counters = counters(app, tx, identifier, device);
                let failures = match admit(tx, counters, device.is_some()).await? {
                    Ok(failures) => failures,
                    Err(refused) => return Ok(throttle_key::refusal(refused, |throttled| throttled)),
                };
                let found = match early {
                    Some(found) => found,
                    None => find(tx, identifier).await?,
                };
                let stand_in = password::stand_in(app, tx, identifier.key()).await?;
                // Asked for nobody too, so that both branches take the same work.
                let person = found.as_ref().map_or(UserId::from_uuid(uuid::Uuid::nil()), |(user, _)| user.id);
                let policy = directory::holding(app, tx, person.into(), AAL1).await?.policy;
                let outside = !policy.admits(tx.allowed().request().address);
                let look = Look { outside, found, stand_in, failures, counters, recognised: device.is_some() };
                Ok(Outcome::upkeep(Ok(look), Upkeep::Throttle))
            })
        })
        .await?;
    outcome.map_err(SignInError::Throttled)
}

async fn find(tx: &mut WriteTx<'_>, identifier: &Identifier) -> Result<Found, StoreError> {
    let user = user::by_identifier(tx, identifier).await?;
    // The same statement for nobody, so that both branches take the same work.
    let id = user.as_ref().map_or(UserId::from_uuid(uuid::Uuid::nil()), |user| user.id);
    let password = credential::password(tx, id).await?;
    Ok(user.map(|user| (user, password)))
}

/// A recognised device has an allowance of its own.
pub(crate) fn counters(app: &App, tx: &WriteTx<'_>, identifier: &Identifier, device: Option<DeviceId>) -> Counters {
    let realm = tx.realm();
    let (purpose, what) = match device {
        Some(device) => ("identifier of a device", format!("{} {device}", identifier.key())),
        None => ("identifier", identifier.key().to_owned()),
    };
    Counters {
        identifier: throttle_key::key(app, realm, purpose, what.as_bytes()),
        address: throttle_key::address(app, realm, "address", tx.allowed().request()),
    }
}

/// Counts the try, unless a wait is on.
pub(crate) async fn admit(
    tx: &mut WriteTx<'_>,
    counters: Counters,
    recognised: bool,
) -> Result<Result<i64, Refused>, StoreError> {
    for kind in [Kind::AddressMinute, Kind::AddressHour].into_iter().filter(|_| !recognised) {
        if let Err(refused) = throttle::check_window(tx, kind, &counters.address).await? {
            return Ok(Err(refused));
        }
    }
    throttle::count_try(tx, Kind::Identifier, &counters.identifier).await
}

/// Writes that it did not work. The same rows for unknown and wrong.
pub(crate) async fn fail(
    app: &App,
    allowed: Allowed,
    failed: (Option<User>, &'static str, i64),
    counters: Counters,
    recognised: bool,
) -> Result<(), StoreError> {
    app.store
        .write(allowed, app.now(), (failed, counters, recognised), |tx, (failed, counters, recognised)| {
            let (user, reason, failures) = failed;
            Box::pin(async move {
                for kind in [Kind::AddressMinute, Kind::AddressHour].into_iter().filter(|_| !recognised) {
                    throttle::count(tx, kind, &counters.address).await?;
                }
                let who = user.as_ref().map_or(Who::Nobody(&counters.identifier), Who::Person);
                Ok(Outcome::done((), failure::events(&who, reason, *failures)))
            })
        })
        .await
}

/// The password was right: on to the next step.
async fn proved(
    app: &App,
    realm: &Arc<Realm>,
    allowed: Allowed,
    attempt: SignIn,
    (user, password): (User, CredentialId),
    counters: Counters,
) -> Result<Answer, SignInError> {
    let input = (app.clone(), realm.clone(), attempt, user.id, password, counters);
    let reached = app
        .store
        .write(allowed, app.now(), input, |tx, (app, realm, attempt, user, password, counters)| {
            Box::pin(async move {
                throttle::clear(tx, Kind::Identifier, &counters.identifier).await?;
                credential::used(tx, *password).await?;
                let done = Established { password: Some(*password), ..Established::default() };
                let arrived = Arrived::begun(attempt, *user, done);
                match walk::go_on(app, realm, tx, arrived).await? {
                    // It is the password that does not hold any more.
                    None => Err(SignInError::InvalidCredentials),
                    Some(outcome) => Ok(outcome),
                }
            })
        })
        .await?;
    reached.answer(app, realm).await
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
