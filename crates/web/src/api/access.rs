//! Effective access: what somebody may do, where, until when, and through which grant; now or at any instant before.

use axum::Json as Out;
use axum::extract::State;
use domain::id::UserId;
use domain::permission::Permission;
use domain::time::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use super::shape::{AccessShape, ProblemDocument};
use crate::config::Web;
use crate::http::page::Page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::May(Permission::UsersRead), routes!(permissions))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AtQuery {
    /// An instant that is past, RFC 3339: what was held then. Now if absent.
    #[param(format = DateTime)]
    at: Option<String>,
}

impl AtQuery {
    fn instant(&self, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = &self.at else { return Ok(None) };
        let refused = |detail: &'static str| Problem::from(Code::Malformed).detail(detail);
        let at = Timestamp::parse_rfc3339(text)
            .ok_or_else(|| refused("at is an instant like 2026-11-27T18:00:00Z (a + must be written %2B)."))?;
        if at > now { Err(refused("at lies ahead: nobody knows yet.")) } else { Ok(Some(at)) }
    }
}

/// Everything that is granted to a person within reach: which permission, where, until when, and through which grant and roles. With `at`, as it
/// was at that instant.
#[utoipa::path(get, path = "/api/v1/users/{id}/permissions", tag = "users",
    params(("id" = Uuid, Path, description = "The person"), AtQuery), security(("bearer" = [])),
    responses((status = 200, description = "By API, permission and unit", body = Page<AccessShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn permissions(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Query(query): Query<AtQuery>,
) -> Result<Out<Page<AccessShape>>, Problem> {
    let at = query.instant(web.app.now())?;
    let access = service::user::access(&web.app, &caller, UserId::from_uuid(path.0), at).await?;
    let items = access.explain().into_iter().map(AccessShape::from).collect();
    Ok(Out(Page { items, next_cursor: None }))
}
