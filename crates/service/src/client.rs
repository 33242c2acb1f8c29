//! Clients: registering applications that ask for tokens.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::client::ClientKind;
use domain::permission::Permission;
use store::client::{self, Client};
use store::{Guard, StoreError, WriteTx};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut, Stale};

mod authenticate;
mod change;
mod create;
mod secret;
mod usage;
pub use authenticate::{ClientAuthError, Credentials, Demand, Proved, Sent, Who, authenticate};
pub use change::{DeleteClient, UpdateClient, delete, delete_as_operator, update, update_as_operator};
pub use create::{CreateClient, Created, create, create_as_operator};
pub use secret::{new_secret, new_secret_as_operator};
pub use usage::Purpose;
pub(crate) use usage::{Usage, used};

/// Why a client was not shown or changed.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// No such client.
    #[error("there is no such client")]
    NotFound,
    /// The `client_id` belongs to another client or an API.
    #[error("this client id is taken")]
    NameTaken,
    /// The index of an API that does not exist.
    #[error("there is no such API")]
    NoApi(usize),
    /// Redirect URIs where none can be used, or none where one is needed.
    #[error("{0}")]
    RedirectUris(&'static str),
    /// It has no secret.
    #[error("{0}")]
    Conflict(&'static str),
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

impl From<SignedOut> for ClientError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Stale> for ClientError {
    fn from(stale: Stale) -> Self {
        match stale {
            Stale::Unsaid => Self::VersionUnsaid,
            Stale::Changed => Self::ChangedMeanwhile,
        }
    }
}

impl From<Forbidden> for ClientError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// Clients by `client_id`, after `after`.
///
/// # Errors
/// [`ClientError`].
pub async fn list(app: &App, caller: &Caller, after: String, limit: i64) -> Result<Vec<Client>, ClientError> {
    list_with(app, caller.allow(Permission::ClientsManage, Scope::Realm)?, after, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ClientError`].
pub async fn list_as_operator(
    app: &App,
    operator: Operator,
    after: String,
    limit: i64,
) -> Result<Vec<Client>, ClientError> {
    list_with(app, operator.into(), after, limit).await
}

async fn list_with(app: &App, allowed: Allowed, after: String, limit: i64) -> Result<Vec<Client>, ClientError> {
    let found =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { client::list(tx, &after, limit).await }));
    Ok::<_, ClientError>(found.await?)
}

/// A client by `client_id`.
///
/// # Errors
/// [`ClientError`].
pub async fn get(app: &App, caller: &Caller, client_id: String) -> Result<Client, ClientError> {
    let allowed = caller.allow(Permission::ClientsManage, Scope::Realm)?;
    let found = app.store.read(&allowed, app.now(), move |tx| {
        Box::pin(async move { Ok::<_, ClientError>(client::by_client_id(tx, &client_id).await?) })
    });
    found.await?.ok_or(ClientError::NotFound)
}

/// The guard that every change takes, so that the APIs it names are not ended meanwhile, and the caller by the state of this transaction.
async fn begin(app: &App, tx: &mut WriteTx<'_>, caller: Option<&Caller>) -> Result<Option<Caller>, ClientError> {
    tx.exclusive(Guard::RoleGraph).await?;
    let Some(caller) = caller else { return Ok(None) };
    let caller = caller::again(app, tx, caller).await??;
    caller.allow(Permission::ClientsManage, Scope::Realm)?;
    Ok(Some(caller))
}

/// Nobody climbs by a service: who gets its secret, wakes it up or sends it to another API may give every role that it holds.
async fn may_take_over(tx: &mut WriteTx<'_>, caller: Option<&Caller>, client: &Client) -> Result<(), ClientError> {
    match caller {
        Some(caller) => crate::grant::may_give_all(tx, caller, client.id).await,
        None => Ok(()),
    }
}

/// Whether a client has what its kind needs.
async fn check(tx: &mut WriteTx<'_>, client: &Client, old: Option<&Client>) -> Result<(), ClientError> {
    if !domain::client::fits(client.kind, &client.redirect_uris) {
        return Err(ClientError::RedirectUris(match client.kind {
            ClientKind::Service => "A service acts without people: it has no redirect URIs.",
            ClientKind::Public | ClientKind::Confidential => "Name at least one redirect URI.",
        }));
    }
    for (at, audience) in client.apis.iter().enumerate() {
        // What it names already stays: disabling a client must never fail by what else it says.
        let known = old.is_some_and(|old| old.apis.contains(audience));
        if !known && store::access::api::by_audience(tx, audience.as_str()).await?.is_none() {
            return Err(ClientError::NoApi(at));
        }
    }
    Ok(())
}
