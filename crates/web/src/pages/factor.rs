//! One's own second factors and recovery codes on pages.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::caller::Caller;
use domain::id::CredentialId;
use domain::secret::Secret;
use domain::totp;
use domain::user::printable;
use serde::Deserialize;
use service::factor::{self, FactorError, Rename};
use service::stored;
use uuid::Uuid;
use wire::problem::Code;

use super::sign_out::Nothing;
use super::step::codes_page;
use super::step_up::needed;
use super::{account_token, busy, frame, page, see, signed_in, to_sign_in, wait};
use crate::config::Web;
use crate::http::form::{self, Form};
use crate::http::path::Path;
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::view::{
    CodeProblem, CodesWhy, EnrolTotp, EnrolWhy, Factor, FactorKind, FactorProblem, FactorView, Moment, NewFactor,
    NewRecoveryCodes, Qr,
};

const NEW: &str = "/account/second-factor/new";
const CODES: &str = "/account/recovery-codes";

/// How a factor is shown; the password and the codes are no such factors.
pub(super) fn shown(factor: &stored::Factor, now: i64) -> Option<FactorView> {
    let kind = match factor.kind.as_str() {
        "totp" => FactorKind::Totp,
        "passkey" => FactorKind::Passkey,
        _ => return None,
    };
    Some(FactorView {
        id: factor.id.to_string(),
        kind,
        label: factor.label.clone(),
        added: Moment::date(now, factor.created_at.seconds()),
        used: factor.last_used_at.map(|at| Moment::at(now, at.seconds())),
    })
}

#[derive(Deserialize)]
pub(super) struct LabelFields {
    #[serde(default)]
    label: String,
}

#[derive(Deserialize)]
pub(super) struct ConfirmFields {
    id: Uuid,
    #[serde(default)]
    code: String,
}

fn new_page(
    (web, context, secret): (&Web, &Context, &Secret),
    (status, label): (StatusCode, &str),
    problem: Option<FactorProblem>,
) -> Response {
    let (csrf, label) = (account_token(web, context, secret), label.chars().take(100).collect());
    page(context, status, NewFactor { frame: frame(context), csrf, label, problem }.render())
}

pub(super) async fn new(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, NEW));
    };
    if let Some(first) = needed(&web, &context, &caller, NEW).await? {
        return Ok(first);
    }
    Ok(new_page((&web, &context, &secret), (StatusCode::OK, ""), None))
}

/// Begins to bind an application: what it is told stands in this answer alone.
pub(super) async fn begin(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<LabelFields>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, NEW));
    };
    let again = |status, label: &str, problem| new_page((&web, &context, &secret), (status, label), Some(problem));
    let proof = (form::Purpose::Account, Some(&secret));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        return Ok(again(StatusCode::FORBIDDEN, "", FactorProblem::Expired));
    };
    if let Some(first) = needed(&web, &context, &caller, NEW).await? {
        return Ok(first);
    }
    let Ok(label) = printable(&fields.label, 1, 100) else {
        return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, &fields.label, FactorProblem::Label));
    };
    match factor::begin_totp(&web.app, &context.realm, &caller, &label).await {
        Ok(begun) => {
            let shown = (Qr::of(&begun.uri), begun.seed.base32());
            Ok(confirm_page((&web, &context, &secret), StatusCode::OK, (begun.id, shown), None))
        }
        Err(FactorError::SignedOut) => Ok(to_sign_in(&context, NEW)),
        Err(FactorError::Conflict(_)) => Ok(again(StatusCode::CONFLICT, &label, FactorProblem::TooMany)),
        Err(other) => Err(other.into()),
    }
}

fn confirm_page(
    (web, context, secret): (&Web, &Context, &Secret),
    status: StatusCode,
    (id, (qr, seed)): (CredentialId, (Option<Qr>, String)),
    problem: Option<CodeProblem>,
) -> Response {
    let shown = EnrolTotp {
        frame: frame(context),
        csrf: account_token(web, context, secret),
        why: EnrolWhy::Account { id: id.to_string() },
        qr,
        secret: seed,
        label: String::new(),
        problem,
    };
    page(context, status, shown.render())
}

pub(super) async fn confirm(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<ConfirmFields>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, NEW));
    };
    let proof = (form::Purpose::Account, Some(&secret));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        return Ok(new_page((&web, &context, &secret), (StatusCode::FORBIDDEN, ""), Some(FactorProblem::Expired)));
    };
    let id = CredentialId::from_uuid(fields.id);
    // The application has the seed by now; it is not shown again.
    let again =
        |status, problem| confirm_page((&web, &context, &secret), status, (id, (None, String::new())), Some(problem));
    match factor::confirm_totp(&web.app, &caller, id, totp::Code::parse(&fields.code)).await {
        Ok(codes) if codes.is_empty() => Ok(see(&context, "/account?told=added")),
        Ok(codes) => Ok(codes_page(&context, CodesWhy::First, codes, "/account?told=added")),
        Err(FactorError::SignedOut) => Ok(to_sign_in(&context, NEW)),
        // Too old, or confirmed in another window.
        Err(FactorError::NotFound) => Ok(see(&context, "/account")),
        Err(FactorError::Wrong) => Ok(again(StatusCode::UNPROCESSABLE_ENTITY, CodeProblem::Wrong { left: None })),
        Err(FactorError::Throttled(throttled)) => {
            let (after, wait) = wait(&web, &throttled);
            Ok(after.on(again(StatusCode::TOO_MANY_REQUESTS, CodeProblem::Wait(wait))))
        }
        Err(FactorError::Overloaded(_)) => Ok(busy().on(again(StatusCode::SERVICE_UNAVAILABLE, CodeProblem::Busy))),
        Err(other) => Err(other.into()),
    }
}

