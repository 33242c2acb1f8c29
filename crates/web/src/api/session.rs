//! The present session, sign-out, and other people's sessions.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::caller::Caller;
use domain::id::{SessionId, UserId};
use domain::permission::Permission;
use domain::realm::Realm;
use service::session::{Presented, Which};
use service::stored::{Session, SessionFilter};
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use super::shape::{ProblemDocument, SessionShape, at};
use crate::config::Web;
use crate::http::cookie::{self, Cookie};
use crate::http::page::{self, Page};
use crate::http::path::Path;
use crate::http::prefer;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::table::{Access, SignedIn, Table, authenticate};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::Oneself, routes!(present))
        .json(Access::Oneself, routes!(activity))
        .json(Access::Public, routes!(sign_out))
        .json(Access::Public, routes!(sign_out_everywhere))
        .json(Access::May(Permission::SessionsRead), routes!(of_user))
        .json(Access::May(Permission::SessionsRead), routes!(one_of_user))
        .json(Access::May(Permission::SessionsRead), routes!(list))
        .json(Access::May(Permission::SessionsEnd), routes!(end))
        .json(Access::May(Permission::SessionsEnd), routes!(end_all))
}

/// The present session.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct PresentBody {
    #[serde(flatten)]
    session: SessionShape,
    /// Sensitive roles that need a second factor first.
    withheld: Vec<String>,
    /// What the server's clock shows: clients count the time to `idle_deadline` from here, whatever their own clock says.
    now: String,
}

/// This session.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", security(("bearer" = [])),
    responses((status = 200, description = "The session", body = PresentBody), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn present(State(web): State<Web>, SignedIn(caller): SignedIn) -> Result<Out<PresentBody>, Problem> {
    shown(&web, &caller).await
}

async fn shown(web: &Web, caller: &Caller) -> Result<Out<PresentBody>, Problem> {
    let session = service::session::present(&web.app, caller).await?.ok_or(Code::NotFound)?;
    let withheld = caller.access().withheld_roles();
    let now = web.app.now();
    let session = SessionShape::new(session, Some(caller.session()), now);
    Ok(Out(PresentBody { session, withheld, now: at(now) }))
}

/// The person acted: idle starts again. With `Prefer: return=representation` (RFC 7240) the answer is that of `GET /session`.
#[utoipa::path(post, path = "/api/v1/session/activity", tag = "session", security(("bearer" = [])),
    params(("Prefer" = Option<String>, Header, description = "`return=representation`")),
    responses((status = 204, description = "Noted"), (status = 200, description = "Noted: the session as it is now", body = PresentBody),
        (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn activity(State(web): State<Web>, SignedIn(caller): SignedIn, headers: HeaderMap) -> Result<Response, Problem> {
    service::session::acted(&web.app, &caller).await?;
    if !prefer::representation(&headers) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(([(prefer::APPLIED, prefer::REPRESENTATION)], shown(&web, &caller).await?).into_response())
}

/// Ends this session. Idempotent; cookie or bearer.
#[utoipa::path(post, path = "/api/v1/sign-out", tag = "session", security((), ("bearer" = [])),
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String, description = "All but the device cookie expire"))), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn sign_out(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    leave(&web, context, &headers, false).await
}

