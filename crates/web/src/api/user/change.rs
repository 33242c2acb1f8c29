//! Changing and deleting people.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::UserId;
use domain::user::{Change, DisplayName, Email, Username};
use serde::{Deserialize, Deserializer};
use service::user::{ChangeEmail, Delete, Rename, Update};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::own::{sent, short};
use super::super::shape::{ProblemDocument, User};
use super::{invalid, unit};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::version::{IfMatch, tagged};
use crate::table::SignedIn;

/// What changes: an absent member stays as it is, `null` takes the value away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct UserBody {
    /// 1 to 200 characters; cannot be taken away.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = String)]
    display_name: Change<String>,
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    given_name: Change<String>,
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    family_name: Change<String>,
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    phone: Change<String>,
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    locale: Change<String>,
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    external_id: Change<String>,
    /// By the realm's schema; what is not named stays, `null` takes away.
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: serde_json::Map<String, serde_json::Value>,
    /// Path of the home unit; cannot be taken away.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = String)]
    unit: Change<String>,
}

fn kept<T>(
    sent: Change<String>,
    pointer: &str,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match sent {
        Change::Keep => Ok(None),
        Change::Clear => Err(Problem::invalid(pointer, "required", "This field cannot be taken away.")),
        Change::To(text) => read(&text).map(Some),
    }
}

/// Changes a person's data, in the version that one looked at. Needs the right to give every role that the person holds; to move them, also
/// `users:update` in the new unit.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", request_body = UserBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The person"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The person", body = User, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn update(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    version: IfMatch,
    Json(body): Json<UserBody>,
) -> Result<Response, Problem> {
    let name = |text: &str| DisplayName::parse(text).map_err(|error| invalid("/display_name", error));
    let command = Update {
        user: UserId::from_uuid(path.0),
        version: version.sent(),
        display_name: kept(body.display_name, "/display_name", name)?,
        given_name: short("/given_name", body.given_name)?,
        family_name: short("/family_name", body.family_name)?,
        phone: short("/phone", body.phone)?,
        locale: short("/locale", body.locale)?,
        external_id: short("/external_id", body.external_id)?,
        attributes: body.attributes,
        unit: kept(body.unit, "/unit", |text| unit(Some(text), "/unit"))?,
    };
    let person = service::user::update(&web.app, &caller, command).await?;
    Ok(tagged(person.user.version, User::from(person)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct UsernameBody {
    /// 3 to 64 letters, digits, `.`, `_`, `-`.
    username: String,
}

/// Gives a person another username, in the version that one looked at. Needs the right to give every role that the person holds.
#[utoipa::path(put, path = "/api/v1/users/{id}/username", tag = "users", request_body = UsernameBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The person"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The person", body = User, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn rename(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    version: IfMatch,
    Json(body): Json<UsernameBody>,
) -> Result<Response, Problem> {
    let username = Username::parse(&body.username).map_err(|error| invalid("/username", error))?;
    let command = Rename { user: UserId::from_uuid(path.0), version: version.sent(), username };
    let person = service::user::rename(&web.app, &caller, command).await?;
    Ok(tagged(person.user.version, User::from(person)))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct EmailBody {
    /// `null` takes it away.
    #[serde(deserialize_with = "told")]
    #[schema(required)]
    email: Option<String>,
}

/// A member that must be there, a text or `null`.
fn told<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer)
}

pub(super) fn email(text: &str) -> Result<Email, Problem> {
    Email::parse(text).map_err(|error| invalid("/email", error))
}

/// Changes a person's e-mail address, in the version that one looked at. It is unconfirmed until the link that is mailed to it is used; the old address
/// is told, and links mailed there are void. Needs the right to give every role that the person holds.
#[utoipa::path(put, path = "/api/v1/users/{id}/email", tag = "users", request_body = EmailBody, security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The person"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The person", body = User, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn change_email(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    version: IfMatch,
    Json(body): Json<EmailBody>,
) -> Result<Response, Problem> {
    let email = body.email.as_deref().map(email).transpose()?;
    let command = ChangeEmail { user: UserId::from_uuid(path.0), version: version.sent(), email };
    let person = service::user::change_email(&web.app, &caller, command).await?;
    Ok(tagged(person.user.version, User::from(person)))
}

/// Deletes a person, in the version that one looked at: a tombstone stays. Sessions, tokens, links, factors and grants end; name and e-mail are free
/// again, the id never means somebody else. The last administrator stays. Needs the right to give every role that the person holds.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The person"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 204, description = "Deleted"), (status = 409, description = "The last administrator", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
pub(in super::super) async fn delete(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    version: IfMatch,
) -> Result<StatusCode, Problem> {
    let command = Delete { user: UserId::from_uuid(path.0), version: version.sent(), reason: None };
    service::user::delete(&web.app, &caller, command).await?;
    Ok(StatusCode::NO_CONTENT)
}
