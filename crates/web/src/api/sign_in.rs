//! Sign-in and refresh: the calls that set cookies.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::password::Password;
use domain::realm::Realm;
use domain::user::{Identifier, printable};
use serde::{Deserialize, Serialize};
use service::refresh::{Refresh, RefreshError};
use service::session::Tokens;
use service::sign_in::{SignIn, SignedIn};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::problem::Code;

use super::shape::ProblemDocument;
use crate::config::Web;
use crate::http::body::{Json, OptionalJson};
use crate::http::cookie::{self, Cookie};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Public, routes!(sign_in)).json(Access::Public, routes!(refresh))
}

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    /// Username, or an e-mail address that exactly one active person has confirmed.
    identifier: String,
    password: String,
    /// The API that the token is for; without it Bailiwick's own.
    audience: Option<String>,
    /// What the device is called.
    device_label: Option<String>,
}

/// Who signed in.
#[derive(Debug, Serialize, ToSchema)]
struct Who {
    id: Uuid,
    #[schema(required)]
    username: Option<String>,
    #[schema(required)]
    display_name: Option<String>,
    /// Granted anywhere.
    roles: Vec<String>,
}

/// A sign-in that is done.
#[derive(Debug, Serialize, ToSchema)]
struct SignedInBody {
    /// `signed_in`; a client that does not know an outcome opens `continue_url`.
    outcome: &'static str,
    /// RFC 9068.
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    session_id: Uuid,
    /// Sensitive roles that need a second factor first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<String>,
    user: Who,
}

/// Signs in with a password. Sets the session and refresh cookies of the new session.
///
/// The same answer and work for unknown, wrong and disabled.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "sign-in", request_body = SignInBody, security(()),
    responses((status = 200, description = "Signed in", body = SignedInBody),
        (status = 401, description = "`invalid-credentials`", body = ProblemDocument),
        (status = 429, description = "Inside a wait; not looked at", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn sign_in(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Json(body): Json<SignInBody>,
) -> Result<Response, Problem> {
    let attempt = SignIn {
        identifier: Identifier::new(&body.identifier),
        password: Password::typed(&body.password).ok(),
        audience: body.audience,
        device_label: label(body.device_label.as_deref())?,
        present: cookie::session(&headers, &context.realm),
    };
    let done = service::sign_in::with_password(&web.app, &context.realm, attempt, context.request).await?;
    let user = Who {
        id: done.user.id.uuid(),
        username: done.user.username.clone(),
        display_name: done.user.display_name.clone(),
        roles: done.roles.clone(),
    };
    let mut response = Out(SignedInBody {
        outcome: "signed_in",
        access_token: done.tokens.access_token.clone(),
        token_type: "Bearer",
        expires_in: done.tokens.expires_in,
        session_id: done.tokens.session.uuid(),
        withheld: done.tokens.withheld.clone(),
        user,
    })
    .into_response();
    set_cookies(&web, &context.realm, &done, &mut response);
    Ok(response)
}

/// A device's name: printable, at most 100 characters.
pub(crate) fn label(sent: Option<&str>) -> Result<Option<String>, Problem> {
    let refused = |error: domain::user::NameError| Problem::invalid("/device_label", "invalid", error.to_string());
    sent.map(|text| printable(text, 1, 100).map_err(refused)).transpose()
}

/// Session and refresh cookie of one session.
pub(crate) fn set_cookies(web: &Web, realm: &Realm, done: &SignedIn, response: &mut Response) {
    let seconds = done.tokens.absolute_at.since(web.app.now()).as_secs();
    let lines = [
        Cookie::Session.set(realm, &done.secret.expose(), seconds),
        Cookie::Refresh.set(realm, &done.tokens.refresh.expose(), seconds),
    ];
    for line in lines.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    no_cache(response);
}

/// Token answers are kept nowhere (RFC 6749, section 5.1).
fn no_cache(response: &mut Response) {
    response.headers_mut().insert(header::PRAGMA, axum::http::HeaderValue::from_static("no-cache"));
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
struct RefreshedBody {
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
    responses((status = 200, description = "A new access token", body = RefreshedBody),
        (status = 401, description = "`session-locked` or `session-ended`", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn refresh(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<RefreshBody>,
) -> Result<Response, Response> {
    let realm = context.realm.clone();
    let Some(token) = cookie::refresh(&headers, &realm) else { return Err(ended(&realm)) };
    let asked = Refresh { token, active: body.active, audience: body.audience };
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
fn ended(realm: &Realm) -> Response {
    let mut response = Problem::from(Code::SessionEnded).into_response();
    for line in [Cookie::Session.expire(realm), Cookie::Refresh.expire(realm)].into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    response
}
