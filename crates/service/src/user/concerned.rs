//! Whom an administrative call concerns: within the caller's reach by the state of the transaction, and not gone.

use domain::caller::{Caller, Scope};
use domain::id::UserId;
use domain::permission::Permission;
use domain::user::Status;
use store::user::User;
use store::{WriteTx, user};

use super::UserError;
use crate::app::App;
use crate::caller;
use crate::grant::{guard_both, may_give_all};

/// Takes the guards of both, reads the caller again, and finds the person where the caller holds the permission now. A person who
/// was deleted is absent. Guards of wider rules come before this.
pub(super) async fn concerned(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: Option<&Caller>,
    permission: Permission,
    id: UserId,
) -> Result<(Option<Caller>, User), UserError> {
    guard_both(tx, caller, id).await?;
    let caller = match caller {
        Some(caller) => Some(caller::again(app, tx, caller).await??),
        None => None,
    };
    let reach = match &caller {
        Some(caller) => Some(caller.allow(permission, Scope::Anywhere)?.reach().clone()),
        None => None,
    };
    let person = user::find(tx, id).await?.filter(|user| user.status != Status::Deleted);
    let person = person.filter(|user| reach.is_none_or(|reach| reach.covers(&user.unit)));
    Ok((caller, person.ok_or(UserError::NotFound)?))
}

/// The same, for what lets one take the account over: the caller may give every role that the person holds (no climbing).
pub(super) async fn concerned_below(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: Option<&Caller>,
    permission: Permission,
    id: UserId,
) -> Result<(Option<Caller>, User), UserError> {
    let (caller, person) = concerned(app, tx, caller, permission, id).await?;
    if let Some(caller) = &caller {
        may_give_all::<UserError>(tx, caller, id).await?;
    }
    Ok((caller, person))
}
