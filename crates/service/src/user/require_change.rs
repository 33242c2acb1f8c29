//! Requiring a new password at the next sign-in: somebody else may know the present one (PW-05).

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::UserId;
use domain::permission::Permission;
use domain::sign_in::ChangeReason;
use serde::{Deserialize, Serialize};
use store::{Outcome, factor};

use super::concerned::concerned_below;
use super::{Person, UserError, person};
use crate::app::App;

/// Somebody must choose a new password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequireChange {
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Requires a new password before the next session: `users:manage`, and the right to give every role that the person holds (no climbing).
///
/// # Errors
/// [`UserError`].
pub async fn require_change(app: &App, caller: &Caller, command: RequireChange) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    require(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn require_change_as_operator(
    app: &App,
    operator: Operator,
    command: RequireChange,
) -> Result<Person, UserError> {
    require(app, operator.into(), None, command).await
}

async fn require(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: RequireChange,
) -> Result<Person, UserError> {
    app.store
        .write(
            allowed,
            app.now(),
            (app.clone(), caller, command),
            |tx, (app, caller, RequireChange { user: id, reason })| {
                Box::pin(async move {
                    let (_, known) = concerned_below(app, tx, caller.as_ref(), Permission::UsersManage, *id).await?;
                    let state = serde_json::json!({ "must_change": ChangeReason::Compromised.as_str() }).to_string();
                    if !factor::require_change(tx, *id, &state).await? {
                        return Err(UserError::Conflict("This person has not chosen a password yet."));
                    }
                    let event = Event::new(EventType::PasswordChangeRequired).user(*id, known.name());
                    Ok(Outcome::done(person(app, tx, known).await?, event.with("reason", reason.as_str())))
                })
            },
        )
        .await
}
