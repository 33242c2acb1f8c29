//! Roles as administrators see and change them, who holds them, and what permissions mean in words.

use std::sync::Arc;

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::id::{GrantId, UserId};
use domain::permission::Permission;
use domain::role::GraphError;
use store::StoreError;
use store::access::grant::{self, Member};
use thiserror::Error;

use crate::app::App;
use crate::caller::{SignedOut, Stale};
use crate::directory::{self, Directory};

mod change;
mod climb;
mod create;
mod delete;
mod named;
pub use change::{ChangeRole, change, change_as_operator};
pub use create::{CreateRole, create, create_as_operator};
pub use delete::{DeleteRole, delete, delete_as_operator};
pub use named::MOST_PERMISSIONS;

/// Why roles were not shown or changed.
#[derive(Debug, Error)]
pub enum RoleError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission, or climbing.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// No such role.
    #[error("there is no such role")]
    NotFound,
    /// The name belongs to another role.
    #[error("there is a role with this name already")]
    NameTaken,
    /// A role or permission that is named but does not exist: in which field, and what.
    #[error("there is no {what}")]
    Unknown {
        /// JSON pointer of the field.
        pointer: String,
        /// `role nurse`, `permission charts:read of API clinic`.
        what: String,
    },
    /// More than a role may have.
    #[error("{what}")]
    TooMany {
        /// JSON pointer of the field.
        pointer: &'static str,
        /// What the bound is.
        what: &'static str,
    },
    /// A cycle, or too deep.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// It is in use, or nobody would administer any more.
    #[error("{0}")]
    Conflict(String),
    /// The caller did not say which version they looked at.
    #[error("the version that was looked at is missing")]
    VersionUnsaid,
    /// Somebody changed it since it was read.
    #[error("somebody changed it meanwhile")]
    ChangedMeanwhile,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for RoleError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Stale> for RoleError {
    fn from(stale: Stale) -> Self {
        match stale {
            Stale::Unsaid => Self::VersionUnsaid,
            Stale::Changed => Self::ChangedMeanwhile,
        }
    }
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
pub async fn all_as_operator(app: &App, operator: Operator) -> Result<Arc<Directory>, RoleError> {
    read(app, operator.into()).await
}

async fn read(app: &App, allowed: Allowed) -> Result<Arc<Directory>, RoleError> {
    let parts = app.clone();
    let directory =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { directory::current(&parts, tx).await }));
    Ok(directory.await?)
}

/// Who holds a role now, of the people within reach, after a person and grant.
///
/// # Errors
/// [`RoleError`].
pub async fn members(
    app: &App,
    caller: &Caller,
    role: String,
    after: Option<(UserId, GrantId)>,
    limit: i64,
) -> Result<Vec<Member>, RoleError> {
    members_with(app, caller.allow(Permission::RolesRead, Scope::Anywhere)?, role, after, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`RoleError`].
pub async fn members_as_operator(
    app: &App,
    operator: Operator,
    role: String,
    after: Option<(UserId, GrantId)>,
    limit: i64,
) -> Result<Vec<Member>, RoleError> {
    members_with(app, operator.into(), role, after, limit).await
}

async fn members_with(
    app: &App,
    allowed: Allowed,
    role: String,
    after: Option<(UserId, GrantId)>,
    limit: i64,
) -> Result<Vec<Member>, RoleError> {
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let directory = directory::current(&parts, tx).await?;
                let role = directory.graph.named(&role).ok_or(RoleError::NotFound)?.role.id;
                Ok(grant::members(tx, role, after, limit).await?)
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
