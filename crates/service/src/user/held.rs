//! What a page says beside people: how others are called, and what those in a list hold. One read for all of them.

use std::collections::HashMap;

use domain::access::Held;
use domain::caller::{Caller, Scope};
use domain::id::UserId;
use domain::permission::Permission;
use domain::user::Identifier;
use store::user::{self, User};
use store::{Read, StoreError};

use super::UserError;
use crate::app::App;

/// What people within reach are called; those out of reach are left out.
///
/// # Errors
/// [`UserError`].
pub async fn names(app: &App, caller: &Caller, ids: Vec<UserId>) -> Result<HashMap<UserId, String>, UserError> {
    let allowed = caller.allow(Permission::UsersRead, Scope::Anywhere)?;
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let found = within_reach(tx, &ids).await?;
                Ok(found.into_iter().map(|user| (user.id, user.name().to_owned())).collect())
            })
        })
        .await
}

/// Those of them whom the caller may see.
async fn within_reach(tx: &mut impl Read, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let reach = tx.allowed().reach().clone();
    let mut found = user::by_ids(tx, ids).await?;
    found.retain(|user| reach.covers(&user.unit));
    Ok(found)
}

/// The grants in force of people within reach.
///
/// # Errors
/// [`UserError`].
pub async fn held(app: &App, caller: &Caller, ids: Vec<UserId>) -> Result<HashMap<UserId, Vec<Held>>, UserError> {
    let allowed = caller.allow(Permission::UsersRead, Scope::Anywhere)?;
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let seen: Vec<UserId> = within_reach(tx, &ids).await?.into_iter().map(|user| user.id).collect();
                let mut all: HashMap<UserId, Vec<Held>> = HashMap::new();
                for (id, held) in user::held_of(tx, &seen).await? {
                    all.entry(id).or_default().push(held);
                }
                Ok(all)
            })
        })
        .await
}

/// Who within reach has this username, or this confirmed e-mail address alone.
///
/// # Errors
/// [`UserError`].
pub async fn named(app: &App, caller: &Caller, identifier: Identifier) -> Result<Option<User>, UserError> {
    let allowed = caller.allow(Permission::UsersRead, Scope::Anywhere)?;
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let Some(found) = user::by_identifier(tx, &identifier).await? else { return Ok(None) };
                // Finding by identifier is for signing in, and knows no reach.
                Ok(user::find(tx, found.id).await?)
            })
        })
        .await
}
