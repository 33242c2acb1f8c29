//! APIs: as callers with their credentials here; as what administrators register below.
#![expect(clippy::disallowed_methods, reason = "this file names the flow in which an API proves its credentials")]

use std::collections::BTreeMap;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::realm::RealmKey;
use domain::secret::Secret;
use domain::throttle::{Kind, Throttled};
use store::access::api;
use store::{Outcome, StoreError, Upkeep, throttle};
use thiserror::Error;
use wire::roles::RolesCatalogue;

use crate::app::App;
use crate::directory;
use crate::throttle as throttle_key;

mod permission;
mod register;
mod secret;
pub use permission::{
    AddPermission, DeletePermission, PermissionRow, add_permission, add_permission_as_operator, delete_permission,
    delete_permission_as_operator, permissions, permissions_as_operator,
};
pub use register::{
    ChangeError, CreateApi, DeleteApi, UpdateApi, create, create_as_operator, delete, delete_as_operator, get, list,
    list_as_operator, update, update_as_operator,
};
pub(crate) use secret::OVERLAP_HOURS;
pub use secret::{NewSecret, new_secret, new_secret_as_operator};

/// Why an API was not let in.
#[derive(Debug, Error)]
pub enum ApiError {
    /// Unknown or wrong.
    #[error("the credentials are wrong")]
    Credentials,
    /// Too many wrong secrets.
    #[error("too many attempts")]
    Throttled(Throttled),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Credentials as sent: the audience and a secret.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `client_id`: the audience.
    pub audience: String,
    /// `None`: nothing that could be a secret.
    pub secret: Option<Secret>,
}

/// The roles catalogue for an API that proves its credentials.
///
/// # Errors
/// [`ApiError`].
pub async fn catalogue(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    audience: String,
    request: Request,
) -> Result<RolesCatalogue, ApiError> {
    let allowed = authenticate(app, realm, credentials, request).await?;
    let parts = app.clone();
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let directory = directory::current(&parts, tx).await?;
                let permissions = |flat: &domain::role::Flat| -> Vec<String> {
                    flat.effective.get(&audience).map(|names| names.iter().cloned().collect()).unwrap_or_default()
                };
                let roles: BTreeMap<String, Vec<String>> =
                    directory.graph.all().map(|flat| (flat.role.name.as_str().to_owned(), permissions(flat))).collect();
                Ok(RolesCatalogue { roles_version: directory.graph.version(), audience, roles })
            })
        })
        .await
}

/// Checks credentials. Guessing is throttled by address; the same answer for unknown and wrong.
pub(crate) async fn authenticate(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    request: Request,
) -> Result<Allowed, ApiError> {
    let visitor = Allowed::visitor(Flow::Authenticate, realm, request.clone());
    // By address alone: an audience of the guesser's choosing would be a new counter each time.
    let key = throttle_key::address(app, realm, "api", &request);
    let id = app
        .store
        .write(visitor, app.now(), (credentials, key), |tx, (credentials, key)| {
            Box::pin(async move {
                if let Err(refused) = throttle::check_window(tx, Kind::TokenHour, key).await? {
                    return Ok(throttle_key::refusal(refused, ApiError::Throttled));
                }
                let known = api::by_audience(tx, &credentials.audience).await?;
                let secrets = match &known {
                    Some(api) => api::secrets(tx, api.id.into()).await?,
                    None => Vec::new(),
                };
                let hash = credentials.secret.as_ref().map(Secret::hash);
                let right = hash.is_some_and(|hash| secrets.iter().filter(|stored| **stored == hash).count() > 0);
                if let Some(api) = known.filter(|_| right) {
                    return Ok(Outcome::nothing(Ok(api.id)));
                }
                throttle::count_failure(tx, Kind::TokenHour, key).await?;
                let event =
                    Event::new(EventType::AuthnLoginFail).failed("wrong_secret").with("method", "client_secret");
                Ok::<_, StoreError>(Outcome::done(Err(ApiError::Credentials), event))
            })
        })
        .await??;
    Ok(Allowed::api(id, realm, request))
}

/// Counts a request that another site caused; one event a minute and address (AUD-01).
///
/// # Errors
/// [`StoreError`].
pub async fn cross_site(app: &App, realm: RealmKey, request: Request) -> Result<(), StoreError> {
    let key = throttle_key::address(app, realm, "csrf", &request);
    app.store
        .write(Allowed::visitor(Flow::Public, realm, request), app.now(), key, |tx, key| {
            Box::pin(async move {
                Ok(match throttle::count_refusal(tx, Kind::Csrf, key).await? {
                    Some(count) => {
                        let event = Event::new(EventType::MaliciousCsrf).denied("cross_site").with("count", count);
                        Outcome::done((), event)
                    }
                    None => Outcome::upkeep((), Upkeep::Throttle),
                })
            })
        })
        .await
}
