//! Printed codes: for people without mail, or whose mail cannot be trusted (ACC-06).

use domain::activation::ActivationCode;
use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::{TokenId, UserId};
use domain::permission::Permission;
use domain::time::{Timestamp, seconds};
use domain::user::Status;
use serde::{Deserialize, Serialize};
use store::token::{self, Purpose};
use store::{Outcome, Read};

use super::UserError;
use super::concerned::concerned_below;
use crate::app::App;
use crate::mail::{self, Notice};

/// A code is to be printed for somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssueCode {
    /// For whom.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Issues a printed code with which an invited or active person chooses a password: `users:create`, and the right to give every role
/// that they hold (no climbing). Shown once; a code issued before is void.
///
/// # Errors
/// [`UserError`].
pub async fn issue_code(
    app: &App,
    caller: &Caller,
    command: IssueCode,
) -> Result<(ActivationCode, Timestamp), UserError> {
    let allowed = caller.allow(Permission::UsersCreate, Scope::Anywhere)?;
    issue(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn issue_code_as_operator(
    app: &App,
    operator: Operator,
    command: IssueCode,
) -> Result<(ActivationCode, Timestamp), UserError> {
    issue(app, operator.into(), None, command).await
}

async fn issue(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: IssueCode,
) -> Result<(ActivationCode, Timestamp), UserError> {
    let code = ActivationCode::new(&*app.entropy);
    let input = (app.clone(), caller, command, code.clone());
    let expires_at = app
        .store
        .write(allowed, app.now(), input, |tx, (app, caller, command, code)| {
            Box::pin(async move {
                let right = Permission::UsersCreate;
                let (_, found) = concerned_below(app, tx, caller.as_ref(), right, command.user).await?;
                if !matches!(found.status, Status::Active | Status::Invited) {
                    return Err(UserError::Conflict("The account is disabled. Enable it first."));
                }
                let expires_at = tx.now().plus(seconds(app.settings.invitation_seconds));
                let id = TokenId::new(&*tx.entropy(), tx.now());
                token::create(tx, id, &code.secret().hash(), Purpose::Activation, Some(found.id), expires_at).await?;
                if found.status == Status::Active {
                    mail::notice(app, tx, &found, Notice::CodePrinted).await?;
                }
                let event = Event::new(EventType::ActivationCodeIssued)
                    .user(found.id, found.name())
                    .with("unit", found.unit.as_str())
                    .with("expires_at", expires_at.rfc3339())
                    .with("reason", command.reason.as_str());
                Ok::<_, UserError>(Outcome::done(expires_at, event))
            })
        })
        .await?;
    Ok((code, expires_at))
}
