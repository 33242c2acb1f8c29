//! Roles and units as administrators see them.

use std::sync::Arc;

use domain::caller::{Caller, Forbidden, Scope};
use domain::permission::Permission;
use domain::unit::UnitPath;
use store::unit::Unit;
use store::{StoreError, unit};
use thiserror::Error;

use crate::app::App;
use crate::directory::{self, Directory};

/// Why roles were not shown.
#[derive(Debug, Error)]
pub enum RoleError {
    /// No permission.
    #[error("roles:read is missing")]
    Forbidden(Forbidden),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Forbidden> for RoleError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// The roles, flattened.
///
/// # Errors
/// [`RoleError`].
pub async fn all(app: &App, caller: &Caller) -> Result<Arc<Directory>, RoleError> {
    read(app, caller.allow(Permission::RolesRead, Scope::Anywhere)?).await
}

/// The roles as the caller's own page explains them.
///
/// # Errors
/// [`RoleError`].
pub async fn of_oneself(app: &App, caller: &Caller) -> Result<Arc<Directory>, RoleError> {
    read(app, caller.oneself()).await
}

/// The roles, for the command line.
///
/// # Errors
/// [`RoleError`].
pub async fn read(app: &App, allowed: domain::allowed::Allowed) -> Result<Arc<Directory>, RoleError> {
    let parts = app.clone();
    let directory =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { directory::current(&parts, tx).await }));
    Ok(directory.await?)
}

/// Units within reach, by path, after `after`.
///
/// # Errors
/// [`RoleError`].
pub async fn units(app: &App, caller: &Caller, after: String, limit: i64) -> Result<Vec<Unit>, RoleError> {
    let allowed = caller.allow(Permission::RolesRead, Scope::Anywhere)?;
    let found =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { unit::list(tx, &after, limit).await }));
    Ok::<_, RoleError>(found.await?)
}

/// Makes a unit below an existing one; used by the command line and demo.
///
/// # Errors
/// [`StoreError`]; `Ok(false)`: the parent is missing or the path is taken.
pub async fn create_unit(
    app: &App,
    allowed: domain::allowed::Allowed,
    path: UnitPath,
    name: String,
) -> Result<bool, StoreError> {
    use domain::event::{Event, EventType};
    use domain::id::UnitId;
    use store::{Guard, Outcome, Read};
    app.store
        .write(allowed, app.now(), (path, name), |tx, (path, name)| {
            Box::pin(async move {
                tx.exclusive(Guard::Units).await?;
                let parent = match path.parent() {
                    Some(parent) => unit::by_path(tx, &parent).await?,
                    None => None,
                };
                let Some(parent) = parent else { return Ok(Outcome::nothing(false)) };
                let id = UnitId::new(&*tx.entropy(), tx.now());
                if unit::create(tx, id, Some(parent.id), path, name).await?.is_none() {
                    return Ok(Outcome::nothing(false));
                }
                let event = Event::new(EventType::UnitCreated).about("unit", id.uuid(), path.as_str());
                Ok(Outcome::done(true, event.with("name", name.as_str())))
            })
        })
        .await
}

/// What permissions mean in words: audience → (name of the API, permission → description).
pub type Descriptions = std::collections::BTreeMap<String, (String, std::collections::BTreeMap<String, String>)>;

/// What permissions mean in words, for the caller's own page.
///
/// # Errors
/// [`StoreError`].
pub async fn descriptions(app: &App, caller: &Caller) -> Result<Descriptions, StoreError> {
    use store::access::api;
    app.store
        .read(&caller.oneself(), app.now(), |tx| {
            Box::pin(async move {
                let mut found = Descriptions::new();
                for api in api::all(tx).await? {
                    let texts =
                        api::permissions(tx, api.id).await?.into_iter().map(|(_, name, text)| (name, text)).collect();
                    found.insert(api.audience.as_str().to_owned(), (api.name, texts));
                }
                Ok(found)
            })
        })
        .await
}
