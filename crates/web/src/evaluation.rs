//! Decisions (AuthZEN 1.0): may this subject do this to that? A no is an answer, not a refusal.

use axum::Json as Out;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use domain::access::Path;
use domain::caller::Caller;
use domain::permission::Permission;
use domain::unit::UnitPath;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use service::client::{Demand, authenticate};
use service::evaluation::{Decision, Question, Subject};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use crate::api::ProblemDocument;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::credentials::basic;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};
use crate::well_known::tagged;

/// Mounts them.
#[must_use]
pub fn mount(table: Table) -> Table {
    table
        .json(Access::ClientOr(Permission::AccessCheck), routes!(evaluation))
        .json(Access::Public, routes!(configuration))
}

/// A question. Members that are not named here are ignored (AuthZEN 1.0, section 5).
#[derive(Debug, Deserialize, ToSchema)]
struct EvaluationBody {
    #[serde(deserialize_with = "object")]
    subject: SubjectBody,
    #[serde(deserialize_with = "object")]
    action: ActionBody,
    #[serde(deserialize_with = "object")]
    resource: ResourceBody,
}

/// An object and nothing else: a list of the right length would do otherwise.
fn object<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let members = serde_json::Map::<String, serde_json::Value>::deserialize(deserializer)?;
    T::deserialize(serde_json::Value::Object(members)).map_err(D::Error::custom)
}

#[derive(Debug, Deserialize, ToSchema)]
struct SubjectBody {
    /// `user` or `client`.
    #[serde(rename = "type")]
    kind: String,
    /// A person's id (`sub`); a client's id or `client_id`.
    id: String,
}

