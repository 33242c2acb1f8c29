//! Proving again who one is, in a session: a fresh `auth_time`, or two factors where there was one (RFC 9470).

use std::sync::Arc;

use domain::caller::Caller;
use domain::event::{Event, EventType};
use domain::password::Password;
use domain::realm::Realm;
use domain::session::{AAL1, AAL2};
use domain::sign_in::TWO_FACTORS;
use domain::throttle::{Kind, Throttled};
use store::{Events, Outcome, Read, StoreError, Upkeep, WriteTx, credential, session as sessions, throttle, user};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut};
use crate::directory;
use crate::factor::{self, Recovered};
use crate::failure::{self, Who, to_the_end};
use crate::hashing::{Against, Overloaded};
use crate::key::KeyError;
use crate::mail::{self, Notice};
use crate::session::{self, Secrets, Tokens, UnknownAudience, Unsigned};
use crate::sign_in::Code;
use crate::throttle as throttle_key;

/// What proves it.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password; `None`: nothing that could be one. Keeps the assurance of the session.
    Password(Option<Password>),
    /// A second factor: the session has two from now on.
    Code(Code),
}

impl Proof {
    const fn name(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Code(code) => code.factor().as_str(),
        }
    }
}

/// Why nothing was proved.
#[derive(Debug, Error)]
pub enum StepUpError {
    /// The session ended or was locked meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// The password or the code is wrong.
    #[error("that is not right")]
    Wrong,
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

impl From<SignedOut> for StepUpError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

/// What a fresh authentication gives.
pub struct SteppedUp {
    /// A new access token and refresh cookie.
    pub tokens: Tokens,
    /// The new session cookie.
    pub secrets: Secrets,
    /// The recovery code that stands in for the one that was used.
    pub replacement: Option<String>,
}

impl std::fmt::Debug for SteppedUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SteppedUp(…)")
    }
}

/// What was found out outside of the transaction that writes.
enum Checked {
    /// The password of this row was right.
    Password(domain::id::CredentialId),
    Totp(domain::totp::Code),
    Recovery(Recovered),
    Nothing,
}

/// The strongest authentication that the caller's account can give (TOTP-04).
///
/// # Errors
/// [`StoreError`].
pub async fn strongest(app: &App, caller: &Caller) -> Result<&'static str, StoreError> {
    let id = caller.user();
    let bound = app.store.read(&caller.oneself(), app.now(), move |tx| Box::pin(store::factor::totps(tx, id))).await?;
    Ok(if bound.is_empty() { AAL1 } else { AAL2 })
}

/// Proves again who the caller is.
///
/// # Errors
/// [`StepUpError`].
pub async fn step_up(
    app: &App,
    realm: &Arc<Realm>,
    caller: &Caller,
    (proof, audience): (Proof, Option<String>),
) -> Result<SteppedUp, StepUpError> {
    let (app, realm, caller) = (app.clone(), realm.clone(), caller.clone());
    to_the_end(async move { run(&app, &realm, &caller, (proof, audience)).await }).await
}

async fn run(
    app: &App,
    realm: &Arc<Realm>,
    caller: &Caller,
    (proof, audience): (Proof, Option<String>),
) -> Result<SteppedUp, StepUpError> {
    let turn = match &proof {
        Proof::Code(Code::Totp(_)) => None,
        Proof::Password(_) | Proof::Code(Code::Recovery(_)) => Some(app.hashing.admit()?),
    };
    let name = proof.name();
    // Of this session alone: whoever took a token over stops nobody from signing in.
    let key = throttle_key::factor(app, realm.key, caller.user(), &format!("{name} {}", caller.session()));
    let failures = count(app, caller, key, audience.clone()).await?;
    let checked = check(app, caller, proof, turn).await?;
    let input = (app.clone(), realm.clone(), caller.clone(), checked, (key, failures, name), audience);
    let done = app
        .store
        .write(caller.oneself(), app.now(), input, |tx, (app, realm, caller, checked, count, audience)| {
            Box::pin(write(app, realm, tx, caller, checked, *count, audience.as_deref()))
        })
        .await??;
    let (renewed, unsigned, withheld, replacement) = done;
    let secrets = renewed.secrets();
    let tokens = Tokens {
        access_token: session::sign(app, realm.key, &unsigned).await?,
        expires_in: unsigned.expires_in,
        session: secrets.session,
        refresh: secrets.refresh.clone(),
        absolute_at: secrets.absolute_at,
        withheld,
    };
    Ok(SteppedUp { tokens, secrets, replacement })
}