/// Ends all sessions of the person. Idempotent; cookie or bearer. Not from a locked session: whoever sits before it has proved nothing.
#[utoipa::path(post, path = "/api/v1/sign-out/everywhere", tag = "session", security((), ("bearer" = [])),
    responses((status = 204, description = "Signed out", headers(("Set-Cookie" = String, description = "All but the device cookie expire"))),
        (status = 401, description = "`session-locked`: nothing changed; `session-ended`: an old refresh token, which ended its own session alone", body = ProblemDocument), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn sign_out_everywhere(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    leave(&web, context, &headers, true).await
}

async fn leave(web: &Web, context: Context, headers: &HeaderMap, everywhere: bool) -> Result<Response, Problem> {
    // A bearer that is refused names no session: signing out with it changes nothing, and says so in no way.
    let bearer = match headers.contains_key(header::AUTHORIZATION) {
        true => authenticate(web, &context, headers).await.ok().map(|caller| caller.session()),
        false => None,
    };
    let presented = Presented {
        refresh: cookie::refresh(headers, &context.realm),
        secret: cookie::session(headers, &context.realm),
        bearer,
    };
    service::session::sign_out(&web.app, context.realm.key, presented, everywhere, context.request).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    forget(&context.realm, &mut response);
    Ok(response)
}

/// Our cookies by name; `Clear-Site-Data: "cookies"` would empty the whole registrable domain.
pub(crate) fn forget(realm: &Realm, response: &mut Response) {
    let headers = response.headers_mut();
    for line in [Cookie::Session, Cookie::Refresh, Cookie::Flow].iter().filter_map(|cookie| cookie.expire(realm)) {
        headers.append(header::SET_COOKIE, line);
    }
    headers.insert("clear-site-data", HeaderValue::from_static("\"cache\""));
}

/// The live and locked sessions of a person within reach.
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "sessions", params(("id" = Uuid, Path, description = "The person")),
    security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = Page<SessionShape>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn of_user(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    path: Path<Uuid>,
) -> Result<Out<Page<SessionShape>>, Problem> {
    let sessions = service::session::of_user(&web.app, &caller, UserId::from_uuid(path.0)).await?;
    let now = web.app.now();
    let items = sessions.into_iter().map(|s| SessionShape::new(s, Some(caller.session()), now)).collect();
    Ok(Out(Page { items, next_cursor: None }))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions/{session}", tag = "sessions",
    params(("id" = Uuid, Path, description = "The person"), ("session" = Uuid, Path, description = "The session")), security(("bearer" = [])),
    responses((status = 200, description = "Live or locked", body = SessionShape), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn one_of_user(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Path((user, session)): Path<(Uuid, Uuid)>,
) -> Result<Out<SessionShape>, Problem> {
    let (user, id) = (UserId::from_uuid(user), SessionId::from_uuid(session));
    let found = service::session::one_of_user(&web.app, &caller, user, id).await?;
    Ok(Out(SessionShape::new(found, Some(caller.session()), web.app.now())))
}

#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Of this person.
    user: Option<Uuid>,
    /// From this address, as it is shown.
    address: Option<String>,
    /// 1-200.
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A session with its person.
#[derive(serde::Serialize, utoipa::ToSchema)]
struct ListedSession {
    /// Whose.
    user: Uuid,
    #[serde(flatten)]
    session: SessionShape,
}

/// The live and locked sessions of people within reach.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "sessions", params(ListQuery), security(("bearer" = [])),
    responses((status = 200, description = "Newest first", body = Page<ListedSession>), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn list(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Query(query): Query<ListQuery>,
) -> Result<Out<Page<ListedSession>>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref(), |text| text.parse::<SessionId>().ok())?;
    let filter = SessionFilter { user: query.user.map(UserId::from_uuid), address: query.address, after };
    let sessions = service::session::list(&web.app, &caller, filter, limit + 1).await?;
    let (now, current) = (web.app.now(), Some(caller.session()));
    let shape = |s: Session| ListedSession { user: s.user.uuid(), session: SessionShape::new(s, current, now) };
    Ok(Out(page::cut(sessions, limit, |last| last.id.to_string(), shape)))
}

/// Ends a session of a person within reach.
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions/{session}", tag = "sessions",
    params(("id" = Uuid, Path, description = "The person"), ("session" = Uuid, Path, description = "The session")), security(("bearer" = [])),
    responses((status = 204, description = "Ended"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn end(
    State(web): State<Web>,
    SignedIn(caller): SignedIn,
    Path((user, session)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, Problem> {
    let which = Which::One(SessionId::from_uuid(session));
    service::session::end_other(&web.app, &caller, UserId::from_uuid(user), which).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of a person within reach. Idempotent: there may be none.
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions", tag = "sessions", params(("id" = Uuid, Path, description = "The person")),
    security(("bearer" = [])),
    responses((status = 204, description = "None is left"), (status = "4XX", description = "Refused", body = ProblemDocument)))]
async fn end_all(State(web): State<Web>, SignedIn(caller): SignedIn, path: Path<Uuid>) -> Result<StatusCode, Problem> {
    service::session::end_other(&web.app, &caller, UserId::from_uuid(path.0), Which::All).await?;
    Ok(StatusCode::NO_CONTENT)
}
