//! Giving and ending roles.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::id::{GrantId, UserId};
use domain::permission::Permission;
use domain::time::Timestamp;
use serde::Deserialize;
use service::grant::{EndGrant, Give};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::{GrantShape, ProblemDocument};
use super::user::{ReasonBody, reason, unit};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::page::{self, Page};
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::May(Permission::UsersRead), routes!(list))
        .json_step_up(Access::May(Permission::RolesAssign), routes!(give))
        .json_step_up(Access::MayEither(Permission::RolesAssign, Permission::UsersManage), routes!(end))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// 1-200.
    limit: Option<i64>,
    cursor: Option<String>,
}

/// The grants of a person within reach, ended ones too, newest first.
#[utoipa::path(get, path = "/api/v1/users/{id}/grants", tag = "grants", params(("id" = Uuid, Path, description = "The person"), ListQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<GrantShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<GrantShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref(), |text| text.parse::<GrantId>().ok())?;
    let grants = service::grant::list(&web.app, &caller, UserId::from_uuid(path.0), after, limit + 1).await?;
    Ok(Out(page::cut(grants, limit, |last| last.id.to_string(), GrantShape::from)))
}

/// A role that is to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GiveBody {
    pub(super) role: String,
    /// `/` if absent.
    pub(super) unit: Option<String>,
    /// RFC 3339; at once if absent.
    pub(super) valid_from: Option<String>,
    /// RFC 3339; until ended if absent.
    pub(super) valid_until: Option<String>,
    /// 3 to 500 characters.
    pub(super) reason: String,
}

pub(super) fn instant(sent: Option<&str>, pointer: &str) -> Result<Option<Timestamp>, Problem> {
    let refused = || Problem::invalid(pointer, "instant", "Expected an instant like 2026-11-27T18:00:00Z.");
    sent.map(|text| Timestamp::parse_rfc3339(text).ok_or_else(refused)).transpose()
}

/// Gives a role in a unit: `roles:assign` there, one of one's roles in its `assignable_by`, never to oneself.
#[utoipa::path(post, path = "/api/v1/users/{id}/grants", tag = "grants", params(("id" = Uuid, Path, description = "The person")),
    request_body = GiveBody, security(("bearer" = [])),
    responses((status = 201, description = "Given", body = GrantShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn give(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<GiveBody>,
) -> Result<Response, Problem> {
    let command = Give {
        user: UserId::from_uuid(path.0),
        role: body.role,
        unit: unit(body.unit.as_deref(), "/unit")?,
        valid_from: instant(body.valid_from.as_deref(), "/valid_from")?,
        valid_until: instant(body.valid_until.as_deref(), "/valid_until")?,
        reason: reason(&body.reason, "/reason")?,
    };
    let grant = service::grant::give(&web.app, &caller, command).await?;
    Ok((StatusCode::CREATED, Out(GrantShape::from(grant))).into_response())
}

/// Ends a grant; it stays listed.
#[utoipa::path(post, path = "/api/v1/users/{id}/grants/{grant}/end", tag = "grants",
    params(("id" = Uuid, Path, description = "The person"), ("grant" = Uuid, Path, description = "The grant")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "Ended", body = GrantShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn end(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Path((user, grant)): Path<(Uuid, Uuid)>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<GrantShape>, Problem> {
    let reason = reason(&body.reason, "/reason")?;
    let ended = service::grant::end(
        &web.app,
        &caller,
        EndGrant { user: UserId::from_uuid(user), grant: GrantId::from_uuid(grant), reason },
    )
    .await?;
    Ok(Out(ended.into()))
}
