//! Units: the organisation's places.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::UnitId;
use domain::permission::Permission;
use domain::unit::UnitPath;
use serde::{Deserialize, Serialize};
use store::unit::{InUse, Unit};
use store::{Guard, Outcome, Read, StoreError, WriteTx, unit};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut};

/// Why units were not shown or changed.
#[derive(Debug, Error)]
pub enum UnitError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// No such unit within reach.
    #[error("there is no such unit")]
    NotFound,
    /// The unit above does not exist.
    #[error("there is no such unit")]
    NoParent,
    /// Another unit there has this slug.
    #[error("there is a unit with this path already")]
    PathTaken,
    /// It is in use.
    #[error("{0}")]
    Conflict(&'static str),
    /// Somebody changed it since it was read.
    #[error("somebody changed it meanwhile")]
    ChangedMeanwhile,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for UnitError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Forbidden> for UnitError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// Units within reach, by path, after `after`.
///
/// # Errors
/// [`UnitError`].
pub async fn list(app: &App, caller: &Caller, after: String, limit: i64) -> Result<Vec<Unit>, UnitError> {
    list_with(app, caller.allow(Permission::RolesRead, Scope::Anywhere)?, after, limit).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UnitError`].
pub async fn list_as_operator(
    app: &App,
    operator: Operator,
    after: String,
    limit: i64,
) -> Result<Vec<Unit>, UnitError> {
    list_with(app, operator.into(), after, limit).await
}

async fn list_with(app: &App, allowed: Allowed, after: String, limit: i64) -> Result<Vec<Unit>, UnitError> {
    let found =
        app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { unit::list(tx, &after, limit).await }));
    Ok::<_, UnitError>(found.await?)
}

/// One unit within reach.
///
/// # Errors
/// [`UnitError`].
pub async fn get(app: &App, caller: &Caller, id: UnitId) -> Result<Unit, UnitError> {
    let allowed = caller.allow(Permission::RolesRead, Scope::Anywhere)?;
    let found = app.store.read(&allowed, app.now(), move |tx| Box::pin(async move { unit::find(tx, id).await }));
    Ok::<_, UnitError>(found.await?)?.ok_or(UnitError::NotFound)
}

/// A unit is to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateUnit {
    /// Its path; never changes.
    pub path: UnitPath,
    /// Its name for people.
    pub name: String,
}

/// Makes a unit below an existing one: `roles:manage` at or above that.
///
/// # Errors
/// [`UnitError`].
pub async fn create(app: &App, caller: &Caller, command: CreateUnit) -> Result<Unit, UnitError> {
    let parent = command.path.parent().ok_or(UnitError::PathTaken)?;
    let allowed = caller.allow(Permission::RolesManage, Scope::Unit(&parent))?;
    create_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UnitError`].
pub async fn create_as_operator(app: &App, operator: Operator, command: CreateUnit) -> Result<Unit, UnitError> {
    create_with(app, operator.into(), None, command).await
}

async fn create_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: CreateUnit,
) -> Result<Unit, UnitError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, CreateUnit { path, name })| {
            Box::pin(async move {
                tx.exclusive(Guard::RoleGraph).await?;
                let above = path.parent().ok_or(UnitError::PathTaken)?;
                still_manages(app, tx, caller.as_ref(), Scope::Unit(&above)).await?;
                let parent = unit::by_path(tx, &above).await?.ok_or(UnitError::NoParent)?;
                let id = UnitId::new(&*tx.entropy(), tx.now());
                if unit::create(tx, id, Some(parent.id), path, name).await?.is_none() {
                    return Err(UnitError::PathTaken);
                }
                let event = Event::new(EventType::UnitCreated).about("unit", id.uuid(), path.as_str());
                let made = Unit { id, path: path.clone(), name: name.clone(), version: 1 };
                Ok(Outcome::done(made, event.with("name", name.as_str())))
            })
        })
        .await
}

