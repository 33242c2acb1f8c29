//! Disabling and enabling accounts; the last administrator stays.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::{GrantId, PrincipalId, RoleId, UserId};
use domain::permission::Permission;
use domain::role::RoleGraph;
use domain::session::EndReason;
use domain::user::Status;
use serde::{Deserialize, Serialize};
use store::access::grant;
use store::{Events, Guard, Outcome, Read, StoreError, device, sign_in, token, user};

use super::concerned::{concerned, concerned_below};
use super::{Person, UserError, person};
use crate::app::App;
use crate::{directory, session};

/// An account is to be disabled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disable {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// A disabled account is to be enabled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enable {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub reason: String,
}

/// Disables an account: all its sessions end at once. Open to `users:manage` alone, the last administrator excepted.
///
/// # Errors
/// [`UserError`].
pub async fn disable(app: &App, caller: &Caller, command: Disable) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    disable_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn disable_as_operator(app: &App, operator: Operator, command: Disable) -> Result<Person, UserError> {
    disable_with(app, operator.into(), None, command).await
}

async fn disable_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Disable,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, Disable { user: id, reason })| {
            Box::pin(async move {
                tx.exclusive(Guard::Administrators).await?;
                let (_, before) = concerned(app, tx, caller.as_ref(), Permission::UsersManage, *id).await?;
                let directory = directory::current(app, tx).await?;
                if is_last_administrator(tx, &directory.graph, *id).await? {
                    return Err(UserError::Conflict("This is the last administrator. Make another one first."));
                }
                let from = before.status;
                let open = matches!(from, Status::Active | Status::Invited);
                if !open || !user::set_status(tx, *id, from, Status::Disabled).await? {
                    return Err(UserError::Conflict("Only an active or invited account can be disabled."));
                }
                token::void_all(tx, *id).await?;
                sign_in::end_all(tx, *id).await?;
                device::forget(tx, *id).await?;
                user::end_families(tx, *id, EndReason::UserDisabled.as_str()).await?;
                let sessions = session::end_all(tx, &before, None, EndReason::UserDisabled).await?;
                let disabled = Event::new(EventType::UserDisabled).user(*id, before.name()).changed(
                    "status",
                    from.as_str(),
                    "disabled",
                );
                let events = Events::from(disabled.with("reason", reason.as_str())).and_all(sessions);
                let user = user::find(tx, *id).await?.ok_or(UserError::NotFound)?;
                Ok(Outcome::done(person(app, tx, user).await?, events))
            })
        })
        .await
}

/// Enables a disabled account: `users:manage`, and the right to give every role that it holds (no climbing).
///
/// # Errors
/// [`UserError`].
pub async fn enable(app: &App, caller: &Caller, command: Enable) -> Result<Person, UserError> {
    let allowed = caller.allow(Permission::UsersManage, Scope::Anywhere)?;
    enable_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn enable_as_operator(app: &App, operator: Operator, command: Enable) -> Result<Person, UserError> {
    enable_with(app, operator.into(), None, command).await
}

async fn enable_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: Enable,
) -> Result<Person, UserError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, Enable { user: id, reason })| {
            Box::pin(async move {
                // Nobody gives the account a role between the look at its roles and its return.
                let (_, before) = concerned_below(app, tx, caller.as_ref(), Permission::UsersManage, *id).await?;
                // Who never chose a password is invited still.
                let chosen = store::credential::password(tx, *id).await?.is_some() && !before.reset_required;
                let to = if chosen { Status::Active } else { Status::Invited };
                if !user::set_status(tx, *id, Status::Disabled, to).await? {
                    return Err(UserError::Conflict("Only a disabled account can be enabled."));
                }
                let event = Event::new(EventType::UserEnabled).user(*id, before.name()).changed(
                    "status",
                    "disabled",
                    to.as_str(),
                );
                let user = user::find(tx, *id).await?.ok_or(UserError::NotFound)?;
                // After a lockdown only a new password opens the account. No link is mailed by itself: the address may be the intruder's. Whoever enables
                // it looks, and then mails a link or prints a code.
                Ok(Outcome::done(person(app, tx, user).await?, event.with("reason", reason.as_str())))
            })
        })
        .await
}

/// Whether nobody would administer without this person. Whose rights end by themselves does not count as somebody who stays.
pub(super) async fn is_last_administrator(
    tx: &mut impl Read,
    graph: &RoleGraph,
    id: UserId,
) -> Result<bool, StoreError> {
    let id = PrincipalId::from(id);
    for for_good in [true, false] {
        let all = administrators(tx, graph, None, for_good).await?;
        if !all.is_empty() {
            return Ok(all.iter().all(|other| *other == id));
        }
    }
    Ok(false)
}

/// Whether ending a grant leaves nobody who administers for good, where there was somebody.
pub(crate) async fn ends_administration(
    tx: &mut impl Read,
    graph: &RoleGraph,
    grant: GrantId,
) -> Result<bool, StoreError> {
    for for_good in [true, false] {
        if !administrators(tx, graph, None, for_good).await?.is_empty() {
            return Ok(administrators(tx, graph, Some(grant), for_good).await?.is_empty());
        }
    }
    Ok(false)
}

/// Active people who hold `roles:assign` and `users:manage` at the root, without counting one grant; only for good, or also for a time.
pub(crate) async fn administrators(
    tx: &mut impl Read,
    graph: &RoleGraph,
    without: Option<GrantId>,
    for_good: bool,
) -> Result<Vec<PrincipalId>, StoreError> {
    let with = |permission| -> Vec<RoleId> {
        graph.all().filter(|flat| flat.own.has(permission)).map(|flat| flat.role.id).collect()
    };
    let assign = grant::holders_at_root(tx, &with(Permission::RolesAssign), without, for_good).await?;
    let manage = grant::holders_at_root(tx, &with(Permission::UsersManage), without, for_good).await?;
    Ok(assign.into_iter().filter(|one| manage.contains(one)).collect())
}
