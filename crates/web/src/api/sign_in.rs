//! Sign-in: the first step, and what every step answers.

mod step;

use axum::Json as Out;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::password::Password;
use domain::realm::Realm;
use domain::user::{Identifier, printable};
use serde::{Deserialize, Serialize};
use service::session::Secrets;
use service::sign_in::{Answer, Medium, Owed, SignIn, SignedIn, Visit};
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

pub(super) use self::step::{SeedBody, method};

pub(super) fn mount(table: Table) -> Table {
    step::mount(table.json(Access::Public, routes!(sign_in)))
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
    /// `signed_in`.
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
    /// Ten, once, after the first second factor was bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
    /// Stands in for the recovery code that was used; shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement_recovery_code: Option<String>,
}

/// A step that is owed before there is a session.
#[derive(Debug, Serialize, ToSchema)]
struct OwedBody {
    /// `second_factor`, `enrol_factor`, `change_password`; more will come: a client that does not know one opens `continue_url`.
    outcome: &'static str,
    /// Names this sign-in; single use, expires.
    transaction: String,
    /// By which methods the step can be done: `totp`, `recovery_code`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<&'static str>,
    /// Why the password must be changed: `expired`, `compromised`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Seconds.
    expires_in: i64,
    /// Where a browser goes on; works once, and then `transaction` is worth nothing.
    continue_url: String,
    /// Ten, once, after the first second factor was bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
    /// Stands in for the recovery code that was used; shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement_recovery_code: Option<String>,
}

/// What a step of a sign-in leads to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum AnswerBody {
    SignedIn(Box<SignedInBody>),
    Owed(OwedBody),
}

/// Signs in with a password. Sets the session and refresh cookies of the new session, or says which step is owed.
///
/// The same answer and work for unknown, wrong and disabled.
#[utoipa::path(post, path = "/api/v1/sign-in", tag = "sign-in", request_body = SignInBody, security(()),
    responses((status = 200, description = "Signed in, or a step is owed", body = AnswerBody,
            headers(("Set-Cookie" = String, description = "Session, refresh and device cookie, if signed in"))),
        (status = 409, description = "`conflict`: everything was proved, and the policy allows no more sessions", body = ProblemDocument),
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
        return_to: None,
        medium: Medium::Json,
        visit: visit(&headers, &context.realm),
    };
    let done = service::sign_in::start(&web.app, &context.realm, attempt, context.request).await?;
    Ok(answer(&web, &context.realm, done))
}

/// The cookies that a sign-in looks at.
pub(crate) fn visit(headers: &HeaderMap, realm: &Realm) -> Visit {
    Visit { session: cookie::session(headers, realm), device: cookie::device(headers, realm) }
}

/// What every step answers.
fn answer(web: &Web, realm: &Realm, done: Answer) -> Response {
    match done {
        Answer::Owed(owed) => {
            let mut response = Out(AnswerBody::Owed(owed_body(web, realm, *owed))).into_response();
            no_cache(&mut response);
            response
        }
        Answer::SignedIn(done) => {
            let mut response = Out(AnswerBody::SignedIn(Box::new(signed_in_body(&done)))).into_response();
            set_cookies(web, realm, &done, &mut response);
            response
        }
    }
}

fn owed_body(web: &Web, realm: &Realm, owed: Owed) -> OwedBody {
    let handle = owed.handle.map(|handle| handle.expose()).unwrap_or_default();
    OwedBody {
        outcome: owed.step.name,
        transaction: owed.held.secret().expose(),
        methods: owed.methods,
        reason: owed.reason.map(domain::sign_in::ChangeReason::as_str),
        expires_in: owed.expires_in,
        continue_url: format!("{}/sign-in/continue?handle={handle}", web.app.realm_url(realm)),
        recovery_codes: owed.codes.set,
        replacement_recovery_code: owed.codes.replacement,
    }
}

fn signed_in_body(done: &SignedIn) -> SignedInBody {
    SignedInBody {
        outcome: "signed_in",
        access_token: done.tokens.access_token.clone(),
        token_type: "Bearer",
        expires_in: done.tokens.expires_in,
        session_id: done.tokens.session.uuid(),
        withheld: done.tokens.withheld.clone(),
        user: Who {
            id: done.user.id.uuid(),
            username: done.user.username.clone(),
            display_name: done.user.display_name.clone(),
            roles: done.roles.clone(),
        },
        recovery_codes: done.codes.set.clone(),
        replacement_recovery_code: done.codes.replacement.clone(),
    }
}

/// A device's name: printable, at most 100 characters.
pub(crate) fn label(sent: Option<&str>) -> Result<Option<String>, Problem> {
    named(sent, "/device_label")
}

/// A name that a person gives to a thing: printable, at most 100 characters.
pub(crate) fn named(sent: Option<&str>, pointer: &str) -> Result<Option<String>, Problem> {
    let refused = |error: domain::user::NameError| Problem::invalid(pointer, "invalid", error.to_string());
    sent.map(|text| printable(text, 1, 100).map_err(refused)).transpose()
}

/// A device stays recognised for 180 days.
const DEVICE_SECONDS: u64 = 180 * 86_400;

/// Session, refresh and device cookie after a sign-in.
pub(crate) fn set_cookies(web: &Web, realm: &Realm, done: &SignedIn, response: &mut Response) {
    let seconds = done.tokens.absolute_at.since(web.app.now()).as_secs();
    let lines = [
        Cookie::Session.set(realm, &done.secret.expose(), seconds),
        Cookie::Refresh.set(realm, &done.tokens.refresh.expose(), seconds),
        Cookie::Device.set(realm, &done.device.expose(), DEVICE_SECONDS),
    ];
    write(response, lines);
}

/// Session and refresh cookie after a fresh authentication in a session.
pub(crate) fn renew_cookies(web: &Web, realm: &Realm, secrets: &Secrets, response: &mut Response) {
    let seconds = secrets.absolute_at.since(web.app.now()).as_secs();
    let lines = [
        Cookie::Session.set(realm, &secrets.secret.expose(), seconds),
        Cookie::Refresh.set(realm, &secrets.refresh.expose(), seconds),
    ];
    write(response, lines);
}

fn write(response: &mut Response, lines: impl IntoIterator<Item = Option<HeaderValue>>) {
    for line in lines.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, line);
    }
    no_cache(response);
}

/// Token answers are kept nowhere (RFC 6749, section 5.1).
pub(super) fn no_cache(response: &mut Response) {
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}
