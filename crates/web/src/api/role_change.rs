//! Roles: making, changing and ending them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::permission::Permission;
use domain::role::{RoleGraph, RoleName};
use domain::user::printable;
use serde::Deserialize;
use service::role::{ChangeRole, CreateRole, DeleteRole};
use utoipa::ToSchema;
use utoipa_axum::routes;
use wire::problem::Code;

use super::role::{RoleShape, shape};
use super::shape::ProblemDocument;
use super::user::invalid;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::http::version::{IfMatch, tagged};
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    let manage = Access::MayEverywhere(Permission::RolesManage);
    table
        .json_step_up(manage, routes!(create))
        .json_step_up(manage, routes!(update))
        .json_step_up(manage, routes!(set_permissions))
        .json_step_up(manage, routes!(set_inherits))
        .json_step_up(manage, routes!(delete))
}

/// A role that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRoleBody {
    /// 2 to 63 lower-case letters, digits and hyphens, starting with a letter; never changes.
    #[schema(pattern = "^[a-z][a-z0-9-]{1,62}$")]
    name: String,
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    display_name: String,
    /// Up to 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// API → permissions.
    #[serde(default)]
    permissions: BTreeMap<String, BTreeSet<String>>,
    /// Roles whose permissions it gets.
    #[serde(default)]
    inherits: BTreeSet<String>,
    /// Roles whose holders may give it; if empty, those of the maker's that hold `roles:assign`.
    #[serde(default)]
    assignable_by: BTreeSet<String>,
    /// Whether holding it needs a second factor.
    #[serde(default)]
    sensitive: bool,
}

fn display_name(text: &str) -> Result<String, Problem> {
    printable(text, 1, 100).map_err(|error| invalid("/display_name", error))
}

fn description(text: &str) -> Result<String, Problem> {
    printable(text, 0, 500).map_err(|error| invalid("/description", error))
}

/// A role in its version, out of the roles as they are now.
fn answer(graph: &RoleGraph, name: &str) -> Result<Response, Problem> {
    let flat = graph.named(name).ok_or(Code::NotFound)?;
    Ok(tagged(flat.role.version, shape(graph, flat)))
}

/// Makes a role. Whoever makes it must be able to give each role that it inherits from, and may put into it only those permissions of API
/// `bailiwick` that they hold or can give.
#[utoipa::path(post, path = "/api/v1/roles", tag = "roles", request_body = NewRoleBody, security(("bearer" = [])),
    responses((status = 201, description = "Made", body = RoleShape,
            headers(("Location" = String, description = "The role"), ("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn create(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    context: Context,
    Json(body): Json<NewRoleBody>,
) -> Result<Response, Problem> {
    let name = RoleName::parse(&body.name).map_err(|error| Problem::invalid("/name", "name", error.to_string()))?;
    let location = format!("{}/api/v1/roles/{}", context.base(), name.as_str());
    let command = CreateRole {
        name,
        display_name: display_name(&body.display_name)?,
        description: description(&body.description)?,
        permissions: body.permissions,
        inherits: body.inherits,
        assignable_by: body.assignable_by,
        sensitive: body.sensitive,
    };
    let graph = service::role::create(&web.app, &caller, command).await?;
    let mut response = answer(&graph, &body.name)?;
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What changes; an absent member stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleBody {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    display_name: Option<String>,
    /// Up to 500 characters.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Whether holding it needs a second factor.
    sensitive: Option<bool>,
    /// Roles whose holders may give it: at least one.
    assignable_by: Option<BTreeSet<String>>,
}

/// Changes what a role is called, whether it is sensitive, and who may give it. Needs the right to give it and every role that inherits from it.
#[utoipa::path(patch, path = "/api/v1/roles/{name}", tag = "roles", request_body = RoleBody, security(("bearer" = [])),
    params(("name" = String, Path, description = "The role"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The role", body = RoleShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn update(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
    Json(body): Json<RoleBody>,
) -> Result<Response, Problem> {
    let command = ChangeRole {
        display_name: body.display_name.as_deref().map(display_name).transpose()?,
        description: body.description.as_deref().map(description).transpose()?,
        sensitive: body.sensitive,
        assignable_by: body.assignable_by,
        ..ChangeRole::default()
    };
    apply(&web, &caller, path.0, version, command).await
}

async fn apply(
    web: &Web,
    caller: &service::Caller,
    name: String,
    version: IfMatch,
    command: ChangeRole,
) -> Result<Response, Problem> {
    let command = ChangeRole { name: name.clone(), version: version.sent(), ..command };
    answer(&service::role::change(&web.app, caller, command).await?, &name)
}

/// All permissions that a role carries itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PermissionsBody {
    /// API → permissions; at most 500.
    permissions: BTreeMap<String, BTreeSet<String>>,
}

/// Sets the permissions that a role carries itself. They are in the next token of whoever holds it, and act in our own API at once. Nobody adds to
/// a role that they hold what they lack.
#[utoipa::path(put, path = "/api/v1/roles/{name}/permissions", tag = "roles", request_body = PermissionsBody, security(("bearer" = [])),
    params(("name" = String, Path, description = "The role"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The role", body = RoleShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn set_permissions(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
    Json(body): Json<PermissionsBody>,
) -> Result<Response, Problem> {
    let command = ChangeRole { permissions: Some(body.permissions), ..ChangeRole::default() };
    apply(&web, &caller, path.0, version, command).await
}

/// All roles that a role inherits from directly.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InheritsBody {
    /// At most 64; no cycles, at most 16 levels.
    #[schema(max_items = 64)]
    inherits: BTreeSet<String>,
}

/// Sets from which roles a role inherits. A cycle is refused with its path. Needs the right to give every role that is added.
#[utoipa::path(put, path = "/api/v1/roles/{name}/inherits", tag = "roles", request_body = InheritsBody, security(("bearer" = [])),
    params(("name" = String, Path, description = "The role"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The role", body = RoleShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn set_inherits(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
    Json(body): Json<InheritsBody>,
) -> Result<Response, Problem> {
    let command = ChangeRole { inherits: Some(body.inherits), ..ChangeRole::default() };
    apply(&web, &caller, path.0, version, command).await
}

/// Ends a role that nobody holds and no role inherits from.
#[utoipa::path(delete, path = "/api/v1/roles/{name}", tag = "roles", security(("bearer" = [])),
    params(("name" = String, Path, description = "The role"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn delete(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    let command = DeleteRole { name: path.0, version: version.sent(), reason: None };
    service::role::delete(&web.app, &caller, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
