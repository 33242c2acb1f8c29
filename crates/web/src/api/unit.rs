//! Units: the organisation's places.

use axum::Json as Out;
use axum::extract::State;
use domain::permission::Permission;
use domain::unit::UnitPath;
use serde::Serialize;
use service::stored::Unit;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::role::ListQuery;
use super::shape::ProblemDocument;
use crate::config::Web;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::May(Permission::RolesRead), routes!(list))
}

/// A place in the organisation.
#[derive(Debug, Serialize, ToSchema)]
struct UnitShape {
    id: Uuid,
    path: String,
    /// Path of the unit above; null for the root.
    #[schema(required)]
    parent: Option<String>,
    slug: String,
    name: String,
    version: i64,
}

impl From<Unit> for UnitShape {
    fn from(unit: Unit) -> Self {
        Self {
            id: unit.id.uuid(),
            parent: unit.path.parent().map(|parent| parent.as_str().to_owned()),
            slug: unit.path.slug().to_owned(),
            path: unit.path.as_str().to_owned(),
            name: unit.name,
            version: unit.version,
        }
    }
}

/// Units within reach, by path.
#[utoipa::path(get, path = "/api/v1/units", tag = "units", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<UnitShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<UnitShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let read = |text: &str| UnitPath::parse(text).ok().map(|path| path.as_str().to_owned());
    let after = page::cursor(query.cursor.as_deref(), read)?.unwrap_or_default();
    let units = service::unit::list(&web.app, &caller, after, limit + 1).await?;
    Ok(Out(page::cut(units, limit, |last| last.path.as_str().to_owned(), UnitShape::from)))
}
