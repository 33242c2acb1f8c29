//! The sign-in page.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::password::Password;
use domain::secret::Secret;
use domain::user::Identifier;
use serde::Deserialize;
use service::sign_in::{Medium, SignIn, SignInError};

use super::{busy, cookie_line, frame, page, step, unlock, wait};
use crate::api::{label, visit};
use crate::config::Web;
use crate::http::cookie::Cookie;
use crate::http::form::{self, Form};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::view::{self, SignInProblem};

/// A sign-in on pages lives so long.
pub(super) const FLOW_SECONDS: u64 = 900;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    return_to: Option<String>,
    /// Somebody else than the one whose session is locked.
    other: Option<String>,
    told: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    identifier: String,
    #[serde(default)]
    password: String,
    return_to: Option<String>,
    device_label: Option<String>,
}

/// Only a path of our own: `//evil`, `/\evil` and other schemes lead nowhere (WEB-18).
pub(super) fn own_path(sent: Option<&str>) -> Option<&str> {
    sent.filter(|path| {
        path.starts_with('/')
            && !path.starts_with("//")
            && path.len() <= 500
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    })
}

/// The flow cookie: of a form before there is a transaction, or of a transaction.
pub(super) fn flow(headers: &HeaderMap, context: &Context) -> Option<Secret> {
    Cookie::Flow.read(headers, &context.realm).as_deref().and_then(Secret::parse)
}

/// The form with a token that belongs to the flow cookie; a new cookie if there is none.
async fn shown(
    web: &Web,
    context: &Context,
    headers: &HeaderMap,
    status: StatusCode,
    fields: (&str, Option<&str>, Option<SignInProblem>),
) -> Result<Response, Problem> {
    let (identifier, return_to, problem) = fields;
    let (secret, fresh) = match flow(headers, context) {
        Some(known) => (known, false),
        None => (Secret::new(&*web.app.entropy), true),
    };
    let html = view::SignIn {
        frame: frame(context),
        continue_to: None,
        csrf: form::token(web, context, form::Purpose::SignIn, &secret),
        return_to: own_path(return_to).map(ToOwned::to_owned),
        identifier: identifier.chars().take(200).collect(),
        problem,
        device_label: None,
        others: unlock::others(web, context, headers, None).await?,
        demo: web.config.demo.is_some(),
    };
    let mut response = page(context, status, html.render());
    if fresh {
        cookie_line(&mut response, Cookie::Flow.set(&context.realm, &secret.expose(), FLOW_SECONDS));
    }
    Ok(response)
}

pub(super) async fn show(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let return_to = asked.return_to.as_deref();
    if asked.other.is_none() && unlock::own(&web, &context, &headers).await?.is_some() {
        return Ok(unlock::instead(&context, return_to));
    }
    let problem = match asked.told.as_deref() {
        Some("ended") => Some(SignInProblem::StepEnded),
        Some("over") => Some(SignInProblem::SessionOver),
        _ => None,
    };
    shown(&web, &context, &headers, StatusCode::OK, ("", return_to, problem)).await
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Result<Response, Problem> {
    let secret = flow(&headers, &context);
    let proof = (form::Purpose::SignIn, secret.as_ref());
    let Some(fields) = form.proved(&web, &context, &headers, proof).await? else {
        let expired = ("", None, Some(SignInProblem::Expired));
        return shown(&web, &context, &headers, StatusCode::FORBIDDEN, expired).await;
    };
    let return_to = fields.return_to.as_deref();
    let again = async |status, problem| {
        shown(&web, &context, &headers, status, (&fields.identifier, return_to, Some(problem))).await
    };
    let attempt = SignIn {
        identifier: Identifier::new(&fields.identifier),
        password: Password::typed(&fields.password).ok(),
        audience: None,
        device_label: label(fields.device_label.as_deref().filter(|text| !text.trim().is_empty()))?,
        return_to: own_path(return_to).map(ToOwned::to_owned),
        medium: Medium::Browser,
        visit: visit(&headers, &context.realm),
    };
    match service::sign_in::start(&web.app, &context.realm, attempt, context.request.clone()).await {
        Ok(done) => Ok(step::answer(&web, &context, done)),
        Err(SignInError::InvalidCredentials) => again(StatusCode::UNAUTHORIZED, SignInProblem::Wrong).await,
        Err(SignInError::Throttled(throttled)) => {
            let (after, wait) = wait(&web, &throttled);
            Ok(after.on(again(StatusCode::TOO_MANY_REQUESTS, SignInProblem::Wait(wait)).await?))
        }
        Err(SignInError::Overloaded(_)) => {
            Ok(busy().on(again(StatusCode::SERVICE_UNAVAILABLE, SignInProblem::Busy).await?))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn web_18_there_is_no_way_out_through_return_to() {
        for evil in [
            "//evil.example",
            "/\\evil.example",
            "https:evil.example",
            "https://evil.example",
            "evil",
            "",
            "/a\r\nb",
            "/ b",
            "javascript:x",
        ] {
            assert_eq!(own_path(Some(evil)), None, "{evil}");
        }
        assert_eq!(own_path(Some("/account?x=1")), Some("/account?x=1"));
    }
}
