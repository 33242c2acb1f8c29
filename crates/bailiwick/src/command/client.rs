//! `client`.

use domain::client::{ClientKind, RedirectUri};
use domain::permission::Audience;
use serde_json::{Value, json};
use service::client::{ClientError, CreateClient, DeleteClient, UpdateClient};
use service::stored::Client;

use super::client_grant::ClientGrantCommand;
use super::desk::{InRealm, moment, reason, title};
use crate::output::{self, Failure};

#[derive(clap::Subcommand)]
pub(super) enum ClientCommand {
    /// List the clients: applications that ask for tokens.
    List {
        #[command(flatten)]
        at: InRealm,
    },
    /// Register a client; a confidential one or a service gets a secret, shown once.
    Create {
        #[command(flatten)]
        at: InRealm,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        name: String,
        /// public (browser, phone), confidential (a server, for people) or service (acts for itself).
        #[arg(long, value_name = "KIND", value_parser = kind)]
        kind: ClientKind,
        /// Its id, lower-case letters, digits and hyphens; made up unless given.
        #[arg(long, value_name = "ID", value_parser = audience)]
        client_id: Option<Audience>,
        /// Where people may be sent back to, exactly; may be given several times.
        #[arg(long, value_name = "URI", value_parser = redirect_uri)]
        redirect_uri: Vec<RedirectUri>,
        /// An API that it may ask tokens for, by audience; may be given several times.
        #[arg(long, value_name = "AUDIENCE", value_parser = audience)]
        api: Vec<Audience>,
        /// It need not use PKCE; a public client always must (RFC 9700, section 2.1.1).
        #[arg(long)]
        without_pkce: bool,
    },
    /// Change a client; what is not named stays.
    Update {
        #[command(flatten)]
        at: InRealm,
        /// Its id, from `client list`.
        client_id: String,
        /// Its name for people.
        #[arg(long, value_name = "TEXT", value_parser = title)]
        name: Option<String>,
        /// All addresses that people may be sent back to; may be given several times.
        #[arg(long, value_name = "URI", value_parser = redirect_uri)]
        redirect_uri: Vec<RedirectUri>,
        /// All APIs that it may ask tokens for; may be given several times.
        #[arg(long, value_name = "AUDIENCE", value_parser = audience)]
        api: Vec<Audience>,
        /// Whether it must use PKCE: true or false.
        #[arg(long, value_name = "BOOL")]
        require_pkce: Option<bool>,
        /// Whether it may do anything: true or false.
        #[arg(long, value_name = "BOOL")]
        enabled: Option<bool>,
    },
    /// Delete a client with its secrets.
    Delete {
        #[command(flatten)]
        at: InRealm,
        /// Its id, from `client list`.
        client_id: String,
        /// Why: 3 to 500 characters; stands in the audit log.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Roles of services.
    #[command(subcommand)]
    Grant(ClientGrantCommand),
    /// Give a client a new secret, shown once; those before stay valid for 24 hours.
    Secret {
        #[command(flatten)]
        at: InRealm,
        /// Its id, from `client list`.
        client_id: String,
    },
}

fn kind(text: &str) -> Result<ClientKind, String> {
    ClientKind::parse(text).ok_or_else(|| "must be public, confidential or service".to_owned())
}

fn audience(text: &str) -> Result<Audience, String> {
    Audience::parse(text).map_err(|error| error.to_string())
}

fn redirect_uri(text: &str) -> Result<RedirectUri, String> {
    RedirectUri::parse(text).map_err(|error| error.to_string())
}

impl ClientCommand {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::List { at } => list(at).await,
            Self::Grant(command) => command.run().await,
            Self::Create { at, name, kind, client_id, redirect_uri: redirect_uris, api: apis, without_pkce } => {
                let desk = at.open().await?;
                let command = CreateClient {
                    client_id,
                    name,
                    kind,
                    redirect_uris,
                    apis: apis.clone(),
                    require_pkce: !without_pkce,
                };
                let made = service::client::create_as_operator(&desk.app, desk.operator(), command).await;
                let made = made.map_err(|error| told(None, &apis, error))?;
                let mut value = shape(&made.client);
                let mut lines = vec![format!("client_id      {}", made.client.client_id)];
                if let Some(secret) = made.secret {
                    value["client_secret"] = json!(secret.expose());
                    lines.push(format!("client_secret  {}\n\nIt is shown this once.", secret.expose()));
                }
                output::show(desk.json, &value, &lines.join("\n"));
                Ok(())
            }
            Self::Update { at, client_id, name, redirect_uri, api, require_pkce, enabled } => {
                if name.is_none()
                    && redirect_uri.is_empty()
                    && api.is_empty()
                    && require_pkce.is_none()
                    && enabled.is_none()
                {
                    return Err(Failure(
                        "say what to change: --name, --redirect-uri, --api, --require-pkce or --enabled".to_owned(),
                    ));
                }
                let desk = at.open().await?;
                let command = UpdateClient {
                    client_id: client_id.clone(),
                    version: None,
                    name,
                    redirect_uris: (!redirect_uri.is_empty()).then_some(redirect_uri),
                    apis: (!api.is_empty()).then(|| api.clone()),
                    require_pkce,
                    enabled,
                };
                let now = service::client::update_as_operator(&desk.app, desk.operator(), command).await;
                let now = now.map_err(|error| told(Some(&client_id), &api, error))?;
                output::show(desk.json, &shape(&now), &line(&now));
                Ok(())
            }
            Self::Delete { at, client_id, reason } => {
                let desk = at.open().await?;
                let command = DeleteClient { client_id: client_id.clone(), version: None, reason: Some(reason) };
                let done = service::client::delete_as_operator(&desk.app, desk.operator(), command).await;
                done.map_err(|error| told(Some(&client_id), &[], error))?;
                output::show(
                    desk.json,
                    &json!({ "client_id": client_id, "deleted": true }),
                    &format!("the client {client_id} is deleted"),
                );
                Ok(())
            }
            Self::Secret { at, client_id } => {
                let desk = at.open().await?;
                let made = service::client::new_secret_as_operator(&desk.app, desk.operator(), client_id.clone()).await;
                let made = made.map_err(|error| told(Some(&client_id), &[], error))?;
                let (secret, until) = (made.secret.expose(), moment(made.others_end));
                let value = json!({ "client_id": client_id, "client_secret": secret, "expires_previous_at": made.others_end.rfc3339() });
                let lines = format!(
                    "client_id      {client_id}\nclient_secret  {secret}\n\nIt is shown this once. Secrets made before are valid until {until}."
                );
                output::show(desk.json, &value, &lines);
                Ok(())
            }
        }
    }
}

