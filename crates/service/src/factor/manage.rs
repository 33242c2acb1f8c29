//! What people do with their own second factors, and administrators with those of others.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::{CredentialId, UserId};
use domain::permission::Permission;
use domain::revocation::Fact;
use domain::session::{AAL1, EndReason};
use domain::throttle::Throttled;
use serde::{Deserialize, Serialize};
use store::factor::Factor;
use store::user::User;
use store::{Events, Outcome, Read, StoreError, WriteTx, factor, revocation, session as sessions, user};
use thiserror::Error;

use super::bind::enrolled;
use super::new_set;
use crate::app::App;
use crate::caller::{self, SignedOut};
use crate::grant::{guard_both, may_give_all};
use crate::hashing::Overloaded;
use crate::mail::{self, Notice};
use crate::{directory, session};

/// Why a factor was not changed.
#[derive(Debug, Error)]
pub enum FactorError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// No such person within reach, or no such factor.
    #[error("there is no such factor")]
    NotFound,
    /// The code is wrong.
    #[error("that code is not right")]
    Wrong,
    /// What stands in the way; the text says what to do.
    #[error("{0}")]
    Conflict(&'static str),
    /// Inside a wait; not looked at.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// Too many codes are being hashed.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for FactorError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for FactorError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// The caller's own factors in force.
///
/// # Errors
/// [`StoreError`].
pub async fn own(app: &App, caller: &Caller) -> Result<Vec<Factor>, StoreError> {
    let id = caller.user();
    app.store.read(&caller.oneself(), app.now(), move |tx| Box::pin(factor::of_user(tx, id))).await
}

/// All factors that somebody within reach ever had, newest first.
///
/// # Errors
/// [`FactorError`].
pub async fn of_user(app: &App, caller: &Caller, id: UserId) -> Result<Vec<Factor>, FactorError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, id).await?.ok_or(FactorError::NotFound)?;
                Ok(factor::history(tx, id).await?)
            })
        })
        .await
}

/// All factors that somebody ever had, for the operator of the machine.
///
/// # Errors
/// [`StoreError`].
pub async fn of_user_as_operator(app: &App, operator: Operator, id: UserId) -> Result<Vec<Factor>, StoreError> {
    app.store.read(operator.allowed(), app.now(), move |tx| Box::pin(factor::history(tx, id))).await
}

/// A factor gets another name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rename {
    /// Which.
    pub id: CredentialId,
    /// What its owner calls it.
    pub label: String,
}

/// Renames one of the caller's own factors.
///
/// # Errors
/// [`FactorError`].
pub async fn rename(app: &App, caller: &Caller, command: Rename) -> Result<Factor, FactorError> {
    app.store
        .write(caller.oneself(), app.now(), (app.clone(), caller.clone(), command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let person = user::find(tx, caller.user()).await?.ok_or(FactorError::SignedOut)?;
                let before = one(tx, person.id, command.id).await?;
                if !factor::rename(tx, person.id, command.id, &command.label).await? {
                    return Err(FactorError::NotFound);
                }
                let event = Event::new(EventType::FactorUpdated).user(person.id, person.name());
                let event = event.changed("label", before.label.as_str(), command.label.as_str());
                let after = Factor { label: command.label.clone(), ..before };
                Ok(Outcome::done(after, event.with("factor", command.id.to_string())))
            })
        })
        .await
}

async fn one(tx: &mut impl Read, user: UserId, id: CredentialId) -> Result<Factor, FactorError> {
    let all = factor::of_user(tx, user).await?;
    all.into_iter().find(|factor| factor.id == id && factor.kind != "password").ok_or(FactorError::NotFound)
}

/// A factor of somebody is to be removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Removal {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub id: CredentialId,
}

/// Removes one of the caller's own factors, but the last one of a person who needs it (MFA-06). Their other sessions end.
///
/// # Errors
/// [`FactorError`].
pub async fn remove_own(app: &App, caller: &Caller, id: CredentialId) -> Result<(), FactorError> {
    let command = Removal { user: caller.user(), id };
    remove(app, caller.oneself(), Some((caller.clone(), false)), command).await
}

