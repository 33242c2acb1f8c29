//! Second factors: one's own, and those of people within reach.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::id::{CredentialId, UserId};
use domain::permission::Permission;
use domain::totp;
use serde::{Deserialize, Serialize};
use service::factor::{self, Removal, Rename};
use service::stored::Factor;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::{ProblemDocument, at};
use super::sign_in::{SeedBody, named, no_cache};
use crate::config::Web;
use crate::http::body::{Json, OptionalJson};
use crate::http::page::Page;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::Oneself, routes!(own))
        .json_step_up(Access::Oneself, routes!(begin))
        .json(Access::Oneself, routes!(confirm))
        .json(Access::Oneself, routes!(rename))
        .json_step_up(Access::Oneself, routes!(remove))
        .json_step_up(Access::Oneself, routes!(recovery_codes))
        .json(Access::May(Permission::UsersManage), routes!(of_user))
        .json_step_up(Access::May(Permission::UsersManage), routes!(remove_other))
}

/// A factor.
#[derive(Debug, Serialize, ToSchema)]
struct FactorShape {
    id: Uuid,
    /// `password`, `totp`, `passkey`, `recovery_codes`.
    kind: String,
    label: String,
    created_at: String,
    #[schema(required)]
    last_used_at: Option<String>,
    #[schema(required)]
    ended_at: Option<String>,
}

impl From<Factor> for FactorShape {
    fn from(factor: Factor) -> Self {
        Self {
            id: factor.id.uuid(),
            kind: factor.kind,
            label: factor.label,
            created_at: at(factor.created_at),
            last_used_at: factor.last_used_at.map(at),
            ended_at: factor.ended_at.map(at),
        }
    }
}

fn page(factors: Vec<Factor>) -> Out<Page<FactorShape>> {
    Out(Page { items: factors.into_iter().map(FactorShape::from).collect(), next_cursor: None })
}

/// What one signs in with.
#[utoipa::path(get, path = "/api/v1/me/factors", tag = "me", security(("bearer" = [])),
    responses((status = 200, description = "In the order in which they were bound", body = Page<FactorShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn own(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Out<Page<FactorShape>>, Problem> {
    Ok(page(factor::own(&web.app, &caller).await?))
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct BeginBody {
    /// What the person calls it.
    label: Option<String>,
}

/// What an authenticator application is told; shown once.
#[derive(Serialize, ToSchema)]
struct BegunBody {
    /// For the confirmation.
    id: Uuid,
    #[serde(flatten)]
    seed: SeedBody,
}

/// Begins to bind an authenticator application; nothing of it counts before it is confirmed.
#[utoipa::path(post, path = "/api/v1/me/factors/totp", tag = "me", request_body = Option<BeginBody>, security(("bearer" = [])),
    responses((status = 200, description = "Show it to the person", body = BegunBody),
        (status = 409, description = "Ten are the most", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn begin(
    State(web): State<Web>,
    context: Context,
    SignedIn(caller): SignedIn,
    OptionalJson(body): OptionalJson<BeginBody>,
) -> Result<Response, Problem> {
    let label = named(body.label.as_deref(), "/label")?.unwrap_or_default();
    let begun = factor::begin_totp(&web.app, &context.realm, &caller, &label).await?;
    let body = BegunBody { id: begun.id.uuid(), seed: SeedBody::new(&begun.seed, &begun.uri) };
    let mut response = Out(body).into_response();
    no_cache(&mut response);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    id: Uuid,
    /// As shown by the application.
    code: String,
}

/// Recovery codes, shown once.
#[derive(Serialize, ToSchema)]
struct CodesBody {
    /// Ten; empty if the person has codes already.
    recovery_codes: Vec<String>,
}

/// Binds the application with a code that it shows. Recovery codes come with a person's first factor.
#[utoipa::path(post, path = "/api/v1/me/factors/totp/confirm", tag = "me", request_body = ConfirmBody, security(("bearer" = [])),
    responses((status = 200, description = "Bound", body = CodesBody),
        (status = 404, description = "No such application waits", body = ProblemDocument),
        (status = 422, description = "Wrong: at `/code`", body = ProblemDocument),
        (status = 429, description = "Inside a wait; not looked at", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn confirm(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Json(body): Json<ConfirmBody>,
) -> Result<Response, Problem> {
    let (id, code) = (CredentialId::from_uuid(body.id), totp::Code::parse(&body.code));
    codes(factor::confirm_totp(&web.app, &caller, id, code).await?)
}

fn codes(recovery_codes: Vec<String>) -> Result<Response, Problem> {
    let mut response = Out(CodesBody { recovery_codes }).into_response();
    no_cache(&mut response);
    Ok(response)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenameBody {
    label: String,
}

/// Gives one's own factor another name.
#[utoipa::path(patch, path = "/api/v1/me/factors/{id}", tag = "me", params(("id" = Uuid, Path, description = "The factor")),
    request_body = RenameBody, security(("bearer" = [])),
    responses((status = 200, description = "Renamed", body = FactorShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn rename(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<RenameBody>,
) -> Result<Out<FactorShape>, Problem> {
    let label = named(Some(&body.label), "/label")?.unwrap_or_default();
    let command = Rename { id: CredentialId::from_uuid(path.0), label };
    Ok(Out(factor::rename(&web.app, &caller, command).await?.into()))
}

/// Removes one's own factor; the last one of a person whose role needs it stays. One's other sessions end.
#[utoipa::path(delete, path = "/api/v1/me/factors/{id}", tag = "me", params(("id" = Uuid, Path, description = "The factor")),
    security(("bearer" = [])),
    responses((status = 204, description = "Removed"), (status = 409, description = "The last one, and a role needs it", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn remove(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<Uuid>) -> Result<StatusCode, Problem> {
    factor::remove_own(&web.app, &caller, CredentialId::from_uuid(path.0)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes ten new recovery codes; the old ones are worth nothing from now on.
#[utoipa::path(post, path = "/api/v1/me/recovery-codes", tag = "me", security(("bearer" = [])),
    responses((status = 200, description = "Shown once", body = CodesBody),
        (status = 409, description = "There is no second factor that they could stand in for", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn recovery_codes(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    codes(factor::new_recovery_codes(&web.app, &caller).await?)
}

/// All factors that a person within reach ever had.
#[utoipa::path(get, path = "/api/v1/users/{id}/factors", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    security(("bearer" = [])),
    responses((status = 200, description = "Newest first, also ended ones", body = Page<FactorShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn of_user(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
) -> Result<Out<Page<FactorShape>>, Problem> {
    Ok(page(factor::of_user(&web.app, &caller, UserId::from_uuid(path.0)).await?))
}

/// Removes a factor of a person within reach, whose roles one may all give. Their sessions end.
#[utoipa::path(delete, path = "/api/v1/users/{id}/factors/{factor}", tag = "users",
    params(("id" = Uuid, Path, description = "The person"), ("factor" = Uuid, Path, description = "The factor")), security(("bearer" = [])),
    responses((status = 204, description = "Removed"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn remove_other(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Path((user, factor)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    let command = Removal { user: UserId::from_uuid(user), id: CredentialId::from_uuid(factor) };
    factor::remove_other(&web.app, &caller, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
