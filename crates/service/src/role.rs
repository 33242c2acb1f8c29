//! Roles as administrators see them, and what permissions mean in words.

use std::sync::Arc;

use domain::caller::{Caller, Forbidden, Scope};
use domain::permission::Permission;
use store::StoreError;
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

/// The roles, for the operator of the machine.
///
/// # Errors
/// [`RoleError`].
pub async fn all_as_operator(app: &App, operator: domain::allowed::Operator) -> Result<Arc<Directory>, RoleError> {
    read(app, operator.into()).await
}

async fn read(app: &App, allowed: domain::allowed::Allowed) -> Result<Arc<Directory>, RoleError> {
    let parts = app.clone();
    let directory =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { directory::current(&parts, tx).await }));
    Ok(directory.await?)
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