/// Removes a factor of somebody within reach: `users:manage`, and the right to give every role that they hold (no climbing). All their sessions
/// end; whose role needs a factor binds another one at the next sign-in.
///
/// # Errors
/// [`FactorError`].
pub async fn remove_other(app: &App, caller: &Caller, command: Removal) -> Result<(), FactorError> {
    if command.user == caller.user() {
        caller.allow(Permission::UsersManage, Scope::Anywhere)?;
        return remove_own(app, caller, command.id).await;
    }
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    remove(app, allowed, Some((caller.clone(), true)), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`FactorError`].
pub async fn remove_as_operator(app: &App, operator: Operator, command: Removal) -> Result<(), FactorError> {
    remove(app, operator.into(), None, command).await
}

async fn remove(
    app: &App,
    allowed: Allowed,
    caller: Option<(Caller, bool)>,
    command: Removal,
) -> Result<(), FactorError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                guard_both(tx, caller.as_ref().map(|(caller, _)| caller), command.user).await?;
                let own = may_remove(app, tx, caller.as_ref(), command).await?;
                let person = user::find(tx, command.user).await?.ok_or(FactorError::NotFound)?;
                let gone = one(tx, person.id, command.id).await?;
                let second = factor::of_user(tx, person.id).await?;
                let last = gone.kind != "recovery_codes"
                    && !second.iter().any(|other| other.kind == "totp" && other.id != gone.id);
                if own.is_some() && last && directory::demands_second_factor(app, tx, person.id).await? {
                    return Err(FactorError::Conflict(
                        "Your role needs a second factor, and this is the last one. Add another one first.",
                    ));
                }
                if !factor::end(tx, person.id, gone.id).await? {
                    return Err(FactorError::NotFound);
                }
                let mut events = vec![removed(&person, &gone)];
                // Without a second factor, the codes that stand in for one are of no use.
                if last && let Some(codes) = second.iter().find(|other| other.kind == "recovery_codes") {
                    factor::end(tx, person.id, codes.id).await?;
                    events.push(removed(&person, codes));
                }
                events.extend(session::end_all(tx, &person, own, EndReason::FactorRemoved).await?);
                // The session that stays was proved with what is gone: a role that needs two factors is withheld in it from now on.
                if last && let Some(own) = own {
                    sessions::weaken(tx, own, AAL1, "pwd").await?;
                    revocation::announce(tx, &[Fact::changed(person.id.into(), app.now())]).await?;
                }
                mail::notice(app, tx, &person, Notice::FactorRemoved).await?;
                let mut events = events.into_iter();
                let first = events.next().ok_or(FactorError::NotFound)?;
                Ok(Outcome::done((), Events::from(first).and_all(events)))
            })
        })
        .await
}

fn removed(person: &User, factor: &Factor) -> Event {
    Event::new(EventType::FactorRemoved)
        .user(person.id, person.name())
        .with("kind", factor.kind.as_str())
        .with("factor", factor.id.to_string())
        .changed("label", factor.label.as_str(), serde_json::Value::Null)
}

/// By the state of this transaction, the caller may; returns the session that stays if it is the caller's own factor.
async fn may_remove(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: Option<&(Caller, bool)>,
    command: &Removal,
) -> Result<Option<domain::id::SessionId>, FactorError> {
    let Some((caller, other)) = caller else { return Ok(None) };
    let caller = caller::again(app, tx, caller).await??;
    if !*other {
        return Ok(Some(caller.session()));
    }
    let reach = caller.allow(Permission::UsersManage, Scope::Anywhere)?.reach().clone();
    // Who is out of reach is absent: what they hold is nobody's business here.
    let person = user::find(tx, command.user).await?.filter(|user| reach.covers(&user.unit));
    person.ok_or(FactorError::NotFound)?;
    may_give_all::<FactorError>(tx, &caller, command.user).await?;
    Ok(None)
}

/// Gives the caller ten new recovery codes; the old ones are worth nothing from now on.
///
/// # Errors
/// [`FactorError`].
pub async fn new_recovery_codes(app: &App, caller: &Caller) -> Result<Vec<String>, FactorError> {
    let codes = new_set(app).await?;
    app.store
        .write(caller.oneself(), app.now(), (app.clone(), caller.clone(), codes), |tx, (app, caller, codes)| {
            Box::pin(async move {
                let caller = caller::again(app, tx, caller).await??;
                let person = user::find(tx, caller.user()).await?.ok_or(FactorError::SignedOut)?;
                if factor::totps(tx, person.id).await?.is_empty() {
                    return Err(FactorError::Conflict("Recovery codes stand in for a second factor. Add one first."));
                }
                let set = codes.give(app, tx, person.id).await?;
                mail::notice(app, tx, &person, Notice::RecoveryCodesMade).await?;
                Ok(Outcome::done(codes.shown.clone(), enrolled(&person, "recovery_codes", set)))
            })
        })
        .await
}
