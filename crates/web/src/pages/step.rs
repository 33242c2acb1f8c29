//! The steps after the password, on pages: the flow cookie holds the transaction. One that is dead leads back to the beginning.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::secret::Secret;
use domain::sign_in::{ChangeReason, SecondFactor};
use domain::totp;
use domain::user::printable;
use serde::Deserialize;
use service::sign_in::{self, Answer, Code, Codes, Enrolment, Held, Pending, SignInError};

use super::sign_in::{FLOW_SECONDS, flow, own_path};
use super::{busy, cookie_line, frame, page, see, wait};
use crate::api::{set_cookies, visit};
use crate::config::Web;
use crate::http::cookie::Cookie;
use crate::http::form::{self, Form};
use crate::http::header::HadToken;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::view::{
    self, ChangePassword, CodeMethod, CodeProblem, CodesWhy, EnrolTotp, EnrolWhy, PasswordProblem, PasswordWhy, Qr,
    RecoveryCodes,
};

/// What every step leads to: the next one, or the place that was asked for. Recovery codes are shown in between, once.
pub(super) fn answer(web: &Web, context: &Context, answer: Answer) -> Response {
    match answer {
        Answer::Owed(owed) => {
            let mut response = shown_or_on(context, owed.codes, owed.step.page);
            let flow = owed.held.secret().expose();
            cookie_line(&mut response, Cookie::Flow.set(&context.realm, &flow, FLOW_SECONDS));
            response
        }
        Answer::SignedIn(done) => {
            let to = own_path(done.return_to.as_deref()).unwrap_or("/account");
            let mut response = shown_or_on(context, done.codes.clone(), to);
            set_cookies(web, &context.realm, &done, &mut response);
            cookie_line(&mut response, Cookie::Flow.expire(&context.realm));
            response
        }
    }
}

fn shown_or_on(context: &Context, codes: Codes, to: &str) -> Response {
    match (codes.set.is_empty(), codes.replacement) {
        (false, _) => codes_page(context, CodesWhy::First, codes.set, to),
        (true, Some(one)) => codes_page(context, CodesWhy::Replacement, vec![one], to),
        (true, None) => see(context, to),
    }
}

/// Codes, shown as the answer to the form that made them: they stand in no address and no cache.
pub(super) fn codes_page(context: &Context, why: CodesWhy, codes: Vec<String>, to: &str) -> Response {
    let shown = RecoveryCodes { frame: frame(context), why, codes, continue_to: format!("{}{to}", context.base()) };
    page(context, StatusCode::OK, shown.render())
}

/// Back to the beginning, which says why.
fn ended(context: &Context) -> Response {
    let mut response = see(context, "/sign-in?told=ended");
    cookie_line(&mut response, Cookie::Flow.expire(&context.realm));
    response
}

/// A transaction that owes the step of this page.
struct Here {
    flow: Secret,
    pending: Pending,
}

impl Here {
    fn held(&self) -> Held {
        Held::Flow(self.flow.clone())
    }

    fn csrf(&self, web: &Web, context: &Context) -> String {
        form::token(web, context, form::Purpose::SignIn, &self.flow)
    }

    fn identifier(&self) -> Option<String> {
        Some(self.pending.username.clone()).filter(|name| !name.is_empty())
    }
}

