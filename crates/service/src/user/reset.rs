//! An administrator starts the way to a new password; its owner walks it, and nobody else sees the link.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::{TokenId, UserId};
use domain::permission::Permission;
use domain::secret::Secret;
use domain::time::seconds;
use domain::user::{Email, Status};
use serde::{Deserialize, Serialize};
use store::token::{self, Purpose};
use store::user::User;
use store::{Outcome, Read, StoreError, WriteTx};

use super::concerned::concerned_below;
use super::{Person, UserError, person};
use crate::app::App;
use crate::mail;

/// A reset link lives so long (2.5).
const RESET_SECONDS: u64 = 3600;

/// A person gets a link to a new password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResetPassword {
    /// Who.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Mails a person a link to a new password, or the invitation again: `users:manage`, and the right to give every role that they hold (no
/// climbing). The present password works until the link is used.
///
/// # Errors
/// [`UserError`].
pub async fn reset_password(app: &App, caller: &Caller, command: ResetPassword) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    reset_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn reset_password_as_operator(
    app: &App,
    operator: Operator,
    command: ResetPassword,
) -> Result<Person, UserError> {
    reset_with(app, operator.into(), None, command).await
}

async fn reset_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: ResetPassword,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let right = Permission::UsersManage;
                let (_, found) = concerned_below(app, tx, caller.as_ref(), right, command.user).await?;
                if !matches!(found.status, Status::Active | Status::Invited) {
                    return Err(UserError::Conflict("The account is disabled. Enable it first."));
                }
                if !send_link(app, tx, &found).await? {
                    return Err(UserError::Conflict("This person has no e-mail address. Issue an activation code."));
                }
                let event = Event::new(EventType::PasswordResetRequested)
                    .user(found.id, found.name())
                    .with("unit", found.unit.as_str())
                    .with("reason", command.reason.as_str());
                Ok(Outcome::done(person(app, tx, found).await?, event))
            })
        })
        .await
}

/// Mails the link with which the person chooses a password: the invitation, if they never had one. `false`: there is no address.
pub(super) async fn send_link(app: &App, tx: &mut WriteTx<'_>, person: &User) -> Result<bool, StoreError> {
    let Some(to) = person.email.as_deref().and_then(|text| Email::parse(text).ok()) else { return Ok(false) };
    let invited = person.status == Status::Invited && !person.reset_required;
    let (purpose, lifetime) = match invited {
        true => (Purpose::Invitation, app.settings.invitation_seconds),
        false => (Purpose::Reset, RESET_SECONDS),
    };
    let link = Secret::new(&*tx.entropy());
    let id = TokenId::new(&*tx.entropy(), tx.now());
    let expires_at = tx.now().plus(seconds(lifetime));
    token::create(tx, id, &link.hash(), purpose, Some(person.id), expires_at).await?;
    if invited {
        mail::invitation(app, tx, (person.id, &to), person.name(), &link).await?;
    } else {
        mail::reset(app, tx, (person.id, &to), person.name(), &link).await?;
    }
    Ok(true)
}
