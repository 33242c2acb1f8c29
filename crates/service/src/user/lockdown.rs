//! Lockdown: somebody else may be in the account. Everything that it holds ends at once, and only a new password opens it again.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::UserId;
use domain::permission::Permission;
use domain::session::EndReason;
use serde::{Deserialize, Serialize};
use store::{Events, Guard, Outcome, credential, device, sign_in, token, user};

use super::concerned::concerned;
use super::state::is_last_administrator;
use super::{Person, UserError, person};
use crate::app::App;
use crate::{directory, session};

/// An account is to be locked down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LockDown {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Disables an account, ends all sessions, grants of clients and tokens, forgets its devices, voids open links and the password.
/// Protecting: `users:manage` alone, the last administrator excepted.
///
/// # Errors
/// [`UserError`].
pub async fn lock_down(app: &App, caller: &Caller, command: LockDown) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    lock_down_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn lock_down_as_operator(app: &App, operator: Operator, command: LockDown) -> Result<Person, UserError> {
    lock_down_with(app, operator.into(), None, command).await
}

async fn lock_down_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: LockDown,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                tx.exclusive(Guard::Administrators).await?;
                let (_, before) = concerned(app, tx, caller.as_ref(), Permission::UsersManage, command.user).await?;
                let directory = directory::current(app, tx).await?;
                if is_last_administrator(tx, &directory.graph, before.id).await? {
                    return Err(UserError::Conflict("This is the last administrator. Make another one first."));
                }
                if !user::lock_down(tx, before.id).await? {
                    return Err(UserError::Conflict("This account is locked down already."));
                }
                token::void_all(tx, before.id).await?;
                sign_in::end_all(tx, before.id).await?;
                device::forget(tx, before.id).await?;
                // Whoever is in the account may know it.
                credential::end_password(tx, before.id).await?;
                let sessions = session::end_all(tx, &before, None, EndReason::LockedDown).await?;
                user::end_families(tx, before.id, EndReason::LockedDown.as_str()).await?;
                let event = Event::new(EventType::UserLockedDown)
                    .user(before.id, before.name())
                    .changed("status", before.status.as_str(), "disabled")
                    .with("unit", before.unit.as_str())
                    .with("reason", command.reason.as_str());
                let user = user::find(tx, before.id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, Events::from(event).and_all(sessions)))
            })
        })
        .await
}