#[derive(Debug, Deserialize, ToSchema)]
struct ActionBody {
    /// The part of a permission behind the colon: `read`.
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
struct ResourceBody {
    /// The part of a permission before the colon: `charts`.
    #[serde(rename = "type")]
    kind: String,
    /// Which one; not looked at.
    #[expect(dead_code, reason = "must be there, and is not looked at")]
    id: String,
    #[serde(default, deserialize_with = "object")]
    #[schema(required = false)]
    properties: ResourceProperties,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
struct ResourceProperties {
    /// The path of the unit that it lies in; `/` if absent.
    unit: Option<String>,
    /// Whose it is, as the subject is named: then `charts:read:own` is enough.
    owner: Option<String>,
    /// The API whose permissions are meant: with a bearer needed, with an API's credentials its own.
    api: Option<String>,
}

/// An answer. `because` is empty if the answer is no.
#[derive(Debug, Serialize, ToSchema)]
struct EvaluationDocument {
    decision: bool,
    context: Reasons,
}

#[derive(Debug, Serialize, ToSchema)]
struct Reasons {
    /// Every way in which it is permitted.
    because: Vec<Reason>,
}

/// A grant that permits it.
#[derive(Debug, Serialize, ToSchema)]
struct Reason {
    /// The permission, perhaps in its `:own` form.
    permission: String,
    /// The role that was granted.
    role: String,
    /// From that role to the one that carries the permission.
    via: Vec<String>,
    /// The grant.
    grant: Uuid,
    /// Where it holds, and below.
    unit: String,
    #[schema(required)]
    valid_until: Option<String>,
}

impl From<Decision> for EvaluationDocument {
    fn from(decision: Decision) -> Self {
        let yes = decision.is_yes();
        let reason = |(permission, path): (std::sync::Arc<str>, Path)| Reason {
            permission: permission.to_string(),
            role: path.role.to_string(),
            via: path.via.iter().map(ToString::to_string).collect(),
            grant: path.grant.uuid(),
            unit: path.unit.as_str().to_owned(),
            valid_until: path.valid_until.map(domain::time::Timestamp::rfc3339),
        };
        Self { decision: yes, context: Reasons { because: decision.because.into_iter().map(reason).collect() } }
    }
}

/// The question, and the API that it is about; `None`: about a kind of subject that we do not know.
fn parse(body: EvaluationBody) -> Result<Option<(Question, Option<String>)>, Problem> {
    let properties = body.resource.properties;
    let bad = |pointer: &str, text: &str| Problem::from(Code::Malformed).at(pointer, "form", text);
    let unit = properties.unit.as_deref().unwrap_or("/");
    let unit = UnitPath::parse(unit).map_err(|error| bad("/resource/properties/unit", &error.to_string()))?;
    let subject = match body.subject.kind.as_str() {
        "user" => Subject::User(body.subject.id),
        "client" => Subject::Client(body.subject.id),
        _ => return Ok(None),
    };
    let question = Question {
        subject,
        action: body.action.name,
        resource_type: body.resource.kind,
        unit,
        owner: properties.owner,
    };
    Ok(Some((question, properties.api)))
}

/// Whether a subject may do an action to a resource: permission `<resource.type>:<action.name>` in the resource's unit.
///
/// With an API's credentials about its own permissions; with a bearer that holds `access:check` there about those of `resource.properties.api`. What
/// is held and needs a second factor counts for people, who may have proved it; never for services. Unknown people and permissions are a
/// no; a unit is judged by its path, as services judge it, whether or not there is one.
#[utoipa::path(post, path = "/access/v1/evaluation", tag = "decisions", request_body = EvaluationBody, security(("api" = []), ("bearer" = [])),
    responses((status = 200, description = "The decision", body = EvaluationDocument), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn evaluation(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    caller: Option<Extension<Caller>>,
    body: Result<Json<EvaluationBody>, Problem>,
) -> Result<Out<EvaluationDocument>, Problem> {
    let proved = match &caller {
        Some(_) => None,
        None => {
            let (realm, request) = (context.realm.key, context.request.clone());
            Some(authenticate(&web.app, realm, basic(&headers)?, Demand::Secret, request).await?)
        }
    };
    // A body that cannot be understood is 400 here, whatever is wrong with it (AZ-02).
    let Json(body) = body.map_err(|problem| match problem.code {
        Code::Validation => Problem { code: Code::Malformed, ..problem },
        _ => problem,
    })?;
    let Some((question, api)) = parse(body)? else { return Ok(Out(Decision::default().into())) };
    let decision = match (caller, proved) {
        (Some(Extension(caller)), _) => {
            let missing =
                || Problem::from(Code::Malformed).at("/resource/properties/api", "required", "Say of which API.");
            service::evaluation::evaluate(&web.app, &caller, api.ok_or_else(missing)?, question).await?
        }
        (None, Some(proved)) if api.as_deref().is_none_or(|api| proved.audience() == Some(api)) => {
            service::evaluation::evaluate_for_api(&web.app, &proved, question).await?
        }
        (None, _) => Decision::default(),
    };
    Ok(Out(decision.into()))
}

/// Where decisions are made (AuthZEN 1.0, section 9).
#[derive(Debug, Serialize, ToSchema)]
struct AuthzenMetadata {
    /// The issuer.
    policy_decision_point: String,
    /// Where to ask.
    access_evaluation_endpoint: String,
}

/// AuthZEN 1.0, section 9; for realm x also at `/.well-known/authzen-configuration/realms/x`.
#[utoipa::path(get, path = "/.well-known/authzen-configuration", tag = "metadata", security(()),
    responses((status = 200, description = "The metadata", body = AuthzenMetadata, headers(("ETag" = String, description = "This edition"), ("Cache-Control" = String, description = "How long it may be kept")))))]
async fn configuration(context: Context) -> Response {
    let issuer = context.realm.issuer.clone();
    let document = AuthzenMetadata {
        access_evaluation_endpoint: format!("{issuer}/access/v1/evaluation"),
        policy_decision_point: issuer,
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = tagged(&HeaderMap::new(), "application/json", "public, max-age=600", body);
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
