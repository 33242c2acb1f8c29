//! Changing one's own password with the current one (PW-08, PW-09).

use domain::caller::Caller;
use domain::event::{Event, EventType};
use domain::id::CredentialId;
use domain::password::{Password, PasswordError};
use domain::realm::Realm;
use domain::session::EndReason;
use domain::throttle::{Kind, Throttled};
use domain::time::Timestamp;
use store::user::User;
use store::{Events, Outcome, Read, StoreError, Upkeep, credential, session as sessions, throttle, token, user};
use thiserror::Error;

use super::{Demanded, check, differs, is_new};
use crate::app::App;
use crate::caller::{self, SignedOut};
use crate::failure::{self, Who, to_the_end};
use crate::hashing::{Against, Overloaded};
use crate::mail::{self, Notice};
use crate::session::{self, Secrets};
use crate::throttle as throttle_key;

/// Why the own password was not changed.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// The current password is wrong.
    #[error("the current password is wrong")]
    Wrong,
    /// The new one is refused.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Inside a wait; not looked at.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// Too many passwords are being checked.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for ChangeError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

/// Changes the caller's own password with the current one; their other sessions end, the present one gets new secrets (PW-08, PW-09).
///
/// # Errors
/// [`ChangeError`].
pub async fn change(
    app: &App,
    realm: &Realm,
    caller: &Caller,
    (current, new): (Option<Password>, &str),
) -> Result<Secrets, ChangeError> {
    let (app, realm, caller, new) = (app.clone(), realm.clone(), caller.clone(), new.to_owned());
    to_the_end(async move { run(&app, &realm, &caller, (current, &new)).await }).await
}

async fn run(
    app: &App,
    realm: &Realm,
    caller: &Caller,
    (current, new): (Option<Password>, &str),
) -> Result<Secrets, ChangeError> {
    let turn = app.hashing.admit()?;
    let key = throttle_key::factor(app, realm.key, caller.user(), &format!("password {}", caller.session()));
    let looked = app
        .store
        .write(caller.oneself(), app.now(), (app.clone(), caller.clone(), key), |tx, (app, caller, key)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let failures = match throttle::count_try(tx, Kind::Factor, key).await? {
                    Ok(failures) => failures,
                    Err(refused) => return Ok(throttle_key::refusal(refused, ChangeError::Throttled)),
                };
                let person = user::find(tx, caller.user()).await?.ok_or(ChangeError::SignedOut)?;
                let demanded = Demanded::of(app, tx, person.id).await?;
                let old = credential::password(tx, person.id).await?;
                Ok::<_, ChangeError>(Outcome::upkeep(Ok((person, demanded, old, failures)), Upkeep::Throttle))
            })
        })
        .await?;
    let (person, demanded, old, failures) = looked?;
    let (id, hash, chosen_at) = old.map(|old| (old.id, old.hash, old.created_at)).ok_or(ChangeError::Wrong)?;
    let right = match current {
        Some(current) => app.hashing.verify_in(turn, current, Against::Stored(hash.clone())).await?,
        None => false,
    };
    if !right {
        wrong(app, caller, (person, failures)).await?;
        return Err(ChangeError::Wrong);
    }
    let chosen = match acceptable(app, realm, (&person, demanded), (new, hash, chosen_at)).await {
        Ok(chosen) => chosen,
        Err(refused) => {
            was_right(app, caller, key).await?;
            return Err(refused);
        }
    };
    let hash = app.hashing.hash(chosen, &*app.entropy).await?;
    write(app, caller, (id, hash, key)).await
}

async fn acceptable(
    app: &App,
    realm: &Realm,
    (person, demanded): (&User, Demanded),
    (new, old, chosen_at): (&str, String, Timestamp),
) -> Result<Password, ChangeError> {
    if demanded.is_too_young(chosen_at, app.now()) {
        return Err(PasswordError::TooYoung.into());
    }
    let chosen = check(app, realm, person, new, &demanded)?;
    differs(app, chosen.clone(), Some(old.clone())).await??;
    is_new(app, &chosen, demanded, Some(&old)).await??;
    Ok(chosen)
}

/// A right current password is not held against somebody whose new one is refused.
async fn was_right(app: &App, caller: &Caller, key: [u8; 32]) -> Result<(), StoreError> {
    app.store
        .write(caller.oneself(), app.now(), key, |tx, key| {
            Box::pin(async move {
                throttle::clear(tx, Kind::Factor, key).await?;
                Ok(Outcome::upkeep((), Upkeep::Throttle))
            })
        })
        .await
}

/// A wrong current password is a failed authentication, and recorded as one.
async fn wrong(app: &App, caller: &Caller, who: (User, i64)) -> Result<(), StoreError> {
    app.store
        .write(caller.oneself(), app.now(), who, |_, (person, failures)| {
            Box::pin(async move {
                Ok(Outcome::done((), failure::events(&Who::Person(person), "wrong_password", *failures)))
            })
        })
        .await
}

async fn write(app: &App, caller: &Caller, new: (CredentialId, String, [u8; 32])) -> Result<Secrets, ChangeError> {
    app.store
        .write(
            caller.oneself(),
            app.now(),
            (app.clone(), caller.clone(), new),
            |tx, (app, caller, (old, hash, key))| {
                Box::pin(async move {
                    let caller = caller::again(app, tx, caller).await??;
                    let person = user::find(tx, caller.user()).await?.ok_or(ChangeError::SignedOut)?;
                    // What was compared must be what is in force.
                    if credential::password(tx, person.id).await?.is_none_or(|current| current.id != *old) {
                        return Err(ChangeError::Wrong);
                    }
                    throttle::clear(tx, Kind::Factor, key).await?;
                    let id = CredentialId::new(&*tx.entropy(), tx.now());
                    credential::set_password(tx, id, person.id, hash).await?;
                    user::password_changed(tx, person.id).await?;
                    // 2.5, rule 2: links that are under way, an intruder's among them, are void.
                    token::void_all(tx, person.id).await?;
                    let (but, reason) = (Some(caller.session()), EndReason::PasswordChanged);
                    let ended = session::end_all(tx, &person, but, reason).await?;
                    let own = sessions::find(tx, caller.session()).await?.ok_or(ChangeError::SignedOut)?;
                    let how = (own.acr.clone(), own.amr.clone());
                    let renewed =
                        session::renew(app, tx, own, (&how.0, &how.1)).await?.ok_or(ChangeError::SignedOut)?;
                    mail::notice(app, tx, &person, Notice::PasswordChanged).await?;
                    let changed = Event::new(EventType::AuthnPasswordChange).user(person.id, person.name());
                    Ok(Outcome::done(renewed.secrets(), Events::from(changed).and_all(ended)))
                })
            },
        )
        .await
}
