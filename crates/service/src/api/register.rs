//! Registering resource servers.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Forbidden, Scope};
use domain::event::{Event, EventType};
use domain::id::ApiId;
use domain::key::Algorithm;
use domain::permission::{Audience, OWN_API, Permission};
use domain::revocation::Fact;
use domain::role::Flat;
use serde::{Deserialize, Serialize};
use store::access::api::{self, Api};
use store::{Guard, Outcome, Read, StoreError, WriteTx, counter, revocation};
use thiserror::Error;

use crate::app::App;
use crate::caller::{self, SignedOut, Stale, same_version};
use crate::signing::KeyKind;
use crate::{directory, key};

/// Why an API or a permission was not shown or changed.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The caller's session ended meanwhile.
    #[error("the session ended")]
    SignedOut,
    /// No permission.
    #[error("a permission is missing")]
    Forbidden(Forbidden),
    /// No such API or permission.
    #[error("there is no such API or permission")]
    NotFound,
    /// The audience, client id or name is taken.
    #[error("this name is taken")]
    NameTaken,
    /// It is in use, or ours.
    #[error("{0}")]
    Conflict(String),
    /// The caller did not say which version they looked at.
    #[error("the version that was looked at is missing")]
    VersionUnsaid,
    /// Somebody changed it since it was read.
    #[error("somebody changed it meanwhile")]
    ChangedMeanwhile,
    /// A key for the algorithm could not be made.
    #[error(transparent)]
    Key(#[from] key::KeyError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<SignedOut> for ChangeError {
    fn from(_: SignedOut) -> Self {
        Self::SignedOut
    }
}

impl From<Stale> for ChangeError {
    fn from(stale: Stale) -> Self {
        match stale {
            Stale::Unsaid => Self::VersionUnsaid,
            Stale::Changed => Self::ChangedMeanwhile,
        }
    }
}

impl From<Forbidden> for ChangeError {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// The APIs, by audience.
///
/// # Errors
/// [`ChangeError`].
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Api>, ChangeError> {
    list_with(app, caller.allow(Permission::RolesRead, Scope::Anywhere)?).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn list_as_operator(app: &App, operator: Operator) -> Result<Vec<Api>, ChangeError> {
    list_with(app, operator.into()).await
}

async fn list_with(app: &App, allowed: Allowed) -> Result<Vec<Api>, ChangeError> {
    let all: Result<_, StoreError> = app.store.read(&allowed, app.now(), |tx| Box::pin(api::all(tx))).await;
    Ok(all?)
}

/// An API by its audience.
///
/// # Errors
/// [`ChangeError`].
pub async fn get(app: &App, caller: &Caller, audience: String) -> Result<Api, ChangeError> {
    let allowed = caller.allow(Permission::RolesRead, Scope::Anywhere)?;
    found(app, &allowed, audience).await?.ok_or(ChangeError::NotFound)
}

async fn found(app: &App, allowed: &Allowed, audience: String) -> Result<Option<Api>, StoreError> {
    let read =
        app.store.read(allowed, app.now(), move |tx| Box::pin(async move { api::by_audience(tx, &audience).await }));
    read.await
}

/// An API is to be registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateApi {
    /// Its name in paths, roles and tokens; never changes.
    pub audience: Audience,
    /// Its name for people.
    pub name: String,
    /// How its tokens are signed, as `alg` says it.
    pub algorithm: Algorithm,
    /// How long they live at most.
    pub access_lifetime_seconds: i64,
}

/// Registers an API: `roles:manage` everywhere.
///
/// # Errors
/// [`ChangeError`].
pub async fn create(app: &App, caller: &Caller, command: CreateApi) -> Result<Api, ChangeError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    create_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn create_as_operator(app: &App, operator: Operator, command: CreateApi) -> Result<Api, ChangeError> {
    create_with(app, operator.into(), None, command).await
}

async fn create_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: CreateApi,
) -> Result<Api, ChangeError> {
    if found(app, &allowed, command.audience.as_str().to_owned()).await?.is_some() {
        return Err(ChangeError::NameTaken);
    }
    has_key(app, &allowed, command.algorithm).await?;
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                if store::client::by_client_id(tx, command.audience.as_str()).await?.is_some() {
                    return Err(ChangeError::NameTaken);
                }
                let new = Api {
                    id: ApiId::new(&*tx.entropy(), tx.now()),
                    audience: command.audience.clone(),
                    name: command.name.clone(),
                    algorithm: command.algorithm,
                    access_lifetime_seconds: command.access_lifetime_seconds,
                    built_in: false,
                    version: 1,
                };
                if !api::create(tx, &new).await? {
                    return Err(ChangeError::NameTaken);
                }
                counter::raise(tx, counter::ROLES).await?;
                let event = Event::new(EventType::ApiCreated)
                    .about("api", new.id.uuid(), new.audience.as_str())
                    .with("name", new.name.as_str())
                    .with("algorithm", new.algorithm.as_str())
                    .with("access_lifetime_seconds", new.access_lifetime_seconds);
                Ok(Outcome::done(new, event))
            })
        })
        .await
}

/// The first key of an algorithm is made before the first API that needs it: outside of the transaction, it takes a second.
async fn has_key(app: &App, allowed: &Allowed, algorithm: Algorithm) -> Result<(), ChangeError> {
    key::ensure(app, allowed.realm(), KeyKind::of(algorithm, app.settings.rsa_bits), None).await?;
    Ok(())
}

