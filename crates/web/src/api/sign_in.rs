//! Sign-in.

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::password::Password;
use domain::realm::Realm;
use domain::user::{Identifier, printable};
use serde::{Deserialize, Serialize};
use service::sign_in::{SignIn, SignedIn};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

use super::shape::ProblemDocument;
use crate::config::Web;
use crate::http::body::Json;
use crate::http::cookie::{self, Cookie};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Public, routes!(sign_in))
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
pub(super) fn no_cache(response: &mut Response) {
    response.headers_mut().insert(header::PRAGMA, axum::http::HeaderValue::from_static("no-cache"));
}