async fn one(web: &Web, caller: &Caller, id: Uuid) -> Result<stored::Factor, Problem> {
    let own = factor::own(&web.app, caller).await?;
    own.into_iter().find(|factor| factor.id.uuid() == id).ok_or_else(|| Code::NotFound.into())
}

async fn one_page(
    (web, context): (&Web, &Context),
    (secret, caller, id): (&Secret, &Caller, Uuid),
    status: StatusCode,
    problem: Option<FactorProblem>,
) -> Result<Response, Problem> {
    let factor = one(web, caller, id).await?;
    let factor = shown(&factor, web.app.now().seconds()).ok_or(Code::NotFound)?;
    let csrf = account_token(web, context, secret);
    Ok(page(context, status, Factor { frame: frame(context), csrf, factor, problem }.render()))
}

pub(super) async fn manage(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    id: Path<Uuid>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    one_page((&web, &context), (&secret, &caller, id.0), StatusCode::OK, None).await
}

pub(super) async fn rename(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    id: Path<Uuid>,
    form: Form<LabelFields>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let who = (&secret, &caller, id.0);
    let again = async |status, problem| one_page((&web, &context), who, status, Some(problem)).await;
    let proof = (form::Purpose::Account, Some(&secret));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        return again(StatusCode::FORBIDDEN, FactorProblem::Expired).await;
    };
    let Ok(label) = printable(&fields.label, 1, 100) else {
        return again(StatusCode::UNPROCESSABLE_ENTITY, FactorProblem::Label).await;
    };
    let command = Rename { id: CredentialId::from_uuid(id.0), label };
    match factor::rename(&web.app, &caller, command).await {
        Ok(_) => Ok(see(&context, "/account?told=renamed")),
        Err(FactorError::SignedOut) => Ok(to_sign_in(&context, "/account")),
        Err(other) => Err(other.into()),
    }
}

pub(super) async fn remove(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    id: Path<Uuid>,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let who = (&secret, &caller, id.0);
    let again = async |status, problem| one_page((&web, &context), who, status, Some(problem)).await;
    let proof = (form::Purpose::Account, Some(&secret));
    if form.proved(&web, &context, &headers, proof).await?.is_none() {
        return again(StatusCode::FORBIDDEN, FactorProblem::Expired).await;
    }
    if let Some(first) = needed(&web, &context, &caller, &format!("/account/second-factor/{}", id.0)).await? {
        return Ok(first);
    }
    match factor::remove_own(&web.app, &caller, CredentialId::from_uuid(id.0)).await {
        Ok(()) => Ok(see(&context, "/account?told=removed")),
        Err(FactorError::SignedOut) => Ok(to_sign_in(&context, "/account")),
        Err(FactorError::Conflict(_)) => again(StatusCode::CONFLICT, FactorProblem::LastOne).await,
        Err(other) => Err(other.into()),
    }
}

async fn codes_question(
    (web, context): (&Web, &Context),
    (secret, caller): (&Secret, &Caller),
    expired: bool,
) -> Result<Response, Problem> {
    let (now, own) = (web.app.now().seconds(), factor::own(&web.app, caller).await?);
    // Codes stand in for an authenticator: without one there is nothing to ask.
    if !own.iter().any(|factor| factor.kind == "totp") {
        return Ok(see(context, "/account"));
    }
    let made = own.iter().find(|factor| factor.kind == "recovery_codes");
    let shown = NewRecoveryCodes {
        frame: frame(context),
        csrf: account_token(web, context, secret),
        made: made.map(|codes| Moment::date(now, codes.created_at.seconds())),
        expired,
    };
    Ok(page(context, if expired { StatusCode::FORBIDDEN } else { StatusCode::OK }, shown.render()))
}

pub(super) async fn ask_codes(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, CODES));
    };
    if let Some(first) = needed(&web, &context, &caller, CODES).await? {
        return Ok(first);
    }
    codes_question((&web, &context), (&secret, &caller), false).await
}

pub(super) async fn new_codes(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, CODES));
    };
    let proof = (form::Purpose::Account, Some(&secret));
    if form.proved(&web, &context, &headers, proof).await?.is_none() {
        return codes_question((&web, &context), (&secret, &caller), true).await;
    }
    if let Some(first) = needed(&web, &context, &caller, CODES).await? {
        return Ok(first);
    }
    match factor::new_recovery_codes(&web.app, &caller).await {
        Ok(codes) => Ok(codes_page(&context, CodesWhy::Renewed, codes, "/account")),
        Err(FactorError::SignedOut) => Ok(to_sign_in(&context, CODES)),
        Err(FactorError::Conflict(_)) => Ok(see(&context, "/account")),
        Err(other) => Err(other.into()),
    }
}
