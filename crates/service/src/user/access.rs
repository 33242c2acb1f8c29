//! What somebody may do, and could do at any instant before: effective access with its explanation.

use std::sync::Arc;

use domain::access::Access;
use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::id::UserId;
use domain::permission::Permission;
use domain::role::RoleGraph;
use domain::time::Timestamp;
use store::access::{grant, history};
use store::{Read, StoreError, user};

use super::UserError;
use crate::app::App;
use crate::directory;

/// All that is granted to a person within reach: now, or at an instant. What an account may do while it is disabled is another question.
///
/// # Errors
/// [`UserError`].
pub async fn access(app: &App, caller: &Caller, id: UserId, at: Option<Timestamp>) -> Result<Access, UserError> {
    access_with(app, caller.allow(Permission::UsersRead, Scope::Anywhere)?, id, at).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UserError`].
pub async fn access_as_operator(
    app: &App,
    operator: Operator,
    id: UserId,
    at: Option<Timestamp>,
) -> Result<Access, UserError> {
    access_with(app, operator.into(), id, at).await
}

async fn access_with(app: &App, allowed: Allowed, id: UserId, at: Option<Timestamp>) -> Result<Access, UserError> {
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, id).await?.ok_or(UserError::NotFound)?;
                match at {
                    None => {
                        let directory = directory::current(&parts, tx).await?;
                        Ok(Access::new(directory.graph.clone(), grant::in_force(tx, id.into()).await?))
                    }
                    Some(at) => Ok(past(tx, id, at).await?),
                }
            })
        })
        .await
}

/// Facts are ended, never overwritten: what held at an instant is read from the same rows.
async fn past(tx: &mut impl Read, id: UserId, at: Timestamp) -> Result<Access, StoreError> {
    let roles = history::roles(tx, at).await?;
    Ok(Access::new(Arc::new(RoleGraph::of_the_past(roles)), history::grants(tx, id.into(), at).await?))
}
