//! People.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::id::UserId;
use domain::permission::Permission;
use domain::unit::UnitPath;
use domain::user::{DisplayName, Email, NameError, Username, printable};
use serde::Deserialize;
use service::user::{Disable, Enable, FirstGrant, Invite, RequireChange};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::{ProblemDocument, User};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::http::version::tagged;
use crate::table::{Access, SignedIn, Table, fresh};

mod address;
mod change;
mod search;
mod state;
pub(crate) use search::{place, written};

pub(super) fn mount(table: Table) -> Table {
    let read = Access::May(Permission::UsersRead);
    let (update, manage) = (Access::May(Permission::UsersUpdate), Access::May(Permission::UsersManage));
    let creates = Access::May(Permission::UsersCreate);
    let table = table
        .json(read, routes!(search::list))
        .json(creates, routes!(create))
        .json(read, routes!(get))
        .json(update, routes!(change::update))
        .json_step_up(Access::May(Permission::UsersDelete), routes!(change::delete))
        .json_step_up(update, routes!(change::rename))
        .json_step_up(update, routes!(change::change_email))
        .json_step_up(creates, routes!(state::activation_code));
    let table = table
        .json_step_up(manage, routes!(disable))
        .json(manage, routes!(enable))
        .json(manage, routes!(state::unlock))
        .json_step_up(manage, routes!(state::reset_password))
        .json_step_up(manage, routes!(state::lockdown))
        .json(manage, routes!(require_password_change));
    table
        .json(read, routes!(address::of_user))
        .json_step_up(update, routes!(address::add))
        .json_step_up(update, routes!(address::end))
        .json(Access::Oneself, routes!(address::own))
        .json_step_up(Access::Oneself, routes!(address::add_own))
        .json_step_up(Access::Oneself, routes!(address::end_own))
        .json_step_up(Access::Oneself, routes!(address::change_own))
        .json(Access::Public, routes!(address::confirm))
}

/// A first role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGrantBody {
    role: String,
    /// `/` if absent.
    unit: Option<String>,
    reason: String,
}

/// Somebody new.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUserBody {
    username: String,
    display_name: String,
    given_name: Option<String>,
    family_name: Option<String>,
    /// Where the invitation goes.
    email: Option<String>,
    phone: Option<String>,
    locale: Option<String>,
    external_id: Option<String>,
    /// By the realm's schema.
    #[serde(default)]
    #[schema(value_type = Object)]
    attributes: serde_json::Map<String, serde_json::Value>,
    /// Home unit; `/` if absent.
    unit: Option<String>,
    #[serde(default)]
    grants: Vec<NewGrantBody>,
}

impl NewUserBody {
    fn parse(self) -> Result<Invite, Problem> {
        let short = |pointer: &'static str, text: Option<String>| -> Result<Option<String>, Problem> {
            text.map(|text| printable(&text, 1, 200)).transpose().map_err(|error| invalid(pointer, error))
        };
        let grants = self.grants.into_iter().enumerate().map(|(at, grant)| {
            let unit = unit(grant.unit.as_deref(), &format!("/grants/{at}/unit"))?;
            let reason = reason(&grant.reason, &format!("/grants/{at}/reason"))?;
            Ok(FirstGrant { role: grant.role, unit, reason })
        });
        Ok(Invite {
            username: Username::parse(&self.username).map_err(|error| invalid("/username", error))?,
            display_name: DisplayName::parse(&self.display_name).map_err(|error| invalid("/display_name", error))?,
            given_name: short("/given_name", self.given_name)?,
            family_name: short("/family_name", self.family_name)?,
            email: self.email.map(|text| Email::parse(&text)).transpose().map_err(|error| invalid("/email", error))?,
            phone: short("/phone", self.phone)?,
            locale: short("/locale", self.locale)?,
            external_id: short("/external_id", self.external_id)?,
            attributes: self.attributes,
            unit: unit(self.unit.as_deref(), "/unit")?,
            grants: grants.collect::<Result<_, Problem>>()?,
        })
    }
}

/// What is wrong with a name or an address.
pub(super) fn invalid(pointer: &str, error: NameError) -> Problem {
    let code = match error {
        NameError::Length(..) => "length",
        NameError::Character => "character",
        NameError::Email => "email",
    };
    Problem::invalid(pointer, code, error.to_string())
}

/// A unit by path; `/` if absent.
pub(super) fn unit(sent: Option<&str>, pointer: &str) -> Result<UnitPath, Problem> {
    UnitPath::parse(sent.unwrap_or("/")).map_err(|error| Problem::invalid(pointer, "path", error.to_string()))
}

/// Why something is done: 3 to 500 characters.
pub(super) fn reason(sent: &str, pointer: &str) -> Result<String, Problem> {
    printable(sent, 3, 500).map_err(|error| invalid(pointer, error))
}

/// Invites a person, who gets a single-use link and chooses the password; no administrator ever sets or sees one. With `grants`, it needs two
/// factors proved within five minutes, as giving roles does.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUserBody, security(("bearer" = [])),
    responses((status = 201, description = "Invited", body = User, headers(("Location" = String, description = "The person"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn create(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    context: Context,
    Json(body): Json<NewUserBody>,
) -> Result<Response, Problem> {
    let invite = body.parse()?;
    // Whoever gives roles proves again who they are, however the person comes to be.
    if !invite.grants.is_empty() {
        fresh(&web, &caller, Access::May(Permission::RolesAssign)).await?;
    }
    let person = service::user::invite(&web.app, &caller, invite).await?;
    let location = format!("{}/api/v1/users/{}", context.base(), person.user.id);
    let mut response = (StatusCode::CREATED, Out(User::from(person))).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A person within reach.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = Uuid, Path, description = "The person")), security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn get(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<Uuid>) -> Result<Response, Problem> {
    let person = service::user::get(&web.app, &caller, UserId::from_uuid(path.0)).await?;
    Ok(tagged(person.user.version, User::from(person)))
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonBody {
    /// 3 to 500 characters; stands in the audit log.
    pub(super) reason: String,
}

/// Disables an account: all its sessions end at once.
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn disable(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<User>, Problem> {
    let reason = reason(&body.reason, "/reason")?;
    Ok(Out(service::user::disable(&web.app, &caller, Disable { user: UserId::from_uuid(path.0), reason })
        .await?
        .into()))
}

/// Enables a disabled account: needs the right to give every role that it holds.
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn enable(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<User>, Problem> {
    let reason = reason(&body.reason, "/reason")?;
    Ok(Out(service::user::enable(&web.app, &caller, Enable { user: UserId::from_uuid(path.0), reason }).await?.into()))
}

/// Requires a new password before the next session: somebody else may know the present one. Needs the right to give every role that the person holds.
#[utoipa::path(post, path = "/api/v1/users/{id}/require-password-change", tag = "users", params(("id" = Uuid, Path, description = "The person")),
    request_body = ReasonBody, security(("bearer" = [])),
    responses((status = 200, description = "The person", body = User), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn require_password_change(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
    Json(body): Json<ReasonBody>,
) -> Result<Out<User>, Problem> {
    let command = RequireChange { user: UserId::from_uuid(path.0), reason: reason(&body.reason, "/reason")? };
    Ok(Out(service::user::require_change(&web.app, &caller, command).await?.into()))
}