/// The guard that every change takes, and the caller by the state of this transaction.
pub(super) async fn begin(app: &App, tx: &mut WriteTx<'_>, caller: Option<&Caller>) -> Result<(), ChangeError> {
    tx.exclusive(Guard::RoleGraph).await?;
    if let Some(caller) = caller {
        caller::again(app, tx, caller).await??.allow(Permission::RolesManage, Scope::Realm)?;
    }
    Ok(())
}

/// An API is to become something else; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateApi {
    /// Which.
    pub audience: String,
    /// The version that was looked at; the operator of the machine needs none.
    pub version: Option<i64>,
    /// Its name for people.
    pub name: Option<String>,
    /// How its tokens are signed.
    pub algorithm: Option<Algorithm>,
    /// How long they live at most.
    pub access_lifetime_seconds: Option<i64>,
}

/// Changes an API: `roles:manage` everywhere. What changes nothing leaves version and log as they are.
///
/// # Errors
/// [`ChangeError`].
pub async fn update(app: &App, caller: &Caller, command: UpdateApi) -> Result<Api, ChangeError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    update_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn update_as_operator(app: &App, operator: Operator, command: UpdateApi) -> Result<Api, ChangeError> {
    update_with(app, operator.into(), None, command).await
}

async fn update_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: UpdateApi,
) -> Result<Api, ChangeError> {
    let known = found(app, &allowed, command.audience.clone()).await?.ok_or(ChangeError::NotFound)?;
    same_version(caller.as_ref(), command.version, known.version)?;
    if let Some(algorithm) = command.algorithm {
        has_key(app, &allowed, algorithm).await?;
    }
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                let old = api::by_audience(tx, &command.audience).await?.ok_or(ChangeError::NotFound)?;
                same_version(caller.as_ref(), command.version, old.version)?;
                let mut new = old.clone();
                new.name = command.name.clone().unwrap_or(new.name);
                new.algorithm = command.algorithm.unwrap_or(old.algorithm);
                new.access_lifetime_seconds = command.access_lifetime_seconds.unwrap_or(old.access_lifetime_seconds);
                let Some(event) = updated(&old, &new) else { return Ok(Outcome::nothing(old)) };
                if !api::update(tx, &new).await? {
                    return Err(ChangeError::ChangedMeanwhile);
                }
                let version = counter::raise(tx, counter::ROLES).await?;
                if new.access_lifetime_seconds < old.access_lifetime_seconds {
                    // Tokens that were made to live longer are refused; whoever has one refreshes once.
                    revocation::announce(tx, &[Fact::Roles { version, names: Vec::new() }]).await?;
                }
                new.version += 1;
                Ok(Outcome::done(new, event))
            })
        })
        .await
}

/// What changed; `None`: nothing.
fn updated(old: &Api, new: &Api) -> Option<Event> {
    let (from, to) = (old.access_lifetime_seconds.to_string(), new.access_lifetime_seconds.to_string());
    let fields = [
        ("name", old.name.as_str(), new.name.as_str()),
        ("algorithm", old.algorithm.as_str(), new.algorithm.as_str()),
        ("access_lifetime_seconds", from.as_str(), to.as_str()),
    ];
    let mut changed = fields.into_iter().filter(|(_, before, after)| before != after).peekable();
    changed.peek()?;
    let event = Event::new(EventType::ApiUpdated).about("api", old.id.uuid(), old.audience.as_str());
    Some(changed.fold(event, |event, (field, before, after)| event.changed(field, before, after)))
}

/// An API is to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteApi {
    /// Which.
    pub audience: String,
    /// The version that was looked at; the operator of the machine needs none.
    pub version: Option<i64>,
    /// Why, where somebody says it; stands in the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Ends an API of whose permissions no role has any: `roles:manage` everywhere. Its secrets are refused from then on.
///
/// # Errors
/// [`ChangeError`].
pub async fn delete(app: &App, caller: &Caller, command: DeleteApi) -> Result<(), ChangeError> {
    let allowed = caller.allow(Permission::RolesManage, Scope::Realm)?;
    delete_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ChangeError`].
pub async fn delete_as_operator(app: &App, operator: Operator, command: DeleteApi) -> Result<(), ChangeError> {
    delete_with(app, operator.into(), None, command).await
}

async fn delete_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: DeleteApi,
) -> Result<(), ChangeError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                let old = api::by_audience(tx, &command.audience).await?.ok_or(ChangeError::NotFound)?;
                same_version(caller.as_ref(), command.version, old.version)?;
                if old.audience.as_str() == OWN_API {
                    return Err(ChangeError::Conflict("Bailiwick's own API stays.".to_owned()));
                }
                let directory = directory::current(app, tx).await?;
                let uses = |flat: &&Flat| flat.role.permissions.get(&command.audience).is_some_and(|p| !p.is_empty());
                if let Some(flat) = directory.graph.all().find(uses) {
                    let role = flat.role.name.as_str();
                    let text = format!("The role {role} has permissions of this API. Take them out first.");
                    return Err(ChangeError::Conflict(text));
                }
                if let Some(client) = store::client::naming(tx, &command.audience).await? {
                    let text =
                        format!("The client {client} may ask tokens for this API. Take it out of its list first.");
                    return Err(ChangeError::Conflict(text));
                }
                if !api::end(tx, old.id, old.version).await? {
                    return Err(ChangeError::ChangedMeanwhile);
                }
                counter::raise(tx, counter::ROLES).await?;
                let event = Event::new(EventType::ApiDeleted).about("api", old.id.uuid(), old.audience.as_str());
                let event = event.changed("name", old.name.as_str(), ()).with_reason(command.reason.as_deref());
                Ok(Outcome::done((), event))
            })
        })
        .await
}
