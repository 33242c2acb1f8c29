//! Changing and ending a client.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::client::{ClientKind, RedirectUri};
use domain::event::{Event, EventType};
use domain::permission::{Audience, Permission};
use domain::revocation::Fact;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::access::grant;
use store::client::{self, Client};
use store::{Events, Outcome, StoreError, WriteTx, revocation};

use super::{ClientError, begin, check, may_take_over};
use crate::app::App;
use crate::caller::same_version;
use crate::directory;

/// A client is to become something else; what is absent stays. Its id and kind never change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpdateClient {
    /// Which.
    pub client_id: String,
    /// The version that was looked at; the operator of the machine needs none.
    pub version: Option<i64>,
    /// Its name for people.
    pub name: Option<String>,
    /// Where people may be sent back to.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// Audiences of the APIs that it may ask tokens for.
    pub apis: Option<Vec<Audience>>,
    /// Whether it must use PKCE.
    pub require_pkce: Option<bool>,
    /// Whether it may do anything.
    pub enabled: Option<bool>,
}

/// Changes a client: `clients:manage` everywhere. What changes nothing leaves version and log as they are.
///
/// # Errors
/// [`ClientError`].
pub async fn update(app: &App, caller: &Caller, command: UpdateClient) -> Result<Client, ClientError> {
    let allowed = caller.allow(Permission::ClientsManage, Scope::Realm)?;
    update_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ClientError`].
pub async fn update_as_operator(app: &App, operator: Operator, command: UpdateClient) -> Result<Client, ClientError> {
    update_with(app, operator.into(), None, command).await
}

async fn update_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: UpdateClient,
) -> Result<Client, ClientError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                let caller = begin(app, tx, caller.as_ref()).await?;
                let old = client::by_client_id(tx, &command.client_id).await?.ok_or(ClientError::NotFound)?;
                same_version(caller.as_ref(), command.version, old.version)?;
                let mut new = applied(&old, command);
                if new == old {
                    return Ok(Outcome::nothing(old));
                }
                check(tx, &new, Some(&old)).await?;
                let more = |one: &Client, other: &Client| one.apis.iter().any(|api| !other.apis.contains(api));
                if (new.enabled && !old.enabled) || more(&new, &old) {
                    may_take_over(tx, caller.as_ref(), &old).await?;
                }
                if (old.enabled && !new.enabled) || more(&old, &new) {
                    refuse_tokens(app, tx, &old).await?;
                }
                if !client::update(tx, &new).await? {
                    return Err(ClientError::ChangedMeanwhile);
                }
                let event = updated(&old, &new);
                new.version += 1;
                Ok(Outcome::done(new, event))
            })
        })
        .await
}

/// Tokens that it has are refused from now on, everywhere.
async fn refuse_tokens(app: &App, tx: &mut WriteTx<'_>, client: &Client) -> Result<(), StoreError> {
    // Read anew: who waited for the guard may be late.
    let fact = Fact::changed(client.id, app.now());
    revocation::announce(tx, &[fact]).await
}

fn applied(old: &Client, command: &UpdateClient) -> Client {
    let pkce = command.require_pkce.unwrap_or(old.require_pkce);
    Client {
        name: command.name.clone().unwrap_or_else(|| old.name.clone()),
        redirect_uris: command.redirect_uris.clone().unwrap_or_else(|| old.redirect_uris.clone()),
        apis: command.apis.clone().unwrap_or_else(|| old.apis.clone()),
        require_pkce: pkce || old.kind == ClientKind::Public,
        enabled: command.enabled.unwrap_or(old.enabled),
        ..old.clone()
    }
}

fn updated(old: &Client, new: &Client) -> Event {
    let fields = [
        ("name", json!(old.name), json!(new.name)),
        ("redirect_uris", json!(old.redirect_uris), json!(new.redirect_uris)),
        ("apis", json!(old.apis), json!(new.apis)),
        ("require_pkce", json!(old.require_pkce), json!(new.require_pkce)),
        ("enabled", json!(old.enabled), json!(new.enabled)),
    ];
    let event = Event::new(EventType::ClientUpdated).about("client", old.id.uuid(), &old.client_id);
    let changed = fields.into_iter().filter(|(_, before, after)| before != after);
    changed.fold(event, |event, (field, before, after)| event.changed(field, before, after))
}

/// A client is to be ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteClient {
    /// Which.
    pub client_id: String,
    /// The version that was looked at; the operator of the machine needs none.
    pub version: Option<i64>,
    /// Why, where somebody says it; stands in the audit log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// Ends a client with its secrets: `clients:manage` everywhere. Its `client_id` is free again, its id as a principal never.
///
/// # Errors
/// [`ClientError`].
pub async fn delete(app: &App, caller: &Caller, command: DeleteClient) -> Result<(), ClientError> {
    let allowed = caller.allow(Permission::ClientsManage, Scope::Realm)?;
    delete_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ClientError`].
pub async fn delete_as_operator(app: &App, operator: Operator, command: DeleteClient) -> Result<(), ClientError> {
    delete_with(app, operator.into(), None, command).await
}

async fn delete_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: DeleteClient,
) -> Result<(), ClientError> {
    app.store
        .write(allowed, app.now(), (app.clone(), caller, command), |tx, (app, caller, command)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                let old = client::by_client_id(tx, &command.client_id).await?.ok_or(ClientError::NotFound)?;
                same_version(caller.as_ref(), command.version, old.version)?;
                if !client::end(tx, old.id, old.version).await? {
                    return Err(ClientError::ChangedMeanwhile);
                }
                let event = Event::new(EventType::ClientDeleted).about("client", old.id.uuid(), &old.client_id);
                let event = event.changed("name", old.name.as_str(), ()).with_reason(command.reason.as_deref());
                let mut events = Events::from(event);
                let directory = directory::current(app, tx).await?;
                // A role that nobody holds any more can be ended.
                for held in grant::standing(tx, old.id).await? {
                    grant::end(tx, held.grant).await?;
                    let role = directory.graph.name(held.role);
                    let revoked = crate::grant::revoked_from_client(&old, held.grant, role, &held.unit);
                    events = events.and(revoked.because("client_deleted"));
                }
                refuse_tokens(app, tx, &old).await?;
                Ok(Outcome::done((), events))
            })
        })
        .await
}
