//! Proving again who one is, in a session.

use axum::Json as Out;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::password::Password;
use serde::{Deserialize, Serialize};
use service::sign_in::Code as Typed;
use service::step_up::{self, Proof};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::refresh::RefreshedBody;
use super::shape::ProblemDocument;
use super::sign_in::{method, renew_cookies};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::table::{Access, SignedIn, Table};

pub(super) fn mount(table: Table) -> Table {
    table.json(Access::Oneself, routes!(step_up))
}

/// Either `password`, or `method` and `code`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StepUpBody {
    password: Option<String>,
    /// `totp` or `recovery_code`.
    method: Option<String>,
    code: Option<String>,
    /// The API that the token is for; without it the one of sign-in.
    audience: Option<String>,
}

impl StepUpBody {
    fn proof(&self) -> Result<Proof, Problem> {
        match (&self.password, &self.method, &self.code) {
            (Some(password), None, None) => Ok(Proof::Password(Password::typed(password).ok())),
            (None, Some(sent), Some(code)) => Ok(Proof::Code(Typed::parse(method(sent)?, code))),
            (None, Some(_), None) => Err(Problem::invalid("/code", "missing", "method needs a code")),
            (None, None, Some(_)) => Err(Problem::invalid("/method", "missing", "code needs a method")),
            _ => Err(Problem::invalid("/password", "missing", "either password, or method and code")),
        }
    }
}

/// A fresh access token.
#[derive(Serialize, ToSchema)]
struct SteppedUpBody {
    #[serde(flatten)]
    tokens: RefreshedBody,
    /// Stands in for the recovery code that was used; shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement_recovery_code: Option<String>,
}

/// Proves again who one is: a new access token with a fresh `auth_time`, and new cookies; the old session cookie dies.
///
/// The password alone keeps the assurance of the session; `method` and `code` bring it to `urn:bailiwick:aal2`.
#[utoipa::path(post, path = "/api/v1/session/step-up", tag = "session", request_body = StepUpBody, security(("bearer" = [])),
    responses((status = 200, description = "A new access token", body = SteppedUpBody,
            headers(("Set-Cookie" = String, description = "Session and refresh cookie"))),
        (status = 422, description = "Wrong: at `/password` or `/code`", body = ProblemDocument),
        (status = 429, description = "Inside a wait; not looked at", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn step_up(
    State(web): State<Web>,
    context: Context,
    SignedIn(caller): SignedIn,
    Json(body): Json<StepUpBody>,
) -> Result<Response, Problem> {
    let proof = body.proof()?;
    let pointer = if body.password.is_some() { "/password" } else { "/code" };
    let done = step_up::step_up(&web.app, &context.realm, &caller, (proof, body.audience)).await;
    let done = done.map_err(|error| match error {
        step_up::StepUpError::Wrong => Problem::invalid(pointer, "wrong", error.to_string()),
        other => other.into(),
    })?;
    let replacement_recovery_code = done.replacement;
    let tokens = RefreshedBody::from(done.tokens);
    let mut response = Out(SteppedUpBody { tokens, replacement_recovery_code }).into_response();
    renew_cookies(&web, &context.realm, &done.secrets, &mut response);
    Ok(response)
}
