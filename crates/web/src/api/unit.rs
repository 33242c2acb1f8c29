//! Units: the organisation's places.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::id::UnitId;
use domain::permission::Permission;
use domain::unit::{UnitPath, is_slug};
use domain::user::printable;
use serde::{Deserialize, Serialize};
use service::stored::Unit;
use service::unit::{CreateUnit, DeleteUnit, RenameUnit};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::role::ListQuery;
use super::shape::ProblemDocument;
use super::user::{self, invalid};
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
    table
        .json(Access::May(Permission::RolesRead), routes!(list))
        .json(Access::May(Permission::RolesManage), routes!(create))
        .json(Access::May(Permission::RolesManage), routes!(rename))
        .json(Access::May(Permission::RolesManage), routes!(delete))
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

/// A unit that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUnitBody {
    /// Path of the unit above.
    parent: String,
    /// 1 to 63 lower-case letters, digits and hyphens, starting with a letter; never changes.
    #[schema(pattern = "^[a-z][a-z0-9-]{0,62}$")]
    slug: String,
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

fn name(text: &str) -> Result<String, Problem> {
    printable(text, 1, 100).map_err(|error| invalid("/name", error))
}

/// Makes a unit below another: `roles:manage` at or above that.
#[utoipa::path(post, path = "/api/v1/units", tag = "units", request_body = NewUnitBody, security(("bearer" = [])),
    responses((status = 201, description = "Made", body = UnitShape, headers(("ETag" = String, description = "The version"),
            ("Location" = String, description = "Where it can be changed"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn create(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    context: Context,
    Json(body): Json<NewUnitBody>,
) -> Result<Response, Problem> {
    let parent = user::unit(Some(&body.parent), "/parent")?;
    if !is_slug(&body.slug, 63) {
        let text = "must be 1 to 63 lower-case letters, digits and hyphens, starting with a letter";
        return Err(Problem::invalid("/slug", "slug", text));
    }
    let path = parent.child(&body.slug).map_err(|error| Problem::invalid("/slug", "path", error.to_string()))?;
    let made = service::unit::create(&web.app, &caller, CreateUnit { path, name: name(&body.name)? }).await?;
    let location = format!("{}/api/v1/units/{}", context.base(), made.id);
    let mut response = tagged(made.version, UnitShape::from(made));
    *response.status_mut() = StatusCode::CREATED;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UnitBody {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// Gives a unit another name for people; its path never changes. `If-Match` is not demanded, and honoured.
#[utoipa::path(patch, path = "/api/v1/units/{id}", tag = "units", request_body = UnitBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The unit"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The unit", body = UnitShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn rename(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    version: IfMatch,
    Json(body): Json<UnitBody>,
) -> Result<Response, Problem> {
    let command = RenameUnit { unit: UnitId::from_uuid(path.0), version: version.sent(), name: name(&body.name)? };
    let unit = service::unit::rename(&web.app, &caller, command).await?;
    Ok(tagged(unit.version, UnitShape::from(unit)))
}

/// Ends a unit with nothing in it: no units below, nobody's home, no roles held there.
#[utoipa::path(delete, path = "/api/v1/units/{id}", tag = "units", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The unit"), ("If-Match" = Option<String>, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn delete(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    let command = DeleteUnit { unit: UnitId::from_uuid(path.0), version: version.sent(), reason: None };
    service::unit::delete(&web.app, &caller, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
