//! Giving and ending roles of services.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::id::GrantId;
use domain::permission::Permission;
use service::grant::{EndClientGrant, GiveClient};
use utoipa_axum::routes;
use uuid::Uuid;

use super::grant::{GiveBody, instant};
use super::role::ListQuery;
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
        .json(Access::MayEverywhere(Permission::ClientsManage), routes!(list))
        .json_step_up(Access::May(Permission::RolesAssign), routes!(give))
        .json_step_up(Access::MayEither(Permission::RolesAssign, Permission::ClientsManage), routes!(end))
}

/// The grants of a client, ended ones too, newest first.
#[utoipa::path(get, path = "/api/v1/clients/{id}/grants", tag = "clients", params(("id" = String, Path, description = "Its `client_id`"), ListQuery),
    security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<GrantShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<GrantShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref(), |text| text.parse::<GrantId>().ok())?;
    let grants = service::grant::list_of_client(&web.app, &caller, path.0, after, limit + 1).await?;
    Ok(Out(page::cut(grants, limit, |last| last.id.to_string(), GrantShape::from)))
}

/// Gives a service a role in a unit: `roles:assign` there, and one of one's roles in its `assignable_by`.
///
/// Only a service holds roles of its own, and none that needs a second factor.
#[utoipa::path(post, path = "/api/v1/clients/{id}/grants", tag = "clients", params(("id" = String, Path, description = "Its `client_id`")),
    request_body = GiveBody, security(("bearer" = [])),
    responses((status = 201, description = "Given", body = GrantShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn give(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    Json(body): Json<GiveBody>,
) -> Result<Response, Problem> {
    let command = GiveClient {
        client_id: path.0,
        unit: unit(body.unit.as_deref(), "/unit")?,
        valid_from: instant(body.valid_from.as_deref(), "/valid_from")?,
        valid_until: instant(body.valid_until.as_deref(), "/valid_until")?,
        reason: reason(&body.reason, "/reason")?,
        role: body.role,
    };
    let grant = service::grant::give_client(&web.app, &caller, command).await?;
    Ok((StatusCode::CREATED, Out(GrantShape::from(grant))).into_response())
}

/// Ends a grant of a service; it stays listed.
#[utoipa::path(post, path = "/api/v1/clients/{id}/grants/{grant}/end", tag = "clients",
    params(("id" = String, Path, description = "Its `client_id`"), ("grant" = Uuid, Path, description = "The grant")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "Ended", body = GrantShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn end(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Path((client_id, grant)): Path<(String, Uuid)>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<GrantShape>, Problem> {
    let reason = reason(&body.reason, "/reason")?;
    let command = EndClientGrant { client_id, grant: GrantId::from_uuid(grant), reason };
    Ok(Out(service::grant::end_of_client(&web.app, &caller, command).await?.into()))
}
