//! Deleting a person: a tombstone stays, so that an id never means somebody else (ACC-01, ACC-03).

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::UserId;
use domain::permission::Permission;
use domain::session::EndReason;
use serde::{Deserialize, Serialize};
use store::access::grant;
use store::{Events, Guard, Outcome, credential, device, sign_in, token, user};

use super::UserError;
use super::concerned::concerned_below;
use super::state::is_last_administrator;
use crate::app::App;
use crate::caller::same_version;
use crate::{directory, mail, session};

/// A person is to be deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delete {
    /// Who.
    pub user: UserId,
    /// The version that was looked at.
    pub version: Option<i64>,
    /// Why, where somebody says it; stands in the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Deletes a person: `users:delete`, and the right to give every role that they hold (no climbing); the last administrator stays.
/// Sessions, tokens, links, factors, devices and grants end; name and e-mail are free again, the id never.
///
/// # Errors
/// [`UserError`].
pub async fn delete(app: &App, caller: &Caller, command: Delete) -> Result<(), UserError> {
    let allowed = caller.allow(Permission::UsersDelete, Scope::Anywhere)?;
    delete_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn delete_as_operator(app: &App, operator: Operator, command: Delete) -> Result<(), UserError> {
    delete_with(app, operator.into(), None, command).await
}

async fn delete_with(app: &App, allowed: Allowed, caller: Option<Caller>, command: Delete) -> Result<(), UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                tx.exclusive(Guard::Administrators).await?;
                let right = Permission::UsersDelete;
                let (_, person) = concerned_below(app, tx, caller.as_ref(), right, command.user).await?;
                same_version(caller.as_ref(), command.version, person.version)?;
                let directory = directory::current(app, tx).await?;
                if is_last_administrator(tx, &directory.graph, person.id).await? {
                    return Err(UserError::Conflict("This is the last administrator. Make another one first."));
                }
                let mut events = Events::from(deleted(&person).with_reason(command.reason.as_deref()));
                for held in grant::standing(tx, person.id.into()).await? {
                    grant::end(tx, held.grant).await?;
                    let revoked = Event::new(EventType::RoleRevoked).user(person.id, person.name());
                    let revoked = revoked.because("user_deleted").with("grant", held.grant.to_string());
                    let role = directory.graph.name(held.role);
                    events = events.and(revoked.with("role", role).with("unit", held.unit.as_str()));
                }
                events = events.and_all(session::end_all(tx, &person, None, EndReason::UserDeleted).await?);
                token::void_all(tx, person.id).await?;
                sign_in::end_all(tx, person.id).await?;
                device::forget(tx, person.id).await?;
                // Before its hash goes: the realm's mix counts by it.
                credential::end_password(tx, person.id).await?;
                user::end_families(tx, person.id, EndReason::UserDeleted.as_str()).await?;
                mail::forget(app, tx, person.id).await?;
                user::bury(tx, person.id).await?;
                Ok(Outcome::done((), events))
            })
        })
        .await
}

/// What was known of them stays in the log, beside the leaf, as long as the log is kept.
fn deleted(person: &store::user::User) -> Event {
    let none = serde_json::Value::Null;
    Event::new(EventType::UserDeleted)
        .user(person.id, person.name())
        .changed("status", person.status.as_str(), "deleted")
        .changed("username", person.username.as_deref(), none.clone())
        .changed("email", person.email.as_deref(), none)
        .with("unit", person.unit.as_str())
}
