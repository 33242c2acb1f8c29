//! APIs: as callers with their credentials here; as what administrators register below.
#![expect(clippy::disallowed_methods, reason = "this file names the flow that another site causes")]

use std::collections::BTreeMap;

use domain::allowed::{Allowed, Flow, Request};
use domain::event::{Event, EventType};
use domain::realm::RealmKey;
use domain::throttle::Kind;
use store::{Outcome, StoreError, Upkeep, throttle};
use wire::roles::RolesCatalogue;

use crate::app::App;
use crate::client::{ClientAuthError, Credentials, Demand, authenticate};
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

/// The roles catalogue of an API that proved its credentials; `None`: a client's or another API's were sent.
///
/// # Errors
/// [`ClientAuthError`].
pub async fn catalogue(
    app: &App,
    realm: RealmKey,
    credentials: Credentials,
    audience: String,
    request: Request,
) -> Result<Option<RolesCatalogue>, ClientAuthError> {
    let proved = authenticate(app, realm, credentials, Demand::Secret, request).await?;
    if proved.audience() != Some(audience.as_str()) {
        return Ok(None);
    }
    let parts = app.clone();
    app.store
        .read(&proved.allowed, app.now(), move |tx| {
            Box::pin(async move {
                let directory = directory::current(&parts, tx).await?;
                let permissions = |flat: &domain::role::Flat| -> Vec<String> {
                    flat.effective.get(&audience).map(|names| names.iter().cloned().collect()).unwrap_or_default()
                };
                let roles: BTreeMap<String, Vec<String>> =
                    directory.graph.all().map(|flat| (flat.role.name.as_str().to_owned(), permissions(flat))).collect();
                Ok(Some(RolesCatalogue { roles_version: directory.graph.version(), audience, roles }))
            })
        })
        .await
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
