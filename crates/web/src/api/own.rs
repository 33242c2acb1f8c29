//! Changing one's own profile.

use axum::extract::State;
use axum::response::Response;
use domain::user::{Change, DisplayName, printable};
use serde::{Deserialize, Deserializer};
use service::user::UpdateOwn;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::me::shown;
use super::shape::{Me, ProblemDocument};
use super::user::invalid;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::problem::Problem;
use crate::http::version::IfMatch;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Oneself, routes!(update))
}

/// What changes: an absent member stays as it is, `null` takes the value away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProfileBody {
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
}

/// A member that is there: a text or `null`.
pub(super) fn sent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Change<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map_or(Change::Clear, Change::To))
}

impl ProfileBody {
    fn display_name(&self) -> Result<Option<DisplayName>, Problem> {
        match &self.display_name {
            Change::Keep => Ok(None),
            Change::Clear => Err(Problem::invalid("/display_name", "required", "A person has a name.")),
            Change::To(text) => DisplayName::parse(text).map(Some).map_err(|error| invalid("/display_name", error)),
        }
    }
}

pub(super) fn short(pointer: &str, sent: Change<String>) -> Result<Change<String>, Problem> {
    match sent {
        Change::To(text) => printable(&text, 1, 200).map(Change::To).map_err(|error| invalid(pointer, error)),
        Change::Keep | Change::Clear => Ok(sent),
    }
}

/// Changes one's own profile, in the version that one looked at.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", request_body = ProfileBody, security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The person", body = Me, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn update(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    version: IfMatch,
    Json(body): Json<ProfileBody>,
) -> Result<Response, Problem> {
    let command = UpdateOwn {
        display_name: body.display_name()?,
        given_name: short("/given_name", body.given_name)?,
        family_name: short("/family_name", body.family_name)?,
        phone: short("/phone", body.phone)?,
        locale: short("/locale", body.locale)?,
        version: version.required()?,
    };
    let person = service::user::update_own(&web.app, &caller, command).await?;
    shown(&web, &caller, person).await
}
