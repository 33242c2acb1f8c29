//! Policies: seeing them, changing them (`change`), and what they do to sessions that live (`live`).

mod change;
mod live;

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::id::UserId;
use domain::permission::Permission;
use domain::policy::{Merged, Policy, Wrong};
use store::access::grant;
use store::{StoreError, user};
use thiserror::Error;

pub use self::change::{SetPolicy, set, set_as_operator};
pub(crate) use self::live::{Limit, judge_all, judged, limit, list, standing};
use crate::app::App;
use crate::caller::{SignedOut, Stale};
use crate::directory;

/// The policy of the realm or of a role, as it was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// What it asks for.
    pub policy: Policy,
    /// 0: nothing was ever set.
    pub version: i64,
}

/// Why a policy was not shown or changed.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission, or climbing.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// No such role or person within reach.
    #[error("there is no such role or person")]
    NotFound,
    /// Values that may not be set.
    #[error("some values may not be set")]
    Wrong(Vec<Wrong>),
    /// The caller would lock themselves out.
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

impl From<SignedOut> for PolicyError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for PolicyError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

impl From<Stale> for PolicyError {
    fn from(stale: Stale) -> Self {
        match stale {
            Stale::Unsaid => Self::VersionUnsaid,
            Stale::Changed => Self::ChangedMeanwhile,
        }
    }
}

/// The policy of a role, or of the realm: `policies:read`.
///
/// # Errors
/// [`PolicyError`].
pub async fn get(app: &App, caller: &Caller, role: Option<String>) -> Result<Edition, PolicyError> {
    get_with(app, caller.allow(Permission::PoliciesRead, Scope::Anywhere)?, role).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`PolicyError`].
pub async fn get_as_operator(app: &App, operator: Operator, role: Option<String>) -> Result<Edition, PolicyError> {
    get_with(app, operator.into(), role).await
}

async fn get_with(app: &App, allowed: Allowed, role: Option<String>) -> Result<Edition, PolicyError> {
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let directory = directory::current(&parts, tx).await?;
                let id = match role {
                    Some(name) => Some(directory.graph.named(&name).ok_or(PolicyError::NotFound)?.role.id),
                    None => None,
                };
                let (policy, version) = directory.edition(id);
                Ok(Edition { policy, version })
            })
        })
        .await
}

/// What applies to a person within reach now, each value with what it comes from: `policies:read`.
///
/// # Errors
/// [`PolicyError`].
pub async fn of_user(app: &App, caller: &Caller, id: UserId) -> Result<Merged, PolicyError> {
    of_user_with(app, caller.allow(Permission::PoliciesRead, Scope::Anywhere)?, id).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`PolicyError`].
pub async fn of_user_as_operator(app: &App, operator: Operator, id: UserId) -> Result<Merged, PolicyError> {
    of_user_with(app, operator.into(), id).await
}

async fn of_user_with(app: &App, allowed: Allowed, id: UserId) -> Result<Merged, PolicyError> {
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                user::find(tx, id).await?.ok_or(PolicyError::NotFound)?;
                let directory = directory::current(&parts, tx).await?;
                Ok(directory.policy(&grant::in_force(tx, id.into()).await?))
            })
        })
        .await
}
