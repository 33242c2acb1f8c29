//! Confirming that it is still the same person, before what `x-step-up` marks (RFC 9470, on pages).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::caller::Caller;
use domain::password::Password;
use domain::secret::Secret;
use domain::session::AAL2;
use domain::sign_in::SecondFactor;
use serde::Deserialize;
use service::sign_in::Code;
use service::step_up::{self, Proof, StepUpError};
use wire::problem::Code as ProblemCode;

use super::sign_in::own_path;
use super::step::{codes_page, shown_as};
use super::{account_token, busy, frame, page, see, signed_in, to_sign_in, wait};
use crate::api::renew_cookies;
use crate::config::Web;
use crate::http::form::{self, Form};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::table::{Access, fresh};
use crate::view::{CodesWhy, StepUp, StepUpProblem, StepUpWay};

const PATH: &str = "/account/confirm";

/// Where somebody confirms first whose authentication is too old or too weak for what is marked `x-step-up`; `None`: it will do.
pub(super) async fn needed(
    web: &Web,
    context: &Context,
    caller: &Caller,
    return_to: &str,
) -> Result<Option<Response>, Problem> {
    match fresh(web, caller, Access::Oneself).await {
        Ok(()) => Ok(None),
        Err(problem) if problem.code == ProblemCode::InsufficientAuthentication => {
            Ok(Some(see(context, &format!("{PATH}?return_to={return_to}"))))
        }
        Err(other) => Err(other),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    method: Option<String>,
    return_to: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    password: Option<String>,
    method: Option<String>,
    code: Option<String>,
    return_to: Option<String>,
}

/// What would do, the best first: the password keeps two factors but never makes them.
async fn ways(web: &Web, caller: &Caller) -> Result<Vec<StepUpWay>, Problem> {
    let factors = service::factor::own(&web.app, caller).await?;
    let has = |kind: &str| factors.iter().any(|factor| factor.kind == kind);
    let code = |method| StepUpWay::Code(shown_as(method));
    let ways = [
        (!has("totp") || caller.acr() == AAL2, StepUpWay::Password),
        (has("totp"), code(SecondFactor::Totp)),
        (has("totp") && has("recovery_codes"), code(SecondFactor::RecoveryCode)),
    ];
    Ok(ways.into_iter().filter_map(|(fits, way)| fits.then_some(way)).collect())
}

async fn shown(
    (web, context): (&Web, &Context),
    (secret, caller): (&Secret, &Caller),
    (method, return_to): (Option<&str>, Option<&str>),
    status: StatusCode,
    problem: Option<StepUpProblem>,
) -> Result<Response, Problem> {
    let mut others = ways(web, caller).await?;
    let asked = others.iter().position(|way| method == Some(way.as_str())).unwrap_or(0);
    let way = if others.is_empty() { StepUpWay::Password } else { others.remove(asked) };
    let shown = StepUp {
        frame: frame(context),
        csrf: account_token(web, context, secret),
        username: service::user::me(&web.app, caller).await?.user.username.unwrap_or_default(),
        way,
        others,
        return_to: own_path(return_to).unwrap_or("/account").to_owned(),
        problem,
    };
    Ok(page(context, status, shown.render()))
}

pub(super) async fn ask(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let asked = (asked.method.as_deref(), asked.return_to.as_deref());
    shown((&web, &context), (&secret, &caller), asked, StatusCode::OK, None).await
}

fn proof(fields: &Fields) -> Proof {
    match fields.method.as_deref().and_then(SecondFactor::parse) {
        Some(method) => Proof::Code(Code::parse(method, fields.code.as_deref().unwrap_or_default())),
        None => Proof::Password(Password::typed(fields.password.as_deref().unwrap_or_default()).ok()),
    }
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Result<Response, Problem> {
    let Some((secret, caller)) = signed_in(&web, &context, &headers).await? else {
        return Ok(to_sign_in(&context, "/account"));
    };
    let who = (&secret, &caller);
    let proved = form.proved(&web, &context, &headers, (form::Purpose::Account, Some(&secret))).await?;
    let Some(fields) = proved else {
        let problem = Some(StepUpProblem::Expired);
        return shown((&web, &context), who, (None, None), StatusCode::FORBIDDEN, problem).await;
    };
    let asked = (fields.method.as_deref(), fields.return_to.as_deref());
    let again = async |status, problem| shown((&web, &context), who, asked, status, Some(problem)).await;
    match step_up::step_up(&web.app, &context.realm, &caller, (proof(&fields), None)).await {
        Ok(done) => {
            let to = own_path(asked.1).unwrap_or("/account");
            let mut response = match done.replacement {
                Some(one) => codes_page(&context, CodesWhy::Replacement, vec![one], to),
                None => see(&context, to),
            };
            renew_cookies(&web, &context.realm, &done.secrets, &mut response);
            Ok(response)
        }
        Err(StepUpError::SignedOut) => Ok(to_sign_in(&context, "/account")),
        Err(StepUpError::Wrong) => again(StatusCode::UNPROCESSABLE_ENTITY, StepUpProblem::Wrong).await,
        Err(StepUpError::Throttled(throttled)) => {
            let (after, wait) = wait(&web, &throttled);
            Ok(after.on(again(StatusCode::TOO_MANY_REQUESTS, StepUpProblem::Wait(wait)).await?))
        }
        Err(StepUpError::Overloaded(_)) => {
            Ok(busy().on(again(StatusCode::SERVICE_UNAVAILABLE, StepUpProblem::Busy).await?))
        }
        Err(other) => Err(other.into()),
    }
}
