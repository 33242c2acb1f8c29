//! Roles: seeing them.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json as Out;
use axum::extract::State;
use axum::response::Response;
use domain::id::{GrantId, UserId};
use domain::permission::Permission;
use domain::role::{Flat, RoleGraph, RoleName};
use serde::{Deserialize, Serialize};
use service::stored::Member;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use wire::problem::Code;

use super::shape::{ProblemDocument, at};
use crate::config::Web;
use crate::http::page::{self, Page};
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::version::tagged;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::May(Permission::RolesRead), routes!(list))
        .json(Access::May(Permission::RolesRead), routes!(get))
        .json(Access::May(Permission::RolesRead), routes!(members))
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoleShape {
    name: String,
    display_name: String,
    description: String,
    /// API → permissions, of this role alone.
    permissions: BTreeMap<String, BTreeSet<String>>,
    inherits: Vec<String>,
    /// API → permissions, inherited ones included.
    effective_permissions: BTreeMap<String, BTreeSet<String>>,
    assignable_by: Vec<String>,
    /// Whether it needs a second factor.
    sensitive: bool,
    built_in: bool,
    version: i64,
}

pub(super) fn shape(graph: &RoleGraph, flat: &Flat) -> RoleShape {
    let names = |ids: &BTreeSet<domain::id::RoleId>| {
        let mut names: Vec<String> = ids.iter().map(|id| graph.name(*id).to_owned()).collect();
        names.sort_unstable();
        names
    };
    let role = &flat.role;
    RoleShape {
        name: role.name.as_str().to_owned(),
        display_name: role.display_name.clone(),
        description: role.description.clone(),
        permissions: role.permissions.clone(),
        inherits: names(&role.inherits),
        effective_permissions: flat.effective.clone(),
        assignable_by: names(&role.assignable_by),
        sensitive: role.sensitive,
        built_in: role.built_in,
        version: role.version,
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// 1-200.
    pub(super) limit: Option<i64>,
    pub(super) cursor: Option<String>,
}

/// Roles, by name.
#[utoipa::path(get, path = "/api/v1/roles", tag = "roles", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<RoleShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<RoleShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref(), |text| RoleName::parse(text).ok().map(|_| text.to_owned()))?
        .unwrap_or_default();
    let directory = service::role::all(&web.app, &caller).await?;
    let graph = &directory.graph;
    let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let found: Vec<&Flat> = graph.all().filter(|flat| flat.role.name.as_str() > after.as_str()).take(most).collect();
    Ok(Out(page::cut(found, limit, |last| last.role.name.as_str().to_owned(), |flat| shape(graph, flat))))
}

/// A role.
#[utoipa::path(get, path = "/api/v1/roles/{name}", tag = "roles", params(("name" = String, Path, description = "The role")), security(("bearer" = [])),
    responses((status = 200, description = "The role", body = RoleShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn get(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<String>) -> Result<Response, Problem> {
    let directory = service::role::all(&web.app, &caller).await?;
    let flat = directory.graph.named(&path.0).ok_or(Code::NotFound)?;
    Ok(tagged(flat.role.version, shape(&directory.graph, flat)))
}

/// Somebody who holds a role, by one grant.
#[derive(Debug, Serialize, ToSchema)]
struct MemberShape {
    user: MemberUser,
    grant: uuid::Uuid,
    /// Where they hold it.
    unit: String,
    valid_from: String,
    #[schema(required)]
    valid_until: Option<String>,
}

/// Who.
#[derive(Debug, Serialize, ToSchema)]
struct MemberUser {
    id: uuid::Uuid,
    #[schema(required)]
    username: Option<String>,
    #[schema(required)]
    display_name: Option<String>,
    /// Home unit.
    unit: String,
}

impl From<Member> for MemberShape {
    fn from(member: Member) -> Self {
        Self {
            user: MemberUser {
                id: member.user.uuid(),
                username: member.username,
                display_name: member.display_name,
                unit: member.home.as_str().to_owned(),
            },
            grant: member.grant.uuid(),
            unit: member.unit.as_str().to_owned(),
            valid_from: at(member.valid_from),
            valid_until: member.valid_until.map(at),
        }
    }
}

/// Who holds a role now, of the people whose home unit is within reach of one's `roles:read`. Whoever holds a role that inherits from it is listed
/// there.
#[utoipa::path(get, path = "/api/v1/roles/{name}/members", tag = "roles",
    params(("name" = String, Path, description = "The role"), ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<MemberShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn members(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<MemberShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let read = |text: &str| -> Option<(UserId, GrantId)> {
        let (user, grant) = text.split_once(' ')?;
        Some((user.parse().ok()?, grant.parse().ok()?))
    };
    let after = page::cursor(query.cursor.as_deref(), read)?;
    let found = service::role::members(&web.app, &caller, path.0, after, limit + 1).await?;
    Ok(Out(page::cut(found, limit, |last| format!("{} {}", last.user, last.grant), MemberShape::from)))
}
