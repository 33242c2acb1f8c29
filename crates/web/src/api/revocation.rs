//! The revocation feed, as pages of JSON and as a stream of events.

use std::convert::Infallible;

use axum::Json as Out;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use service::feed::{FeedError, Following, Told};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;
use wire::revocation::RevocationPage;

use super::shape::ProblemDocument;
use crate::config::Web;
use crate::http::credentials::basic;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Client, routes!(revocations))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FeedQuery {
    /// The `next_cursor` of an earlier answer, or the `id` of an event; absent: from the beginning. A stream's `Last-Event-ID` does the same.
    since: Option<String>,
}

/// A part of the feed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RevocationPage)]
struct PageShape {
    items: Vec<ItemShape>,
    /// Where to go on; never absent. Resuming may repeat items and never misses one.
    next_cursor: String,
    /// Whether there is more to fetch at once.
    more: bool,
}

/// Something to be refused although it was signed and has not expired.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revocation)]
struct ItemShape {
    /// `session`, `user`, `token`, `roles`, `keys`, `reset`.
    kind: String,
    /// Of a `session`: its tokens.
    sid: Option<Uuid>,
    /// Of a `user`: tokens of this principal.
    sub: Option<Uuid>,
    /// Of a `token`: this one.
    jti: Option<Uuid>,
    /// Tokens with an earlier `sid_as_of` (of a `session`) or `as_of` (of a `user`), or `iat` without it; absent of a `session`: all.
    #[schema(format = DateTime)]
    not_before: Option<String>,
    /// Of `roles`: tokens with an earlier `roles_version`,
    roles_version: Option<i64>,
    /// that carry one of these roles, at the root or in a unit; absent: whatever they carry.
    roles: Option<Vec<String>>,
    /// From then on it may be forgotten; absent of a `reset`: forget everything, and ask until the next comment.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// What is refused before it expires.
///
/// With the API's own credentials (`Basic`). As `text/event-stream` each event `revocations` carries such a page, its `id` is the page's
/// `next_cursor`; once nothing is missing a comment says so at once, and then each second: `: ok 1007`, 1,007 ms after the request came it was so.
/// The stream ends after a quarter of an hour, or when the reader is too slow: resume with the last `id`.
#[utoipa::path(get, path = "/api/v1/revocations", tag = "resource servers", params(FeedQuery), security(("api" = [])),
    responses((status = 200, description = "A page, or a stream", content((PageShape = "application/json"), (String = "text/event-stream"))), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn revocations(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    query: Result<Query<FeedQuery>, Problem>,
) -> Result<Response, Problem> {
    let credentials = basic(&headers)?;
    let Query(query) = query?;
    let streams = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(wants_stream);
    let realm = context.realm.key;
    if !streams {
        let page = service::feed::page(&web.app, realm, credentials, query.since.as_deref(), context.request).await?;
        return Ok(Out(page).into_response());
    }
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let since = last.or(query.since.as_deref());
    let following = service::feed::follow(&web.app, realm, credentials, since, context.request).await?;
    let events = stream::unfold(following, |mut following| async move {
        let bytes = event(&mut following).await?;
        Some((Ok::<_, Infallible>(bytes), following))
    });
    let mut response = Body::from_stream(events).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that collect answers would make every guard ask instead.
    out.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn wants_stream(accept: &str) -> bool {
    accept.split(',').any(|kind| kind.split(';').next().unwrap_or(kind).trim() == "text/event-stream")
}

/// The next event; `None` ends the stream, and its reader resumes.
async fn event(following: &mut Following) -> Option<Bytes> {
    match following.next().await {
        Ok(Some(Told::Page(page))) => written(&page),
        Ok(Some(Told::Current(at))) => Some(Bytes::from(format!(": ok {}\n\n", following.after(at).as_millis()))),
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, "a stream of revocations ends: its reader resumes elsewhere or later");
            None
        }
    }
}

/// A page that cannot be written ends the stream: its cursor must not get past what nobody was told.
fn written(page: &RevocationPage) -> Option<Bytes> {
    let data = serde_json::to_string(page);
    let data = data.inspect_err(|error| tracing::error!(%error, "a revocation cannot be told")).ok()?;
    Some(Bytes::from(format!("event: revocations\nid: {}\ndata: {data}\n\n", page.next_cursor)))
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Cursor => {
                Self::from(Code::Malformed).detail("`since` is not a cursor of this feed. Leave it out to begin anew.")
            }
            FeedError::Full => {
                Self::busy(5).detail("This API follows the feed with as many streams as one may have here.")
            }
            FeedError::Client(error) => error.into(),
            FeedError::Store(error) => error.into(),
        }
    }
}
