//! The second factor of a sign-in: a code of an application, or a recovery code.

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::realm::Realm;
use domain::recovery::RecoveryCode;
use domain::sign_in::{Proved, SecondFactor};
use domain::throttle::Kind;
use domain::totp;
use store::{Outcome, Read, WriteTx, sign_in, throttle};

use super::device::recognised;
use super::walk::{self, Arrived, Found, Reached};
use super::{Answer, Held, SignInError, Visit};
use crate::app::App;
use crate::factor::{self, Recovered};
use crate::failure::{self, Who, to_the_end};
use crate::throttle as throttle_key;

const STEP: &str = "second_factor";

/// What somebody typed as a second factor. What cannot be a code is a wrong one.
#[derive(Clone, Debug)]
pub enum Code {
    /// Six digits of an application.
    Totp(Option<totp::Code>),
    /// One of ten on paper.
    Recovery(Option<RecoveryCode>),
}

impl Code {
    /// Reads what was typed.
    #[must_use]
    pub fn parse(method: SecondFactor, typed: &str) -> Self {
        match method {
            SecondFactor::Totp => Self::Totp(totp::Code::parse(typed)),
            SecondFactor::RecoveryCode => Self::Recovery(RecoveryCode::parse(typed)),
        }
    }

    pub(crate) const fn factor(&self) -> SecondFactor {
        match self {
            Self::Totp(_) => SecondFactor::Totp,
            Self::Recovery(_) => SecondFactor::RecoveryCode,
        }
    }
}

/// Does the step.
///
/// # Errors
/// [`SignInError`]: a wrong code is `InvalidCredentials`, five of them kill the transaction.
pub async fn second_factor(
    app: &App,
    realm: &Arc<Realm>,
    held: Held,
    code: Code,
    visit: Visit,
    request: Request,
) -> Result<Answer, SignInError> {
    let (app, realm) = (app.clone(), realm.clone());
    to_the_end(async move {
        let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
        let reached = match code {
            Code::Totp(code) => with_totp(&app, &realm, allowed, (held, visit), code).await?,
            Code::Recovery(code) => with_recovery_code(&app, &realm, allowed, (held, visit), code).await?,
        };
        reached.answer(&app, &realm).await
    })
    .await
}

/// What a transaction that writes decided: refusals that count something are results, not errors.
pub(super) type Decided = Result<Reached, SignInError>;

async fn with_totp(
    app: &App,
    realm: &Arc<Realm>,
    allowed: Allowed,
    who: (Held, Visit),
    code: Option<totp::Code>,
) -> Result<Reached, SignInError> {
    let input = (app.clone(), realm.clone(), who, code);
    app.store
        .write(allowed, app.now(), input, |tx, (app, realm, (held, visit), code)| {
            Box::pin(async move {
                let found = walk::held(app, tx, held, STEP).await?;
                let counter = Counter::of(app, tx, &found, SecondFactor::Totp, visit).await?;
                let failures = match throttle::count_try(tx, Kind::Factor, &counter.key).await? {
                    Ok(failures) => failures,
                    Err(refused) => return Ok(throttle_key::refusal(refused, SignInError::Throttled)),
                };
                let right = match code {
                    Some(code) => factor::use_totp(app, tx, found.user.id, code).await?,
                    None => None,
                };
                let Some(credential) = right else { return wrong(app, tx, found, (failures, counter)).await };
                throttle::clear(tx, Kind::Factor, &counter.key).await?;
                let mut arrived = Arrived::went_on(found, held, visit);
                arrived.done().second = Some(Proved { factor: SecondFactor::Totp, credential });
                decided(walk::go_on(app, realm, tx, arrived).await?)
            })
        })
        .await?
}

/// What counts the tries of one factor of one person; a recognised device has an allowance of its own (2.4, F2).
struct Counter {
    key: [u8; 32],
    recognised: bool,
}

impl Counter {
    async fn of(
        app: &App,
        tx: &mut WriteTx<'_>,
        found: &Found,
        factor: SecondFactor,
        visit: &Visit,
    ) -> Result<Self, SignInError> {
        let device = recognised(tx, visit.device.as_ref(), Some(found.user.id)).await?;
        let what = match device {
            Some(device) => format!("{} {device}", factor.as_str()),
            None => factor.as_str().to_owned(),
        };
        let key = throttle_key::factor(app, tx.allowed().realm(), found.user.id, &what);
        Ok(Self { key, recognised: device.is_some() })
    }
}

