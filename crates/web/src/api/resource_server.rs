//! APIs: resource servers with an audience, their permissions and credentials.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::key::Algorithm;
use domain::permission::{Audience, Permission, PermissionName};
use domain::user::printable;
use serde::{Deserialize, Serialize};
use service::api::{AddPermission, CreateApi, DeleteApi, DeletePermission, PermissionRow, UpdateApi};
use service::stored::Api;
use utoipa::ToSchema;
use utoipa_axum::routes;

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
    let (read, manage) = (Access::May(Permission::RolesRead), Access::MayEverywhere(Permission::RolesManage));
    table
        .json(read, routes!(list))
        .json_step_up(manage, routes!(create))
        .json(read, routes!(get))
        .json_step_up(manage, routes!(update))
        .json_step_up(manage, routes!(delete))
        .json_step_up(manage, routes!(new_secret))
        .json(read, routes!(permissions))
        .json_step_up(manage, routes!(add_permission))
        .json_step_up(manage, routes!(delete_permission))
}

/// A resource server.
#[derive(Debug, Serialize, ToSchema)]
struct ApiShape {
    /// Its name in paths, roles and tokens.
    audience: String,
    name: String,
    /// `RS256`, `ES256`, `EdDSA`.
    algorithm: &'static str,
    /// Its tokens live at most so long, in seconds.
    access_lifetime_seconds: i64,
    /// Whether it is ours, or a profile's.
    built_in: bool,
    version: i64,
}

impl From<Api> for ApiShape {
    fn from(api: Api) -> Self {
        Self {
            audience: api.audience.as_str().to_owned(),
            name: api.name,
            algorithm: api.algorithm.as_str(),
            access_lifetime_seconds: api.access_lifetime_seconds,
            built_in: api.built_in,
            version: api.version,
        }
    }
}

fn audience_cursor(text: &str) -> Option<String> {
    Audience::parse(text).ok().map(|audience| audience.as_str().to_owned())
}

/// APIs, by audience.
#[utoipa::path(get, path = "/api/v1/apis", tag = "apis", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<ApiShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<ApiShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref(), audience_cursor)?.unwrap_or_default();
    let all = service::api::list(&web.app, &caller).await?.into_iter();
    let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let found: Vec<Api> = all.filter(|api| api.audience.as_str() > after.as_str()).take(most).collect();
    Ok(Out(page::cut(found, limit, |last| last.audience.as_str().to_owned(), ApiShape::from)))
}

/// An API that is to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiBody {
    /// 2 to 63 lower-case letters, digits and hyphens, starting with a letter; never changes.
    #[schema(pattern = "^[a-z][a-z0-9-]{1,62}$")]
    audience: String,
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// `RS256` (if absent), `ES256`, `EdDSA`.
    #[schema(pattern = "^(RS256|ES256|EdDSA)$")]
    algorithm: Option<String>,
    /// 60 to 3600; 600 if absent.
    #[schema(minimum = 60, maximum = 3600)]
    access_lifetime_seconds: Option<i64>,
}

fn name(text: &str) -> Result<String, Problem> {
    printable(text, 1, 100).map_err(|error| invalid("/name", error))
}

fn description(text: &str) -> Result<String, Problem> {
    printable(text, 1, 200).map_err(|error| invalid("/description", error))
}

fn algorithm(sent: Option<&str>) -> Result<Option<Algorithm>, Problem> {
    let unknown = || Problem::invalid("/algorithm", "unknown", "One of RS256, ES256, EdDSA.");
    sent.map(|text| Algorithm::parse(text).ok_or_else(unknown)).transpose()
}

fn lifetime(sent: Option<i64>) -> Result<Option<i64>, Problem> {
    let outside = || Problem::invalid("/access_lifetime_seconds", "range", "60 to 3600 seconds.");
    sent.map(|seconds| if (60..=3600).contains(&seconds) { Ok(seconds) } else { Err(outside()) }).transpose()
}

