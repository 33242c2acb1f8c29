//! Giving a person another username.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::UserId;
use domain::permission::Permission;
use domain::user::Username;
use serde::{Deserialize, Serialize};
use store::{Guard, Outcome, user};

use super::concerned::concerned_below;
use super::{Person, UserError, person};
use crate::app::App;
use crate::caller::same_version;
use crate::mail::{self, Notice};

/// A person gets another username.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rename {
    /// Who.
    pub user: UserId,
    /// The version that was looked at.
    pub version: Option<i64>,
    /// The new name.
    pub username: Username,
}

/// Gives a person another username: `users:update`, and the right to give every role that they hold (no climbing).
///
/// # Errors
/// [`UserError`].
pub async fn rename(app: &App, caller: &Caller, command: Rename) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersUpdate, Scope::Anywhere)?;
    rename_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn rename_as_operator(app: &App, operator: Operator, command: Rename) -> Result<Person, UserError> {
    rename_with(app, operator.into(), None, command).await
}

async fn rename_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Rename,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                // Whoever makes a person takes it too: a name is given once.
                tx.exclusive(Guard::RoleGraph).await?;
                let (_, before) =
                    concerned_below(app, tx, caller.as_ref(), Permission::UsersUpdate, command.user).await?;
                same_version(caller.as_ref(), command.version, before.version)?;
                let (old, new) = (before.username.clone().unwrap_or_default(), command.username.as_str());
                if old == new {
                    return Ok(Outcome::nothing(person(app, tx, before).await?));
                }
                if !user::rename(tx, before.id, &command.username).await? {
                    return Err(UserError::NameTaken);
                }
                mail::notice(app, tx, &before, Notice::UsernameChanged).await?;
                let event = Event::new(EventType::UserUpdated).user(before.id, before.name());
                let event = event.changed("username", old, new).with("unit", before.unit.as_str());
                let after = user::find(tx, before.id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, after).await?, event))
            })
        })
        .await
}
