//! Refresh: from the cookie to an access token.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::realm::Realm;
use serde::{Deserialize, Serialize};
use service::refresh::{Refresh, RefreshError};
use service::session::{FIRST_PARTY, Tokens};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use super::shape::ProblemDocument;
use super::sign_in::no_cache;
use crate::config::Web;
use crate::http::body::OptionalJson;
use crate::http::cookie::{self, Cookie};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Public, routes!(refresh))
}

/// What to refresh.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct RefreshBody {
    /// Whether the person acted since the last refresh: only then idle starts again.
    active: bool,
    /// The API that the token is for; without it the one of sign-in.
    audience: Option<String>,
}

/// A new access token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefreshedBody {
    /// RFC 9068.
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    session_id: Uuid,
    /// Sensitive roles that need a second factor first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<String>,
}

impl From<Tokens> for RefreshedBody {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            session_id: tokens.session.uuid(),
            withheld: tokens.withheld,
        }
    }
}

/// Exchanges the refresh cookie for an access token with the rights of this moment, and the current refresh cookie.
///
/// `session-locked` keeps the cookie; `session-ended` expires both.
#[utoipa::path(post, path = "/api/v1/session/refresh", tag = "session", request_body = Option<RefreshBody>, security(()),
    responses((status = 200, description = "A new access token", body = RefreshedBody,
            headers(("Set-Cookie" = String, description = "The current refresh cookie"))),
        (status = 401, description = "`session-locked` or `session-ended`", body = ProblemDocument,
            headers(("Set-Cookie" = String, description = "With `session-ended` both cookies expire"))),
        (status = 429, description = "More than 120 refreshes of one session in half a minute; the cookie stays good", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn refresh(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<RefreshBody>,
) -> Result<Response, Response> {
    let realm = context.realm.clone();
    let Some(token) = cookie::refresh(&headers, &realm) else { return Err(ended(&realm)) };
    let client_id = FIRST_PARTY.to_owned();
    let asked = Refresh { token, client_id, active: body.active, audience: body.audience };
    match service::refresh::exchange(&web.app, &realm, asked, context.request).await {
        Ok(tokens) => {
            let seconds = tokens.absolute_at.since(web.app.now()).as_secs();
            let line = Cookie::Refresh.set(&realm, &tokens.refresh.expose(), seconds);
            let mut response = Out(RefreshedBody::from(tokens)).into_response();
            if let Some(line) = line {
                response.headers_mut().append(header::SET_COOKIE, line);
            }
            no_cache(&mut response);
            Ok(response)
        }
        Err(RefreshError::Ended) => Err(ended(&realm)),
        Err(error) => Err(Problem::from(error).into_response()),
    }
}

/// `session-ended`, and the browser forgets both cookies.
pub(super) fn ended(realm: &Realm) -> Response {
    let mut response = Problem::from(Code::SessionEnded).into_response();
    for line in [Cookie::Session.expire(realm), Cookie::Refresh.expire(realm)].into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}
