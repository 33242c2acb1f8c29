//! Clients: registering applications that ask for tokens.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::client::{ClientKind, MOST_LISTED, RedirectUri};
use domain::permission::{Audience, Permission};
use domain::user::printable;
use serde::{Deserialize, Serialize};
use service::client::{CreateClient, DeleteClient, UpdateClient};
use service::stored::Client;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::resource_server::SecretShape;
use super::role::ListQuery;
use super::shape::{ProblemDocument, at};
use super::user::invalid;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::page::{self, Page};
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::http::version::{IfMatch, tagged};
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    let manage = Access::MayEverywhere(Permission::ClientsManage);
    table
        .json(manage, routes!(list))
        .json_step_up(manage, routes!(create))
        .json(manage, routes!(get))
        .json_step_up(manage, routes!(update))
        .json_step_up(manage, routes!(delete))
        .json_step_up(manage, routes!(new_secret))
}

/// An application that asks for tokens.
#[derive(Debug, Serialize, ToSchema)]
struct ClientShape {
    client_id: String,
    name: String,
    /// `public`, `confidential`, `service`.
    kind: &'static str,
    /// Where people may be sent back to; compared byte for byte.
    redirect_uris: Vec<String>,
    /// Audiences of the APIs that it may ask tokens for.
    apis: Vec<String>,
    require_pkce: bool,
    enabled: bool,
    version: i64,
    /// Shown once, when it is registered; nobody can see it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

impl From<Client> for ClientShape {
    fn from(client: Client) -> Self {
        Self {
            client_id: client.client_id,
            name: client.name,
            kind: client.kind.as_str(),
            redirect_uris: client.redirect_uris.into_iter().map(String::from).collect(),
            apis: client.apis.into_iter().map(String::from).collect(),
            require_pkce: client.require_pkce,
            enabled: client.enabled,
            version: client.version,
            client_secret: None,
        }
    }
}

/// Clients, by `client_id`.
#[utoipa::path(get, path = "/api/v1/clients", tag = "clients", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<ClientShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<ClientShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let read = |text: &str| (text.len() <= 63 && text.bytes().all(|b| b.is_ascii_graphic())).then(|| text.to_owned());
    let after = page::cursor(query.cursor.as_deref(), read)?.unwrap_or_default();
    let found = service::client::list(&web.app, &caller, after, limit + 1).await?;
    Ok(Out(page::cut(found, limit, |last| last.client_id.clone(), ClientShape::from)))
}

/// A client that is to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewClientBody {
    /// 2 to 63 lower-case letters, digits and hyphens, starting with a letter; made up if absent; never changes.
    #[schema(pattern = "^[a-z][a-z0-9-]{1,62}$")]
    client_id: Option<String>,
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// `public`: can keep no secret. `confidential`: keeps one. `service`: acts for itself, without people.
    #[schema(pattern = "^(public|confidential|service)$")]
    kind: String,
    /// At most 50; none for a service.
    #[serde(default)]
    #[schema(max_items = 50)]
    redirect_uris: Vec<String>,
    /// Audiences, at most 50.
    #[serde(default)]
    #[schema(max_items = 50)]
    apis: Vec<String>,
    /// Public clients always must.
    #[serde(default = "yes")]
    require_pkce: bool,
}

const fn yes() -> bool {
    true
}

fn name(text: &str) -> Result<String, Problem> {
    printable(text, 1, 100).map_err(|error| invalid("/name", error))
}

