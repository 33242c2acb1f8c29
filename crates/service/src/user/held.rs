//! What a page says beside people: how others are called, and what those in a list hold. One read for all of them.

use std::collections::HashMap;

use domain::access::Held;
use domain::caller::{Caller, Scope};
use domain::id::UserId;
use domain::permission::Permission;
use domain::user::Identifier;
use store::access::grant;
use store::user::{self, User};

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
                let mut names = HashMap::new();
                for id in ids {
                    if names.contains_key(&id) {
                        continue;
                    }
                    if let Some(found) = user::find(tx, id).await? {
                        names.insert(id, found.name().to_owned());
                    }
                }
                Ok(names)
            })
        })
        .await
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
                let mut all = HashMap::new();
                for id in ids {
                    if user::find(tx, id).await?.is_some() {
                        all.insert(id, grant::in_force(tx, id.into()).await?);
                    }
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
