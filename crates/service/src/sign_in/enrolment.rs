//! Binding a first factor while signing in: whoever's roles need one gets no session before it is bound (MFA-01).

use std::sync::Arc;

use domain::allowed::{Allowed, Flow, Request};
use domain::id::CredentialId;
use domain::realm::Realm;
use domain::sign_in::{Proved, SecondFactor};
use domain::throttle::Kind;
use domain::totp::{self, Seed};
use store::{Outcome, Read, Upkeep, WriteTx, factor, sign_in, throttle};

use super::second_factor::decided;
use super::walk::{self, Arrived, Found};
use super::{Answer, Held, SignInError, Visit};
use crate::app::App;
use crate::factor::{enrolled, new_set, open_seed, seal_seed, used_at};
use crate::failure::{self, Who, to_the_end};
use crate::mail::{self, Notice};
use crate::throttle as throttle_key;

const STEP: &str = "enrol_factor";

/// What an application is told once.
#[derive(Clone)]
pub struct Enrolment {
    /// The seed.
    pub seed: Seed,
    /// What the QR code carries.
    pub uri: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

/// Begins: a new seed, shown once. One that was shown before and not confirmed is worth nothing from now on.
///
/// # Errors
/// [`SignInError::Dead`].
pub async fn begin_totp(
    app: &App,
    realm: &Arc<Realm>,
    held: &Held,
    request: Request,
) -> Result<Enrolment, SignInError> {
    enrol(app, realm, (held, false), request).await
}

/// The seed that was shown to this browser and is not confirmed yet, or a new one: a page that is loaded again shows the same.
///
/// # Errors
/// [`SignInError::Dead`].
pub async fn shown_totp(
    app: &App,
    realm: &Arc<Realm>,
    held: &Held,
    request: Request,
) -> Result<Enrolment, SignInError> {
    enrol(app, realm, (held, true), request).await
}

async fn enrol(
    app: &App,
    realm: &Arc<Realm>,
    (held, again): (&Held, bool),
    request: Request,
) -> Result<Enrolment, SignInError> {
    let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
    let input = (app.clone(), realm.clone(), held.clone(), again);
    app.store
        .write(allowed, app.now(), input, |tx, (app, realm, held, again)| {
            Box::pin(async move {
                let found = walk::held(app, tx, held, STEP).await?;
                if let Some(binding) = found.kept.binding.filter(|_| *again)
                    && let Some(row) = factor::pending(tx, found.user.id, binding).await?
                {
                    let seed = open_seed(app, tx, &row)?;
                    return Ok(Outcome::nothing(enrolment(realm, &found, seed)));
                }
                let made = begin(app, realm, tx, found).await?;
                Ok(Outcome::upkeep(made, Upkeep::Pending))
            })
        })
        .await
}

fn enrolment(realm: &Realm, found: &Found, seed: Seed) -> Enrolment {
    let uri = seed.uri(&realm.name, found.user.username.as_deref().unwrap_or_default());
    Enrolment { seed, uri }
}

async fn begin(app: &App, realm: &Realm, tx: &mut WriteTx<'_>, mut found: Found) -> Result<Enrolment, SignInError> {
    let entropy = tx.entropy();
    let (id, seed) = (CredentialId::new(&*entropy, tx.now()), Seed::new(&*entropy));
    let envelope = seal_seed(app, &*entropy, tx, id, &seed)?;
    factor::begin_totp(tx, id, found.user.id, "", &envelope).await?;
    found.kept.binding = Some(id);
    if !sign_in::note(tx, found.row.id, &found.kept.text()?).await? {
        return Err(SignInError::Dead);
    }
    Ok(enrolment(realm, &found, seed))
}

/// Confirms with a code that the application shows. Ten recovery codes come with a person's first factor.
///
/// # Errors
/// [`SignInError`]: a wrong code is `InvalidCredentials`, five of them kill the transaction.
pub async fn confirm_totp(
    app: &App,
    realm: &Arc<Realm>,
    held: Held,
    (code, label): (Option<totp::Code>, Option<String>),
    visit: Visit,
    request: Request,
) -> Result<Answer, SignInError> {
    let (app, realm) = (app.clone(), realm.clone());
    to_the_end(async move {
        let allowed = Allowed::visitor(Flow::SignIn, realm.key, request);
        let input = (app.clone(), held.clone(), code);
        let shown = app.store.write(allowed.clone(), app.now(), input, |tx, (app, held, code)| {
            Box::pin(look(app, tx, held, code.as_ref()))
        });
        let right = shown.await??;
        // Slow, and only for a code that was right.
        let codes = if right.first { Some(new_set(&app).await?) } else { None };
        let input = (app.clone(), realm.clone(), (held, visit), right, label, codes);
        let bound =
            app.store.write(allowed, app.now(), input, |tx, (app, realm, (held, visit), right, label, codes)| {
                Box::pin(async move {
                    let found = walk::held(app, tx, held, STEP).await?;
                    let user = found.user.clone();
                    let label = label.clone().unwrap_or_default();
                    if found.kept.binding != Some(right.binding)
                        || !factor::confirm(tx, right.binding, &label, &used_at(right.step)).await?
                    {
                        return Err(SignInError::Dead);
                    }
                    throttle::clear(tx, Kind::Factor, &right.key).await?;
                    let mut arrived = Arrived::went_on(found, held, visit);
                    arrived.done().second = Some(Proved { factor: SecondFactor::Totp, credential: right.binding });
                    arrived.events = vec![enrolled(&user, "totp", right.binding).with("label", label)];
                    if let Some(codes) = codes.as_ref().filter(|_| right.first) {
                        let set = codes.give(app, tx, user.id).await?;
                        arrived.codes.set.clone_from(&codes.shown);
                        arrived.events.push(enrolled(&user, "recovery_codes", set));
                    }
                    mail::notice(app, tx, &user, Notice::FactorAdded).await?;
                    decided(walk::go_on(app, realm, tx, arrived).await?)
                })
            });
        bound.await??.answer(&app, &realm).await
    })
    .await
}

/// A code that was right.
struct Right {
    binding: CredentialId,
    step: i64,
    /// Whether the person has no recovery codes yet.
    first: bool,
    key: [u8; 32],
}

/// Whether the code is the pending seed's; a wrong one is counted and recorded.
async fn look(
    app: &App,
    tx: &mut WriteTx<'_>,
    held: &Held,
    code: Option<&totp::Code>,
) -> Result<Outcome<Result<Right, SignInError>>, SignInError> {
    let found = walk::held(app, tx, held, STEP).await?;
    let key = throttle_key::factor(app, tx.realm(), found.user.id, "enrolment");
    let failures = match throttle::count_try(tx, Kind::Factor, &key).await? {
        Ok(failures) => failures,
        Err(refused) => return Ok(throttle_key::refusal(refused, SignInError::Throttled)),
    };
    let pending = match found.kept.binding {
        Some(binding) => factor::pending(tx, found.user.id, binding).await?,
        None => None,
    };
    let now = tx.now();
    let matched = match (&pending, code) {
        (Some(row), Some(code)) => open_seed(app, tx, row)?.matches(code, now, None).map(|step| (row.id, step)),
        _ => None,
    };
    if let Some((binding, step)) = matched {
        let first = factor::recovery_codes(tx, found.user.id).await?.is_none();
        return Ok(Outcome::upkeep(Ok(Right { binding, step, first, key }), Upkeep::Throttle));
    }
    sign_in::failed(tx, found.row.id).await?;
    let failed = failure::events(&Who::Person(&found.user), "wrong_code", failures);
    Ok(Outcome::done(Err(SignInError::InvalidCredentials), failed))
}
