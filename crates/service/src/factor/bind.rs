//! Binding an application to an account: shown, confirmed with a code, and from then on a second factor (TOTP-01).

use domain::allowed::Operator;
use domain::caller::Caller;
use domain::event::{Event, EventType};
use domain::id::{CredentialId, UserId};
use domain::realm::Realm;
use domain::throttle::Kind;
use domain::totp::{self, Seed};
use store::user::User;
use store::{Events, Outcome, Read, Upkeep, WriteTx, factor, throttle, user};

use super::{FactorError, MOST_TOTP, new_set, open_seed, seal_seed, used_at};
use crate::app::App;
use crate::caller;
use crate::failure::{self, Who};
use crate::mail::{self, Notice};
use crate::throttle as throttle_key;

/// What an application is told once, while it is being bound.
#[derive(Clone)]
pub struct Bound {
    /// The factor's id, for the confirmation.
    pub id: CredentialId,
    /// The seed.
    pub seed: Seed,
    /// What the QR code carries.
    pub uri: String,
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bound(…)")
    }
}

/// Begins to bind an application; nothing of it counts before it is confirmed.
///
/// # Errors
/// [`FactorError`].
pub async fn begin_totp(app: &App, realm: &Realm, caller: &Caller, label: &str) -> Result<Bound, FactorError> {
    let input = (app.clone(), realm.name.clone(), caller.clone(), label.to_owned());
    app.store
        .write(caller.oneself(), app.now(), input, |tx, (app, organisation, caller, label)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let person = user::find(tx, caller.user()).await?.ok_or(FactorError::SignedOut)?;
                if factor::totps(tx, person.id).await?.len() >= MOST_TOTP {
                    return Err(FactorError::Conflict("Ten applications are the most. Remove one first."));
                }
                let entropy = tx.entropy();
                let (id, seed) = (CredentialId::new(&*entropy, tx.now()), Seed::new(&*entropy));
                let envelope = seal_seed(app, &*entropy, tx, id, &seed)?;
                factor::begin_totp(tx, id, person.id, label, &envelope).await?;
                let uri = seed.uri(organisation, person.username.as_deref().unwrap_or_default());
                Ok(Outcome::upkeep(Bound { id, seed, uri }, Upkeep::Pending))
            })
        })
        .await
}

/// Binds an application with a code that it shows; returns recovery codes if the person had none.
///
/// # Errors
/// [`FactorError`].
pub async fn confirm_totp(
    app: &App,
    caller: &Caller,
    id: CredentialId,
    code: Option<totp::Code>,
) -> Result<Vec<String>, FactorError> {
    let key = throttle_key::factor(app, caller.realm(), caller.user(), "enrolment");
    let input = (app.clone(), caller.clone(), id, code, key);
    let (step, first) = app
        .store
        .write(caller.oneself(), app.now(), input, |tx, (app, caller, id, code, key)| {
            Box::pin(look(app, tx, caller, *id, code.as_ref(), key))
        })
        .await??;
    let codes = if first { Some(new_set(app).await?) } else { None };
    let input = (app.clone(), caller.clone(), id, step, codes, key);
    app.store
        .write(caller.oneself(), app.now(), input, |tx, (app, caller, id, step, codes, key)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let person = user::find(tx, caller.user()).await?.ok_or(FactorError::SignedOut)?;
                let row = factor::pending(tx, person.id, *id).await?.ok_or(FactorError::NotFound)?;
                if !factor::confirm(tx, *id, &row.label, &used_at(*step)).await? {
                    return Err(FactorError::NotFound);
                }
                throttle::clear(tx, Kind::Factor, key).await?;
                let mut events = Events::from(enrolled(&person, "totp", *id).with("label", row.label));
                let mut shown = Vec::new();
                let still = factor::recovery_codes(tx, person.id).await?.is_none();
                if let Some(codes) = codes.as_ref().filter(|_| still) {
                    let set = codes.give(app, tx, person.id).await?;
                    shown.clone_from(&codes.shown);
                    events = events.and(enrolled(&person, "recovery_codes", set));
                }
                mail::notice(app, tx, &person, Notice::FactorAdded).await?;
                Ok(Outcome::done(shown, events))
            })
        })
        .await
}

/// The event that a factor was bound.
pub(crate) fn enrolled(person: &User, kind: &'static str, id: CredentialId) -> Event {
    Event::new(EventType::FactorEnrolled)
        .user(person.id, person.name())
        .with("kind", kind)
        .with("factor", id.to_string())
}

/// The step of the code, if it is the pending seed's, and whether the person has no recovery codes yet.
async fn look(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: &Caller,
    id: CredentialId,
    code: Option<&totp::Code>,
    key: &[u8; 32],
) -> Result<Outcome<Result<(i64, bool), FactorError>>, FactorError> {
    let caller = caller::again(app, tx, caller).await??;
    let row = factor::pending(tx, caller.user(), id).await?.ok_or(FactorError::NotFound)?;
    let failures = match throttle::count_try(tx, Kind::Factor, key).await? {
        Ok(failures) => failures,
        Err(refused) => return Ok(throttle_key::refusal(refused, FactorError::Throttled)),
    };
    let (seed, now) = (open_seed(app, tx, &row)?, tx.now());
    match code.and_then(|code| seed.matches(code, now, None)) {
        Some(step) => {
            let first = factor::recovery_codes(tx, caller.user()).await?.is_none();
            Ok(Outcome::upkeep(Ok((step, first)), Upkeep::Throttle))
        }
        None => {
            let person = user::find(tx, caller.user()).await?.ok_or(FactorError::SignedOut)?;
            let failed = failure::events(&Who::Person(&person), "wrong_code", failures);
            Ok(Outcome::done(Err(FactorError::Wrong), failed))
        }
    }
}

/// Binds an application whose seed is known: demo's people, tests. For the operator of the machine alone.
///
/// # Errors
/// [`FactorError`].
pub async fn seed_totp(
    app: &App,
    operator: Operator,
    user: UserId,
    (seed, label): (Seed, &str),
) -> Result<CredentialId, FactorError> {
    let input = (app.clone(), user, seed, label.to_owned());
    app.store
        .write(operator.into(), app.now(), input, |tx, (app, user, seed, label)| {
            Box::pin(async move {
                let person = user::find(tx, *user).await?.ok_or(FactorError::NotFound)?;
                let id = CredentialId::new(&*tx.entropy(), tx.now());
                let envelope = seal_seed(app, &*tx.entropy(), tx, id, seed)?;
                factor::begin_totp(tx, id, person.id, label, &envelope).await?;
                factor::confirm(tx, id, label, "{}").await?;
                Ok(Outcome::done(id, enrolled(&person, "totp", id).with("label", label.as_str())))
            })
        })
        .await
}
