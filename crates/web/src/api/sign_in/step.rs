//! The steps after the password, over JSON: whoever knows the transaction's id holds it.

use axum::Json as Out;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::secret::Secret;
use domain::sign_in::SecondFactor;
use domain::totp;
use serde::{Deserialize, Serialize};
use service::sign_in::{self, Code as Typed, Held};
use utoipa::ToSchema;
use utoipa_axum::routes;
use wire::problem::Code;

use super::super::shape::ProblemDocument;
use super::{AnswerBody, answer, named, no_cache, visit};
use crate::config::Web;
use crate::http::body::Json;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::qr::Qr;
use crate::table::{Access, Table};

pub(super) fn mount(table: Table) -> Table {
    table
        .json(Access::Public, routes!(second_factor))
        .json(Access::Public, routes!(totp_begin))
        .json(Access::Public, routes!(totp_confirm))
        .json(Access::Public, routes!(new_password))
}

fn held(transaction: &str) -> Result<Held, Problem> {
    Secret::parse(transaction).map(Held::Id).ok_or_else(|| Code::TokenRefused.into())
}

/// A method as sent.
pub(in crate::api) fn method(sent: &str) -> Result<SecondFactor, Problem> {
    SecondFactor::parse(sent)
        .ok_or_else(|| Problem::invalid("/method", "unknown", "method is one of totp, recovery_code"))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecondFactorBody {
    transaction: String,
    /// `totp` or `recovery_code`.
    method: String,
    /// As shown by the application, or as written down; spaces do not matter.
    code: String,
}

/// Proves the second factor. Five wrong codes end the sign-in.
#[utoipa::path(post, path = "/api/v1/sign-in/second-factor", tag = "sign-in", request_body = SecondFactorBody, security(()),
    responses((status = 200, description = "Signed in, or a step is owed", body = AnswerBody,
            headers(("Set-Cookie" = String, description = "Session, refresh and device cookie, if signed in"))),
        (status = 400, description = "`token-refused`: begin again", body = ProblemDocument),
        (status = 409, description = "`conflict`: everything was proved, and the policy allows no more sessions", body = ProblemDocument),
        (status = 401, description = "`invalid-credentials`: a wrong code", body = ProblemDocument),
        (status = 429, description = "Inside a wait; not looked at, the transaction lives", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn second_factor(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Json(body): Json<SecondFactorBody>,
) -> Result<Response, Problem> {
    let code = Typed::parse(method(&body.method)?, &body.code);
    let (held, visit) = (held(&body.transaction)?, visit(&headers, &context.realm));
    let done = sign_in::second_factor(&web.app, &context.realm, held, code, visit, context.request).await?;
    Ok(answer(&web, &context.realm, done))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TransactionBody {
    transaction: String,
}

/// What an authenticator application is told; shown once.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct SeedBody {
    /// Base32, for typing.
    secret: String,
    /// `otpauth://totp/…`.
    otpauth_uri: String,
    /// The same as a picture.
    qr_svg: String,
}

impl SeedBody {
    pub(in crate::api) fn new(seed: &totp::Seed, uri: &str) -> Self {
        let qr_svg = Qr::of(uri).map(|qr| qr.svg()).unwrap_or_default();
        Self { secret: seed.base32(), otpauth_uri: uri.to_owned(), qr_svg }
    }
}

/// Begins to bind an authenticator application; called again, what was shown before is worth nothing.
#[utoipa::path(post, path = "/api/v1/sign-in/totp", tag = "sign-in", request_body = TransactionBody, security(()),
    responses((status = 200, description = "Show it to the person", body = SeedBody),
        (status = 400, description = "`token-refused`: begin again", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn totp_begin(
    State(web): State<Web>,
    context: Context,
    Json(body): Json<TransactionBody>,
) -> Result<Response, Problem> {
    let held = held(&body.transaction)?;
    let begun = sign_in::begin_totp(&web.app, &context.realm, &held, context.request).await?;
    let mut response = Out(SeedBody::new(&begun.seed, &begun.uri)).into_response();
    no_cache(&mut response);
    Ok(response)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmBody {
    transaction: String,
    /// As shown by the application.
    code: String,
    /// What the person calls it.
    label: Option<String>,
}

/// Binds the application with a code that it shows. Recovery codes come with a person's first factor.
#[utoipa::path(post, path = "/api/v1/sign-in/totp/confirm", tag = "sign-in", request_body = ConfirmBody, security(()),
    responses((status = 200, description = "Signed in, or a step is owed; `recovery_codes` once", body = AnswerBody,
            headers(("Set-Cookie" = String, description = "Session, refresh and device cookie, if signed in"))),
        (status = 400, description = "`token-refused`: begin again", body = ProblemDocument),
        (status = 409, description = "`conflict`: everything was proved, and the policy allows no more sessions", body = ProblemDocument),
        (status = 401, description = "`invalid-credentials`: a wrong code", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn totp_confirm(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Json(body): Json<ConfirmBody>,
) -> Result<Response, Problem> {
    let what = (totp::Code::parse(&body.code), named(body.label.as_deref(), "/label")?);
    let (held, visit) = (held(&body.transaction)?, visit(&headers, &context.realm));
    let done = sign_in::confirm_totp(&web.app, &context.realm, held, what, visit, context.request).await?;
    Ok(answer(&web, &context.realm, done))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPasswordBody {
    transaction: String,
    new_password: String,
}

/// Chooses a new password where the old one must be changed first. All sessions of the person end.
#[utoipa::path(post, path = "/api/v1/sign-in/password", tag = "sign-in", request_body = NewPasswordBody, security(()),
    responses((status = 200, description = "Signed in, or a step is owed", body = AnswerBody,
            headers(("Set-Cookie" = String, description = "Session, refresh and device cookie, if signed in"))),
        (status = 400, description = "`token-refused`: begin again", body = ProblemDocument),
        (status = 409, description = "`conflict`: everything was proved, and the policy allows no more sessions", body = ProblemDocument),
        (status = 422, description = "The password is refused", body = ProblemDocument),
        (status = "4XX", description = "Refused", body = ProblemDocument), (status = 503, description = "`overloaded`", body = ProblemDocument)))]
async fn new_password(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Json(body): Json<NewPasswordBody>,
) -> Result<Response, Problem> {
    let (held, visit) = (held(&body.transaction)?, visit(&headers, &context.realm));
    let new = body.new_password;
    let done = sign_in::new_password(&web.app, &context.realm, held, new, visit, context.request).await?;
    Ok(answer(&web, &context.realm, done))
}
