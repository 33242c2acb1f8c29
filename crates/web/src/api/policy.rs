//! Policies of the realm and of roles, and what they make of a person.

use axum::Json as Out;
use axum::extract::State;
use axum::response::Response;
use domain::id::UserId;
use domain::permission::Permission;
use domain::policy::{Network, PasswordPolicy, Policy};
use serde::Deserialize;
use service::policy::{Edition, PolicyError, SetPolicy};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use super::shape::ProblemDocument;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::version::{IfMatch, tagged};
use crate::table::{Access, SignedIn, Table};

mod shape;
use self::shape::{AssuranceName, AtLimitName, EffectivePolicy, PolicyShape, PresetName};

pub(super) fn mount(table: Table) -> Table {
    let (read, manage) = (Access::May(Permission::PoliciesRead), Access::MayEverywhere(Permission::PoliciesManage));
    table
        .json(read, routes!(realm))
        .json(read, routes!(of_role))
        .json(read, routes!(of_user))
        .json_step_up(manage, routes!(set_realm))
        .json_step_up(manage, routes!(set_role))
}

/// What is asked for from now on; an absent or null member is not set here. Roles can only be stricter than the realm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PolicyBody {
    /// Without activity for so long, the session locks. Above 3600 it is recorded as a deviation.
    #[schema(minimum = 60, maximum = 2_592_000)]
    idle_seconds: Option<u32>,
    /// So long after sign-in, the session is over. Above 86400 it is recorded as a deviation.
    #[schema(minimum = 300, maximum = 2_592_000)]
    absolute_seconds: Option<u32>,
    /// An access token lives at most so long.
    #[schema(minimum = 60, maximum = 3600)]
    access_token_seconds: Option<u32>,
    /// How surely one must sign in. `phrh` (passkeys) is refused as long as nobody can bind one.
    assurance: Option<AssuranceName>,
    /// How old a proof may be where a fresh one is asked for; never more than 300 counts here.
    #[schema(minimum = 60, maximum = 900)]
    step_up_seconds: Option<u32>,
    /// Sessions at a time, locked ones included.
    #[schema(minimum = 1, maximum = 100)]
    max_sessions: Option<u32>,
    /// What becomes of a sign-in beyond them.
    at_limit: Option<AtLimitName>,
    /// From where: networks like `10.20.0.0/16`. Empty: from nowhere.
    #[schema(max_items = 64)]
    networks: Option<Vec<String>>,
    /// What a password must be.
    password: Option<PasswordBody>,
    /// As it was read; `If-Match` decides.
    #[serde(rename = "version")]
    _version: Option<i64>,
    /// As they were read; they follow from the rest.
    #[serde(rename = "deviations")]
    _deviations: Option<Vec<String>>,
}

/// What a password must be.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    /// Numbers for what is not named here. A role's brings length, history and least age; composition and expiry by preset are the realm's alone.
    preset: Option<PresetName>,
    /// Characters.
    #[schema(minimum = 8, maximum = 64)]
    min_length: Option<u32>,
    /// So many of the latest passwords may not be chosen again.
    #[schema(minimum = 0, maximum = 24)]
    history: Option<u32>,
    /// After so many days it must be changed.
    #[schema(minimum = 30, maximum = 730)]
    expiry_days: Option<u32>,
    /// Before so many days its owner may not change it.
    #[schema(minimum = 0, maximum = 14)]
    min_age_days: Option<u32>,
}

impl PolicyBody {
    fn parse(self) -> Result<Policy, Problem> {
        let networks = match self.networks {
            Some(texts) if texts.len() > domain::policy::limits::MOST_NETWORKS => {
                let most = domain::policy::limits::MOST_NETWORKS;
                return Err(Problem::invalid("/networks", "length", format!("may name {most} networks at most")));
            }
            Some(texts) => Some((0..).zip(texts).map(network).collect::<Result<_, _>>()?),
            None => None,
        };
        let password = self.password.unwrap_or_default();
        Ok(Policy {
            idle_seconds: self.idle_seconds,
            absolute_seconds: self.absolute_seconds,
            access_token_seconds: self.access_token_seconds,
            assurance: self.assurance.map(Into::into),
            step_up_seconds: self.step_up_seconds,
            max_sessions: self.max_sessions,
            at_limit: self.at_limit.map(Into::into),
            networks,
            password: PasswordPolicy {
                preset: password.preset.map(Into::into),
                min_length: password.min_length,
                history: password.history,
                expiry_days: password.expiry_days,
                min_age_days: password.min_age_days,
            },
        })
    }
}

