//! What an API can permit.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::event::{Event, EventType};
use domain::id::PermissionId;
use domain::permission::{OWN_API, Permission, PermissionName};
use domain::role::Flat;
use serde::{Deserialize, Serialize};
use store::access::api;
use store::{Outcome, Read, counter};

use super::ChangeError;
use super::register::begin;
use crate::app::App;
use crate::directory;

/// Most permissions of one API.
const MOST: usize = 1000;

/// A permission of an API.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    /// `charts:read`.
    pub name: String,
    /// What it allows, for people.
    pub description: String,
}

/// The permissions of an API, by name.
///
/// # Errors
/// [`ChangeError`].
pub async fn permissions(app: &App, caller: &Caller, audience: String) -> Result<Vec<PermissionRow>, ChangeError> {
    permissions_with(app, caller.allow(Permission::RolesRead, Scope::Anywhere)?, audience).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn permissions_as_operator(
    app: &App,
    operator: Operator,
    audience: String,
) -> Result<Vec<PermissionRow>, ChangeError> {
    permissions_with(app, operator.into(), audience).await
}

async fn permissions_with(app: &App, allowed: Allowed, audience: String) -> Result<Vec<PermissionRow>, ChangeError> {
    app.store
        .read(&allowed, app.now(), move |tx| {
            Box::pin(async move {
                let api = api::by_audience(tx, &audience).await?.ok_or(ChangeError::NotFound)?;
                let rows = api::permissions(tx, api.id).await?.into_iter();
                Ok(rows.map(|(_, name, description)| PermissionRow { name, description }).collect())
            })
        })
        .await
}

/// An API can permit something more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddPermission {
    /// Audience of the API.
    pub audience: String,
    /// `charts:read`; never changes.
    pub name: PermissionName,
    /// What it allows, for people.
    pub description: String,
}

/// Adds a permission to an API: `roles:manage` everywhere. No role has it yet.
///
/// # Errors
/// [`ChangeError`].
pub async fn add_permission(app: &App, caller: &Caller, command: AddPermission) -> Result<PermissionRow, ChangeError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    add_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn add_permission_as_operator(
    app: &App,
    operator: Operator,
    command: AddPermission,
) -> Result<PermissionRow, ChangeError> {
    add_with(app, operator.into(), None, command).await
}

async fn add_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: AddPermission,
) -> Result<PermissionRow, ChangeError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                let api = api::by_audience(tx, &command.audience).await?.ok_or(ChangeError::NotFound)?;
                if api.audience.as_str() == OWN_API {
                    return Err(ChangeError::Conflict(OURS.to_owned()));
                }
                if api::permissions(tx, api.id).await?.len() >= MOST {
                    return Err(ChangeError::Conflict("An API has at most 1000 permissions.".to_owned()));
                }
                let id = PermissionId::new(&*tx.entropy(), tx.now());
                if !api::add_permission(tx, id, api.id, &command.name, &command.description).await? {
                    return Err(ChangeError::NameTaken);
                }
                counter::raise(tx, counter::ROLES).await?;
                let event = Event::new(EventType::PermissionCreated)
                    .about("permission", id.uuid(), command.name.as_str())
                    .with("api", api.audience.as_str())
                    .with("description", command.description.as_str());
                let (name, description) = (command.name.as_str().to_owned(), command.description.clone());
                Ok(Outcome::done(PermissionRow { name, description }, event))
            })
        })
        .await
}

const OURS: &str =
    "The permissions of Bailiwick's own API are what the program knows; they can be put into roles only.";

/// An API can permit something no more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeletePermission {
    /// Audience of the API.
    pub audience: String,
    /// Which.
    pub name: String,
    /// Why, where somebody says it; stands in the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Ends a permission that no role has: `roles:manage` everywhere.
///
/// # Errors
/// [`ChangeError`].
pub async fn delete_permission(app: &App, caller: &Caller, command: DeletePermission) -> Result<(), ChangeError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    delete_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn delete_permission_as_operator(
    app: &App,
    operator: Operator,
    command: DeletePermission,
) -> Result<(), ChangeError> {
    delete_with(app, operator.into(), None, command).await
}

async fn delete_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: DeletePermission,
) -> Result<(), ChangeError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                let api = api::by_audience(tx, &command.audience).await?.ok_or(ChangeError::NotFound)?;
                if api.audience.as_str() == OWN_API {
                    return Err(ChangeError::Conflict(OURS.to_owned()));
                }
                let rows = api::permissions(tx, api.id).await?;
                let found = rows.into_iter().find(|(_, name, _)| *name == command.name);
                let (id, name, description) = found.ok_or(ChangeError::NotFound)?;
                let directory = directory::current(app, tx).await?;
                let has =
                    |flat: &&Flat| flat.role.permissions.get(&command.audience).is_some_and(|p| p.contains(&name));
                if let Some(flat) = directory.graph.all().find(has) {
                    let text = format!("The role {} has this permission. Take it out first.", flat.role.name.as_str());
                    return Err(ChangeError::Conflict(text));
                }
                api::end_permission(tx, id).await?;
                counter::raise(tx, counter::ROLES).await?;
                let event = Event::new(EventType::PermissionDeleted).about("permission", id.uuid(), &name);
                let event = event.with("api", api.audience.as_str()).changed("description", description, ());
                Ok(Outcome::done((), event.with_reason(command.reason.as_deref())))
            })
        })
        .await
}
