//! Confirming an address: looking at the link never uses it, and the token leaves the address line at once (2.5 rule 4).

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use domain::secret::Secret;
use serde::Deserialize;
use service::invitation::LinkError;

use super::{cookie_line, frame, page, see};
use crate::config::Web;
use crate::http::cookie::Cookie;
use crate::http::form::{self, Form};
use crate::http::header::HadToken;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::request::Context;
use crate::view::{ConfirmEmail, ConfirmState};

/// What the flow cookie begins with while it holds such a link's token.
const MARK: &str = "mail-";
/// A link on a page lives so long.
const LINK_SECONDS: u64 = 1800;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Fields {}

fn held(headers: &HeaderMap, context: &Context) -> Option<Secret> {
    Cookie::Flow.read(headers, &context.realm)?.strip_prefix(MARK).and_then(Secret::parse)
}

fn shown((web, context): (&Web, &Context), token: Option<&Secret>, state: ConfirmState) -> Response {
    let csrf = token.map(|token| form::token(web, context, form::Purpose::Link, token)).unwrap_or_default();
    let status = if state == ConfirmState::Refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let mut response = page(context, status, ConfirmEmail { frame: frame(context), csrf, state }.render());
    response.extensions_mut().insert(HadToken);
    // Under `no-referrer` browsers send `Origin: null` with the form.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

pub(super) async fn show(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if let Some(token) = asked.token {
        let mut response = see(&context, "/confirm-email");
        response.extensions_mut().insert(HadToken);
        let value = Secret::parse(&token).map(|token| format!("{MARK}{}", token.expose())).unwrap_or_default();
        cookie_line(&mut response, Cookie::Flow.set(&context.realm, &value, LINK_SECONDS));
        return Ok(response);
    }
    let token = held(&headers, &context);
    let state = if token.is_some() { ConfirmState::Ask } else { ConfirmState::Refused };
    Ok(shown((&web, &context), token.as_ref(), state))
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Fields>,
) -> Result<Response, Problem> {
    let token = held(&headers, &context);
    if form.proved(&web, &context, &headers, (form::Purpose::Link, token.as_ref())).await?.is_none() {
        let mut response = shown((&web, &context), token.as_ref(), ConfirmState::Ask);
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let done = service::user::confirm(&web.app, context.realm.key, token, context.request.clone());
    match done.await {
        Ok(()) => {
            let mut response = shown((&web, &context), None, ConfirmState::Done);
            cookie_line(&mut response, Cookie::Flow.expire(&context.realm));
            Ok(response)
        }
        Err(LinkError::Refused) => Ok(shown((&web, &context), None, ConfirmState::Refused)),
        Err(error) => Err(error.into()),
    }
}