async fn count(app: &App, caller: &Caller, key: [u8; 32], audience: Option<String>) -> Result<i64, StepUpError> {
    let input = (app.clone(), key, audience);
    app.store
        .write(caller.oneself(), app.now(), input, |tx, (app, key, audience)| {
            Box::pin(async move {
                let known = directory::current(app, tx).await?;
                if audience.as_ref().is_some_and(|audience| !known.apis.contains_key(audience)) {
                    return Err(StepUpError::from(UnknownAudience));
                }
                Ok(match throttle::count_try(tx, Kind::Factor, key).await? {
                    Ok(failures) => Outcome::upkeep(Ok(failures), Upkeep::Throttle),
                    Err(refused) => throttle_key::refusal(refused, StepUpError::Throttled),
                })
            })
        })
        .await?
}

/// The slow part, outside of any transaction.
async fn check(
    app: &App,
    caller: &Caller,
    proof: Proof,
    turn: Option<crate::hashing::Turn>,
) -> Result<Checked, StepUpError> {
    let id = caller.user();
    match (proof, turn) {
        (Proof::Password(Some(typed)), Some(turn)) => {
            let (allowed, now) = (caller.oneself(), app.now());
            let stored = app.store.read(&allowed, now, move |tx| Box::pin(credential::password(tx, id))).await?;
            let Some(stored) = stored else { return Ok(Checked::Nothing) };
            let right = app.hashing.verify_in(turn, typed, Against::Stored(stored.hash)).await?;
            Ok(if right { Checked::Password(stored.id) } else { Checked::Nothing })
        }
        (Proof::Code(Code::Totp(Some(code))), _) => Ok(Checked::Totp(code)),
        (Proof::Code(Code::Recovery(Some(code))), Some(turn)) => {
            let parts = app.clone();
            let allowed = caller.oneself();
            let set = app.store.read(&allowed, app.now(), move |tx| {
                Box::pin(async move { factor::recovery_set(&parts, tx, id).await })
            });
            let Some(set) = set.await? else { return Ok(Checked::Nothing) };
            let recovered = factor::check_recovery_code(app, turn, code, set).await?;
            Ok(recovered.map_or(Checked::Nothing, Checked::Recovery))
        }
        _ => Ok(Checked::Nothing),
    }
}

type Done = (session::Renewed, Unsigned, Vec<String>, Option<String>);

async fn write(
    app: &App,
    realm: &Realm,
    tx: &mut WriteTx<'_>,
    caller: &Caller,
    checked: &Checked,
    (key, failures, name): ([u8; 32], i64, &'static str),
    audience: Option<&str>,
) -> Result<Outcome<Result<Done, StepUpError>>, StepUpError> {
    let caller = caller::again(app, tx, caller).await??;
    let person = user::find(tx, caller.user()).await?.ok_or(StepUpError::SignedOut)?;
    let own = sessions::find(tx, caller.session()).await?.ok_or(StepUpError::SignedOut)?;
    let right = match checked {
        Checked::Password(id) => credential::password(tx, person.id).await?.is_some_and(|current| current.id == *id),
        Checked::Totp(code) => factor::use_totp(app, tx, person.id, code).await?.is_some(),
        Checked::Recovery(recovered) => factor::use_recovery_code(app, tx, recovered).await?,
        Checked::Nothing => false,
    };
    if !right {
        let failed = failure::events(&Who::Person(&person), "wrong_step_up", failures);
        return Ok(Outcome::done(Err(StepUpError::Wrong), failed));
    }
    throttle::clear(tx, Kind::Factor, &key).await?;
    // The password alone keeps what the session has; a second factor beside the one of sign-in makes two.
    let (acr, amr) = match checked {
        Checked::Password(_) => (own.acr.clone(), own.amr.clone()),
        _ => (TWO_FACTORS.0.to_owned(), TWO_FACTORS.1.to_owned()),
    };
    let before = own.acr.clone();
    let renewed = session::renew(app, tx, own, (&acr, &amr)).await?.ok_or(StepUpError::SignedOut)?;
    let holding = directory::holding(app, tx, person.id.into(), &acr).await?;
    let audience = audience.unwrap_or(&renewed.audience);
    let unsigned = session::claims(app, realm, &holding, &renewed.session, audience, tx.now())?;
    let stepped = Event::new(EventType::StepUp).user(person.id, person.name());
    let stepped = stepped.with("method", name).changed("acr", before, acr.as_str());
    let actor = session::owner(&person, &renewed.session);
    let mut events = Events::from(stepped.acted_by(actor.clone()));
    let mut replacement = None;
    if let Checked::Recovery(recovered) = checked {
        mail::notice(app, tx, &person, Notice::RecoveryCodeUsed).await?;
        let used = Event::new(EventType::RecoveryCodeUsed).user(person.id, person.name());
        events = events.and(used.with("place", recovered.place()).acted_by(actor));
        replacement = Some(recovered.replacement());
    }
    Ok(Outcome::done(Ok((renewed, unsigned, holding.withheld, replacement)), events))
}