/// Each item of a list, at most 50 of them.
fn each<T, E: std::fmt::Display>(
    pointer: &str,
    items: Vec<String>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, Problem> {
    if items.len() > MOST_LISTED {
        return Err(Problem::invalid(pointer, "length", "At most 50."));
    }
    let one = |(at, text): (usize, String)| {
        parse(&text).map_err(|error| Problem::invalid(&format!("{pointer}/{at}"), "form", error.to_string()))
    };
    items.into_iter().enumerate().map(one).collect()
}

impl NewClientBody {
    fn parse(self) -> Result<CreateClient, Problem> {
        let id = |text: String| {
            Audience::parse(&text).map_err(|error| Problem::invalid("/client_id", "name", error.to_string()))
        };
        let unknown = || Problem::invalid("/kind", "unknown", "One of public, confidential, service.");
        Ok(CreateClient {
            client_id: self.client_id.map(id).transpose()?,
            name: name(&self.name)?,
            kind: ClientKind::parse(&self.kind).ok_or_else(unknown)?,
            redirect_uris: each("/redirect_uris", self.redirect_uris, RedirectUri::parse)?,
            apis: each("/apis", self.apis, Audience::parse)?,
            require_pkce: self.require_pkce,
        })
    }
}

/// Registers a client. A confidential one and a service get a secret, shown once.
#[utoipa::path(post, path = "/api/v1/clients", tag = "clients", request_body = NewClientBody, security(("bearer" = [])),
    responses((status = 201, description = "Registered", body = ClientShape,
            headers(("Location" = String, description = "The client"), ("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn create(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    context: Context,
    Json(body): Json<NewClientBody>,
) -> Result<Response, Problem> {
    let made = service::client::create(&web.app, &caller, body.parse()?).await?;
    let location = format!("{}/api/v1/clients/{}", context.base(), made.client.client_id);
    let version = made.client.version;
    let client_secret = made.secret.map(|secret| secret.expose());
    let mut response = tagged(version, ClientShape { client_secret, ..ClientShape::from(made.client) });
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A client.
#[utoipa::path(get, path = "/api/v1/clients/{id}", tag = "clients", params(("id" = String, Path, description = "Its `client_id`")), security(("bearer" = [])),
    responses((status = 200, description = "The client", body = ClientShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn get(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<String>) -> Result<Response, Problem> {
    let client = service::client::get(&web.app, &caller, path.0).await?;
    Ok(tagged(client.version, ClientShape::from(client)))
}

/// What changes; an absent member stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClientBody {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// At most 50; none for a service.
    #[schema(max_items = 50)]
    redirect_uris: Option<Vec<String>>,
    /// Audiences, at most 50.
    #[schema(max_items = 50)]
    apis: Option<Vec<String>>,
    /// Public clients always must.
    require_pkce: Option<bool>,
    /// Whether it may do anything.
    enabled: Option<bool>,
}

/// Changes a client; its id and kind never change.
#[utoipa::path(patch, path = "/api/v1/clients/{id}", tag = "clients", request_body = ClientBody, security(("bearer" = [])),
    params(("id" = String, Path, description = "Its `client_id`"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The client", body = ClientShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn update(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
    Json(body): Json<ClientBody>,
) -> Result<Response, Problem> {
    let uris = body.redirect_uris.map(|uris| each("/redirect_uris", uris, RedirectUri::parse)).transpose()?;
    let command = UpdateClient {
        client_id: path.0,
        version: version.sent(),
        name: body.name.as_deref().map(name).transpose()?,
        redirect_uris: uris,
        apis: body.apis.map(|apis| each("/apis", apis, Audience::parse)).transpose()?,
        require_pkce: body.require_pkce,
        enabled: body.enabled,
    };
    let client = service::client::update(&web.app, &caller, command).await?;
    Ok(tagged(client.version, ClientShape::from(client)))
}

/// Ends a client with its secrets.
#[utoipa::path(delete, path = "/api/v1/clients/{id}", tag = "clients", security(("bearer" = [])),
    params(("id" = String, Path, description = "Its `client_id`"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn delete(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    service::client::delete(
        &web.app,
        &caller,
        DeleteClient { client_id: path.0, version: version.sent(), reason: None },
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a client a new secret, shown once; those before stay valid for 24 hours.
#[utoipa::path(post, path = "/api/v1/clients/{id}/secret", tag = "clients", params(("id" = String, Path, description = "Its `client_id`")), security(("bearer" = [])),
    responses((status = 200, description = "Shown once", body = SecretShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn new_secret(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
) -> Result<Out<SecretShape>, Problem> {
    let made = service::client::new_secret(&web.app, &caller, path.0.clone()).await?;
    let client_secret = made.secret.expose();
    Ok(Out(SecretShape { client_id: path.0, client_secret, expires_previous_at: at(made.others_end) }))
}