/// Registers an API.
#[utoipa::path(post, path = "/api/v1/apis", tag = "apis", request_body = NewApiBody, security(("bearer" = [])),
    responses((status = 201, description = "Registered", body = ApiShape,
            headers(("Location" = String, description = "The API"), ("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn create(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    context: Context,
    Json(body): Json<NewApiBody>,
) -> Result<Response, Problem> {
    let audience = Audience::parse(&body.audience);
    let command = CreateApi {
        audience: audience.map_err(|error| Problem::invalid("/audience", "name", error.to_string()))?,
        name: name(&body.name)?,
        algorithm: algorithm(body.algorithm.as_deref())?.unwrap_or(Algorithm::Rs256),
        access_lifetime_seconds: lifetime(body.access_lifetime_seconds)?.unwrap_or(600),
    };
    let api = service::api::create(&web.app, &caller, command).await?;
    let location = format!("{}/api/v1/apis/{}", context.base(), api.audience.as_str());
    let mut response = tagged(api.version, ApiShape::from(api));
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// An API.
#[utoipa::path(get, path = "/api/v1/apis/{audience}", tag = "apis", params(("audience" = String, Path, description = "The API")), security(("bearer" = [])),
    responses((status = 200, description = "The API", body = ApiShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn get(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<String>) -> Result<Response, Problem> {
    let api = service::api::get(&web.app, &caller, path.0).await?;
    Ok(tagged(api.version, ApiShape::from(api)))
}

/// What changes; an absent member stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApiBody {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// `RS256`, `ES256`, `EdDSA`.
    #[schema(pattern = "^(RS256|ES256|EdDSA)$")]
    algorithm: Option<String>,
    /// 60 to 3600.
    #[schema(minimum = 60, maximum = 3600)]
    access_lifetime_seconds: Option<i64>,
}

/// Changes an API; its audience never changes.
#[utoipa::path(patch, path = "/api/v1/apis/{audience}", tag = "apis", request_body = ApiBody, security(("bearer" = [])),
    params(("audience" = String, Path, description = "The API"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The API", body = ApiShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn update(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
    Json(body): Json<ApiBody>,
) -> Result<Response, Problem> {
    let command = UpdateApi {
        audience: path.0,
        version: version.sent(),
        name: body.name.as_deref().map(name).transpose()?,
        algorithm: algorithm(body.algorithm.as_deref())?,
        access_lifetime_seconds: lifetime(body.access_lifetime_seconds)?,
    };
    let api = service::api::update(&web.app, &caller, command).await?;
    Ok(tagged(api.version, ApiShape::from(api)))
}

/// Ends an API of whose permissions no role has any. Its credentials are refused from then on.
#[utoipa::path(delete, path = "/api/v1/apis/{audience}", tag = "apis", security(("bearer" = [])),
    params(("audience" = String, Path, description = "The API"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn delete(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    service::api::delete(&web.app, &caller, DeleteApi { audience: path.0, version: version.sent(), reason: None })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Credentials, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecretShape {
    pub(super) client_id: String,
    /// Nobody can see it again.
    pub(super) client_secret: String,
    /// Until when those before are valid.
    pub(super) expires_previous_at: String,
}

/// Gives an API a new secret for feed, catalogue and introspection; those before stay valid for 24 hours.
#[utoipa::path(post, path = "/api/v1/apis/{audience}/secret", tag = "apis", params(("audience" = String, Path, description = "The API")), security(("bearer" = [])),
    responses((status = 200, description = "Shown once", body = SecretShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn new_secret(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
) -> Result<Out<SecretShape>, Problem> {
    let made = service::api::new_secret(&web.app, &caller, path.0.clone()).await?;
    let client_secret = made.secret.expose();
    Ok(Out(SecretShape { client_id: path.0, client_secret, expires_previous_at: at(made.others_end) }))
}

/// A permission of an API.
#[derive(Debug, Serialize, ToSchema)]
struct PermissionShape {
    name: String,
    description: String,
}

impl From<PermissionRow> for PermissionShape {
    fn from(row: PermissionRow) -> Self {
        Self { name: row.name, description: row.description }
    }
}

/// The permissions of an API, by name.
#[utoipa::path(get, path = "/api/v1/apis/{audience}/permissions", tag = "apis",
    params(("audience" = String, Path, description = "The API"), ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<PermissionShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn permissions(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<PermissionShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let read = |text: &str| PermissionName::parse(text).ok().map(|name| name.as_str().to_owned());
    let after = page::cursor(query.cursor.as_deref(), read)?.unwrap_or_default();
    let all = service::api::permissions(&web.app, &caller, path.0).await?.into_iter();
    let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let found: Vec<PermissionRow> = all.filter(|row| row.name > after).take(most).collect();
    Ok(Out(page::cut(found, limit, |last| last.name.clone(), PermissionShape::from)))
}

/// A permission that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPermissionBody {
    /// `resource:action`, or `resource:action:own`; never changes.
    #[schema(pattern = "^[a-z][a-z0-9-]{0,39}:[a-z][a-z0-9-]{0,39}(:own)?$")]
    name: String,
    /// What it allows, for people: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    description: String,
}

/// Adds a permission to an API. No role has it yet.
#[utoipa::path(post, path = "/api/v1/apis/{audience}/permissions", tag = "apis", request_body = NewPermissionBody,
    params(("audience" = String, Path, description = "The API")), security(("bearer" = [])),
    responses((status = 201, description = "Made", body = PermissionShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn add_permission(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    Json(body): Json<NewPermissionBody>,
) -> Result<Response, Problem> {
    let name = PermissionName::parse(&body.name);
    let name = name.map_err(|error| Problem::invalid("/name", "permission", error.to_string()))?;
    let command = AddPermission { audience: path.0, name, description: description(&body.description)? };
    let row = service::api::add_permission(&web.app, &caller, command).await?;
    Ok((StatusCode::CREATED, Out(PermissionShape::from(row))).into_response())
}

/// Ends a permission that no role has.
#[utoipa::path(delete, path = "/api/v1/apis/{audience}/permissions/{permission}", tag = "apis", security(("bearer" = [])),
    params(("audience" = String, Path, description = "The API"), ("permission" = String, Path, description = "Its name")),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn delete_permission(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (audience, name) = path.0;
    service::api::delete_permission(&web.app, &caller, DeletePermission { audience, name, reason: None }).await?;
    Ok(StatusCode::NO_CONTENT)
}