/// The transaction that the browser holds, or where its page is instead.
async fn here(
    web: &Web,
    context: &Context,
    headers: &HeaderMap,
    path: &str,
) -> Result<Result<Here, Response>, Problem> {
    let Some(flow) = flow(headers, context) else { return Ok(Err(see(context, "/sign-in"))) };
    let held = Held::Flow(flow.clone());
    let pending = sign_in::pending(&web.app, &context.realm, &held, context.request.clone()).await?;
    Ok(match pending {
        None => Err(ended(context)),
        Some(pending) if pending.step.page != path => Err(see(context, pending.step.page)),
        Some(pending) => Ok(Here { flow, pending }),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handle {
    handle: String,
}

/// `continue_url`: a client that cannot do a step hands the browser on. The handle works once and leaves the address at once.
pub(super) async fn go_on(
    State(web): State<Web>,
    context: Context,
    Query(asked): Query<Handle>,
) -> Result<Response, Problem> {
    let handle = Secret::parse(&asked.handle).ok_or(SignInError::Dead);
    let taken = match handle {
        Ok(handle) => sign_in::take_over(&web.app, &context.realm, &handle, context.request.clone()).await,
        Err(dead) => Err(dead),
    };
    let mut response = match taken {
        Ok((flow, step)) => {
            let mut response = see(&context, step.page);
            cookie_line(&mut response, Cookie::Flow.set(&context.realm, &flow.expose(), FLOW_SECONDS));
            response
        }
        Err(SignInError::Dead) => ended(&context),
        Err(other) => return Err(other.into()),
    };
    response.extensions_mut().insert(HadToken);
    Ok(response)
}

const SECOND_FACTOR: &str = "/sign-in/second-factor";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    method: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct CodeFields {
    #[serde(default)]
    method: String,
    #[serde(default)]
    code: String,
}

/// The method that was asked for, if it is one of those that would do; else the first.
fn method(here: &Here, asked: Option<&str>) -> (SecondFactor, bool) {
    let offered: Vec<SecondFactor> =
        here.pending.methods.iter().filter_map(|method| SecondFactor::parse(method)).collect();
    let asked = asked.and_then(SecondFactor::parse).filter(|method| offered.contains(method));
    (asked.or(offered.first().copied()).unwrap_or(SecondFactor::Totp), offered.len() > 1)
}

pub(super) const fn shown_as(method: SecondFactor) -> CodeMethod {
    match method {
        SecondFactor::Totp => CodeMethod::Totp,
        SecondFactor::RecoveryCode => CodeMethod::RecoveryCode,
    }
}

fn second_factor_page(
    (web, context, here): (&Web, &Context, &Here),
    status: StatusCode,
    asked: Option<&str>,
    problem: Option<CodeProblem>,
) -> Response {
    let (method, other) = method(here, asked);
    let shown = view::SecondFactor {
        frame: frame(context),
        csrf: here.csrf(web, context),
        method: shown_as(method),
        other,
        label: None,
        identifier: here.identifier(),
        ends: None,
        problem,
    };
    page(context, status, shown.render())
}

pub(super) async fn second_factor(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    Ok(match here(&web, &context, &headers, SECOND_FACTOR).await? {
        Ok(here) => second_factor_page((&web, &context, &here), StatusCode::OK, asked.method.as_deref(), None),
        Err(elsewhere) => elsewhere,
    })
}

pub(super) async fn submit_second_factor(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<CodeFields>,
) -> Result<Response, Problem> {
    let here = match self::here(&web, &context, &headers, SECOND_FACTOR).await? {
        Ok(here) => here,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let proof = (form::Purpose::SignIn, Some(&here.flow));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        let problem = Some(CodeProblem::Expired);
        return Ok(second_factor_page((&web, &context, &here), StatusCode::FORBIDDEN, None, problem));
    };
    let (method, _) = method(&here, Some(&fields.method));
    let (code, visit) = (Code::parse(method, &fields.code), visit(&headers, &context.realm));
    let request = context.request.clone();
    let refused = match sign_in::second_factor(&web.app, &context.realm, here.held(), code, visit, request).await {
        Ok(done) => return Ok(answer(&web, &context, done)),
        Err(error) => refusal(&web, &context, error)?,
    };
    // The fifth wrong code has ended it.
    Ok(match (refused, self::here(&web, &context, &headers, SECOND_FACTOR).await?) {
        (Some((status, after, problem)), Ok(here)) => {
            let asked = Some(method.as_str());
            after.on(second_factor_page((&web, &context, &here), status, asked, Some(problem)))
        }
        _ => ended(&context),
    })
}

/// Why a code was not accepted, with its status; `None`: the transaction is dead.
fn refusal(
    web: &Web,
    _: &Context,
    error: SignInError,
) -> Result<Option<(StatusCode, super::After, CodeProblem)>, Problem> {
    Ok(match error {
        SignInError::Dead => None,
        SignInError::InvalidCredentials => {
            Some((StatusCode::UNAUTHORIZED, super::After::Nothing, CodeProblem::Wrong { left: None }))
        }
        SignInError::Throttled(throttled) => {
            let (after, wait) = wait(web, &throttled);
            Some((StatusCode::TOO_MANY_REQUESTS, after, CodeProblem::Wait(wait)))
        }
        SignInError::Overloaded(_) => Some((StatusCode::SERVICE_UNAVAILABLE, busy(), CodeProblem::Busy)),
        other => return Err(other.into()),
    })
}

const ENROL: &str = "/sign-in/enrol";

#[derive(Deserialize)]
pub(super) struct EnrolFields {
    #[serde(default)]
    code: String,
    #[serde(default)]
    label: String,
}

/// The page with what was shown before, as long as it is not confirmed.
async fn enrol_page(
    (web, context, here): (&Web, &Context, &Here),
    status: StatusCode,
    label: String,
    problem: Option<CodeProblem>,
) -> Result<Response, Problem> {
    let made = sign_in::shown_totp(&web.app, &context.realm, &here.held(), context.request.clone()).await;
    let Enrolment { seed, uri } = match made {
        Ok(made) => made,
        Err(SignInError::Dead) => return Ok(ended(context)),
        Err(other) => return Err(other.into()),
    };
    let role = match here.pending.because.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    };
    let shown = EnrolTotp {
        frame: frame(context),
        csrf: here.csrf(web, context),
        why: EnrolWhy::SignIn { role, identifier: here.identifier() },
        qr: Qr::of(&uri),
        secret: seed.base32(),
        label,
        problem,
    };
    Ok(page(context, status, shown.render()))
}

pub(super) async fn enrol(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    match here(&web, &context, &headers, ENROL).await? {
        Ok(here) => enrol_page((&web, &context, &here), StatusCode::OK, String::new(), None).await,
        Err(elsewhere) => Ok(elsewhere),
    }
}

pub(super) async fn submit_enrol(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<EnrolFields>,
) -> Result<Response, Problem> {
    let here = match self::here(&web, &context, &headers, ENROL).await? {
        Ok(here) => here,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let proof = (form::Purpose::SignIn, Some(&here.flow));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        let problem = Some(CodeProblem::Expired);
        return enrol_page((&web, &context, &here), StatusCode::FORBIDDEN, String::new(), problem).await;
    };
    // A name that cannot be one is as none: it can be given later.
    let what = (totp::Code::parse(&fields.code), printable(&fields.label, 1, 100).ok());
    let (visit, request) = (visit(&headers, &context.realm), context.request.clone());
    let refused = match sign_in::confirm_totp(&web.app, &context.realm, here.held(), what, visit, request).await {
        Ok(done) => return Ok(answer(&web, &context, done)),
        Err(error) => refusal(&web, &context, error)?,
    };
    match (refused, self::here(&web, &context, &headers, ENROL).await?) {
        (Some((status, after, problem)), Ok(here)) => {
            let label = fields.label.chars().take(100).collect();
            Ok(after.on(enrol_page((&web, &context, &here), status, label, Some(problem)).await?))
        }
        _ => Ok(ended(&context)),
    }
}

const CHANGE: &str = "/sign-in/change-password";

#[derive(Deserialize)]
pub(super) struct ChangeFields {
    #[serde(default)]
    new_password: String,
}

fn change_page(
    (web, context, here): (&Web, &Context, &Here),
    status: StatusCode,
    problem: Option<PasswordProblem>,
) -> Response {
    let shown = ChangePassword {
        frame: frame(context),
        csrf: here.csrf(web, context),
        why: match here.pending.reason {
            Some(ChangeReason::Expired) => PasswordWhy::Expired,
            Some(ChangeReason::Compromised) | None => PasswordWhy::Compromised,
        },
        identifier: here.identifier(),
        least: here.pending.least,
        problem,
    };
    page(context, status, shown.render())
}

pub(super) async fn change(State(web): State<Web>, context: Context, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(match here(&web, &context, &headers, CHANGE).await? {
        Ok(here) => change_page((&web, &context, &here), StatusCode::OK, None),
        Err(elsewhere) => elsewhere,
    })
}

pub(super) async fn submit_change(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<ChangeFields>,
) -> Result<Response, Problem> {
    let here = match self::here(&web, &context, &headers, CHANGE).await? {
        Ok(here) => here,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let proof = (form::Purpose::SignIn, Some(&here.flow));
    let again = |status, problem| change_page((&web, &context, &here), status, Some(problem));
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        return Ok(again(StatusCode::FORBIDDEN, PasswordProblem::Expired));
    };
    let (visit, request) = (visit(&headers, &context.realm), context.request.clone());
    let done = sign_in::new_password(&web.app, &context.realm, here.held(), fields.new_password, visit, request);
    match done.await {
        Ok(done) => Ok(answer(&web, &context, done)),
        Err(SignInError::Dead) => Ok(ended(&context)),
        Err(SignInError::Password(error)) => {
            let problem = PasswordProblem::Refused(super::password::refusal(error));
            Ok(again(StatusCode::UNPROCESSABLE_ENTITY, problem))
        }
        Err(SignInError::Overloaded(_)) => Ok(busy().on(again(StatusCode::SERVICE_UNAVAILABLE, PasswordProblem::Busy))),
        Err(other) => Err(other.into()),
    }
}