async fn list(at: InRealm) -> Result<(), Failure> {
    let desk = at.open().await?;
    let (mut rows, mut lines, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = service::client::list_as_operator(&desk.app, desk.operator(), after.clone(), 200).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.client_id);
        rows.extend(page.iter().map(shape));
        lines.extend(page.iter().map(line));
    }
    let people = if lines.is_empty() { "there are no clients".to_owned() } else { lines.join("\n") };
    output::show(desk.json, &json!(rows), &people);
    Ok(())
}

fn shape(client: &Client) -> Value {
    json!({ "client_id": client.client_id, "name": client.name, "kind": client.kind, "redirect_uris": client.redirect_uris,
        "apis": client.apis, "require_pkce": client.require_pkce, "enabled": client.enabled, "version": client.version })
}

fn line(client: &Client) -> String {
    let state = if client.enabled { "" } else { "disabled" };
    format!("{:<38} {:<13} {state:<9} {}", client.client_id, client.kind.as_str(), client.name)
}

fn told(client_id: Option<&str>, apis: &[Audience], error: ClientError) -> Failure {
    match (error, client_id) {
        (ClientError::NotFound, Some(id)) => Failure(format!("there is no client {id}; see `bailiwick client list`")),
        (ClientError::NoApi(at), _) => {
            let api = apis.get(at).map_or("of the client's", Audience::as_str);
            Failure(format!("there is no API {api}; see `bailiwick api list`"))
        }
        (other, _) => other.into(),
    }
}
