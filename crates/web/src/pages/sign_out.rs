//! Signing out on pages: a question, then a form (SES-09).

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use service::session::Presented;
use wire::problem::Code;

use super::{frame, page, see};
use crate::api::forget;
use crate::config::Web;
use crate::http::cookie;
use crate::http::form::{self, Form};
use crate::http::problem::Problem;
use crate::http::request::Context;
use crate::view;

/// A form without fields of its own.
#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn ask(State(web): State<Web>, context: Context, headers: HeaderMap) -> Response {
    let Some(secret) = cookie::session(&headers, &context.realm) else { return see(&context, "/sign-in") };
    let csrf = form::token(&web, &context, form::Purpose::Account, &secret);
    let shown = view::SignOut { frame: frame(&context), csrf };
    page(&context, StatusCode::OK, shown.render())
}

pub(super) async fn submit(
    State(web): State<Web>,
    context: Context,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let Some(secret) = cookie::session(&headers, &context.realm) else { return Ok(see(&context, "/sign-in")) };
    let proof = (form::Purpose::Account, Some(&secret));
    form.proved(&web, &context, &headers, proof).await?.ok_or(Code::Forbidden)?;
    let presented = Presented { secret: Some(secret), ..Presented::default() };
    service::session::sign_out(&web.app, context.realm.key, presented, false, context.request.clone()).await?;
    let shown = view::SignedOut { frame: frame(&context) };
    let mut response = page(&context, StatusCode::OK, shown.render());
    forget(&context.realm, &mut response);
    Ok(response)
}

/// An empty stylesheet of the page above, which waits for it. What that page itself says comes too early for the browser's back-forward cache: the
/// account enters it when the next page begins. Without this, Back would show the account to whoever sits there next.
pub(super) async fn clear() -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/css; charset=utf-8"), CLEAR_CACHE], "").into_response()
}

const CLEAR_CACHE: (header::HeaderName, &str) = (header::HeaderName::from_static("clear-site-data"), "\"cache\"");
