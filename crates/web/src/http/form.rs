//! Forms of pages: their fields, and the proof that our own page made them (WEB-03).

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use domain::secret::{Secret, hmac_sha256, same};
use serde::de::DeserializeOwned;
use wire::problem::Code;

use super::cross_site::{self, Cause};
use super::problem::Problem;
use super::request::Context;
use crate::config::Web;

/// The fields of a form.
#[derive(Clone, Copy, Debug)]
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let long = request.headers().get("content-length").and_then(|l| l.to_str().ok()?.parse::<usize>().ok());
        if long.is_some_and(|length| length > super::body::LONGEST) {
            return Err(Code::PayloadTooLarge.into());
        }
        // Without an announced length too.
        let request = request.map(|body| Body::new(http_body_util::Limited::new(body, super::body::LONGEST)));
        let read = axum::extract::Form::<T>::from_request(request, state).await;
        read.map(|axum::extract::Form(fields)| Self(fields)).map_err(|refused| {
            let too_long = refused.status() == StatusCode::PAYLOAD_TOO_LARGE;
            if too_long { Code::PayloadTooLarge.into() } else { Code::Malformed.into() }
        })
    }
}

/// The token of forms that belong to a cookie: the session's, or the flow's before there is one.
#[must_use]
pub fn token(web: &Web, context: &Context, cookie: &Secret) -> String {
    let key = web.app.seal.derive("csrf", context.realm.key);
    Secret::from_bytes(hmac_sha256(key.bytes(), &[b"form ", cookie.bytes()])).expose()
}

/// Whether our own page sent the form: the token fits the cookie, and no header says otherwise. A foreign one is counted.
///
/// # Errors
/// [`Problem`]: the database.
pub async fn is_ours(
    web: &Web,
    context: &Context,
    headers: &HeaderMap,
    cookie: Option<&Secret>,
    sent: &str,
) -> Result<bool, Problem> {
    if cross_site::judge(headers, &web.own_origins(), &[]) == Cause::Foreign {
        service::api::cross_site(&web.app, context.realm.key, context.request.clone()).await?;
        return Ok(false);
    }
    Ok(cookie.is_some_and(|cookie| same(token(web, context, cookie).as_bytes(), sent.as_bytes())))
}
