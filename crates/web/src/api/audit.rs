//! The audit log.

use axum::Json as Out;
use axum::extract::State;
use domain::event::{EventOutcome, EventType, PersonalData, VISITOR};
use domain::id::{EventId, PrincipalId};
use domain::permission::Permission;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::stored::{Event, EventFilter};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use super::shape::{ProblemDocument, at};
use crate::config::Web;
use crate::http::page::{self, Page};
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::MayEverywhere(Permission::AuditRead), routes!(list))
        .json(Access::MayEverywhere(Permission::AuditRead), routes!(get))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Who acted.
    actor: Option<Uuid>,
    /// What it is about.
    subject: Option<Uuid>,
    /// `authn_login_success`, …
    #[param(schema_with = types)]
    r#type: Option<String>,
    /// `success`, `failure`, `denied`.
    #[param(schema_with = outcomes)]
    outcome: Option<String>,
    /// RFC 3339, inclusive.
    #[param(format = DateTime)]
    from: Option<String>,
    /// RFC 3339, exclusive.
    #[param(format = DateTime)]
    to: Option<String>,
    /// 1-200.
    limit: Option<i64>,
    cursor: Option<String>,
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

fn outcomes() -> Schema {
    words(OUTCOMES.map(EventOutcome::as_str))
}

fn types() -> Schema {
    words(EventType::ALL.iter().map(|kind| kind.as_str()))
}

const OUTCOMES: [EventOutcome; 3] = [EventOutcome::Success, EventOutcome::Failure, EventOutcome::Denied];

fn filter(query: &ListQuery) -> Result<EventFilter, Problem> {
    let broken = |what: &str| Problem::from(Code::Malformed).detail(format!("{what} cannot be read."));
    let instant = |text: &Option<String>, what: &str| {
        text.as_deref().map(|text| Timestamp::parse_rfc3339(text).ok_or_else(|| broken(what))).transpose()
    };
    let outcome = |text: &str| OUTCOMES.into_iter().find(|o| o.as_str() == text).ok_or_else(|| broken("outcome"));
    Ok(EventFilter {
        actor: query.actor.map(PrincipalId::from_uuid),
        subject: query.subject,
        kind: query.r#type.as_deref().map(|t| EventType::parse(t).ok_or_else(|| broken("type"))).transpose()?,
        outcome: query.outcome.as_deref().map(outcome).transpose()?,
        from: instant(&query.from, "from")?,
        to: instant(&query.to, "to")?,
        after: page::cursor(query.cursor.as_deref(), |text| {
            let (micros, id) = text.split_once(' ')?;
            Some((Timestamp::from_micros(micros.parse().ok()?), id.parse().ok()?))
        })?,
    })
}

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
struct ActorShape {
    /// `user`, `client`, `job`, `cli`, `visitor`.
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

/// What it is about.
#[derive(Debug, Serialize, ToSchema)]
struct SubjectShape {
    kind: String,
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// From where.
#[derive(Debug, Serialize, ToSchema)]
struct SourceShape {
    #[schema(required)]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
struct EventShape {
    id: Uuid,
    /// Its place in the log; null until sequenced.
    #[schema(required)]
    index: Option<i64>,
    at: String,
    r#type: String,
    outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    actor: ActorShape,
    #[schema(required)]
    subject: Option<SubjectShape>,
    source: SourceShape,
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    before: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    after: Option<Map<String, Value>>,
}

/// The event as the API shows it, for the command line.
#[must_use]
pub fn event_document(event: &Event) -> Value {
    serde_json::to_value(shape(event)).unwrap_or_default()
}

/// The event's canonical bytes, with what is personal put back where it has not been erased.
fn shape(event: &Event) -> EventShape {
    let canonical: Value = serde_json::from_slice(&event.canonical).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let object = |value: &Value| value.as_object().cloned();
    let of = |id: PrincipalId| -> Option<&PersonalData> {
        event.personal.iter().find(|(subject, _)| *subject == id).map(|(_, data)| data)
    };
    let principal = |value: &Value| value.as_str().and_then(|id| id.parse().ok()).map(PrincipalId::from_uuid);
    let actor = &canonical["actor"];
    let by = of(principal(&actor["id"]).unwrap_or(VISITOR));
    let about = &canonical["subject"];
    let concerning = principal(&about["id"]).and_then(of);
    let subject = about.as_object().map(|_| SubjectShape {
        kind: text(&about["kind"]).unwrap_or_default(),
        id: text(&about["id"]).unwrap_or_default(),
        name: text(&about["name"]).or_else(|| concerning.and_then(|data| data.subject_name.clone())),
    });
    EventShape {
        id: event.id.uuid(),
        index: event.index,
        at: at(event.at),
        r#type: text(&canonical["type"]).unwrap_or_default(),
        outcome: text(&canonical["outcome"]).unwrap_or_default(),
        reason: text(&canonical["reason"]),
        actor: ActorShape {
            kind: text(&actor["kind"]).unwrap_or_default(),
            id: text(&actor["id"]),
            name: by.and_then(|data| data.name.clone()),
            acr: text(&actor["acr"]).filter(|acr| !acr.is_empty()),
            session: text(&actor["session"]),
        },
        subject,
        source: SourceShape {
            address: by.and_then(|data| data.address.clone()),
            user_agent: by.and_then(|data| data.user_agent.clone()),
        },
        request_id: text(&canonical["request_id"]).unwrap_or_default(),
        before: object(&canonical["before"]).or_else(|| concerning.and_then(|data| data.before.clone())),
        after: object(&canonical["after"]).or_else(|| concerning.and_then(|data| data.after.clone())),
    }
}

/// Events, newest first. Reading is itself an event.
#[utoipa::path(get, path = "/api/v1/audit/events", tag = "audit", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "A page", body = Page<EventShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<EventShape>>, Problem> {
    let limit = page::limit(query.limit)?;
    let events = service::audit::list(&web.app, &caller, filter(&query)?, limit + 1).await?;
    Ok(Out(page::cut(events, limit, |last| format!("{} {}", last.at.micros(), last.id), |event| shape(&event))))
}

/// One event.
#[utoipa::path(get, path = "/api/v1/audit/events/{id}", tag = "audit", params(("id" = Uuid, Path, description = "The event")), security(("bearer" = [])),
    responses((status = 200, description = "The event", body = EventShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn get(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<Uuid>) -> Result<Out<EventShape>, Problem> {
    let event = service::audit::get(&web.app, &caller, EventId::from_uuid(path.0)).await?;
    Ok(Out(shape(&event)))
}
