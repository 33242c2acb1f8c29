//! What administrators do with accounts: unlock, reset, lock down, issue printed codes.

use axum::Json as Out;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::id::UserId;
use serde::Serialize;
use service::user::{IssueCode, LockDown, ResetPassword, Unlock};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::shape::{ProblemDocument, User, at};
use super::super::sign_in::no_cache;
use super::{ReasonBody, reason};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::table::SignedIn;

/// Lifts the waits that wrong passwords and codes brought upon an account.
#[utoipa::path(post, path = "/api/v1/users/{id}/unlock", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User), (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn unlock(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<User>, Problem> {
    let command = Unlock { user: UserId::from_uuid(path.0), reason: reason(&body.reason, "/reason")? };
    Ok(Out(service::user::unlock(&web.app, &caller, command).await?.into()))
}

/// Mails a person a link to a new password, or the invitation again. Needs the right to give every role that the person holds.
#[utoipa::path(post, path = "/api/v1/users/{id}/reset-password", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User),
        (status = 409, description = "No e-mail address, or disabled", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn reset_password(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<User>, Problem> {
    let command = ResetPassword { user: UserId::from_uuid(path.0), reason: reason(&body.reason, "/reason")? };
    Ok(Out(service::user::reset_password(&web.app, &caller, command).await?.into()))
}

/// Locks an account down: disabled, all sessions, tokens and links ended, devices and password forgotten. Once it is enabled again, only a new
/// password, chosen through a link or a printed code, opens it.
#[utoipa::path(post, path = "/api/v1/users/{id}/lockdown", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User),
        (status = 409, description = "Locked down already, or the last administrator", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn lockdown(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<User>, Problem> {
    let command = LockDown { user: UserId::from_uuid(path.0), reason: reason(&body.reason, "/reason")? };
    Ok(Out(service::user::lock_down(&web.app, &caller, command).await?.into()))
}

/// A printed code.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct CodeBody {
    /// 112 random bits in groups of four letters; taken on `/invitation` and by `POST /password/reset` as `token`.
    #[schema(example = "1K2M-9QXD-T4HB-VW8N-7C3F-0GZ")]
    code: String,
    /// RFC 3339.
    expires_at: String,
}

/// Issues a printed single-use code, shown once, with which an invited or active person chooses a password. A code issued before is void. Needs the
/// right to give every role that the person holds.
#[utoipa::path(post, path = "/api/v1/users/{id}/activation-code", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 201, description = "Print it", body = CodeBody), (status = 409, description = "Disabled", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn activation_code(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Response, Problem> {
    let command = IssueCode { user: UserId::from_uuid(path.0), reason: reason(&body.reason, "/reason")? };
    let (code, expires_at) = service::user::issue_code(&web.app, &caller, command).await?;
    let body = CodeBody { code: code.expose(), expires_at: at(expires_at) };
    let mut response = (StatusCode::CREATED, Out(body)).into_response();
    no_cache(&mut response);
    Ok(response)
}