/// A unit is to be called otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RenameUnit {
    /// Which.
    pub unit: UnitId,
    /// The version that was looked at, where somebody says it.
    pub version: Option<i64>,
    /// Its new name for people.
    pub name: String,
}

/// Gives a unit another name for people: `roles:manage` at or above it. Its path never changes.
///
/// # Errors
/// [`UnitError`].
pub async fn rename(app: &App, caller: &Caller, command: RenameUnit) -> Result<Unit, UnitError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Anywhere)?;
    rename_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UnitError`].
pub async fn rename_as_operator(app: &App, operator: Operator, command: RenameUnit) -> Result<Unit, UnitError> {
    rename_with(app, operator.into(), None, command).await
}

async fn rename_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: RenameUnit,
) -> Result<Unit, UnitError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let found = unit::find(tx, command.unit).await?.ok_or(UnitError::NotFound)?;
                still_manages(app, tx, caller.as_ref(), Scope::Unit(&found.path)).await?;
                if command.version.is_some_and(|version| version != found.version) {
                    return Err(UnitError::ChangedMeanwhile);
                }
                if found.name == command.name {
                    return Ok(Outcome::nothing(found));
                }
                if !unit::rename(tx, found.id, found.version, &command.name).await? {
                    return Err(UnitError::ChangedMeanwhile);
                }
                let event = Event::new(EventType::UnitUpdated)
                    .about("unit", found.id.uuid(), found.path.as_str())
                    .changed("name", found.name.as_str(), command.name.as_str());
                let now = Unit { name: command.name.clone(), version: found.version + 1, ..found };
                Ok(Outcome::done(now, event))
            })
        })
        .await
}

/// A unit is to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteUnit {
    /// Which.
    pub unit: UnitId,
    /// The version that was looked at, where somebody says it.
    pub version: Option<i64>,
    /// Why, where somebody says it; stands in the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Ends a unit in which nothing is any more: `roles:manage` above it.
///
/// # Errors
/// [`UnitError`].
pub async fn delete(app: &App, caller: &Caller, command: DeleteUnit) -> Result<(), UnitError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Anywhere)?;
    delete_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`UnitError`].
pub async fn delete_as_operator(app: &App, operator: Operator, command: DeleteUnit) -> Result<(), UnitError> {
    delete_with(app, operator.into(), None, command).await
}

async fn delete_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: DeleteUnit,
) -> Result<(), UnitError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                tx.exclusive(Guard::RoleGraph).await?;
                let found = unit::find(tx, command.unit).await?.ok_or(UnitError::NotFound)?;
                let above = found.path.parent().ok_or(UnitError::Conflict("The root stays."))?;
                still_manages(app, tx, caller.as_ref(), Scope::Unit(&above)).await?;
                if command.version.is_some_and(|version| version != found.version) {
                    return Err(UnitError::ChangedMeanwhile);
                }
                match unit::in_use(tx, found.id).await? {
                    Some(InUse::Units) => {
                        return Err(UnitError::Conflict("There are units below it. Delete them first."));
                    }
                    Some(InUse::People) => {
                        return Err(UnitError::Conflict("It is the home of people. Move or delete them first."));
                    }
                    Some(InUse::Grants) => {
                        return Err(UnitError::Conflict("Roles are held in it. End those grants first."));
                    }
                    None => {}
                }
                if !unit::end(tx, found.id).await? {
                    return Err(UnitError::NotFound);
                }
                let event = Event::new(EventType::UnitDeleted).about("unit", found.id.uuid(), found.path.as_str());
                let event = event.changed("name", found.name.as_str(), ()).with_reason(command.reason.as_deref());
                Ok(Outcome::done((), event))
            })
        })
        .await
}

/// The caller by the state of this transaction, who may change units there still.
async fn still_manages(
    app: &App,
    tx: &mut WriteTx<'_>,
    caller: Option<&Caller>,
    scope: Scope<'_>,
) -> Result<(), UnitError> {
    if let Some(caller) = caller {
        caller::again(app, tx, caller).await??.allow(Permission::RolesManage, scope)?;
    }
    Ok(())
}
