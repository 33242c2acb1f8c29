//! Registering a client.

use domain::allowed::{Allowed, Operator};
use domain::caller::{Caller, Scope};
use domain::client::{ClientKind, RedirectUri};
use domain::event::{Event, EventType};
use domain::id::{PrincipalId, SecretId};
use domain::permission::{Audience, Permission};
use domain::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::access::api;
use store::client::{self, Client};
use store::{Events, Outcome, Read};

use super::{ClientError, begin, check};
use crate::app::App;

/// A client is to be registered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateClient {
    /// `client_id`; made up if absent.
    pub client_id: Option<Audience>,
    /// Its name for people.
    pub name: String,
    /// What kind of application.
    pub kind: ClientKind,
    /// Where people may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Audiences of the APIs that it may ask tokens for.
    pub apis: Vec<Audience>,
    /// Whether it must use PKCE; public clients always must (RFC 9700, section 2.1.1).
    pub require_pkce: bool,
}

/// A client that was registered, with its secret if its kind has one.
#[derive(Debug)]
pub struct Created {
    /// The client.
    pub client: Client,
    /// Shown once.
    pub secret: Option<Secret>,
}

/// Registers a client: `clients:manage` everywhere.
///
/// # Errors
/// [`ClientError`].
pub async fn create(app: &App, caller: &Caller, command: CreateClient) -> Result<Created, ClientError> {
    let allowed = caller.allow(Permission::ClientsManage, Scope::Realm)?;
    create_with(app, allowed, Some(caller.clone()), command).await
}

/// The same for the operator of the machine.
///
/// # Errors
/// [`ClientError`].
pub async fn create_as_operator(app: &App, operator: Operator, command: CreateClient) -> Result<Created, ClientError> {
    create_with(app, operator.into(), None, command).await
}

async fn create_with(
    app: &App,
    allowed: Allowed,
    caller: Option<Caller>,
    command: CreateClient,
) -> Result<Created, ClientError> {
    let secret = command.kind.has_secret().then(|| Secret::new(&*app.entropy));
    let input = (app.clone(), caller, command, secret.as_ref().map(Secret::hash));
    let client = app
        .store
        .write(allowed, app.now(), input, |tx, (app, caller, command, hash)| {
            Box::pin(async move {
                begin(app, tx, caller.as_ref()).await?;
                let new = row(PrincipalId::new(&*tx.entropy(), tx.now()), command);
                check(tx, &new, None).await?;
                let is_api = api::by_audience(tx, &new.client_id).await?.is_some();
                // Tokens of a first-party sign-in name this client: nobody else may be it.
                let ours = new.client_id == crate::session::FIRST_PARTY;
                if is_api || ours || !client::create(tx, &new).await? {
                    return Err(ClientError::NameTaken);
                }
                let mut events = Events::from(created(&new));
                if let Some(hash) = hash {
                    let id = SecretId::new(&*tx.entropy(), tx.now());
                    api::add_secret(tx, id, new.id, hash, tx.now()).await?;
                    let made = Event::new(EventType::ClientSecretCreated);
                    events = events.and(made.about("client", new.id.uuid(), &new.client_id));
                }
                Ok(Outcome::done(new, events))
            })
        })
        .await?;
    Ok(Created { client, secret })
}

fn row(id: PrincipalId, command: &CreateClient) -> Client {
    let client_id = command.client_id.as_ref().map_or_else(|| id.to_string(), |chosen| chosen.as_str().to_owned());
    Client {
        id,
        client_id,
        name: command.name.clone(),
        kind: command.kind,
        redirect_uris: command.redirect_uris.clone(),
        apis: command.apis.clone(),
        require_pkce: command.require_pkce || command.kind == ClientKind::Public,
        enabled: true,
        version: 1,
    }
}

fn created(new: &Client) -> Event {
    Event::new(EventType::ClientCreated)
        .about("client", new.id.uuid(), &new.client_id)
        .with("name", new.name.as_str())
        .with("kind", new.kind.as_str())
        .with("redirect_uris", json!(new.redirect_uris))
        .with("apis", json!(new.apis))
        .with("require_pkce", new.require_pkce)
}