fn network((at, text): (usize, String)) -> Result<Network, Problem> {
    Network::parse(&text).map_err(|error| Problem::invalid(&format!("/networks/{at}"), "network", error.to_string()))
}

fn answer(edition: &Edition) -> Response {
    tagged(edition.version, PolicyShape::from(edition))
}

/// What the realm asks of everybody. Where it says nothing the defaults hold.
#[utoipa::path(get, path = "/api/v1/policies/realm", tag = "policies", security(("bearer" = [])),
    responses((status = 200, description = "The policy; null: not set here", body = PolicyShape, headers(("ETag" = String, description = "The version; 0 before anything was set"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn realm(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Response, Problem> {
    Ok(answer(&service::policy::get(&web.app, &caller, None).await?))
}

/// What a role asks of whoever holds it or a role that inherits from it.
#[utoipa::path(get, path = "/api/v1/policies/roles/{name}", tag = "policies", params(("name" = String, Path, description = "The role")), security(("bearer" = [])),
    responses((status = 200, description = "The policy; null: not set here", body = PolicyShape, headers(("ETag" = String, description = "The version; 0 before anything was set"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn of_role(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<String>) -> Result<Response, Problem> {
    Ok(answer(&service::policy::get(&web.app, &caller, Some(path.0)).await?))
}

/// What applies to a person within reach now: of each field the strictest value over the realm and all roles held, and what it comes from.
#[utoipa::path(get, path = "/api/v1/users/{id}/policy", tag = "policies", params(("id" = Uuid, Path, description = "The person")), security(("bearer" = [])),
    responses((status = 200, description = "`from` is `role:NAME`, `realm`, or `floor` for a default", body = EffectivePolicy),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn of_user(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
) -> Result<Out<EffectivePolicy>, Problem> {
    let merged = service::policy::of_user(&web.app, &caller, UserId::from_uuid(path.0)).await?;
    Ok(Out(EffectivePolicy::from(&merged)))
}

/// Sets what the realm asks of everybody, as a whole. It acts at once, also on sessions that live, and resource servers refuse what was issued
/// before. Loosening anything needs the right to give every role that needs a second factor.
#[utoipa::path(put, path = "/api/v1/policies/realm", tag = "policies", request_body = PolicyBody, security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The policy", body = PolicyShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn set_realm(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    version: IfMatch,
    Json(body): Json<PolicyBody>,
) -> Result<Response, Problem> {
    let command = SetPolicy { role: None, version: version.sent(), policy: body.parse()? };
    Ok(answer(&service::policy::set(&web.app, &caller, command).await?))
}

/// Sets what a role asks of whoever holds it, as a whole. It acts at once, as the realm's does. Needs the right to give the role, and every role
/// that inherits from it, everywhere.
#[utoipa::path(put, path = "/api/v1/policies/roles/{name}", tag = "policies", request_body = PolicyBody, security(("bearer" = [])),
    params(("name" = String, Path, description = "The role"), ("If-Match" = String, Header, description = "The ETag that was read; `*` is refused")),
    responses((status = 200, description = "The policy", body = PolicyShape, headers(("ETag" = String, description = "The version"))),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn set_role(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<String>,
    version: IfMatch,
    Json(body): Json<PolicyBody>,
) -> Result<Response, Problem> {
    let command = SetPolicy { role: Some(path.0), version: version.sent(), policy: body.parse()? };
    Ok(answer(&service::policy::set(&web.app, &caller, command).await?))
}

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::SignedOut => Self::not_signed_in(true),
            PolicyError::Forbidden(forbidden) => forbidden.into(),
            PolicyError::NotFound => Code::NotFound.into(),
            PolicyError::Wrong(all) => all.into_iter().fold(Code::Validation.into(), |problem: Self, wrong| {
                problem.at(&format!("/{}", wrong.field.replace('.', "/")), wrong.code, wrong.detail)
            }),
            PolicyError::Conflict(text) => Self::from(Code::Conflict).detail(text),
            PolicyError::VersionUnsaid => Self::version_unsaid(),
            PolicyError::ChangedMeanwhile => Code::ChangedMeanwhile.into(),
            PolicyError::Store(error) => error.into(),
        }
    }
}