/// A wrong code: counted for the transaction and the address, and recorded.
async fn wrong(
    app: &App,
    tx: &mut WriteTx<'_>,
    found: Found,
    (failures, counter): (i64, Counter),
) -> Result<Outcome<Decided>, SignInError> {
    sign_in::failed(tx, found.row.id).await?;
    let address = throttle_key::address(app, tx.allowed().realm(), "address", tx.allowed().request());
    for kind in [Kind::AddressMinute, Kind::AddressHour].into_iter().filter(|_| !counter.recognised) {
        throttle::count(tx, kind, &address).await?;
    }
    let failed = failure::events(&Who::Person(&found.user), "wrong_code", failures);
    Ok(Outcome::done(Err(SignInError::InvalidCredentials), failed))
}

/// An outcome of the walk as this folder's transactions return it.
pub(super) fn decided(outcome: Option<Outcome<Reached>>) -> Result<Outcome<Decided>, SignInError> {
    outcome.map(|outcome| outcome.map(Ok)).ok_or(SignInError::Dead)
}

/// Look up and count → hash → write, like a password: recovery codes are hashed slowly.
async fn with_recovery_code(
    app: &App,
    realm: &Arc<Realm>,
    allowed: Allowed,
    who: (Held, Visit),
    code: Option<RecoveryCode>,
) -> Result<Reached, SignInError> {
    // Whoever holds no transaction holds no place in the queue either.
    let holder = who.0.holder();
    let known =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { sign_in::find(tx, &holder).await }));
    known.await?.ok_or(SignInError::Dead)?;
    let turn = app.hashing.admit()?;
    let place = code.as_ref().map(RecoveryCode::place);
    let input = (app.clone(), who.clone(), place);
    let looked = app
        .store
        .write(allowed.clone(), app.now(), input, |tx, (app, (held, visit), place)| {
            Box::pin(async move {
                let found = walk::held(app, tx, held, STEP).await?;
                let counter = Counter::of(app, tx, &found, SecondFactor::RecoveryCode, visit).await?;
                let failures = match throttle::count_try(tx, Kind::Factor, &counter.key).await? {
                    Ok(failures) => failures,
                    Err(refused) => return Ok(throttle_key::refusal(refused, SignInError::Throttled)),
                };
                let set = factor::recovery_set(app, tx, found.user.id).await?;
                let looked = (failures, set.filter(|_| place.is_some()));
                Ok::<_, SignInError>(Outcome::upkeep(Ok(looked), store::Upkeep::Throttle))
            })
        })
        .await?;
    let (failures, set) = looked?;
    let recovered = match (code, set) {
        (Some(code), Some(set)) => factor::check_recovery_code(app, turn, code, set).await?,
        _ => None,
    };
    let input = (app.clone(), realm.clone(), who, recovered, failures);
    app.store
        .write(allowed, app.now(), input, |tx, (app, realm, (held, visit), recovered, failures)| {
            Box::pin(async move {
                let found = walk::held(app, tx, held, STEP).await?;
                let counter = Counter::of(app, tx, &found, SecondFactor::RecoveryCode, visit).await?;
                let replaced = match recovered {
                    Some(recovered) => factor::use_recovery_code(app, tx, recovered).await?,
                    None => false,
                };
                match recovered {
                    Some(recovered) if replaced => {
                        throttle::clear(tx, Kind::Factor, &counter.key).await?;
                        with_replacement(app, realm, tx, (found, held, visit), recovered).await
                    }
                    _ => wrong(app, tx, found, (*failures, counter)).await,
                }
            })
        })
        .await?
}

async fn with_replacement(
    app: &App,
    realm: &Arc<Realm>,
    tx: &mut WriteTx<'_>,
    (found, held, visit): (Found, &Held, &Visit),
    recovered: &Recovered,
) -> Result<Outcome<Decided>, SignInError> {
    let user = found.user.clone();
    crate::mail::notice(app, tx, &user, crate::mail::Notice::RecoveryCodeUsed).await?;
    let used = Event::new(EventType::RecoveryCodeUsed).user(user.id, user.name()).with("place", recovered.place());
    let mut arrived = Arrived::went_on(found, held, visit);
    let credential = recovered.credential();
    arrived.done().second = Some(Proved { factor: SecondFactor::RecoveryCode, credential });
    arrived.events = vec![used];
    arrived.codes.replacement = Some(recovered.replacement());
    decided(walk::go_on(app, realm, tx, arrived).await?)
}
