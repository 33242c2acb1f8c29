//! Oneself: who, what one may do, where one is signed in.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::caller::Caller;
use domain::id::SessionId;
use service::session::Which;
use service::user::Person;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::{AccessShape, Me, ProblemDocument, SessionShape};
use crate::config::Web;
use crate::http::page::Page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::version::tagged;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::Oneself, routes!(me))
        .json(Access::Oneself, routes!(permissions))
        .json(Access::Oneself, routes!(sessions))
        .json(Access::Oneself, routes!(end_session))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", security(("bearer" = [])),
    responses((status = 200, description = "The person", body = Me, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn me(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    let person = service::user::me(&web.app, &caller).await?;
    shown(&web, &caller, person).await
}

/// The person with what would make their account safer.
pub(super) async fn shown(web: &Web, caller: &Caller, person: Person) -> Result<Response, Problem> {
    let person = service::user::as_seen_by_oneself(&web.app, caller, person).await?;
    let factors = service::factor::own(&web.app, caller).await?;
    let recommended_actions = service::factor::recommended(&factors, caller.access());
    Ok(tagged(person.user.version, Me { user: person.into(), recommended_actions }))
}

/// Everything that one may do, where, until when, and through which grant.
#[utoipa::path(get, path = "/api/v1/me/permissions", tag = "me", security(("bearer" = [])),
    responses((status = 200, description = "By API and permission", body = Page<AccessShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn permissions(SignedIn(caller): SignedIn) -> Out<Page<AccessShape>> {
    let items = caller.access().explain().into_iter().map(AccessShape::from).collect();
    Out(Page { items, next_cursor: None })
}

/// Where one is signed in.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = Page<SessionShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn sessions(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Out<Page<SessionShape>>, Problem> {
    let sessions = service::session::own(&web.app, &caller).await?;
    let now = web.app.now();
    let items = sessions.into_iter().map(|s| SessionShape::new(s, Some(caller.session()), now)).collect();
    Ok(Out(Page { items, next_cursor: None }))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "me", params(("id" = Uuid, Path, description = "The session")),
    security(("bearer" = [])),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn end_session(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
) -> Result<StatusCode, Problem> {
    service::session::end_own(&web.app, &caller, Which::One(SessionId::from_uuid(path.0))).await?;
    Ok(StatusCode::NO_CONTENT)
}
